"""Scores a spine."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import models


@custom
def score_spine(*args, **kwargs):
    """Scores the rows of the model's spine that have no score yet."""
    return models.score_model(kwargs["model"])
