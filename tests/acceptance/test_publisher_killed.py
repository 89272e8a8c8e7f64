"""Kill -9 of the publisher, and of PostgreSQL under it, at random moments: the old release or the new one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries
from tests import programs
from tests.servers import wait_until
from tests.support import Database, Databases, system_binaries
from tests.toy_store import VIEWS, ToyStore
from tests.wire import Wire

KILLS = 20
ROWS = 20_000
GROUPS = 4


@pytest.fixture(params=["embedded", "system"])
def own_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A server of this test's own, because it is stopped without mercy."""
    folder = binaries() if request.param == "embedded" else system_binaries()
    if folder is None:
        pytest.skip("no PostgreSQL 15 or newer below /usr/lib/postgresql (apt-get install postgresql-15)")
    cluster = Cluster(tmp_path / request.param, folder, {"shared_buffers": "128MB"})
    (tmp_path / request.param).mkdir()
    cluster.start()
    yield cluster
    cluster.remove()


def write(store: ToyStore, number: int) -> None:
    """A quarter of all rows changes, some go, some come; what release `number` will hold is kept."""
    for view, key in VIEWS.items():
        names = ", ".join(key)
        rest = "".join(", entity % 7" for _ in key[1:])
        store.database.query(
            f"""
            insert into ops.changed_{view} select {names}, as_of from features.{view}
            where toy_id % {GROUPS} = {number % GROUPS};
            delete from features.{view} where toy_id % {GROUPS} = {number % GROUPS};
            with added as (
                insert into features.{view}
                select entity{rest},
                    timestamptz '2016-01-01 00:00Z' + entity % 5 * interval '1 hour', {number}, null
                from generate_series(1, {ROWS}) as entity
                where entity % {GROUPS} = {number % GROUPS} and entity % 11 <> {number % 11}
                returning {names}, as_of
            )
            insert into ops.changed_{view} select * from added;
            create table if not exists kept_{view} as
            select 0 as release, * from features.{view} where false;
            insert into kept_{view} select {number}, * from features.{view}
            """
        )
    store.certify()


def unlike(database: Database, number: int) -> int:
    """How many rows consumers see otherwise than release `number` holds them, in either place."""
    wrong = 0
    for view, key in VIEWS.items():
        names = ", ".join(key)
        kept = f"select {names}, as_of, events_count, rate from kept_{view} where release = {number}"
        latest = f"select distinct on ({names}) * from ({kept}) as kept order by {names}, as_of desc"
        for relation, expected in ((f"{view}", kept), (f"{view}_online", latest)):
            seen = f"select {names}, as_of, events_count, rate from feature_store.{relation}"
            wrong += database.value(
                f"select count(*) from ((({seen}) except all ({expected}))"
                f" union all (({expected}) except all ({seen}))) as differing"
            )
    return wrong


def start(database: Database, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts the command."""
    nothing = subprocess.DEVNULL
    return programs.start("headgate", *arguments, env=database.env, stdout=nothing, stderr=nothing)


def usual(wire: Wire, *arguments: str) -> int:
    """How many bytes the command sends when nobody disturbs it."""
    wire.measure()
    assert start(wire.database, *arguments).wait() == 0
    return wire.sent


def strike(command: subprocess.Popen[bytes], wire: Wire, cluster: Cluster, *, server: bool) -> bool:
    """Kills the command that is held, or the server under it; False when it had ended before."""
    at_work = wire.stopped(command)
    if server:
        postmaster = cluster.pid
        assert postmaster is not None
        os.kill(postmaster, signal.SIGQUIT)
        wait_until(lambda: not cluster.is_running(), "PostgreSQL dead")
    command.kill()
    command.wait()
    wire.cut()
    if server:
        cluster.start()
    return at_work


@pytest.mark.slow
def test_killed_at_twenty_random_moments(own_cluster: Cluster, tmp_path: Path) -> None:
    """Exactly the old or the new release is active, online is its newest rows, and everything runs again."""
    folder = tmp_path / "databases"
    folder.mkdir()
    databases = Databases(own_cluster, folder)
    databases.prepare()
    moments = random.Random(11)
    with databases.new() as database, Wire.to(database) as wire:
        store = ToyStore(database)
        store.create()
        for number in (1, 2):
            write(store, number)
            publishing = usual(wire, "publish")
        rolling = usual(wire, "rollback", "--to", "1", "--yes")
        assert usual(wire, "rollback", "--to", "2", "--yes") > 0
        active, newest, struck = 2, 2, 0
        while struck < KILLS:
            assert newest < 3 * KILLS, f"only {struck} of {KILLS} came before the end"
            server = moments.random() < 0.5
            back = newest > 2 and moments.random() < 0.3
            usually = rolling if back else publishing
            wire.stop_after(int(moments.uniform(0.02, 1.0) * usually), whole=moments.random() < 0.5)
            if back:
                target = newest - 1
                command = start(wire.database, "rollback", "--to", str(target), "--yes")
            else:
                write(store, newest + 1)
                target = newest + 1
                command = start(wire.database, "publish")
            struck += strike(command, wire, own_cluster, server=server)
            found = store.active()
            assert found in (active, target)
            assert unlike(database, found) == 0
            if not back:
                database.headgate("publish")
                newest, found = target, target
            elif found < newest:
                # Forward again: a publish from here would abandon the newest release.
                database.headgate("rollback", "--to", str(newest), "--yes")
                found = newest
            active = found
            assert store.active() == active
            assert unlike(database, active) == 0
        leftovers = "select count(*) from pg_stat_activity where state = 'idle in transaction'"
        assert database.value(leftovers) == 0
