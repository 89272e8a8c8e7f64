"""Gate of the pipelines that land a source: ingest_files, ingest_http_json and others."""

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test

from headgate.pipelines import loads, pulls


@transformer
def check_loads(outcome, *args, **kwargs):
    """The totals of this run: loads by status, lines and rows."""
    return pulls.totals(outcome)


@test
def every_load_landed(output, *args):
    """Fails when a load failed."""
    loads.require_landed(output)
