"""Callback."""

if "callback" not in globals():
    from mage_ai.data_preparation.decorators import callback


@callback("failure")
def callback(*args, **kwargs):
    """Says in the log which block failed."""
    print(f"{kwargs['pipeline_uuid']}: {kwargs['parent_block_uuid']} failed: {kwargs['__error']}")
