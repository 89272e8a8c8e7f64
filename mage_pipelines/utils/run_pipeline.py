"""Runs Mage pipelines block by block, without the scheduler: `run_pipeline.py VARIABLES_AS_JSON PIPELINE...`.

`headgate run` starts this in a process of its own. It uses the block executor that Mage's scheduler uses, so
that retries and callbacks work as they do there, and writes one event line per step to its standard output;
whatever Mage, dbt and the blocks print goes there too, as ordinary lines.
"""

from __future__ import annotations

import contextlib
import gc
import json
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

EVENT_MARK = "\x1eheadgate "
PROJECT = Path(__file__).resolve().parents[1]


def emit(event: str, **parts: Any) -> None:
    """Writes an event past every redirection of sys.stdout."""
    os.write(1, f"{EVENT_MARK}{json.dumps({'event': event, **parts}, default=str)}\n".encode())


def end(code: int) -> None:
    """Ends this process at once, and those that it started.

    The interpreter's own end takes seconds with all that Mage has imported, and has nothing else to do. A
    process that stays, as that of Mage's queue, which comes with triggering pipelines, holds open what is
    read of this one.
    """
    sys.stdout.flush()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(code)


def stop_with_parent() -> None:
    """Ends this process when the one that started it is gone: its end of standard input closes then."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        end(130)

    threading.Thread(target=watch, daemon=True).start()


def in_order(blocks: dict[str, Any]) -> list[Any]:
    """Blocks, each after its upstream blocks; dbt in one process bears no two at once."""
    order: list[Any] = []
    while len(order) < len(blocks):
        done = {block.uuid for block in order}
        ready = [
            block
            for block in blocks.values()
            if block.uuid not in done and all(upstream.uuid in done for upstream in block.upstream_blocks)
        ]
        if not ready:
            raise RuntimeError(f"blocks wait for each other: {sorted(set(blocks) - done)}")
        order.extend(ready)
    return order


def run_all(names: list[str], variables: dict[str, Any]) -> int:
    """Runs the pipelines one after the other; the exit code is 0, or 1 at the first block that fails."""
    from mage_ai.settings.repo import set_repo_path

    set_repo_path(str(PROJECT))  # before Mage's other modules: they read it when they are imported

    with notebooks_left_out():
        from mage_ai.data_preparation.executors import executor_factory  # noqa: F401
        from mage_ai.orchestration.db import db_connection

    gc.freeze()
    gc.enable()
    db_connection.start_session()
    return next((1 for name in names if not run(name, variables)), 0)


@contextlib.contextmanager
def notebooks_left_out() -> Iterator[None]:
    """Keeps Mage from importing what its notebooks draw with, a fifth of its start; blocks can, later."""
    drawing = ModuleType("sklearn.utils")
    drawing.estimator_html_repr = draw_estimator  # type: ignore[attr-defined]
    stand_ins: dict[str, Any] = {"sklearn": ModuleType("sklearn"), "sklearn.utils": drawing}
    # An import of None fails; who would define magics for IPython then does without.
    stand_ins["IPython"] = None
    placed = stand_ins.keys() - sys.modules.keys()
    sys.modules.update({name: stand_ins[name] for name in placed})
    try:
        from mage_ai.shared import complex as kinds

        # Mage asks it of all that blocks return: without scikit-learn nothing is an estimator.
        is_estimator = kinds.is_model_sklearn
        kinds.is_model_sklearn = lambda data: "sklearn.base" in sys.modules and is_estimator(data)
        yield
    finally:
        for name in placed:
            del sys.modules[name]


def draw_estimator(estimator: Any) -> str:
    """As scikit-learn's own `estimator_html_repr`, which is imported when something is drawn."""
    from sklearn.utils import estimator_html_repr

    return str(estimator_html_repr(estimator))


def run(name: str, variables: dict[str, Any]) -> bool:
    """Runs every block of one pipeline; False at the first that fails."""
    from mage_ai.data_preparation.executors.executor_factory import ExecutorFactory
    from mage_ai.data_preparation.models.pipeline import Pipeline
    from mage_ai.data_preparation.variable_manager import get_global_variables

    pipeline = Pipeline.get(name, repo_path=str(PROJECT))
    # Given variables win, but only those that are declared: dbt parses anew whenever a variable changes.
    declared = get_global_variables(name)
    variables = {**declared, **{key: value for key, value in variables.items() if key in declared}}
    if pipeline.type == "streaming":
        return stream(pipeline, variables)
    blocks = in_order(pipeline.blocks_by_uuid)
    emit("started", pipeline=name, blocks=[block.uuid for block in blocks])
    outcome = None
    left_out: set[str] = set()
    for block in blocks:
        started = time.monotonic()
        emit("block_started", block=block.uuid)
        try:
            if left_out & set(block.upstream_block_uuids) or not is_due(block, variables):
                left_out.add(block.uuid)
                emit("block_skipped", block=block.uuid)
                continue
            executor = ExecutorFactory.get_block_executor(pipeline, block.uuid)
            result = executor.execute(global_vars=dict(variables), update_status=False) or {}
        except Exception as error:
            traceback.print_exc()
            parts = error.as_dict() if hasattr(error, "as_dict") else None
            seconds = time.monotonic() - started
            emit("block_failed", block=block.uuid, seconds=seconds, error=str(error), details=parts)
            return False
        outcome = summary(result) or outcome
        emit("block_done", block=block.uuid, seconds=time.monotonic() - started)
    emit("finished", pipeline=name, outcome=outcome or ({"not_due": sorted(left_out)} if left_out else None))
    return True


def is_due(block: Any, variables: dict[str, Any]) -> bool:
    """What a block's conditions say; Mage's executor would ask them again and not tell."""
    conditions, block.conditional_blocks = block.conditional_blocks, []
    return all(condition.execute_conditional(block, global_vars=variables) for condition in conditions)


def stream(pipeline: Any, variables: dict[str, Any]) -> bool:
    """Runs a streaming pipeline until its source ends, with the executor that Mage's scheduler uses."""
    from mage_ai.data_preparation.executors.executor_factory import ExecutorFactory

    emit("started", pipeline=pipeline.uuid, blocks=list(pipeline.blocks_by_uuid))
    emit("block_started", block=pipeline.uuid)
    started = time.monotonic()
    try:
        ExecutorFactory.get_pipeline_executor(pipeline).execute(global_vars=variables, update_status=False)
    except Exception as error:
        traceback.print_exc()
        parts = error.as_dict() if hasattr(error, "as_dict") else None
        seconds = time.monotonic() - started
        emit("block_failed", block=pipeline.uuid, seconds=seconds, error=str(error), details=parts)
        return False
    emit("block_done", block=pipeline.uuid, seconds=time.monotonic() - started)
    emit("finished", pipeline=pipeline.uuid, outcome=None)
    return True


def summary(result: dict[str, Any]) -> Any:
    """What a block returned, if it is a plain dictionary; nothing else is worth a line."""
    outputs = result.get("output") or []
    return outputs[0] if outputs and isinstance(outputs[0], dict) else None


if __name__ == "__main__":
    gc.disable()  # Mage's imports make a million objects that stay: collecting among them costs a second
    stop_with_parent()
    code = run_all(sys.argv[2:], json.loads(sys.argv[1]))
    end(code)
