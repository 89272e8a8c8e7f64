"""The model card: what a model is for, what it rests on, how good it is, where it is weak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from headgate.dataset.register import Dataset
from headgate.durations import written
from headgate.model import svg
from headgate.model.declared import Declaration
from headgate.model.evaluation.evidence import BASE, MODEL, SIMPLE
from headgate.model.evaluation.figures import Calibration
from headgate.model.package import MAIN_FILES, sha256
from headgate.model.signature import Signature

if TYPE_CHECKING:
    from headgate.model.training.outcome import Outcome

SHOWN = 12
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "body{background:#fff}table{border-collapse:collapse;margin:1rem 0}"
    "td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:left}"
    ".plots{display:flex;flex-wrap:wrap;gap:1rem}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}}"
)
Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]


def card(
    declared: Declaration,
    dataset: Dataset,
    signature: Signature,
    outcome: Outcome,
    figures: Mapping[str, Any],
) -> dict[str, bytes]:
    """The card's files, `card.md` and `card.html`, by name; they depend on the training alone."""
    facts = [
        ("Task", f"{declared.task}, label {declared.label} within {written(declared.horizon)}"),
        ("Owner", declared.owner),
        ("Flavour", outcome.flavour + (f"; {outcome.exchanged}" if outcome.exchanged else "")),
        ("Model SHA-256", sha256(outcome.files[MAIN_FILES[outcome.flavour]])),
        ("Dataset", f"{dataset.dataset_id}: {dataset.name} version {dataset.version}"),
        ("Release", str(dataset.release_id)),
        ("Features", _lag(dataset)),
        ("Rows", f"{figures['rows']['train']} learned from, {figures['rows']['test']} tested later"),
        *((name.replace("_", " ").capitalize(), _words(value)) for name, value in outcome.summary.items()),
        ("Verdict", "passed every gate" if outcome.judge.passed else "failed; it cannot be registered"),
    ]
    tables = [
        _figures(outcome, figures),
        _gates(outcome),
        _slices(outcome),
        ("Inputs", ("input", "type", "nullable", "unit"), _inputs(signature)),
    ]
    heading = f"Model {declared.name}"
    limits = (
        "Intervals cover 95 % of drawings of whole groups"
        f" ({', '.join(declared.group)}). The figures hold for the time and population of the dataset."
    )
    return {
        "card.md": _markdown(heading, declared.description, facts, tables, limits).encode(),
        "card.html": _html(heading, declared.description, facts, tables, limits, _plots(outcome)).encode(),
    }


def _lag(dataset: Dataset) -> str:
    if not dataset.lag_seconds:
        return "of the very instant; serving knows them later"
    return f"{written(timedelta(seconds=dataset.lag_seconds))} older than the instant at least, as served"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    return f"{value:.3g}"


def _figures(outcome: Outcome, figures: Mapping[str, Any]) -> Table:
    baselines = figures["baselines"]
    compared = {
        "model": figures,
        str(outcome.simple): baselines.get(SIMPLE),
        "base rate": baselines.get(BASE),
        "champion": figures["champion"],
    }
    titles = outcome.evidence.task.titles
    rows = [
        (called, *(_shown(found[name]) for name in titles)) for called, found in compared.items() if found
    ]
    return "Figures", ("", *titles.values()), rows


def _gates(outcome: Outcome) -> Table:
    rows = [(one.gate, one.verdict, one.reason) for one in outcome.judge.verdicts]
    return "Gates", ("gate", "verdict", "reason"), rows


def _slices(outcome: Outcome) -> Table:
    task = outcome.evidence.task
    rows = [
        (
            f"{one.slice} {one.value}",
            str(one.rows),
            "-" if one.share is None else f"{one.share:.3f}",
            str(one.figures[task.ranking]) if one.figures else "too few rows",
            str(one.bias) if one.bias else "-",
        )
        for one in outcome.slices
    ]
    names = ("slice", "rows", "mean label", task.titles[task.ranking], "mean score less mean label")
    return "Slices", names, rows


def _inputs(signature: Signature) -> list[tuple[str, str, str, str]]:
    return [
        (given.name, given.type, "yes" if given.nullable else "no", given.unit or "")
        for given in signature.inputs
    ]


def _shown(found: Mapping[str, Any]) -> str:
    numbers = [found[name] for name in ("value", "low", "high")]
    if None in numbers:
        return "-"
    return f"{numbers[0]:.3f} [{numbers[1]:.3f}, {numbers[2]:.3f}]"


def _plots(outcome: Outcome) -> list[str]:
    evidence = outcome.evidence
    task = evidence.task
    drawn = task.plots(evidence)
    pair = task.calibrated(evidence.labels, evidence.scores[MODEL])
    if pair is not None:
        bins = [(score, share) for score, share, _ in Calibration(*pair).bins()]
        drawn.append(svg.points("Calibration", "mean score", "share of positives", bins))
    strongest = sorted(outcome.importance.items(), key=lambda entry: -entry[1])[:SHOWN]
    if strongest:
        weights = [(name.rpartition("__")[2][:26], value, value, value) for name, value in strongest]
        drawn.append(svg.bars("Mean contribution, before it becomes a chance", weights))
    ranked = [
        (f"{one.slice} {one.value}"[:26], one.figures[task.ranking]) for one in outcome.slices if one.figures
    ]
    if ranked:
        rows = [(name, found.value, found.low, found.high) for name, found in ranked]
        drawn.append(svg.bars(f"{task.titles[task.ranking]} by slice", rows))
    return drawn


def _markdown(
    heading: str,
    description: str,
    facts: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    limits: str,
) -> str:
    lines = [f"# {heading}", "", " ".join(description.split()), ""]
    lines += [f"- **{name}**: {value}" for name, value in facts]
    for title, names, rows in tables:
        lines += ["", f"## {title}", "", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
        lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([*lines, "", limits, ""])


def _html(
    heading: str,
    description: str,
    facts: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    limits: str,
    plots: Sequence[str],
) -> str:
    parts = [f"<h1>{escape(heading)}</h1>", f"<p>{escape(' '.join(description.split()))}</p>"]
    parts.append(_html_table(("", ""), facts))
    parts.append(f'<div class="plots">{"".join(plots)}</div>')
    for title, names, rows in tables:
        parts += [f"<h2>{escape(title)}</h2>", _html_table(names, rows)]
    parts.append(f"<p>{escape(limits)}</p>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(heading)}</title>'
        f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n"
    )


def _html_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names) if any(names) else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>" if head else f"<table>{body}</table>"
