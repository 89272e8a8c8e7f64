<# Template of sensors/NAME/file_appears.py. Values: name, location. #>
"""First block of ingest_${name}: a file is there."""

if "sensor" not in globals():
    from mage_ai.data_preparation.decorators import sensor

from headgate.pipelines import declared_files


@sensor
def file_appears(*args, **kwargs):
    """Waits for a file of the source that nobody writes to any more."""
    return declared_files.wait_for_files("${name}", kwargs)
