"""Transformer of a streaming pipeline: what came becomes messages with a delivery id."""

from headgate.streaming.messages import accept

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def accept_events(messages, *args, **kwargs):
    """A pure function, for messages come again."""
    return accept(messages)
