"""Callback of every block: the alert."""

if "callback" not in globals():
    from mage_ai.data_preparation.decorators import callback

from headgate.pipelines import alerts


@callback("failure")
def alert_on_failure(*args, **kwargs):
    """Says in the log, and to the alert webhook where one is set, which block failed and why."""
    alerts.alert(pipeline=kwargs["pipeline_uuid"], block=kwargs["parent_block_uuid"], error=kwargs["__error"])
