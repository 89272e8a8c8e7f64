"""Trains a model and registers it."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import models


@custom
def train_model(*args, **kwargs):
    """Makes a dataset of the active release, trains on it, registers what passed its gates."""
    return models.train_model(kwargs["model"])
