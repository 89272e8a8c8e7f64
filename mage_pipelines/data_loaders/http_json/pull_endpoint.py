"""Loader of ingest_http_json."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader

from headgate.pipelines import pulls


@data_loader
def pull_endpoint(*args, **kwargs):
    """Lands what a declared endpoint has that is new and hands on a summary, never records."""
    return pulls.pull_declared(kwargs)
