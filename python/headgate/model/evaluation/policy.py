"""The thresholds of the gates: the project's policy, and what a model's declaration sets otherwise."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import UsageError

SEED = Path("seeds/model_gates.csv")
#: Gates, with thresholds for projects that have no policy of their own.
DEFAULTS = {
    "smallest_test": 100.0,
    "smallest_groups": 20.0,
    "beats_chance": 0.5,
    "beats_base_rate": 0.0,
    "not_worse_than_simple": 0.02,
    "not_worse_than_champion": 0.02,
    "calibration": 0.1,
    "slice_smallest": 50.0,
    "slice_auc_gap": 0.15,
    "slice_skill_gap": 0.3,
    "slice_calibration": 0.1,
    "invariance": 0.05,
    "direction": 0.01,
    "shuffled_labels": 0.1,
    "destroyed_signal": 0.1,
    "leaked_feature": 0.98,
    "servable_features": 0.0,
    "horizon_is_over": 0.0,
    "quality": 0.5,
    "failed_answers": 0.01,
    "approval": 0.0,
}
#: Whose approval a version needs before it is deployed, by the threshold of `approval`.
APPROVAL = "approval"
NO_APPROVAL, ANOTHER_PERSON = "none", "another_person"
#: From the least that may be asked for to the most.
APPROVALS = (NO_APPROVAL, "required", ANOTHER_PERSON)


@dataclass(frozen=True)
class Threshold:
    """A bound, and why it is where it is."""

    value: float
    reason: str


def policy(project_dir: Path, declared: Mapping[str, float], where: object) -> dict[str, Threshold]:
    """The threshold of each gate.

    Raises:
        UsageError: the seed or the declaration names no gate, or a value is no number.
    """
    found = {name: Threshold(value, "Headgate's default") for name, value in DEFAULTS.items()}
    file = project_dir / SEED
    if file.is_file():
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                _require_gate(row.get("gate"), f"{file}")
                _require_whole(row, file)
                found[str(row["gate"])] = Threshold(_number(row, file), str(row.get("reason") or ""))
    for name, value in declared.items():
        _require_gate(name, f"{where}, config.meta.model.gates", DEFAULTS.keys() - {APPROVAL})
        found[name] = Threshold(value, "the model's declaration")
    return found


def approval(project_dir: Path, declared: str) -> str:
    """Whose approval a version needs: what its declaration asks for, or the project, whichever is more.

    Raises:
        UsageError: the seed asks for none that there is.
    """
    asked = policy(project_dir, {}, "")[APPROVAL].value
    if asked not in range(len(APPROVALS)):
        raise UsageError(
            f"{project_dir / SEED}, gate {APPROVAL}",
            expected=", ".join(f"{place} ({name})" for place, name in enumerate(APPROVALS)),
            found=f"{asked:g}",
            next_step="correct the line",
        )
    return stricter(APPROVALS[int(asked)], declared)


def stricter(*asked: str) -> str:
    """What is most of several approvals that are asked for."""
    return max(asked, key=APPROVALS.index)


def _require_gate(name: str | None, where: str, known: Collection[str] = DEFAULTS) -> None:
    if name not in known:
        raise UsageError(
            where,
            expected=f"gates among {', '.join(gate for gate in DEFAULTS if gate in known)}",
            found=str(name),
            next_step="correct the name",
        )


def _require_whole(row: Mapping[str | None, object], file: Path) -> None:
    """A reason with a comma has to stand in quotes: dbt refuses the whole seed otherwise."""
    if None in row or None in row.values():
        raise UsageError(
            f"{file}, gate {row.get('gate')}",
            expected="three values: gate, threshold, reason",
            found="fewer" if None in row.values() else "more",
            next_step="put a reason that has a comma into double quotes",
        )


def _number(row: Mapping[str, str | None], file: Path) -> float:
    try:
        return float(row["threshold"] or "")
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"{file}, gate {row.get('gate')}",
            expected="a number as threshold",
            found=str(row.get("threshold")),
            next_step="correct the line",
        ) from error
