"""Last block of ingest_gharchive: the outcome."""

if "data_exporter" not in globals():
    from mage_ai.data_preparation.decorators import data_exporter

from headgate.pipelines import ingest


@data_exporter
def check_outcome(outcome, *args, **kwargs):
    """Fails when a load failed; else gives the totals of this run."""
    return ingest.check_outcome("gharchive", outcome)
