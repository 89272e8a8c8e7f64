"""Monitors a model."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import models


@custom
def monitor_model(*args, **kwargs):
    """Tells alarms about what the champion answered yesterday; says whether to train anew."""
    return models.monitor_model(kwargs["model"])
