"""The block of watch_freshness."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.pipelines import watch
from headgate.settings import load_settings


@custom
def check_freshness(*args, **kwargs):
    """Tells what became late and what is no longer; never fails for it, or each run would be an alert."""
    return watch.summary(watch.watch(load_settings()))
