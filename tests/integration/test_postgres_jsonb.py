"""A table of another PostgreSQL, landed while it is written to, and by a loader that is killed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg2
import pytest

from headgate.errors import HeadgateError
from headgate.pulling import postgres_jsonb
from headgate.settings import Settings
from tests.shop import LANDED, LOADER, fill, land
from tests.small_project import declare, settings_for
from tests.support import Database
from tests.wire import Wire

#: Rows that are there before anybody writes; how often the lander is killed.
ROWS, KILLS = 120_000, 8
#: Bytes sent at most when it is killed: while old rows land, 8 MB in a transaction, and later.
SENT, SENT_LATER = 15_000_000, 60_000


@pytest.fixture
def settings(database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a project that declares the shop's table as a source."""
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    return settings_for(database.settings, declare(tmp_path / "project", "shop", LOADER))


@pytest.mark.parametrize("rows_of_a_snapshot", [100, 1000])
def test_rows_that_one_statement_wrote_land_once(
    settings: Settings,
    database: Database,
    shop: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows_of_a_snapshot: int,
) -> None:
    """One cursor for all, a number as the only key: they are read in the order in which a read goes on."""
    monkeypatch.setattr(postgres_jsonb, "SNAPSHOT_ROWS", rows_of_a_snapshot)
    shop.query("alter table public.orders drop constraint orders_pkey, drop part, add primary key (id)")
    shop.query(
        "insert into public.orders (id, updated_at, record)"
        " select n, now() - interval '1 hour', jsonb_build_object('id', n) from generate_series(1, 320) as n"
    )
    declared = settings_for(settings, declare(tmp_path / "project", "shop", {**LOADER, "key": "id"}))

    done = [land(declared).rows.landed for _ in range(2)]

    assert database.value(f"select count(distinct record_id) from {LANDED}") == 320
    assert done == [320, 0]


def test_everything_lands_once_and_what_is_new_the_next_time(
    settings: Settings, shop: Database, database: Database
) -> None:
    """A second pull lands what was inserted or updated since, and nothing again."""
    fill(shop, 1, 3000)
    first = land(settings)
    assert (first.rows.landed, first.rows.redelivered, first.status) == (3000, 0, "landed")
    assert land(settings).status == "unchanged"
    fill(shop, 3001, 3010, age="0 hours")
    shop.query("""update orders set record = record || '{"paid": true}', updated_at = now() where id < 6""")
    assert land(settings).rows.landed == 15
    again = land(settings)
    assert (again.rows.landed, again.rows.redelivered) == (0, 15)
    assert database.value(f"select count(*) from {LANDED}") == 3015
    assert database.value(f"select count(*) from {LANDED} where record ? 'paid'") == 5
    assert "someone@example.org" not in str(database.query(f"select record::text from {LANDED} limit 9"))
    ledger = (
        "select sum(rows_landed), sum(lines_read), count(*) filter (where status = 'open') from ops.loads"
    )
    assert database.query(ledger) == [(3015, 3015, 0)]


def test_a_row_that_becomes_visible_late_is_found(
    settings: Settings, shop: Database, database: Database
) -> None:
    """A transaction that commits after younger rows have landed, however long it took, is not lost."""
    slow = psycopg2.connect(shop.dsn)
    with slow.cursor() as cursor:
        cursor.execute("""insert into orders values (1, 'slow', now(), '{"id": 1}')""")
        shop.query("select pg_sleep(3)")
        fill(shop, 2, 2, age="0 hours")
        assert land(settings).rows.landed == 1
        shop.query("select pg_sleep(3)")
        fill(shop, 3, 3, age="0 hours")
        assert land(settings).rows.landed == 1
    slow.commit()
    slow.close()
    assert land(settings).rows.landed == 1
    shop.query("select pg_sleep(3)")
    fill(shop, 4, 4, age="0 hours")
    assert land(settings).rows.landed == 1
    assert database.query(f"select record_id from {LANDED} order by 1") == [("1",), ("2",), ("3",), ("4",)]
    # What is settled is remembered no more.
    assert database.value("select count(*) from ops.source_window") <= 2


@pytest.mark.costly
def test_killed_at_random_moments_while_the_table_is_written_to(
    shop: Database, database: Database, settings: Settings
) -> None:
    """Kill -9 again and again, beside writers and long transactions: nothing lost, nothing doubled."""
    fill(shop, 1, ROWS)
    stop = threading.Event()
    writers = [threading.Thread(target=_write, args=(shop.dsn, stop, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    chance, progress = random.Random(5), []
    try:
        with Wire.to(database) as wire:
            for number in range(KILLS):
                # The first ones while rows land that were there before, the others while new ones do.
                if number == KILLS // 2:
                    assert _start(database, settings, shop).wait() == 0
                wire.stop_after(chance.randint(1_000, SENT if number < KILLS // 2 else SENT_LATER))
                lander = _start(wire.database, settings, shop, "--poll", "--every", "0.1")
                assert wire.stopped(lander), "it ended before it was killed"
                lander.kill()
                lander.wait()
                wire.cut()
                progress.append(database.value(f"select count(*) from {LANDED}"))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert any(0 < count < ROWS for count in progress), "killed before or after the first rows only"
    assert progress[-1] > ROWS, "killed before the window only"
    assert _start(database, settings, shop).wait() == 0
    # Every row that is there now has landed as it is now.
    written = shop.query("select id || part, md5((record - 'key')::text) from orders where record ? 'key'")
    landed = database.query(
        f"select record ->> 'key', md5((record - 'key')::text) from {LANDED} where record ? 'key'"
    )
    assert len(written) > 300
    assert set(written) <= set(landed), "a row was lost"
    assert len(landed) == len(set(landed)), "a version landed twice"
    others = f"select count(*), count(distinct record_id) from {LANDED} where not record ? 'key'"
    assert database.query(others) == [(ROWS, ROWS)]
    ledger = "select sum(rows_landed) from ops.loads where status in ('open', 'landed')"
    assert database.value(ledger) == database.value(f"select count(*) from {LANDED}")


def _write(dsn: str, stop: threading.Event, number: int) -> None:
    """Inserts and updates, in transactions of up to three seconds, until told to stop."""
    chance = random.Random(number)
    connection = psycopg2.connect(dsn)
    made = 0
    while not stop.is_set():
        with connection, connection.cursor() as cursor:
            for _ in range(chance.randint(1, 20)):
                made += 1
                record = json.dumps({"id": made, "version": 0, "key": f"{made}w{number}"})
                cursor.execute("insert into orders values (%s, %s, now(), %s)", (made, f"w{number}", record))
            cursor.execute(
                """
                update orders set updated_at = now(),
                    record = jsonb_set(record, '{version}', to_jsonb((record ->> 'version')::int + 1))
                where part = %s and id = %s
                """,
                (f"w{number}", chance.randint(1, made)),
            )
            time.sleep(chance.choice([0.01, 0.02, 0.05, 0.3, 3 if number == 0 else 0]))
    connection.close()


def _start(database: Database, settings: Settings, shop: Database, *options: str) -> subprocess.Popen[bytes]:
    command = [Path(sys.executable).with_name("headgate"), "land", "shop", *options]
    env = {**database.env, "SHOP_DSN": shop.dsn}
    return subprocess.Popen(command, env=env, cwd=settings.project_dir, stdout=subprocess.DEVNULL)


def test_what_is_gone_lands_as_a_record_that_says_so(
    database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `deletes`, keys are compared; each key that is gone is said once, also after it came back."""
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    settings = settings_for(database.settings, declare(tmp_path, "shop", {**LOADER, "deletes": {}}))
    fill(shop, 1, 12_000)
    assert land(settings).deleted == 0
    shop.query("delete from orders where id between 3 and 6002")
    done = land(settings)
    assert (done.deleted, done.rows.landed) == (6000, 6000)
    assert land(settings).deleted == 0
    gone = database.query(f"select record_id, record - 'deleted_at' from {LANDED} where record ? 'deleted'")
    assert len(gone) == 6000
    assert ("3", {"id": 3, "part": "a", "deleted": True}) in gone
    shop.query("""insert into orders values (3, 'a', now(), '{"id": 3}')""")
    assert land(settings).rows.landed == 1
    shop.query("delete from orders where id = 3")
    assert land(settings).deleted == 1


def test_deletes_are_compared_as_often_as_is_declared(
    database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two comparisons deletes are not looked for."""
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    loader = {**LOADER, "deletes": {"every": "1 hour"}}
    settings = settings_for(database.settings, declare(tmp_path, "shop", loader))
    fill(shop, 1, 3)
    land(settings)
    shop.query("delete from orders where id = 1")
    assert land(settings).deleted == 0


def test_one_process_at_a_time(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second pull of the same source is refused while the first one works."""
    monkeypatch.setattr("headgate.pulling.state.PATIENCE", 0.3)
    other = psycopg2.connect(database.dsn)
    with other.cursor() as cursor:
        cursor.execute("insert into ops.locks values ('pull of shop.records')")
        with pytest.raises(HeadgateError, match="another one at work"):
            land(settings)
    other.close()
    assert land(settings).status == "unchanged"


@pytest.mark.costly
def test_memory_does_not_grow_with_the_table(settings: Settings, shop: Database, database: Database) -> None:
    """Five times the rows take no more memory."""
    peaks = []
    for first, last in ((1, 20_000), (20_001, 120_000)):
        shop.query(
            """
            insert into orders
            select n, 'a', now() - interval '1 hour' + n * interval '1 us',
                jsonb_build_object('id', n, 'text', repeat(md5(n::text), 20))
            from generate_series(%s, %s) as n
            """,
            first,
            last,
        )
        code = (
            "import asyncio, resource; from headgate.pulling import pull\n"
            "from headgate.settings import load_settings\n"
            "asyncio.run(pull(load_settings(), 'shop', lambda _: None))\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**database.env, "SHOP_DSN": shop.dsn},
            cwd=settings.project_dir,
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout))
    assert database.value(f"select count(*) from {LANDED}") == 120_000
    # Kilobytes, of rows of 700 bytes.
    assert peaks[1] - peaks[0] < 20_000
