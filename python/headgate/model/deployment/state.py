"""What the log of promotions says: what serves, and what came before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import approvals
from headgate.model.promotions import Promotion
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection

#: Rows of the log that only tell of something, and deploy nothing.
NOTES = ("register", "approve")


@dataclass(frozen=True, kw_only=True)
class State:
    """What is deployed of a model."""

    champion: int | None = None
    challenger: int | None = None
    canary_share: float = 0.0

    @classmethod
    def of(cls, promotion: Promotion | None) -> State:
        """The state that a row of the log leaves."""
        if promotion is None:
            return cls()
        return cls(
            champion=promotion.champion,
            challenger=promotion.challenger,
            canary_share=promotion.canary_share,
        )


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What served at an instant: the champion with its training, and the release that was active."""

    model: str
    instant: datetime | None
    promotion: Promotion | None
    champion: ModelVersion | None
    challenger: ModelVersion | None
    release_id: int | None
    approval: Promotion | None

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {
            "model": self.model,
            "at": self.instant.isoformat() if self.instant else None,
            "release_id": self.release_id,
            "canary_share": self.promotion.canary_share if self.promotion else 0.0,
            "champion": self.champion and told(self.champion),
            "challenger": self.challenger and told(self.challenger),
            "approval": self.approval and self.approval.as_dict(),
            "promotion": self.promotion and self.promotion.as_dict(),
        }


def told(version: ModelVersion) -> dict[str, Any]:
    """Of what a version was made and what let it pass, for programs."""
    whole = version.as_dict()
    names = ("version", "model_sha256", "dataset_id", "release_id", "figures", "gates", "trained_at")
    return {name: whole[name] for name in (*names, "registered_at", "registered_by", "code_revision")}


async def at(connection: Connection, model: str, instant: datetime | None = None) -> Serving:
    """What served at an instant, by default now.

    Raises:
        UsageError: there is no model of that name.
    """
    await versions.find(connection, model)
    promotion = await deployed_at(connection, model, instant)
    state = State.of(promotion)
    return Serving(
        model=model,
        instant=instant,
        promotion=promotion,
        champion=await _version(connection, model, state.champion),
        challenger=await _version(connection, model, state.challenger),
        release_id=await release_at(connection, instant),
        approval=await approvals.newest(connection, model, state.champion, instant)
        if state.champion
        else None,
    )


async def champion(connection: Connection, model: str) -> int:
    """The version that answers now.

    Raises:
        UsageError: nothing is deployed.
    """
    number = State.of(await promotions.current(connection, model)).champion
    if number is None:
        raise UsageError(
            f"model {model}",
            expected="a champion, or --version",
            found="nothing is deployed",
            next_step=f"run `headgate model deploy {model} VERSION` first",
        )
    return number


async def deployed_at(connection: Connection, model: str, instant: datetime | None) -> Promotion | None:
    """The row of the log that made what served at an instant; None where nothing did."""
    log = await promotions.history(connection, model)
    before = [row for row in log if instant is None or row.happened_at <= instant]
    return next((row for row in before if row.action not in NOTES), None)


async def release_at(connection: Connection, instant: datetime | None) -> int | None:
    """The release that was active at an instant."""
    number: int | None = await connection.fetchval(
        """
        select to_release from ops.release_events
        where action in ('publish', 'rollback') and happened_at <= coalesce($1::timestamptz, 'infinity')
        order by event_id desc limit 1
        """,
        instant,
    )
    return number


def former_champion(log: Iterable[Promotion]) -> int | None:
    """The version that a rollback of the champion leads back to; `log` is in order of time.

    What was rolled back is not come back to: after 1, 2, 3 and a rollback to 2, the next leads to 1. Where
    nothing is deployed any more, it is the champion that was taken out of service.
    """
    stack: list[int] = []
    champion: int | None = None
    for row in log:
        champion = row.champion
        if champion is None or (stack and stack[-1] == champion):
            continue
        if row.action == "rollback" and champion in stack:
            while stack[-1] != champion:
                stack.pop()
        else:
            stack.append(champion)
    former = stack if champion is None else stack[:-1]
    return former[-1] if former else None


async def _version(connection: Connection, model: str, version: int | None) -> ModelVersion | None:
    return None if version is None else await versions.find(connection, model, version)
