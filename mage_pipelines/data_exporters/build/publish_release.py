"""Last block of build_features: publishes."""

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter

from headgate.pipelines import build


@data_exporter
def publish_release(*args, **kwargs):
    """Makes the feature views, once every gate passed, the next release; its number and what changed."""
    return build.publish_features()
