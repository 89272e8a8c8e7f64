"""First block of build_features: new loads."""

if "sensor" not in globals():
    from mage_ai.data_preparation.decorators import sensor

from headgate.pipelines import build


@sensor
def new_loads(*args, **kwargs):
    """Waits for a load that is newer than the last build; builds anyway when the wait is over."""
    return build.wait_for_new_loads(minutes=kwargs["wait_minutes"])
