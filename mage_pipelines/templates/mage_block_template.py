<# Template of one Python block, batch or streaming. Values: name, kind (what `headgate new block` is given),
   decorator, module (in mage_pipelines/utils, holds what the block calls; empty: the block does its work itself),
   pipeline (may be empty), orphan (no pipeline uses the block yet). Blocks stay short: logic belongs into a module
   that tests import. #>
<% set titles = {
    "data_loader": "Loader", "transformer": "Transformer and gate", "data_exporter": "Exporter",
    "sensor": "Sensor", "callback": "Callback", "conditional": "Condition", "custom": "Custom block",
    "streaming_source": "Source", "streaming_transformer": "Transformer", "streaming_sink": "Sink",
} %>
"""${titles[kind]}${" of " ~ pipeline if pipeline}."""${"  # headgate: ignore HG017" if orphan}

<% if kind == "streaming_source" %>
import json
import os
import time
from pathlib import Path

<% elif kind == "streaming_sink" and not module %>
import json
import os
from pathlib import Path

<% elif kind == "sensor" %>
from pathlib import Path

<% endif %>
<% if kind in ("streaming_source", "streaming_sink") %>
<% set side = kind.removeprefix("streaming_") %>
from mage_ai.streaming.${side}s.base_python import BasePython${side | title}

<% endif %>
if "${decorator}" not in globals():
    from mage_ai.data_preparation.decorators import ${decorator}
<% if kind == "transformer" %>
if "test" not in globals():
    from mage_ai.data_preparation.decorators import test
<% endif %>
<% if module and kind != "streaming_source" %>

from mage_pipelines.utils import ${module}
<% endif %>


<% if kind == "data_loader" %>
@data_loader
def ${name}(*args, **kwargs):
    """Hands on what this run works on: names and counts, never records."""
<% if module %>
    return ${module}.load()
<% else %>
    return {"due": str(kwargs.get("execution_date"))}
<% endif %>
<% elif kind == "transformer" %>
@transformer
def ${name}(data, *args, **kwargs):
    """Makes of the upstream block's output what the next block gets."""
<% if module %>
    return ${module}.transform(data)
<% else %>
    return data
<% endif %>


@test
def has_output(output, *args):
    """The gate: what follows runs only when this holds."""
<% if module %>
    ${module}.check(output)
<% else %>
    assert output, "expected output, found nothing"
<% endif %>
<% elif kind == "streaming_transformer" %>
@transformer
def ${name}(messages, *args, **kwargs):
    """Makes of a batch of messages the batch that the sink gets: a pure function, for messages come again."""
<% if module %>
    return ${module}.transform(messages)
<% else %>
    return [message for message in messages if message]
<% endif %>
<% elif kind == "data_exporter" %>
@data_exporter
def ${name}(data, *args, **kwargs):
    """Writes the result where others read it; what it returns stands in Mage's log."""
<% if module %>
    return ${module}.export(data)
<% else %>
    return {"parts": len(data)}
<% endif %>
<% elif kind == "sensor" %>
@sensor
def ${name}(*args, **kwargs):
    """True once the file that the variable `wait_for` names is there; Mage asks again until then."""
    file = kwargs.get("wait_for")
    return not file or Path(file).is_file()
<% elif kind == "callback" %>
@callback("failure")
def ${name}(*args, **kwargs):
    """Says in the log which block failed."""
    print(f"{kwargs['pipeline_uuid']}: {kwargs['parent_block_uuid']} failed: {kwargs['__error']}")
<% elif kind == "conditional" %>
@condition
def ${name}(*args, **kwargs):
    """Whether the blocks under this condition run; Mage skips them else."""
    return bool(kwargs.get("enabled", True))
<% elif kind == "custom" %>
@custom
def ${name}(*args, **kwargs):
    """Does one thing beside the data."""
    return {"due": str(kwargs.get("execution_date"))}
<% elif kind == "streaming_source" %>
@streaming_source
class Source(BasePythonSource):
    """Follows a file of JSON lines in HEADGATE_HOME."""

    def init_client(self):
        """Begins at the file's start, which is empty where there is no file yet."""
        folder = Path(os.environ["HEADGATE_HOME"]) / "streams"
        folder.mkdir(parents=True, exist_ok=True)
        self.lines = (folder / "${pipeline or name}.jsonl").open("a+b")
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
<% elif kind == "streaming_sink" %>
@streaming_sink
class Sink(BasePythonSink):
    """Writes messages where others read them."""

    def init_client(self):
        """Has nothing to connect to."""

    def batch_write(self, messages):
        """Writes one batch, whole: the source forgets it when this returns."""
<% if module %>
        ${module}.write(messages)
<% else %>
        folder = Path(os.environ["HEADGATE_HOME"]) / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "${pipeline or name}.jsonl").open("a", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(message, default=str)}\n" for message in messages)
<% endif %>
<% endif %>
