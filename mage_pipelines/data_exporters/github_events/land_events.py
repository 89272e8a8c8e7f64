"""Sink of stream_github_events: lands a batch in one transaction."""

from mage_ai.streaming.sinks.base_python import BasePythonSink

from headgate.streaming.sink import Sink

if "streaming_sink" not in globals():
    from mage_ai.data_preparation.decorators import streaming_sink


@streaming_sink
class LandEvents(BasePythonSink):
    """Lands into staging_github_events.events."""

    def init_client(self):
        """Connects when the first batch comes."""
        self.sink = Sink("github_events")

    def batch_write(self, messages):
        """Returns when the messages are durable: the source acknowledges them then."""
        self.sink.write(messages)

    def destroy(self):
        """Shows models what was landed; Mage calls this more than once."""
        if hasattr(self, "sink"):
            self.sink.close()
