"""Versions that take long to load or to answer, beside one that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.logs import service_log
from headgate.postgres.connection import Connection
from headgate.serving import deployed as following
from headgate.serving.deployed import Follower
from tests import four_models
from tests.served import BY_KEY, NAME, deployed, landed, serving, shops, stepped
from tests.servers import wait_until
from tests.support import Database

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.costly]


IMPORTS = """
import os, time
while not os.path.exists({gate!r}):
    time.sleep(0.01)

def predict(rows):
    return [0.5] * len(rows)
"""


def test_a_version_that_takes_long_to_load_keeps_nothing_waiting(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers stay ready and follow other steps; it joins when it is there, unless it was taken out."""
    monkeypatch.setattr(following, "SECONDS_TO_LOAD", 0.2)
    gates = [tmp_path / "first", tmp_path / "second"]
    code = [four_models.pyfunc_files(IMPORTS.format(gate=str(gate))) for gate in gates]
    first, second = (four_models.package("pyfunc", files) for files in code)
    shops(database)
    deployed(database, four_models.package("lightgbm"))

    async def follow() -> None:
        follower = Follower(database.settings, NAME, service_log("test"), _nothing)
        await follower.start()
        running = asyncio.create_task(follower.run())

        async def until(holds: Callable[[], bool], what: str) -> None:
            await asyncio.to_thread(wait_until, holds, what)

        def is_late() -> bool:
            return "still being loaded" in str(follower.challenger_refusal)

        try:
            await asyncio.to_thread(deployed, database, first)
            await until(is_late, "left out for now")
            await asyncio.to_thread(stepped, database, "rollback")
            await until(lambda: follower.challenger_refusal is None, "taken out")
            await asyncio.to_thread(deployed, database, second)
            await until(is_late, "the next one")
            assert (follower.is_connected, follower.refusal) == (True, None)
            gates[1].touch()
            await until(lambda: bool(follower.current and follower.current.challenger), "loaded")
            assert follower.current is not None
            assert [loaded.version for loaded in follower.current.versions] == [1, 3]
        finally:
            for gate in gates:
                gate.touch()
            running.cancel()
            for loaded in follower.current.versions if follower.current else ():
                loaded.scorer.close()

    asyncio.run(follow())


async def _nothing(_: Connection) -> None:
    """No keys are looked up."""


HANGS = """
import os, time

def predict(rows):
    while not os.path.exists({gate!r}):
        time.sleep(0.01)
    return [len(row["kind"] or "") / 10 for row in rows]
"""


def test_a_shadow_that_hangs_delays_no_answer(database: Database, tmp_path: Path) -> None:
    """Answers come while the shadow says nothing; each is logged once, with its shadow, when that came."""
    shops(database)
    gate = tmp_path / "gate"
    code = HANGS.format(gate=str(gate))
    hanging = four_models.package("pyfunc", four_models.pyfunc_files(code, timeout_seconds=60))
    deployed(database, four_models.package("lightgbm"))
    gate.touch()
    deployed(database, hanging)
    with serving(database) as served:
        gate.unlink()
        answered = [served.predict(BY_KEY).json()["prediction_id"] for _ in range(30)]
        batch = served.predict({"instances": [BY_KEY] * 20}).json()["predictions"]
        answered += [one["prediction_id"] for one in batch]
        gate.touch()
    records = landed(database)
    assert sorted(record["prediction_id"] for record in records) == sorted(answered)
    assert {record["shadow"]["score"] for record in records} == {0.5}
    assert max(record["shadow"]["seconds"] for record in records) > max(
        record["seconds"] for record in records
    )


def test_answers_that_wait_for_their_shadow_survive_a_kill(database: Database, tmp_path: Path) -> None:
    """By kill -9 while it hangs: they land once, and say that they were not compared."""
    shops(database)
    gate = tmp_path / "gate"
    gate.touch()
    code = HANGS.format(gate=str(gate))
    deployed(database, four_models.package("lightgbm"))
    deployed(database, four_models.package("pyfunc", four_models.pyfunc_files(code, timeout_seconds=60)))
    with serving(database) as served:
        compared = served.predict(BY_KEY).json()["prediction_id"]
        wait_until(lambda: landed(database), "the first answer landed")
        gate.unlink()
        answered = [served.predict(BY_KEY).json()["prediction_id"] for _ in range(10)]
        served.process.kill()
    wait_until(lambda: len(landed(database)) == 11, "what was left landed")
    errors = {record["prediction_id"]: record["shadow"]["error"] for record in landed(database)}
    assert errors == {compared: None, **dict.fromkeys(answered, "not scored before the server ended")}
