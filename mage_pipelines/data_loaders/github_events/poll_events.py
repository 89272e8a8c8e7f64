"""Loader of ingest_github_events."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader

from headgate.pipelines import pulls


@data_loader
def poll_events(*args, **kwargs):
    """Lands what the Events API shows that is new and hands on a summary, never records."""
    return pulls.pull("github_events")
