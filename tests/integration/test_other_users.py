"""Another user of the machine gets into nothing that Headgate keeps: no file, no socket, no database.

Run by root, who can become that user; what an ordinary user keeps is closed by the same modes.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from headgate.postgres import places
from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user (run as root)")

#: A daemon's user, the one that servers of root ran as before, and one that has a number only.
OTHERS = [pwd.getpwnam("daemon").pw_uid, pwd.getpwnam("nobody").pw_uid, 65_000]
FAST = {"fsync": "off", "shared_buffers": "16MB", "max_wal_size": "64MB"}


@pytest.fixture(scope="module", params=["open", "closed"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running server of root's below a folder that others may pass, and below one that they may not."""
    folder = Path(tempfile.mkdtemp(prefix="headgate-others-"))
    folder.chmod(0o755 if request.param == "open" else 0o700)
    made = Cluster(folder / "home", binaries(), FAST)
    made.start()
    yield made
    made.remove()
    shutil.rmtree(folder)


def as_user(uid: int, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command of another user's, without any group."""
    return subprocess.run(
        [str(part) for part in command],
        user=uid,
        group=uid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_server_has_a_user_of_its_own(cluster: Cluster) -> None:
    """A number that no user of the machine has, no group of root's, no capability."""
    status = Path(f"/proc/{cluster.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    uids = {int(uid) for uid in fields["Uid"].split()}
    assert len(uids) == 1
    with pytest.raises(KeyError):
        pwd.getpwuid(uids.pop())
    assert fields["Groups"].strip() == ""
    assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}


@pytest.mark.parametrize("uid", OTHERS)
def test_nobody_else_connects(cluster: Cluster, uid: int) -> None:
    """Neither through the socket's folder nor, were it open, past the authentication."""
    psql = shutil.which("psql") or binaries() / "psql"
    ask = (
        psql,
        "-XAtd",
        cluster.uri("postgres").replace("host=", "connect_timeout=5&host="),
        "-c",
        "select 1",
    )
    assert as_user(uid, *ask).returncode != 0
    folder = cluster.socket_dir
    try:
        folder.chmod(0o777)
        (folder / ".s.PGSQL.5432").chmod(0o777)
        if as_user(uid, "test", "-w", folder / ".s.PGSQL.5432").returncode == 0:
            refused = as_user(uid, *ask)
            assert refused.returncode != 0
            assert "eer authentication" in refused.stderr or "local user with ID" in refused.stderr
    finally:
        folder.chmod(0o700)
        (folder / ".s.PGSQL.5432").chmod(0o700)


@pytest.mark.parametrize("uid", OTHERS)
def test_nobody_else_reads_or_writes_a_file(cluster: Cluster, uid: int) -> None:
    """Data, log, socket and what else stands in the home."""
    for path in (cluster.home, cluster.data, cluster.log, cluster.socket_dir, cluster.data / "PG_VERSION"):
        for right in ("-r", "-w"):
            assert as_user(uid, "test", right, path).returncode != 0, f"{right} {path}"


def test_sql_reaches_no_file_of_root(cluster: Cluster, tmp_path: Path) -> None:
    """What the server reads and writes for a superuser's SQL is what its own user may: nothing of root's."""
    tmp_path.chmod(0o755)
    secret = tmp_path / "secret"
    secret.write_text("of root's")
    secret.chmod(0o600)
    with (
        contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection,
        connection.cursor() as cursor,
    ):
        connection.autocommit = True
        for statement in (
            f"select pg_read_file('{secret}')",
            f"copy (select 1) to '{secret}'",
            f"copy (select 1) to '{tmp_path}/new'",
            "select pg_read_file('/etc/shadow')",
        ):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(statement)
    assert secret.read_text() == "of root's"


def test_data_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    """Data that belonged to `nobody` belongs to the server's own user after the next start, with its rows."""
    tmp_path.chmod(0o755)
    cluster = Cluster(tmp_path / "home", binaries(), FAST)
    cluster.start()
    with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection, connection:
        connection.cursor().execute("create table kept as select 1 as n")
    cluster.stop()
    nobody = pwd.getpwnam("nobody")
    data = cluster.data.resolve()
    for path in (data, *data.rglob("*"), cluster.log.resolve()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    cluster.start()
    try:
        assert cluster.data.stat().st_uid >= 61_184
        with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection:
            cursor = connection.cursor()
            cursor.execute("select n from kept")
            assert cursor.fetchall() == [(1,)]
    finally:
        cluster.remove()


@pytest.mark.parametrize("killed_in", ["_copy", "_remove", "link"])
def test_a_takeover_that_is_killed_loses_nothing(monkeypatch: pytest.MonkeyPatch, killed_in: str) -> None:
    """Data that moves behind a closed folder is there after a kill at any step; the next start finds it."""
    folder = Path(tempfile.mkdtemp(prefix="headgate-others-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "home", binaries(), FAST)
    cluster.start()
    with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection, connection:
        connection.cursor().execute("create table kept as select 1 as n")
    cluster.stop()
    assert not cluster.data.is_symlink()
    owner = places.Places if killed_in == "link" else places
    work = getattr(owner, killed_in)

    def killed(*arguments: object) -> None:
        if killed_in != "link":
            work(*arguments)
        raise KeyboardInterrupt

    folder.chmod(0o700)
    monkeypatch.setattr(owner, killed_in, killed)
    with pytest.raises(KeyboardInterrupt):
        cluster.start()
    monkeypatch.undo()
    cluster.start()
    try:
        assert cluster.data.is_symlink()
        with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection:
            cursor = connection.cursor()
            cursor.execute("select n from kept")
            assert cursor.fetchall() == [(1,)]
    finally:
        cluster.remove()
        shutil.rmtree(folder)


@pytest.mark.costly
def test_programs_that_others_cannot_read_are_copied(tmp_path: Path) -> None:
    """With a closed environment, as umask 077 makes it, the server runs from a copy of its programs."""
    tmp_path.chmod(0o700)
    package = binaries().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, tmp_path / folder.name, symlinks=True)
    programs = tmp_path / binaries().relative_to(package.parent)
    cluster = Cluster(tmp_path / "home", programs, FAST)
    cluster.start()
    try:
        command = Path(f"/proc/{cluster.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        assert command.startswith(str(places.ELSEWHERE / "programs-"))
        assert not cluster.start()
    finally:
        cluster.remove()
        shutil.rmtree(Path(command).parents[3])


def _command(pid: int | None) -> bytes:
    """What a process was started with; nothing of one that has ended, though it is not reaped."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.costly
def test_a_removed_home_is_not_found_again(tmp_path: Path) -> None:
    """Who removes a home behind a closed folder starts from nothing, though its server still ran."""
    tmp_path.chmod(0o700)
    cluster = Cluster(tmp_path / "home", binaries(), FAST)
    cluster.start()
    first = cluster.pid
    with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection, connection:
        connection.cursor().execute("create table old as select 1")
    shutil.rmtree(tmp_path / "home")
    cluster.start()
    try:
        assert cluster.pid != first
        assert not _command(first)
        with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection:
            cursor = connection.cursor()
            cursor.execute("select to_regclass('old')")
            assert cursor.fetchone() == (None,)
    finally:
        cluster.remove()
