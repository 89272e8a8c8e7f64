"""The code that a new custom model begins with: an answer from a prompt and an index, and its measure."""

from __future__ import annotations

import json
from collections.abc import Sequence

ANSWERING = '''"""Answers rows: asked by training, serving and batches alike, in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent
PROMPT = (HERE / "prompt.txt").read_text()
INDEX = json.loads((HERE / "index.json").read_text())


def predict(rows):
    """A text for each row, or an object with `text` and what it has `cost`; rows are mappings by input.

    Ask your language model or your retrieval here. This one gives what the index holds for the first input.
    """
    return [INDEX.get(str(row[{first}]), INDEX["default"]) for row in rows]
'''
METRIC = '''"""Measures answers: called in training only."""

from __future__ import annotations


def measure(rows):
    """A quality from 0 to 1 for each row, or an object with `quality` and other numbers.

    Rows are mappings with `inputs`, `answer` and `label`.
    """
    return [float(row["answer"] == str(row["label"])) for row in rows]
'''


def files(folder: str, label: str, inputs: Sequence[str]) -> dict[str, str]:
    """The files of a new custom model, by path.

    Args:
        folder: where they stand.
        label: what is to be answered.
        inputs: what a row has.
    """
    return {
        f"{folder}/answering.py": ANSWERING.replace("{first}", json.dumps(inputs[0])),
        f"{folder}/metric.py": METRIC,
        f"{folder}/prompt.txt": f"Say the {label.replace('_', ' ')} of the row, and nothing else.\n",
        f"{folder}/index.json": json.dumps({"default": "unknown"}, indent=2) + "\n",
    }
