"""Sink."""

import json
import os
from pathlib import Path

from mage_ai.streaming.sinks.base_python import BasePythonSink

if "streaming_sink" not in globals():
    from mage_ai.data_preparation.decorators import streaming_sink


@streaming_sink
class Sink(BasePythonSink):
    """Writes messages where others read them."""

    def init_client(self):
        """Has nothing to connect to."""

    def batch_write(self, messages):
        """Writes one batch, whole: the source forgets it when this returns."""
        folder = Path(os.environ["HEADGATE_HOME"]) / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "streaming_sink.jsonl").open("a", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(message, default=str)}\n" for message in messages)
