"""The gates that a trained model has to pass; each says figure, interval, threshold and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headgate.model.evaluation.bootstrap import Interval, unbiased
from headgate.model.evaluation.evidence import BASE, MODEL, Evidence
from headgate.model.evaluation.figures import Calibration, spiegelhalter
from headgate.model.evaluation.policy import Threshold
from headgate.model.evaluation.slices import Slice
from headgate.model.tasks.base import Learned, Task

PASSED, FAILED, WARNED = "passed", "failed", "warned"
#: Below this p-value of Spiegelhalter's test a model is told to be off; the interval of its error decides.
SPIEGELHALTER = 0.01


@dataclass(frozen=True)
class Verdict:
    """What a gate found."""

    gate: str
    verdict: str
    figure: float | None
    low: float | None
    high: float | None
    threshold: float
    rows: int
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """For the register; what cannot be computed is None."""
        return {
            name: None if isinstance(value, float) and value != value else value
            for name, value in asdict(self).items()
        }


class Judge:
    """Holds figures against the policy."""

    def __init__(self, policy: Mapping[str, Threshold]) -> None:
        self._policy = policy
        self.verdicts: list[Verdict] = []

    def threshold(self, gate: str) -> float:
        """The bound of a gate."""
        return self._policy[gate].value

    def add(self, gate: str, passes: bool, found: Interval | float, reason: str, *, rows: int = 0) -> None:
        """Notes what a gate found; a figure that is no number does not pass."""
        shown = found if isinstance(found, Interval) else Interval(found, found, found, rows)
        verdict = PASSED if passes else FAILED
        self._note(gate, verdict, shown, reason)

    def warn(self, gate: str, found: Interval, reason: str) -> None:
        """Notes what does not decide."""
        self._note(gate, WARNED, found, reason)

    def _note(self, gate: str, verdict: str, found: Interval, reason: str) -> None:
        self.verdicts.append(
            Verdict(
                gate, verdict, found.value, found.low, found.high, self.threshold(gate), found.rows, reason
            )
        )

    @property
    def passed(self) -> bool:
        """Whether no gate failed."""
        return all(verdict.verdict != FAILED for verdict in self.verdicts)


def judge_rows(judge: Judge, rows: int, groups: int) -> None:
    """Enough rows of enough groups were tested: intervals of a few groups say nothing."""
    fewest = judge.threshold("smallest_groups")
    said = f"{groups} groups among the tested rows, at least {fewest:g}"
    judge.add("smallest_groups", groups >= fewest, float(groups), said, rows=rows)
    least = judge.threshold("smallest_test")
    judge.add(
        "smallest_test", rows >= least, float(rows), f"{rows} tested rows, at least {least:g}", rows=rows
    )


def judge_skill(judge: Judge, task: Learned, evidence: Evidence) -> None:
    """Better than chance and than the base rate."""
    if task.has_chance:
        found = evidence.figures(MODEL)[task.ranking]
        bound = judge.threshold("beats_chance")
        said = f"{task.titles[task.ranking]} {found}; its lower end has to lie above {bound:g}"
        judge.add("beats_chance", found.low > bound, found, said)
    gain = evidence.difference(task.loss, BASE, MODEL)
    bound = judge.threshold("beats_base_rate")
    judge.add(
        "beats_base_rate",
        gain.low > bound,
        gain,
        f"{_capital(task.titles[task.loss])} better than the base rate's by {gain}; the lower end has to lie"
        f" above {bound:g}",
    )


def judge_comparison(judge: Judge, evidence: Evidence, gate: str, other: str, called: str) -> None:
    """Not worse than another model, on the same rows."""
    if other not in evidence.scores:
        return
    task = evidence.task
    ahead = evidence.difference(task.ranking, MODEL, other)
    bound = judge.threshold(gate)
    said = (
        f"{_capital(task.titles[task.ranking])} less that of the {called}: {ahead}; the lower end may be"
        f" {-bound:g} at the least"
    )
    passes = ahead.low >= -bound
    if task.scale_loss is not None:
        # Ranks say nothing of scores that are all too high.
        lost = evidence.difference(task.scale_loss, MODEL, other)
        passes = passes and lost.low <= bound
        said += f"; {task.titles[task.scale_loss]} greater by {lost}, its lower end may be {bound:g} at most"
    judge.add(gate, passes, ahead, said)


def judge_answers(judge: Judge, evidence: Evidence, failed: int) -> None:
    """Of a custom model: good enough by its own measure, and hardly ever without an answer."""
    quality = evidence.figures(MODEL)[evidence.task.ranking]
    bound = judge.threshold("quality")
    judge.add(
        "quality",
        quality.low >= bound,
        quality,
        f"quality {quality}; the lower end may be {bound:g} at the least",
    )
    rows = len(evidence.labels)
    bound = judge.threshold("failed_answers")
    judge.add(
        "failed_answers",
        failed <= bound * rows,
        failed / max(rows, 1),
        f"{failed} of {rows} tested rows without an answer, at most {bound:.1%}",
        rows=rows,
    )


def judge_calibration(judge: Judge, evidence: Evidence) -> dict[str, Any]:
    """Scores are probabilities: the error's interval decides, Spiegelhalter's test warns. Its figures."""
    pair = evidence.task.calibrated(evidence.labels, evidence.scores[MODEL])
    if pair is None:
        return {}
    measured = Calibration(*pair)
    drawn = evidence.drawings.figures(measured)["ece"]
    error = unbiased(measured.of()["ece"], drawn, len(evidence.labels))
    z, p = spiegelhalter(*pair)
    bound = judge.threshold("calibration")
    said = f"calibration error {error}, Spiegelhalter z {z:.2f}, p {p:.3g}"
    if error.low <= bound and p < SPIEGELHALTER:
        judge.warn("calibration", error, f"{said}: clearly off, by less than the threshold")
    else:
        judge.add("calibration", error.low <= bound, error, f"{said}; the lower end may be {bound:g} at most")
    return {"ece": error.as_dict(), "spiegelhalter": {"z": z, "p": p}}


def judge_slices(judge: Judge, task: Task, slices: Sequence[Slice]) -> None:
    """The worst slice decides; slices that are too small are listed, not judged."""
    _worst(
        judge,
        task.gap_gate,
        [(one, one.gap, one.gap.low) for one in slices if one.gap],
        _capital(task.titles[task.ranking]) + " {} below that of all rows",
    )
    _worst(
        judge,
        "slice_calibration",
        [(one, one.bias, max(one.bias.low, -one.bias.high)) for one in slices if one.bias],
        "mean score less mean label {}",
    )


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def _worst(judge: Judge, gate: str, judged: Sequence[tuple[Slice, Interval, float]], sentence: str) -> None:
    if not judged:
        return
    bound = judge.threshold(gate)
    worst = max(judged, key=lambda entry: entry[2])
    failing = [entry for entry in judged if entry[2] > bound] or [worst]
    said = "; ".join(f"{one.slice} {one.value}: {sentence.format(found)}" for one, found, _ in failing)
    judge.add(gate, worst[2] <= bound, worst[1], f"{said}; its interval has to reach {bound:g}")
