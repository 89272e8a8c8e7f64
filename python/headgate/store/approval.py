"""What a publish needs beyond gates: one definition of each feature view, and leave to break consumers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from headgate.change import Change
from headgate.definitions import Definitions, load_definitions
from headgate.errors import ConfirmationRequired, HeadgateError
from headgate.postgres.connection import Connection
from headgate.store.view_changes import view_changes
from headgate.store.views import AS_OF, FeatureView

#: What to do about a feature view with another key than releases have of it.
OTHER_KEYS = (
    "give it a new version beside the old one (dbt model versions), or another name where it was removed"
)

# What the partitions that consumers are to see were built from, by model.
BUILT_FROM = """
    select built.model, array_agg(distinct built.definition) as definitions
    from ops.built_partitions as built
    where
        built.definition is not null
        and ($1::text[] is null or built.model = any($1))
        and exists (
            select from ops.loads as loads
            where
                loads.contract_source = built.source
                and loads.partition_start = built.partition_start
                and loads.status = 'landed'
        )
    group by built.model
"""


async def publishable_changes(
    connection: Connection, candidates: Mapping[str, FeatureView], active: Mapping[str, FeatureView]
) -> list[Change]:
    """Refuses candidates that are mixed; else what publishing them changes.

    Cheap when nothing changed: SQL is parsed only where a definition differs from that of the release.

    Args:
        connection: in the transaction that is going to publish, or in the same snapshot.
        candidates: the feature views that dbt has built, by name (`shape.candidate_views`).
        active: those of the release to compare with (`views_of_release`); none before the first publish.

    Raises:
        HeadgateError: partitions of a feature view, or of what it is computed from, were built from
            definitions that differ in a column that counts.
    """
    built_from = {row["model"]: row["definitions"] for row in await connection.fetch(BUILT_FROM, None)}
    keys = {view.definition for view in (*candidates.values(), *active.values()) if view.definition}
    mixed = any(len(definitions) > 1 for definitions in built_from.values())
    changed = any(
        candidates[name].definition != view.definition for name, view in active.items() if name in candidates
    )
    if mixed:
        keys |= {key for definitions in built_from.values() for key in definitions}
    definitions = await load_definitions(connection, keys) if mixed or changed else Definitions({})
    if mixed:
        _require_one_definition(candidates, built_from, definitions)
    return view_changes(active, candidates, definitions) if active else []


def mixed_models(
    views: Iterable[FeatureView], built_from: Mapping[str, list[str]], definitions: Definitions
) -> dict[str, list[str]]:
    """Models with partitions built in different ways, as far as that counts: model -> views that read it."""
    found: dict[str, list[str]] = {}
    for view in views:
        if view.definition is None:
            continue
        columns = [*view.key_names, AS_OF, *(column.name for column in view.columns)]
        for model, names in definitions.needs(view.definition, columns).items():
            if len({definitions.digest(key, names) for key in built_from.get(model, ())}) > 1:
                found.setdefault(model, []).append(view.name)
    return found


def _require_one_definition(
    candidates: Mapping[str, FeatureView], built_from: Mapping[str, list[str]], definitions: Definitions
) -> None:
    mixed = mixed_models(candidates.values(), built_from, definitions)
    if not mixed:
        return
    raise HeadgateError(
        f"feature views {', '.join(sorted({view for views in mixed.values() for view in views}))}",
        expected="all partitions built in the same way",
        found=f"partitions of {', '.join(sorted(mixed))} from before and after a change of the SQL",
        next_step="run `headgate plan` to see the change, then `headgate apply` to build the others again",
    )


async def require_leave(connection: Connection, changes: list[Change]) -> None:
    """Refuses what breaks consumers without leave.

    Raises:
        ConfirmationRequired: a breaking change that is in no approved plan, or in one that was applied.
    """
    breaking = {change for change in changes if change.breaking}
    if not breaking or await is_approved(connection, breaking):
        return
    raise ConfirmationRequired(
        "publish",
        expected="a new version of the feature view, or an approved plan, for what breaks consumers",
        found="; ".join(f"{change.name}: {change.sentence()}" for change in sorted(breaking)),
        next_step="run `headgate plan`, then `headgate approve HASH` and `headgate apply`",
    )


async def is_approved(connection: Connection, breaking: set[Change]) -> bool:
    """Whether some approved plan, not applied yet, holds all of these changes, each exactly as it is."""
    return any(breaking <= allowed for allowed in (await _allowed(connection)).values())


async def spend(connection: Connection, changes: Iterable[Change], release_id: int) -> None:
    """Ends approvals that hold something of what a release brought: they are not leave for another time."""
    breaking = {change for change in changes if change.breaking}
    if not breaking:
        return
    await connection.execute(
        "update ops.approvals set applied_at = clock_timestamp(), applied_release = $2"
        " where plan_hash = any($1)",
        [plan_hash for plan_hash, allowed in (await _allowed(connection)).items() if allowed & breaking],
        release_id,
    )


async def _allowed(connection: Connection) -> dict[str, set[Change]]:
    """What each approved plan that was not applied yet gives leave to, by its hash."""
    rows = await connection.fetch("select plan_hash, plan from ops.approvals where applied_at is null")
    return {
        row["plan_hash"]: {Change(**change) for change in json.loads(row["plan"])["changes"]} for row in rows
    }
