"""Callback of build/models: one source's red gate keeps back what rests on that source, and nothing else."""

if "callback" not in globals():
    from mage_ai.data_preparation.decorators import callback

from headgate.pipelines import build


@callback("failure")
def publish_the_rest(*args, **kwargs):
    """Publishes the feature views that rest on no source with a red gate."""
    build.publish_the_rest()
