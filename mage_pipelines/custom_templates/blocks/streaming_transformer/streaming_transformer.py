"""Transformer."""

if "transformer" not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def streaming_transformer(messages, *args, **kwargs):
    """Makes of a batch of messages the batch that the sink gets: a pure function, for messages come again."""
    return [message for message in messages if message]
