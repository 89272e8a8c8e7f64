"""Source of a streaming pipeline: batches from NATS JetStream, acknowledged when the sink has returned."""

from mage_ai.streaming.sources.base_python import BasePythonSource

from headgate.streaming.source import Source

if "streaming_source" not in globals():
    from mage_ai.data_preparation.decorators import streaming_source


@streaming_source
class FollowEvents(BasePythonSource):
    """Follows the stream that the pipeline's variables name."""

    def __init__(self, global_vars=None, **kwargs):
        """Mage gives a Python source the pipeline's variables here and nowhere else."""
        self.source = Source(global_vars)
        super().__init__(**kwargs)

    def batch_read(self, handler):
        """Hands batches on until the stream is idle, if the pipeline is to end then."""
        self.source.read(handler)

    def destroy(self):
        """Ends the connection; Mage calls this more than once."""
        if hasattr(self, "source"):
            self.source.close()
