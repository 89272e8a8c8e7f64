"""Whose approval a version needs before it is deployed, and who gave it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.model import promotions
from headgate.model.declaration import all_declarations
from headgate.model.evaluation.policy import ANOTHER_PERSON, NO_APPROVAL, approval, stricter
from headgate.model.promotions import Promotion
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection

MISSING = {
    NO_APPROVAL: "not asked for",
    "required": "missing",
    ANOTHER_PERSON: "missing, of another person than who trained it",
}


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Whose approval a version needs, and who gave it."""

    #: none, required or another_person
    needs: str
    #: The newest that is as needed.
    given: Promotion | None

    @property
    def is_missing(self) -> bool:
        """Whether somebody has to approve the version yet."""
        return self.needs != NO_APPROVAL and self.given is None

    @property
    def sentence(self) -> str:
        """It in words."""
        if self.given is None:
            return MISSING[self.needs]
        return f"by {self.given.actor}, {self.given.happened_at:%Y-%m-%d %H:%M} UTC: {self.given.reason}"

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {"needs": self.needs, "given": self.given and self.given.as_dict()}


def asked_by(project_dir: Path, model: str) -> str:
    """What a project asks for of a model's versions now, by its policy or its declaration.

    Raises:
        UsageError: its policy or a declaration is none.
    """
    declared = all_declarations(project_dir).get(model)
    return approval(project_dir, declared.approval if declared else NO_APPROVAL)


def needed(version: ModelVersion, asked: str) -> str:
    """What was asked for when a version was trained, or what is asked for now, whichever is more."""
    return stricter(version.manifest["options"].get("approval", NO_APPROVAL), asked)


async def newest(
    connection: Connection, model: str, version: int, instant: datetime | None = None, but: str | None = None
) -> Promotion | None:
    """Who approved a version last, when and why; None where nobody `but` one person has."""
    for row in await promotions.history(connection, model):
        is_meant = row.action == "approve" and row.version == version and row.actor != but
        if is_meant and (instant is None or row.happened_at <= instant):
            return row
    return None


async def approval_of(connection: Connection, version: ModelVersion, asked: str) -> Approval:
    """Whose approval a version needs where so much is asked for now, and who gave it."""
    needs = needed(version, asked)
    trained_by = version.trained_by if needs == ANOTHER_PERSON else None
    return Approval(
        needs=needs, given=await newest(connection, version.model, version.version, but=trained_by)
    )


async def require(connection: Connection, version: ModelVersion, asked: str) -> None:
    """Refuses a version whose approval is missing.

    Raises:
        UsageError: it is.
    """
    found = await approval_of(connection, version, asked)
    if not found.is_missing:
        return
    is_another = found.needs == ANOTHER_PERSON
    given = is_another and await newest(connection, version.model, version.version)
    raise UsageError(
        f"model {version.model} version {version.version}",
        expected=f"an approval{' of another person than who trained it' if is_another else ''}, "
        "as its declaration or the project's policy says",
        found=f"that of {given.actor} only, who trained it" if given else "nobody approved it",
        next_step=f"have somebody{' else' if is_another else ''} run "
        f"`headgate model approve {version.model} {version.version} --why '...'`",
    )


def require_may_approve(version: ModelVersion, approving: str, asked: str) -> None:
    """Refuses who trained a version where another person is asked for.

    Raises:
        UsageError: it is them.
    """
    if needed(version, asked) == ANOTHER_PERSON and approving == version.trained_by:
        raise UsageError(
            f"approval of model {version.model} version {version.version}",
            expected="another person than who trained it, as its declaration or the project's policy says",
            found=f"{approving}, who trained it",
            next_step=f"have somebody else run `headgate model approve {version.model} {version.version}`, "
            "with an account or a database role of their own",
        )
