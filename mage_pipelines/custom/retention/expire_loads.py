"""The block of expire_loads."""

if "custom" not in globals():
    from mage_ai.data_preparation.decorators import custom

from headgate.decisions import retention
from headgate.postgres.working import with_connection
from headgate.settings import load_settings


@custom
def expire_loads(*args, **kwargs):
    """Removes records that are older than their source's `retention`, as `headgate loads expire --yes`."""
    settings = load_settings()
    expiry = with_connection(settings, lambda connection: retention.plan(connection, settings.project_dir))
    with_connection(settings, lambda connection: retention.carry_out(connection, settings.project_dir))
    return [expiry.as_dict()]
