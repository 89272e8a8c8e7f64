"""The reports of plans: what would change by layer, what it takes, what proves it, how it is undone."""

from __future__ import annotations

from headgate.change import LAYERS, Change
from headgate.planning.apply import Applied
from headgate.planning.plan import Plan
from headgate.report import Report, number_of, table

WORDS = {
    "source": "Source contracts",
    "typed": "Models of dbt (typed, training, monitoring)",
    "features": "Feature views",
    "feature_store": "Feature store",
}
MEGABYTE = 1_000_000


def of_plan(plan: Plan, *, approved: bool = False) -> Report:
    """A plan as `headgate plan` shows it."""
    return Report(
        verb="plan",
        title=f"Plan {plan.hash}" if not plan.is_empty else "Plan: nothing to change",
        plan=_summary(plan, approved=approved),
        design=_design(plan),
        changes=[*_changes(plan), *_reach(plan)],
        verification=_verification(plan),
        rollback=_rollback(plan),
    )


def of_apply(applied: Applied, seconds: float) -> Report:
    """What `headgate apply` did."""
    plan = applied.plan
    became = "The active release holds all of it already."
    if plan.release is None:
        became = "Nothing is published yet: no feature view is built."
    if applied.release:
        became = f"Release {applied.release} is active."
    elif applied.left:
        became = (
            f"Nothing new to publish: release {applied.left}, which a rollback left, holds all of it."
            f" Go forward again with `headgate rollback --to {applied.left}`."
        )
    return Report(
        verb="apply",
        title=f"Applied plan {plan.hash}",
        plan=_summary(plan, approved=True)[:1],
        design=[*_design(plan), f"Took {seconds:,.0f} s."],
        changes=[*_changes(plan), became],
        verification=["Every gate of what was built again passed.", "headgate plan"],
        rollback=_rollback(plan),
    )


def _summary(plan: Plan, *, approved: bool) -> list[str]:
    if plan.is_empty:
        return ["What is declared is what is deployed."]
    additive = len(plan.changes) - len(plan.breaking)
    lines = [
        f"{number_of(len(plan.changes), 'change')}: {additive} additive, {len(plan.breaking)} breaking.",
        *plan.problems,
    ]
    if plan.problems:
        return [*lines, "Nothing can be approved or applied before that is put right."]
    if plan.breaking and not approved:
        return [
            *lines,
            "Breaking changes need a new version of the feature view (dbt model versions), or approval:",
            f"  headgate approve {plan.hash}",
        ]
    return [*lines, "Approved." if plan.breaking else "No approval needed.", "  headgate apply --yes"]


def _design(plan: Plan) -> list[str]:
    lines = [
        f"Records of {source} that are quarantined are typed again, with what follows from their partitions."
        for source in sorted({change.name for change in plan.changes if change.layer == "source"})
    ]
    if plan.rebuild:
        lines += [
            f"Built again from {number_of(plan.partitions, 'landed partition')}, behind all gates:",
            *table(
                ("model", "rows", "MB", "seconds"),
                [
                    (f"{model.schema}.{model.name}", model.rows, model.bytes / MEGABYTE, model.seconds)
                    for model in plan.rebuild
                ],
            ),
            _time(plan),
            "Locks: each table of dbt is exclusive for the moment in which the new one takes its name.",
        ]
    if plan.build:
        lines.append(f"Built for the first time: {', '.join(plan.build)}.")
    if plan.drop:
        lines.append(f"Dropped: {', '.join(f'{model.schema}.{model.name}' for model in plan.drop)}.")
    if any(change.layer == "feature_store" for change in plan.changes):
        lines.append(
            "Feature store: one transaction; a column that is added takes an exclusive lock for under 40 ms, "
            "or waits."
        )
    return lines


def _time(plan: Plan) -> str:
    if plan.seconds is None:
        return "Time: not known, some of these never ran."
    return f"Time: at most {plan.seconds:,.0f} s, guessed from past runs, gates included."


def _changes(plan: Plan) -> list[str]:
    lines = []
    for layer in LAYERS:
        found = [change for change in plan.changes if change.layer == layer]
        if layer == "source" and plan.observed:
            lines += [
                "Observed in what landed, and not in the contract:",
                *(f"  {line}" for line in plan.observed),
            ]
        lines += [f"{WORDS[layer]}:", *(f"  {_line(change)}" for change in sorted(found))] if found else []
    return lines


def _line(change: Change) -> str:
    return f"{'breaking' if change.breaking else 'additive'}  {change.name}: {change.sentence()}"


def _reach(plan: Plan) -> list[str]:
    if plan.is_empty:
        return []
    return [
        f"Feature views that follow: {', '.join(plan.views) or 'none'}.",
        *(f"Dataset {name} stays bound to release {release}." for name, release in plan.datasets),
        *([] if plan.datasets else ["No dataset or model reads them."]),
    ]


def _verification(plan: Plan) -> list[str]:
    if plan.is_empty:
        return []
    proof = "All gates run on what is built again; nothing is published when one fails."
    return [proof] if plan.release is None else [proof, f"headgate diff {plan.release} NEW"]


def _rollback(plan: Plan) -> list[str]:
    if plan.is_empty:
        return []
    if plan.release is None:
        return ["Nothing was published before: there is nothing to go back to."]
    return [
        f"headgate rollback --to {plan.release} --yes",
        "Then check out the project as it was, and `headgate apply` for the tables of dbt.",
    ]
