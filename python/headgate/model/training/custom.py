"""A model of the user's own code: packed as files, asked for the tested rows, measured by theirs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headgate.errors import UsageError
from headgate.model.declared import Declaration
from headgate.model.evaluation.bootstrap import Drawings, numbered
from headgate.model.evaluation.evidence import CHAMPION, MODEL, Evidence
from headgate.model.evaluation.gates import (
    Judge,
    judge_answers,
    judge_rows,
    judge_slices,
)
from headgate.model.evaluation.slices import slices
from headgate.model.flavours.base import PredictionError, Predictor
from headgate.model.flavours.load import load
from headgate.model.output import Output, output
from headgate.model.package import MAIN_FILES, Package, sha256
from headgate.model.signature import Signature
from headgate.model.splits import last_part
from headgate.model.tasks.custom import QUALITY, Custom
from headgate.model.training.champion import Champion, judge_champion
from headgate.model.training.fit import Step
from headgate.model.training.outcome import Outcome
from headgate.model.training.rows import Rows
from headgate.settings import Settings

#: What a declaration says below `custom`, with defaults: the folder with the code, the modules in it with
#: `predict(rows)` and `measure(rows)`, and how many rows are tested at most.
DEFAULTS: dict[str, Any] = {
    "folder": None,
    "module": "answering",
    "metric": "metric",
    "rows": 200,
    "lock": None,
    "timeout_seconds": 60,
}
SKIPPED = "__pycache__"


@dataclass(frozen=True)
class _Answer:
    """What the model said of one row."""

    output: Output
    seconds: float

    @property
    def failed(self) -> bool:
        return self.output == Output()


def evaluate(
    settings: Settings,
    declared: Declaration,
    signature: Signature,
    rows: Rows,
    judge: Judge,
    champion: Champion | None,
    step: Step,
) -> Outcome:
    """Packs the model, asks it for the last part of the dataset, has the answers measured and judged.

    Raises:
        UsageError: the folder lacks what is declared, or the function measures no quality from 0 to 1.
        PredictionError: the code cannot be started.
    """
    own = {**DEFAULTS, **declared.custom}
    files = packed(settings.project_dir, declared, own)
    split = last_part(rows.instants, declared.test, declared.horizon)
    places = _spread(split.test, int(own["rows"]))
    package = Package(
        name=declared.name,
        task=declared.task,
        flavour="pyfunc",
        signature=signature,
        views={},
        files=files,
        options={},
    )
    inputs = [given.name for given in signature.inputs]
    asked = rows.table.take(places).select(inputs).to_pylist()
    labels = rows.labels[places]
    answers = {MODEL: _asked(package, asked, settings)}
    if champion is not None and champion.package.task == declared.task:
        theirs = [given.name for given in champion.package.signature.inputs]
        if set(theirs) <= set(rows.table.column_names):
            given = rows.table.take(places).select(theirs).to_pylist()
            answers[CHAMPION] = _asked(champion.package, given, settings)
    step("models asked")
    measured = {
        name: _measured(package, own, asked, labels, found, settings) for name, found in answers.items()
    }
    task = Custom({name: name for name in next(iter(measured.values()))})
    scores = {
        name: np.column_stack([figures[figure] for figure in task.titles])
        for name, figures in measured.items()
    }
    evidence = Evidence(task, labels, scores, Drawings(numbered(rows.groups(declared.group, places))))
    step("figures drawn")
    judge_rows(judge, len(places), evidence.drawings.count)
    judge_answers(judge, evidence, sum(answer.failed for answer in answers[MODEL]))
    judge_champion(judge, evidence, champion)
    columns = {name: rows.values(column, places) for name, column in declared.slices.items()}
    found = slices(evidence, columns, int(judge.threshold("slice_smallest")))
    judge_slices(judge, task, found)
    step("gates judged")
    return Outcome(
        flavour="pyfunc",
        inputs=tuple(inputs),
        files=files,
        parameters={"custom": own},
        options={},
        references=[],
        evidence=evidence,
        slices=found,
        judge=judge,
        test_begins=split.begins,
        learned_rows=0,
        unlabelled_rows=rows.unlabelled,
        champion_version=champion.version if champion else None,
        summary=_spent(answers[MODEL]),
    )


def packed(project_dir: Path, declared: Declaration, own: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of the model's folder, and `model.json`, whose hash stands for all of them."""
    folder = project_dir / str(own["folder"] or "")
    found = sorted(
        path
        for path in (folder.rglob("*") if own["folder"] and folder.is_dir() else ())
        if path.is_file() and SKIPPED not in path.parts
    )
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    for needed in (f"{own['module']}.py", f"{own['metric']}.py"):
        if needed not in files:
            raise UsageError(
                f"{declared.file}, config.meta.model.custom.folder",
                expected=f"a folder of the project with {needed}",
                found=", ".join(files) or f"{own['folder']}, which has no files",
                next_step="correct the folder, or write it; `headgate new model --task custom` makes both",
            )
    main = {
        "module": own["module"],
        "timeout_seconds": own["timeout_seconds"],
        **({"lock": own["lock"]} if own["lock"] else {}),
        "files": {path: sha256(content) for path, content in files.items()},
    }
    return {**files, MAIN_FILES["pyfunc"]: (json.dumps(main, indent=2) + "\n").encode()}


def _spread(places: Any, most: int) -> Any:
    """At most so many of the rows, evenly over their time."""
    if len(places) <= most:
        return places
    return places[np.linspace(0, len(places) - 1, most).astype(np.int64)]


def _asked(package: Package, rows: Sequence[Mapping[str, Any]], settings: Settings) -> list[_Answer]:
    predictor = load(package, home=settings.home)
    try:
        return [_answer(package, predictor, row) for row in rows]
    finally:
        predictor.close()


def _answer(package: Package, predictor: Predictor, row: Mapping[str, Any]) -> _Answer:
    begun = time.perf_counter()
    try:
        value = predictor.predict_one(row)
    except PredictionError:
        value = None
    return _Answer(output(package.task, package.options, value), time.perf_counter() - begun)


def _measured(
    package: Package,
    own: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    labels: Any,
    answers: Sequence[_Answer],
    settings: Settings,
) -> dict[str, Any]:
    """The figures of each row, by name; a row without an answer has 0 in all of them."""
    main = json.dumps({"module": own["metric"], "function": "measure", "lock": own["lock"]}).encode()
    metric = Package(
        name=f"{package.name}, function measure",
        task="custom",
        flavour="pyfunc",
        signature=package.signature,
        views={},
        files={**package.files, MAIN_FILES["pyfunc"]: main},
        options={},
    )
    told = [place for place, answer in enumerate(answers) if not answer.failed]
    predictor = load(metric, home=settings.home)
    try:
        found = predictor.predict(
            [
                {"inputs": dict(rows[place]), "answer": _said(answers[place].output), "label": labels[place]}
                for place in told
            ]
        )
    finally:
        predictor.close()
    figures = [value if isinstance(value, dict) else {QUALITY: value} for value in found]
    _require_qualities(metric.name, figures)
    names = list(figures[0]) if figures else [QUALITY]
    measured = {name: np.zeros(len(answers)) for name in names}
    for place, values in zip(told, figures, strict=True):
        for name in names:
            measured[name][place] = values[name]
    return measured


def _said(found: Output) -> Any:
    return found.answer if found.answer is not None else found.score


def _require_qualities(name: str, figures: Sequence[Mapping[str, Any]]) -> None:
    """Every row has the same figures, numbers all, and among them a quality from 0 to 1."""
    for values in figures:
        numbers = all(isinstance(value, int | float) and np.isfinite(value) for value in values.values())
        same = values.keys() == figures[0].keys()
        if not (numbers and same and QUALITY in values and 0 <= values[QUALITY] <= 1):
            raise UsageError(
                f"model {name}",
                expected=f"by row a number from 0 to 1, or an object of numbers with such a `{QUALITY}`",
                found="something else",
                next_step="correct what `measure` returns",
            )


def _spent(answers: Sequence[_Answer]) -> dict[str, Any]:
    """Time and cost of the answers, for the register and the card."""
    seconds = np.array([answer.seconds for answer in answers])
    costs = [answer.output.cost for answer in answers if answer.output.cost is not None]
    return {
        "seconds_median": float(np.median(seconds)),
        "seconds_p95": float(np.quantile(seconds, 0.95)),
        **({"cost_mean": float(np.mean(costs))} if costs else {}),
    }
