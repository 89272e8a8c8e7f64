"""Loader of ingest_gharchive."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader

from headgate.pipelines import ingest


@data_loader
def land_hours(*args, **kwargs):
    """Lands the hours of this run as raw JSONB and hands on a summary of each load, never records."""
    return ingest.land_hours("gharchive", kwargs)
