"""Deploys a model."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import models


@custom
def deploy_model(*args, **kwargs):
    """Deploys the newest registered version as a canary, with the share that the model declares."""
    return models.deploy_model(kwargs["model"])
