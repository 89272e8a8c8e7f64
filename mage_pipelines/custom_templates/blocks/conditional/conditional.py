"""Condition."""

if "condition" not in globals():
    from mage_ai.data_preparation.decorators import condition


@condition
def conditional(*args, **kwargs):
    """Whether the blocks under this condition run; Mage skips them else."""
    return bool(kwargs.get("enabled", True))
