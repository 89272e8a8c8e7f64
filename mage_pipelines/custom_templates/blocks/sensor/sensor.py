"""Sensor."""

from pathlib import Path

if "sensor" not in globals():
    from mage_ai.data_preparation.decorators import sensor


@sensor
def sensor(*args, **kwargs):
    """True once the file that the variable `wait_for` names is there; Mage asks again until then."""
    file = kwargs.get("wait_for")
    return not file or Path(file).is_file()
