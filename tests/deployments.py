"""Registered versions of a model, and what is deployed of it, for tests of deployment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from headgate.model import promotions, versions
from headgate.model.deployment import steps
from headgate.model.package import BoundView, Package
from headgate.model.signature import Input, Signature
from headgate.postgres.connection import Connection
from tests.integration.test_models import in_database, made
from tests.support import Database

NAME = "will_ship"
NO_GATES: list[dict[str, Any]] = []


def told(content: bytes = b"tree\n", **options: Any) -> Package:
    """A package on the toy store's view, or on none at all."""
    return replace(
        made(content=content),
        signature=Signature(
            inputs=(
                Input(name="toy_activity__rate", type="double precision", nullable=True, view="toy_activity"),
            ),
            keys=(("toy_id", "bigint"),),
            output=("is_shipped", "double precision"),
        ),
        views={"toy_activity": BoundView(version=1, definition=None)},
        options=options,
    )


def free(content: bytes = b"tree\n", **options: Any) -> Package:
    """A package that reads no feature view: it fits any release, and none."""
    given = Input(name="size", type="bigint", nullable=True)
    signature = Signature(inputs=(given,), keys=(), output=("is_shipped", "double precision"))
    return replace(made(content=content), signature=signature, views={}, options=options)


async def registered(connection: Connection, *packages: Package) -> None:
    """Trains and registers packages, as versions 1, 2, ..."""
    for package in packages:
        found = await versions.add(connection, package, passed=True, gates=NO_GATES)
        await steps.register(connection, package.name, found.version, "test")


def run(database: Database, work: Callable[[Connection], Awaitable[Any]], *packages: Package) -> Any:
    """What `work` makes of a database with registered versions."""

    async def both(connection: Connection) -> Any:
        await registered(connection, *packages)
        return await work(connection)

    return in_database(database, both)


async def served(connection: Connection) -> tuple[int | None, int | None, float]:
    """Champion, challenger and share now."""
    found = await promotions.current(connection, NAME)
    assert found is not None
    return found.champion, found.challenger, found.canary_share
