"""Watches a canary."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import models


@custom
def watch_canary(*args, **kwargs):
    """Ends a running canary when there is a verdict: takes it out, or promotes it if that is declared."""
    return models.watch_model(kwargs["model"])
