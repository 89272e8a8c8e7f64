"""Source."""

import json
import os
import time
from pathlib import Path

from mage_ai.streaming.sources.base_python import BasePythonSource

if "streaming_source" not in globals():
    from mage_ai.data_preparation.decorators import streaming_source


@streaming_source
class Source(BasePythonSource):
    """Follows a file of JSON lines in HEADGATE_HOME."""

    def init_client(self):
        """Begins at the file's start, which is empty where there is no file yet."""
        folder = Path(os.environ["HEADGATE_HOME"]) / "streams"
        folder.mkdir(parents=True, exist_ok=True)
        self.lines = (folder / "streaming_source.jsonl").open("a+b")
        self.lines.seek(0)

    def batch_read(self, handler):
        """Hands on what came since the last look; looks again when the pipeline is done with it."""
        while True:
            lines = self.lines.readlines(1_000_000)
            if lines and not lines[-1].endswith(b"\n"):
                self.lines.seek(-len(lines.pop()), 1)  # still being written
            if lines:
                handler([json.loads(line) for line in lines])
            else:
                time.sleep(1)
