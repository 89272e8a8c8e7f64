"""Whether a model's feature views are those of a release: the same version, definition and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.errors import UsageError
from headgate.model import versions
from headgate.model.package import BoundView
from headgate.model.signature import Input, Signature
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection
from headgate.store import ledger
from headgate.store.views import FeatureView, views_of_release

#: The next step where a release that is moved to does not fit.
MOVE_BOTH = (
    "move both: `headgate model rollback {model} --to VERSION --with-release {release}`; "
    "--despite-models moves the release alone, and servers refuse the model; "
    "`headgate model undeploy {model}` takes out of service what nobody needs"
)


def bound_views(version: ModelVersion) -> dict[str, BoundView]:
    """The feature views that a version was trained on, by name."""
    return {name: BoundView(**view) for name, view in version.manifest["views"].items()}


def misfits(
    views: Mapping[str, BoundView], signature: Signature, release: Mapping[str, FeatureView]
) -> list[str]:
    """Why a model cannot read a release's feature views, a clause each; none where it can."""
    found = [reason for name, view in views.items() if (reason := _misfit(name, view, release.get(name)))]
    return found or _missing_columns(signature, release)


async def reasons_against(connection: Connection, version: ModelVersion, release_id: int | None) -> list[str]:
    """Why a version does not fit a release; a model without feature views fits any, or none at all."""
    views = bound_views(version)
    if not views:
        return []
    if release_id is None:
        return ["no release is active"]
    signature = Signature.from_dict(version.manifest["signature"])
    return misfits(views, signature, await views_of_release(connection, release_id))


async def require_fit(connection: Connection, version: ModelVersion, release_id: int | None) -> None:
    """Does nothing where a version fits a release.

    Raises:
        UsageError: it does not; says which view differs, and how.
    """
    if reasons := await reasons_against(connection, version, release_id):
        raise UsageError(
            f"model {version.model} version {version.version}",
            expected=f"the feature views of release {release_id}" if release_id else "an active release",
            found="; ".join(reasons),
            next_step="train again on the active release, or roll back model and release together: "
            f"`headgate model rollback {version.model} --to {version.version} --with-release`",
        )


def require_same_requests(champion: ModelVersion, challenger: ModelVersion) -> None:
    """Does nothing where requests for a champion get an answer of the same kind from a challenger.

    Raises:
        UsageError: it has another key or needs an input of requests that clients do not send yet; or another
            task or label: clients would get answers of two kinds, and nothing could be compared.
    """
    _require_same_answers(champion, challenger)
    before, after = (Signature.from_dict(one.manifest["signature"]) for one in (champion, challenger))
    sent = {given.name: given for given in before.requested}
    found = [reason for given in after.requested if (reason := _unsent(sent.get(given.name), given))]
    if dict(after.keys).items() - dict(before.keys).items():
        found.insert(0, f"the key {_described(after.keys)}, requests have {_described(before.keys)}")
    if found:
        raise UsageError(
            f"model {challenger.model} version {challenger.version}",
            expected=f"a challenger that takes the requests of version {champion.version}",
            found="; ".join(found),
            next_step="train it on the same inputs of requests, or give it a name of its own",
        )


def _require_same_answers(champion: ModelVersion, challenger: ModelVersion) -> None:
    expected, found = (
        f"task {one.task}, label {one.manifest['signature']['output'][0]}" for one in (champion, challenger)
    )
    if expected != found:
        raise UsageError(
            f"model {challenger.model} version {challenger.version}",
            expected=f"a challenger that answers what version {champion.version} does: {expected}",
            found=found,
            next_step="give it a name of its own; or, where it is the same under another name,"
            f" `headgate model promote {challenger.model} {challenger.version} --force --why '...'`",
        )


def _unsent(sent: Input | None, needed: Input) -> str | None:
    if sent is None:
        return f"input {needed.name}, which requests do not have"
    if sent.type != needed.type:
        return f"input {needed.name} as {needed.type}, requests have {sent.type}"
    return (
        f"input {needed.name} never null, requests may have null" if sent.nullable > needed.nullable else None
    )


def _described(keys: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in keys) or "none"


async def fitting_release(connection: Connection, version: ModelVersion) -> int | None:
    """The newest release before the active one that is kept and that a version fits; None without any."""
    active = await ledger.active_release(connection)
    for release in await ledger.all_releases(connection):
        is_before = active is not None and release.release_id < active and release.status == "kept"
        if is_before and not await reasons_against(connection, version, release.release_id):
            return release.release_id
    return None


async def require_champions_fit(
    connection: Connection, release_id: int, otherwise: str, *, but: str | None = None
) -> None:
    """Does nothing where every model's champion fits a release; of model `but` it is not asked.

    Args:
        connection: may be in the transaction that makes the release.
        release_id: the release that is to be active.
        otherwise: the next step where one does not fit; may name `{model}` and `{release}`.
        but: a model that moves with the release.

    Raises:
        UsageError: one does not; says which.
    """
    rows = await connection.fetch(
        "select distinct on (model) model, champion from ops.promotions order by model, promotion_id desc"
    )
    for row in rows:
        if row["champion"] is None or row["model"] == but:
            continue
        champion = await versions.find(connection, row["model"], row["champion"])
        if reasons := await reasons_against(connection, champion, release_id):
            raise UsageError(
                f"release {release_id}",
                expected=f"a release that model {champion.model} version {champion.version} fits: it serves",
                found="; ".join(reasons),
                next_step=otherwise.format(model=champion.model, release=release_id),
            )


def _misfit(name: str, bound: BoundView, view: FeatureView | None) -> str | None:
    if view is None:
        return f"view {name} is not in it"
    if view.version != bound.version:
        return f"view {name} has version {view.version}, the model was trained on version {bound.version}"
    if bound.definition and view.meaning and bound.definition != view.meaning:
        return (
            f"view {name} is defined as {view.meaning[:12]}, the model was trained on {bound.definition[:12]}"
        )
    return None


def _missing_columns(signature: Signature, release: Mapping[str, FeatureView]) -> list[str]:
    columns: dict[str, Sequence[str]] = {
        name: [column.name for column in view.columns] for name, view in release.items()
    }
    return [
        f"view {given.view} has no column {given.name.removeprefix(f'{given.view}__')}"
        for given in signature.fetched
        if given.view and given.name.removeprefix(f"{given.view}__") not in columns[given.view]
    ]
