"""The embedded server as the command line handles it: start, stop, crash, concurrency, errors."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries
from tests.programs import program
from tests.servers import SECRET, Receiver, free_port, wait_until
from tests.support import PII_KEY, ROOT, clean_environment, run_headgate


@dataclass(frozen=True)
class Home:
    """An embedded server of a test's own, driven by the command."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment that leads the command here."""
        return {**clean_environment(), "HEADGATE_HOME": str(self.folder)}

    @property
    def cluster(self) -> Cluster:
        """The same cluster as the code sees it."""
        return Cluster(self.folder, binaries())

    def headgate(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs the command on this home."""
        return run_headgate(*arguments, env=self.env, exit_code=exit_code)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Runs one statement."""
        uri = self.cluster.uri("headgate")
        with (
            contextlib.closing(psycopg2.connect(uri)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home without a server; one that is running at the end is stopped."""
    made = Home(tmp_path / "home")
    yield made
    made.cluster.remove()


def psql(*arguments: str, env: dict[str, str]) -> str:
    """What psql prints, unaligned and without headings."""
    command = [binaries() / "psql", "-XAt", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_up_and_down_can_be_repeated(home: Home) -> None:
    """The second `up` finds the server running, the second `down` finds none; data outlives both."""
    assert "started" in home.headgate("up").stdout
    home.query("create table kept as select 1 as n")

    assert "running" in home.headgate("up").stdout
    assert "stopped" in home.headgate("down").stdout
    assert "was not running" in home.headgate("down").stdout
    assert "started" in home.headgate("up").stdout
    assert home.query("select n from kept") == [(1,)]


@pytest.mark.costly
def test_down_leaves_a_server_that_somebody_uses(home: Home) -> None:
    """Refused while anybody is connected, with who; confirmed, it ends their sessions and names them."""
    home.headgate("up")
    with contextlib.closing(psycopg2.connect(home.cluster.uri("headgate"), application_name="mage")) as held:
        with held.cursor() as cursor:
            cursor.execute("select 1")
        refused = home.headgate("down", exit_code=4).stderr
        assert home.query("select 1") == [(1,)]
        ended = home.headgate("down", "--yes").stdout

    assert "mage (1 session of postgres in headgate since" in refused
    assert "1 at work" in refused
    assert "headgate down --yes" in refused
    assert "PostgreSQL stopped" in ended
    assert "mage (1 session" in ended


@pytest.mark.costly
def test_down_names_a_receiver_which_goes_on_after_up(home: Home, tmp_path: Path) -> None:
    """A command's sessions bear its name; the receiver answers 200 again when the server is back."""
    home.headgate("up")
    port = free_port()
    receiver = Receiver(
        [str(program("headgate")), "receive", "--port", str(port), "--processes", "1"],
        {**home.env, "HEADGATE_WEBHOOK_SECRET": SECRET, "HEADGATE_PII_KEY": PII_KEY},
        tmp_path / "receiver.log",
        port=port,
    )
    receiver.start()
    try:
        receiver.wait_until_healthy()
        assert receiver.deliver("d-1", b'{"zen": "before"}', event="ping").status_code == 200
        assert "headgate receive (" in home.headgate("down", exit_code=4).stderr
        home.headgate("down", "--yes")
        assert receiver.deliver("d-2", b'{"zen": "between"}', event="ping").status_code == 503
        home.headgate("up")
        wait_until(
            lambda: receiver.deliver("d-2", b'{"zen": "between"}', event="ping").status_code == 200,
            "an answer",
        )
    finally:
        receiver.kill()
    landed = home.query("select count(*) from staging_github_webhooks.deliveries")
    assert landed == [(2,)]


def test_psql_takes_what_dsn_and_env_print(home: Home) -> None:
    """`psql -d "$(headgate dsn)"` and `eval "$(headgate env)"` reach it, whatever PG* said before."""
    home.headgate("up")
    misleading = {**home.env, "PGPORT": "1", "PGDATABASE": "elsewhere"}
    where = "select current_database() || ' ' || current_setting('timezone')"

    uri = home.headgate("dsn").stdout.strip()
    assert psql("-d", uri, "-c", where, env=misleading) == "headgate UTC"

    exports = home.headgate("env").stdout
    script = f'{exports}exec "{binaries()}/psql" -XAtc "{where}"'
    done = subprocess.run(["bash", "-c", script], env=misleading, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "headgate UTC"


def test_nothing_listens_on_the_network(home: Home) -> None:
    """The socket is the only way in, and its folder is closed to others."""
    home.headgate("up")

    assert home.query(
        "select current_setting('listen_addresses'), current_setting('unix_socket_permissions')"
    ) == [("", "0700")]
    assert [folder.stat().st_mode & 0o777 for folder in (home.folder / "run", home.cluster.data)] == [
        0o700,
        0o700,
    ]


def test_up_recovers_after_kill_9(home: Home) -> None:
    """A killed server leaves postmaster.pid and its socket behind; committed rows are there again."""
    home.headgate("up")
    home.query("create table kept as select 1 as n")
    killed = home.cluster.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert not wait_until_stopped(home)

    assert "headgate up" in home.headgate("dsn", exit_code=1).stderr
    assert "started" in home.headgate("up").stdout
    assert home.query("select n from kept") == [(1,)]
    assert killed != home.cluster.pid


def wait_until_stopped(home: Home) -> bool:
    """Whether the server still runs after at most five seconds."""
    deadline = time.monotonic() + 5
    while home.cluster.is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    return home.cluster.is_running()


@pytest.mark.costly
def test_a_process_id_that_was_given_away_is_no_server(home: Home) -> None:
    """After a reboot the number in postmaster.pid may belong to any program, here to this test."""
    home.headgate("up")
    recorded = (home.cluster.data / "postmaster.pid").read_text().split("\n", 1)[1]
    home.headgate("down")
    (home.cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{recorded}")

    assert "started" in home.headgate("up").stdout


@pytest.mark.costly
def test_two_ups_at_once_start_one_server(home: Home) -> None:
    """Both succeed; one of them made the cluster, the other waited for it."""
    command = [Path(sys.executable).with_name("headgate"), "up"]
    pair = [
        subprocess.Popen(command, env=home.env, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in pair]

    assert [process.returncode for process in pair] == [0, 0]
    assert sorted(line.split()[1].rstrip(":") for line in said) == ["running", "started"]


def test_a_home_too_deep_for_a_socket_works(tmp_path: Path) -> None:
    """The socket then lies in the temp folder, and everybody finds it through the data folder."""
    deep = Home(tmp_path / ("a" * 100) / "home")
    try:
        deep.headgate("up")

        socket_dir = deep.cluster.socket_dir
        assert tmp_path not in socket_dir.parents
        assert (
            psql("-d", deep.headgate("dsn").stdout.strip(), "-c", "select current_database()", env=deep.env)
            == "headgate"
        )
    finally:
        deep.cluster.stop()
    assert not socket_dir.exists()
    deep.cluster.remove()


def test_without_a_server_every_command_says_what_to_do(home: Home) -> None:
    """`headgate up` is the next step, for people and for programs."""
    for command in ("dsn", "env", "migrate"):
        assert "headgate up" in home.headgate(command, exit_code=1).stderr

    assert "headgate up" in home.headgate("status", exit_code=1).stdout
    assert json.loads(home.headgate("status", "--json", exit_code=1).stdout)["running"] is False


@pytest.mark.costly
def test_without_schemas_or_rights_every_command_says_what_to_do(server: Cluster, tmp_path: Path) -> None:
    """A server of one's own before `headgate up`, and a role that may not read what another one owns."""
    server.ensure_database("not_up_yet")
    env = {
        **clean_environment(),
        "HEADGATE_HOME": str(tmp_path / "home"),
        "HEADGATE_DSN": server.uri("not_up_yet"),
    }
    file = tmp_path / "2016-01-01-1.json.gz"
    file.write_bytes(gzip.compress(b"{}\n"))
    commands = [["releases"], ["gates"], ["publish"], ["plan"], ["check"], ["land", "gharchive", str(file)]]
    for command in commands:
        said = run_headgate(*command, env=env, exit_code=1).stderr
        assert "next      run `headgate up`" in said
        assert "Traceback" not in said
    run_headgate("up", env=env)
    run_headgate("releases", env=env)
    create = "drop role if exists without_rights; create role without_rights login password 'none'"
    psql("-d", server.uri("not_up_yet"), "-c", create, env=env)
    env["HEADGATE_DSN"] = server.uri("not_up_yet").replace("postgres@", "without_rights:none@")
    for command in [["up"], ["status"], *commands]:
        said = run_headgate(*command, env=env, exit_code=1).stderr
        assert "rights in the database" in said
        assert "Traceback" not in said


def test_a_server_that_cannot_start_shows_the_end_of_its_log(home: Home) -> None:
    """The message holds the reason and the path of the log."""
    home.headgate("up")
    home.headgate("down")
    with (home.cluster.data / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")

    error = home.headgate("up", exit_code=1).stderr
    assert "no_such_setting" in error
    assert str(home.cluster.log) in error


def test_the_log_never_quotes_a_record(home: Home) -> None:
    """PostgreSQL would write a failing statement and the value that it failed on."""
    home.headgate("up")
    with pytest.raises(psycopg2.DataError):
        home.query("""select '{"email": "somebody@example.org'::jsonb""")

    assert "somebody" not in home.cluster.log.read_text()


def test_a_server_of_ones_own_gets_schemas_and_nothing_else(server: Cluster, tmp_path: Path) -> None:
    """With HEADGATE_DSN, `up` migrates that database and starts nothing."""
    server.ensure_database("of_ones_own")
    env = {
        **clean_environment(),
        "HEADGATE_HOME": str(tmp_path / "home"),
        "HEADGATE_DSN": server.uri("of_ones_own"),
    }
    run_headgate("up", env=env)
    state = json.loads(run_headgate("status", "--json", env=env).stdout)

    assert ("HEADGATE_DSN", True, state["newest_revision"]) == (
        state["server"],
        state["running"],
        state["revision"],
    )
    assert "left alone" in run_headgate("down", env=env).stdout
    assert server.is_running()
    assert not (tmp_path / "home" / "postgres").exists()
