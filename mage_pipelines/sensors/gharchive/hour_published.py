"""First block of ingest_gharchive: the hour is there."""

if "sensor" not in globals():
    from mage_ai.data_preparation.decorators import sensor

from headgate.pipelines import ingest


@sensor
def hour_published(*args, **kwargs):
    """Waits until the archive has published the newest hour to land."""
    return ingest.wait_until_published("gharchive", kwargs)
