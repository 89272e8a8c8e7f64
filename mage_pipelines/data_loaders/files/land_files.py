"""Loader of ingest_files."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader

from headgate.pipelines import pulls


@data_loader
def land_files(*args, **kwargs):
    """Lands the files of a declared source, each once, and hands on a summary of each load."""
    return pulls.pull_declared(kwargs)
