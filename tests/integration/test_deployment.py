"""What is deployed of a model: each step, what is refused and why, what served when, canaries that end."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate.errors import GateFailed, UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import canary, differences, fit, state, steps
from headgate.model.package import BoundView, Package
from headgate.model.signature import Input, Signature
from headgate.postgres.connection import Connection
from tests.integration.test_models import in_database, made
from tests.support import Database
from tests.toy_store import ToyStore, built_store, publish_new

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


def test_from_the_first_champion_to_a_rollback(database: Database) -> None:
    """The first deployed answers at once; a canary shifts, is forced, is rolled back past what was left."""

    async def work(connection: Connection) -> None:
        await canary.deploy(connection, NAME, 1, None, "first")
        assert await served(connection) == (1, None, 0)
        await canary.deploy(connection, NAME, 2, 0.1, "canary")
        shifted = await canary.deploy(connection, NAME, 2, 0.5, "more")
        assert shifted.action == "shift"
        assert await served(connection) == (1, 2, 0.5)
        with pytest.raises(UsageError, match="version 2 with a share of 50%"):
            await canary.deploy(connection, NAME, 3, 0.1, "another")
        with pytest.raises(
            GateFailed, match="undecided: 0 keys of the challenger, the smallest traffic is 500"
        ):
            await canary.promote(connection, NAME, None, "hope", forced=False)
        forced = await canary.promote(connection, NAME, None, "an outage", forced=True)
        assert forced.details["forced"]
        assert forced.details["verdict"]["verdict"] == "undecided"
        await canary.promote(connection, NAME, 3, "another", forced=True)
        for champion in (2, 1):
            await steps.roll_back(connection, NAME, None, "complaints")
            assert await served(connection) == (champion, None, 0)
        with pytest.raises(UsageError, match="a champion before the present one"):
            await steps.roll_back(connection, NAME, None, "further")

    run(database, work, free(b"1"), free(b"2"), free(b"3"))


def test_a_rollback_takes_a_challenger_out_first(database: Database) -> None:
    """While a canary runs, the newest step is the canary."""

    async def work(connection: Connection) -> None:
        for version in (1, 2):
            await canary.promote(connection, NAME, version, "by hand", forced=version > 1)
        await canary.deploy(connection, NAME, 3, 0.2, "canary")
        await steps.roll_back(connection, NAME, None, "errors")
        assert await served(connection) == (2, None, 0)
        with pytest.raises(UsageError, match="a version that was champion"):
            await steps.roll_back(connection, NAME, 3, "never was")
        await steps.roll_back(connection, NAME, 1, "further back")
        assert await served(connection) == (1, None, 0)

    run(database, work, free(b"1"), free(b"2"), free(b"3"))


def test_what_is_not_registered_or_approved_is_not_deployed(database: Database) -> None:
    """The refusal names the gate with its figures, or who has to do what."""

    async def work(connection: Connection) -> None:
        gate = {"gate": "beats_base_rate", "verdict": "failed", "reason": "AUC 0.51 [0.48, 0.54]"}
        await versions.add(connection, free(b"2"), passed=False, gates=[gate])
        await versions.add(connection, free(b"3"), passed=True)
        with pytest.raises(UsageError, match=r"beats_base_rate: AUC 0\.51"):
            await canary.deploy(connection, NAME, 2, None, "hope")
        with pytest.raises(UsageError, match="run `headgate model register will_ship 3`"):
            await canary.deploy(connection, NAME, 3, None, "hope")
        with pytest.raises(UsageError, match="nobody approved it"):
            await canary.deploy(connection, NAME, 1, None, "hope")
        with pytest.raises(UsageError, match="nobody approved it"):
            await canary.promote(connection, NAME, 1, "hope", forced=True)
        await steps.approve(connection, NAME, 1, "card read")
        await canary.promote(connection, NAME, 1, "first", forced=False)
        found = await state.at(connection, NAME)
        assert found.approval is not None
        assert found.approval.reason == "card read"
        assert found.promotion is not None
        assert found.promotion.details["approval"]["why"] == "card read"

    run(database, work, free(b"1", approval="required"))


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
            await canary.deploy(connection, NAME, found.version, None, "hope")
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
        assert (await canary.deploy(connection, NAME, 5, None, "fits")).champion == 5

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
        await canary.promote(connection, NAME, 2, "now", forced=True)
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
        await canary.deploy(connection, NAME, 1, None, "first")

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
        await canary.deploy(connection, NAME, 1, None, "first")

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
    store.database.headgate("publish", "--despite-models")
    assert store.active() == 4


def test_what_served_at_an_instant(database: Database) -> None:
    """Across three promotions and a rollback, with training and gates of each; before all of it, nothing."""
    moments: list[tuple[datetime, int | None]] = [(datetime(2016, 1, 1, tzinfo=UTC), None)]

    async def work(connection: Connection) -> None:
        for version in (1, 2, 3):
            await canary.promote(connection, NAME, version, "by hand", forced=True)
            await steps.approve(connection, NAME, version, "a note moves nothing")
            moments.append((datetime.now(UTC), version))
        await steps.roll_back(connection, NAME, None, "complaints")
        moments.append((datetime.now(UTC), 2))

    run(database, work, free(b"1"), free(b"2"), free(b"3"))
    for moment, version in moments:
        answer = json.loads(database.headgate("model", "at", moment.isoformat(), NAME, "--json").stdout)
        assert (answer[0]["champion"] or {}).get("version") == version
    said = database.headgate("model", "at", moments[1][0].isoformat()).stdout
    assert f"{NAME} at {moments[1][0]:%Y-%m-%d %H:%M:%S} UTC: version 1" in said
    assert "nothing served" in database.headgate("model", "at", "2016-01-01").stdout
    assert "expected  an ISO 8601 time" in database.headgate("model", "at", "noon", exit_code=2).stderr


def test_commands_say_what_is_deployed(database: Database) -> None:
    """List, show, diff, status, deploy, promote, rollback and watch, for people and for programs."""
    run(database, versions.all_versions, free(b"1"), free(b"2", alerts=["x"]))
    headgate = database.headgate
    assert "champion version 1" in headgate("model", "deploy", NAME, "1").stdout
    assert "challenger version 2 with 20% of the keys" in (
        headgate("model", "deploy", NAME, "2", "--share", "0.2", "--why", "try").stdout
    )
    rows = json.loads(headgate("model", "list", "--json").stdout)
    assert [row["role"] for row in rows] == ["challenger, 20%", "champion"]
    assert "model_sha256" in headgate("model", "diff", NAME, "1", "2").stdout
    assert "verdict      undecided" in headgate("model", "status", NAME).stdout
    assert "is undecided" in headgate("model", "watch", NAME, "--once").stdout
    assert "the smallest traffic is 500" in headgate("model", "promote", NAME, exit_code=3).stderr
    assert "a reason with --force" in headgate("model", "promote", NAME, "--force", exit_code=2).stderr
    assert "rollback of will_ship version 1" in headgate("model", "rollback", NAME).stdout
    assert "No challenger is deployed." in headgate("model", "watch", NAME, "--once").stdout
    assert "none of that name" in headgate("model", "status", "nobody", exit_code=2).stderr


def test_differences_name_their_part(database: Database) -> None:
    """Hash, inputs, options and gates; what is alike is not told."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        old, new = [await versions.find(connection, NAME, number) for number in (1, 2)]
        assert differences.between(old, old) == []
        return differences.between(old, replace(new, gates=[{"gate": "auc", "verdict": "passed"}]))

    found = run(database, work, free(b"1"), free(b"2", horizon="3h"))
    assert {(row["part"], row["what"]) for row in found} == {
        ("origin", "model_sha256"),
        ("options", "horizon"),
        ("gates", "auc"),
    }


LOG = """
    create table staging_predictions.answers_here partition of staging_predictions.answers default;
    create schema training;
    create table training.returns (order_id bigint, ordered_at timestamptz, is_returned boolean)
"""
SPINE = {
    "spine": "training.returns",
    "spine_keys": ["order_id"],
    "instant": "ordered_at",
    "label": "is_returned",
}


async def log(connection: Connection, answers: Sequence[dict[str, Any]]) -> None:
    """Lands answers of a canary of version 2 beside champion 1, at a share of 20 %."""
    await connection.execute(LOG)
    now = datetime.now(UTC)
    rows = [
        {
            "prediction_id": str(place),
            "model": NAME,
            "at": (now + timedelta(seconds=place)).isoformat(),
            "champion_version": 1,
            "challenger_version": 2,
            "canary_share": 0.2,
            "key": str(place),
            "role": "champion",
            "version": 1,
            "status": "answered",
            "seconds": 0.01,
            "score": 0.5,
            "shadow": {"version": 2, "score": 0.5, "error": None},
            **answer,
        }
        for place, answer in enumerate(answers)
    ]
    await connection.executemany(
        "insert into staging_predictions.answers (load_id, line_number, record) values (1, $1, $2)",
        [(place, json.dumps(row)) for place, row in enumerate(rows)],
    )
    await connection.execute(
        "insert into training.returns"
        " select n, now() - interval '1 minute', n % 2 = 0 from generate_series(0, 9999) as n"
    )


def alternating(count: int, challenger: dict[str, Any], champion: dict[str, Any]) -> list[dict[str, Any]]:
    """Answers of which each fifth is the challenger's."""
    role = {"role": "challenger", "version": 2}
    return [{**role, **challenger} if place % 5 == 0 else dict(champion) for place in range(count)]


def looked(
    database: Database, answers: Sequence[dict[str, Any]], after: timedelta = timedelta(), **policy: Any
) -> tuple[canary.Outcome, list[str], tuple[int | None, int | None, float]]:
    """What a look at a canary of these answers found, what it told, and what is deployed then."""
    heard: list[str] = []

    async def work(connection: Connection) -> Any:
        await canary.deploy(connection, NAME, 1, None, "first")
        await canary.deploy(connection, NAME, 2, 0.2, "canary")
        await log(connection, answers)
        found = await canary.look(
            connection, NAME, lambda name, **parts: heard.append(name), datetime.now(UTC) + after
        )
        return found, heard, await served(connection)

    options = {**SPINE, "canary": {"smallest_traffic": 100, **policy}}
    return run(database, work, free(b"1", **options), free(b"2", **options))  # type: ignore[no-any-return]


def test_a_canary_that_fails_is_taken_out(database: Database) -> None:
    """Its failures are told from the champion's; the log keeps the figures."""
    answers = alternating(300, {"status": "failed", "score": None}, {})
    found, heard, deployed = looked(database, answers)
    assert found.running is not None
    assert found.running.verdict.verdict == "worse"
    assert found.done is not None
    assert found.done.action == "stop"
    assert found.done.details["verdict"]["figures"]["errors"]["challenger"] == 60
    assert (heard, deployed) == (["canary_stopped"], (1, None, 0))


def test_one_key_that_fails_often_is_one_failure(database: Database) -> None:
    """A bot with a broken key does not roll a model back, nor does a record that was delivered twice."""
    answers = alternating(200, {}, {})
    broken = {"role": "challenger", "version": 2, "key": "bot", "status": "failed", "score": None}
    found, heard, deployed = looked(database, [*answers, *[broken] * 300])
    assert found.running is not None
    assert found.running.verdict.figures["errors"]["challenger"] == 1
    assert (heard, deployed) == ([], (1, 2, 0.2))


def test_a_canary_with_a_larger_loss_is_taken_out(database: Database) -> None:
    """Both versions scored every key, so labels compare them in pairs, whichever answered."""
    answers = [
        {"score": 0.9 if place % 2 == 0 else 0.1, "shadow": {"version": 2, "score": 0.4, "error": None}}
        for place in range(300)
    ]
    found, heard, _ = looked(database, answers)
    assert found.running is not None
    assert "its loss is larger by" in found.running.verdict.reasons[0]
    assert heard == ["canary_stopped"]


def test_a_healthy_canary_becomes_champion_where_declared(database: Database) -> None:
    """By the upper bounds of both differences; not by itself unless declared."""
    answers = alternating(2000, {}, {})
    margins = {"margin": 0.05, "error_margin": 0.05}
    found, heard, deployed = looked(database, answers, promote=True, **margins)
    assert found.running is not None
    assert found.running.verdict.verdict == "as good"
    assert (heard, deployed) == (["canary_promoted"], (2, None, 0))


def test_a_canary_without_traffic_ends_at_its_deadline(database: Database) -> None:
    """Too little traffic is a verdict of its own; before the deadline the canary is left alone."""
    found, heard, deployed = looked(database, alternating(50, {}, {}), timedelta(days=8))
    assert found.running is not None
    assert found.running.verdict.verdict == "too little traffic"
    assert found.running.verdict.reasons == ["10 keys of the challenger, the smallest traffic is 100"]
    assert (heard, deployed) == (["canary_stopped"], (1, None, 0))


def test_a_slow_canary_is_taken_out(database: Database) -> None:
    """Slow is slower than the champion's p95 before the canary, by either version."""

    async def work(connection: Connection) -> Any:
        await canary.deploy(connection, NAME, 1, None, "first")
        await log(connection, alternating(300, {"seconds": 0.5}, {}))
        found = await canary.deploy(connection, NAME, 2, 0.2, "canary")
        assert found.details["champion_p95_seconds"] == pytest.approx(0.01)
        await connection.execute(
            "update staging_predictions.answers set record = record || jsonb_build_object('at', now())"
        )
        return await canary.look(connection, NAME, lambda *_, **__: None)

    found = run(database, work, free(b"1"), free(b"2"))
    assert found.running.verdict.reasons[0].startswith("slow keys: 60 of the challenger, 0 of the champion")
