"""Loader."""

if "data_loader" not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load(*args, **kwargs):
    """Hands on what this run works on: names and counts, never records."""
    return {"due": str(kwargs.get("execution_date"))}
