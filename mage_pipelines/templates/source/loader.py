<# Template of data_loaders/NAME/land_files.py. Values: name. #>
"""Loader of ingest_${name}."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader

from headgate.pipelines import declared_files


@data_loader
def land_files(*args, **kwargs):
    """Lands the source's files as raw JSONB and hands on a summary of each load, never records."""
    return declared_files.land("${name}")
