"""A model and the release that it serves: refused where they do not fit, rolled back together."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import canary, fit, steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.package import BoundView, Package
from headgate.model.signature import Input
from headgate.postgres.connection import Connection
from tests.deployments import NAME, registered, served, told
from tests.integration.test_models import in_database
from tests.support import Database
from tests.toy_store import ToyStore, built_store, publish_new


@pytest.fixture
def store(database: Database) -> ToyStore:
    """A store with two releases."""
    found = built_store(database)
    publish_new(found)
    found.write({("toy_activity", (1,), 2): (1, None)})
    publish_new(found)
    return found


def test_a_version_has_to_fit_the_active_release(store: ToyStore) -> None:
    """View, version, definition and columns; the refusal names what differs."""
    wanted = told()

    async def refused(connection: Connection, package: Package) -> str:
        found = await versions.add(connection, package, passed=True)
        await steps.register(connection, NAME, found.version, "test")
        with pytest.raises(UsageError) as error:
            await canary.deploy(connection, NAME, found.version, None, "hope", asked=NO_APPROVAL)
        return error.value.found

    async def work(connection: Connection) -> None:
        gone = replace(wanted, views={"boat_activity": BoundView(version=1, definition=None)})
        assert await refused(connection, gone) == "view boat_activity is not in it"
        newer = replace(wanted, views={"toy_activity": BoundView(version=2, definition=None)})
        assert "has version 1, the model was trained on version 2" in await refused(connection, newer)
        given = Input(name="toy_activity__mood", type="text", nullable=True, view="toy_activity")
        other = replace(wanted, signature=replace(wanted.signature, inputs=(given,)))
        assert await refused(connection, other) == "view toy_activity has no column mood"
        await connection.execute(
            "update ops.release_views set meaning = 'fedcba' where view = 'toy_activity'"
        )
        redefined = replace(wanted, views={"toy_activity": BoundView(version=1, definition="abcdef")})
        assert "defined as fedcba, the model was trained on abcdef" in await refused(connection, redefined)
        await versions.add(connection, wanted, passed=True)
        await steps.register(connection, NAME, 5, "test")
        assert (await canary.deploy(connection, NAME, 5, None, "fits", asked=NO_APPROVAL)).champion == 5

    in_database(store.database, work)


def test_a_champion_that_no_longer_fits_leaves_a_way_out(store: ToyStore) -> None:
    """Its challenger can be taken out; a version that fits takes its place, and is not compared with it."""

    async def mean(connection: Connection, meaning: str) -> None:
        await connection.execute(
            "update ops.release_views set meaning = $1 where view = 'toy_activity'", meaning
        )

    async def work(connection: Connection) -> None:
        await registered(
            connection,
            *(
                replace(
                    told(meaning.encode() * n),
                    views={"toy_activity": BoundView(version=1, definition=meaning)},
                )
                for n, meaning in ((1, "old"), (2, "old"), (1, "new"))
            ),
        )
        await mean(connection, "old")
        for version in (1, 2):
            await canary.deploy(connection, NAME, version, None, "then", asked=NO_APPROVAL)
        await mean(connection, "new")
        await steps.roll_back(connection, NAME, None, "out")
        assert await served(connection) == (1, None, 0)
        with pytest.raises(UsageError, match=r"version 1, which does not: .* trained on old") as refused:
            await canary.deploy(connection, NAME, 3, None, "fits", asked=NO_APPROVAL)
        assert f"promote {NAME} 3 --force" in refused.value.next_step
        await canary.promote(connection, NAME, 3, "fits", forced=True, asked=NO_APPROVAL)
        assert await served(connection) == (3, None, 0)

    in_database(store.database, work)


def test_model_and_release_are_rolled_back_in_one_transaction(store: ToyStore) -> None:
    """Release 2 is not that of version 1: alone it is refused, together they move, in under a second."""

    async def work(connection: Connection) -> float:
        await connection.execute(
            "update ops.release_views set meaning = 'r' || release_id where view = 'toy_activity'"
        )
        first, second = (
            replace(told(str(n).encode()), views={"toy_activity": BoundView(version=1, definition=f"r{n}")})
            for n in (1, 2)
        )
        await registered(connection, first, second)
        await promotions.append(
            connection, NAME, "promote", 1, champion=1, challenger=None, canary_share=0, reason="then"
        )
        await canary.promote(connection, NAME, 2, "now", forced=True, asked=NO_APPROVAL)
        with pytest.raises(UsageError, match="defined as r2, the model was trained on r1"):
            await steps.roll_back(connection, NAME, None, "alone")
        assert await served(connection) == (2, None, 0)
        target = await steps.rollback_target(connection, NAME, None)
        assert await fit.fitting_release(connection, target) == 1
        began = time.monotonic()
        done = await steps.roll_back(connection, NAME, None, "together", release=1)
        took = time.monotonic() - began
        assert (done.champion, done.release_id, done.details["from_release"]) == (1, 1, 2)
        with pytest.raises(UsageError, match="the feature views of release 2"):
            await steps.roll_back(connection, NAME, 1, "forward", release=2)
        return took

    assert in_database(store.database, work) < 1
    assert store.active() == 1
    assert ("toy_activity", (1,), 2) not in store.online()


def test_a_release_alone_is_not_moved_under_a_model_that_serves(store: ToyStore) -> None:
    """The refusal names the model and the command that moves both; by force the release goes alone."""

    async def work(connection: Connection) -> None:
        await connection.execute(
            "update ops.release_views set meaning = 'r' || release_id where view = 'toy_activity'"
        )
        bound = replace(told(), views={"toy_activity": BoundView(version=1, definition="r2")})
        await registered(connection, bound)
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)

    in_database(store.database, work)
    refused = store.database.headgate("rollback", "--yes", exit_code=2)
    assert "defined as r1, the model was trained on r2" in refused.stderr
    assert "headgate model rollback will_ship --to VERSION --with-release 1" in refused.stderr
    assert store.active() == 2
    store.database.headgate("rollback", "--yes", "--despite-models")
    assert store.active() == 1
    status = store.database.headgate("model", "status", NAME).stdout
    assert "does not fit view toy_activity is defined as r1" in status


def test_a_release_that_a_champion_cannot_read_is_not_published(store: ToyStore) -> None:
    """Approved or not; nothing of it stays. By force it goes. One that adds a column fits."""

    async def work(connection: Connection) -> None:
        await connection.execute("update ops.release_views set meaning = 'r2' where view = 'toy_activity'")
        bound = replace(told(), views={"toy_activity": BoundView(version=1, definition="r2")})
        await registered(connection, bound)
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)

    in_database(store.database, work)
    store.database.query("alter table features.toy_activity add column extra bigint")
    store.certify()
    store.database.headgate("publish")
    assert store.active() == 3
    meanings = "select meaning from ops.release_views where view = 'toy_activity' and release_id = 3"
    assert store.database.value(meanings) == "r2"
    store.database.query("alter table features.toy_activity drop column rate")
    store.approve()
    refused = store.database.headgate("publish", exit_code=2)
    assert "a release that model will_ship version 1 fits: it serves" in refused.stderr
    assert "headgate publish --despite-models" in refused.stderr
    assert (store.active(), store.database.value("select max(release_id) from ops.releases")) == (3, 3)
    assert f"headgate model undeploy {NAME}" in refused.stderr
    store.database.headgate("publish", "--despite-models")
    assert store.active() == 4

    # It still does not fit, and would stop each release from here on.
    store.database.query("alter table features.toy_activity add column more bigint")
    store.certify()
    store.database.headgate("publish", exit_code=2)
    store.database.headgate("model", "undeploy", NAME, "--why", "nobody asks it")
    store.database.headgate("publish")
    assert store.active() == 5
