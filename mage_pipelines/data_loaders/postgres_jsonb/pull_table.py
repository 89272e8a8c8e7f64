"""Loader of ingest_postgres_jsonb."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader

from headgate.pipelines import pulls


@data_loader
def pull_table(*args, **kwargs):
    """Lands what another PostgreSQL has that is new and hands on a summary, never records."""
    return pulls.pull_declared(kwargs)
