"""What is deployed, asked for the rows that the new model is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headgate.model import encoding
from headgate.model.evaluation.evidence import CHAMPION, MODEL, Evidence
from headgate.model.evaluation.gates import Judge, judge_comparison
from headgate.model.output import CLASSES
from headgate.model.package import Package
from headgate.model.tasks.base import Task

if TYPE_CHECKING:
    from headgate.model.training.rows import Rows

GATE = "not_worse_than_champion"


@dataclass(frozen=True)
class Champion:
    """The version that answers now."""

    version: int
    package: Package


def champion_scores(
    champion: Champion | None, task: Task, classes: tuple[str, ...], rows: Rows, places: Any
) -> dict[str, Any]:
    """The champion's scores of some rows; none when the dataset lacks an input or has other classes."""
    if champion is None or not _fits(champion.package, task, classes, rows):
        return {}
    from headgate.model.flavours.load import load

    package, tested = champion.package, rows.table.take(places)
    inputs = package.signature.inputs
    predictor = load(package)
    try:
        if package.flavour == "pyfunc":
            asked = tested.select([given.name for given in inputs]).to_pylist()
            return {CHAMPION: np.array(predictor.predict(asked))}
        matrix = encoding.table(tested, inputs, package.options.get(encoding.CATEGORIES, {}))
        return {CHAMPION: np.array(predictor.predict(matrix))}
    finally:
        predictor.close()


def judge_champion(judge: Judge, evidence: Evidence, champion: Champion | None) -> None:
    """Not worse than the champion on the same rows; where it could not be asked, that is told."""
    if champion is None:
        return
    if CHAMPION in evidence.scores:
        judge_comparison(judge, evidence, GATE, CHAMPION, f"champion, version {champion.version}")
        return
    judge.warn(
        GATE,
        evidence.figures(MODEL)[evidence.task.ranking],
        f"the dataset lacks inputs or classes of the champion, version {champion.version}: none was compared",
    )


def _fits(package: Package, task: Task, classes: tuple[str, ...], rows: Rows) -> bool:
    return (
        package.task == task.name
        and package.options.get(CLASSES, []) == list(classes)
        and all(given.name in rows.table.column_names for given in package.signature.inputs)
    )
