"""Custom block."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom


@custom
def custom(*args, **kwargs):
    """Does one thing beside the data."""
    return {"due": str(kwargs.get("execution_date"))}
