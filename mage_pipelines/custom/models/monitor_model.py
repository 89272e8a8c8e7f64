"""Looks at a model's day."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import models


@custom
def monitor_model(*args, **kwargs):
    """Says whether what the champion answered yesterday asks for training; `watch_freshness` tells alarms."""
    return models.monitor_model(kwargs["model"])
