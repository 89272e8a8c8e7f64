"""Starts training after an alarm that training helps against."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from mage_ai.orchestration.triggers.api import trigger_pipeline


@custom
def train_on_alarm(monitored, *args, **kwargs):
    """Starts the model's training pipeline, for the scheduler to run, where the block before says so."""
    if monitored["train"]:
        trigger_pipeline(kwargs["training"], variables={"model": kwargs["model"]}, check_status=False)
    return monitored
