"""Transformer and gate."""

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test


@transformer
def transform(data, *args, **kwargs):
    """Makes of the upstream block's output what the next block gets."""
    return data


@test
def has_output(output, *args):
    """The gate: what follows runs only when this holds."""
    assert output, "expected output, found nothing"
