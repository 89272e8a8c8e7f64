<# Template of transformers/NAME/check_loads.py. Values: name. #>
"""Gate of ingest_${name}."""

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test

from headgate.pipelines import loads


@transformer
def check_loads(outcome, *args, **kwargs):
    """The totals of this run: loads by status, lines and rows."""
    return loads.totals("${name}", outcome)


@test
def every_load_landed(output, *args):
    """Fails when a load failed."""
    loads.require_landed(output)
