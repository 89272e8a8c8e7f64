"""One PostgreSQL cluster on this machine: a data folder, the programs that run it, and a unix socket.

Only who started it may connect: the socket's folder is closed to others, and peer authentication asks the
kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from headgate import private
from headgate.errors import HeadgateError
from headgate.postgres import tuning
from headgate.postgres.places import ELSEWHERE, LINKED, Places, stop_server
from headgate.postgres.runas import ServerUser, caller, initdb_user, server_user

SUPERUSER = "postgres"
SOCKET_NAME = ".s.PGSQL.5432"
#: Longest socket folder: a unix socket's address has 107 bytes, of which "/.s.PGSQL.5432" needs 14.
SOCKET_DIR_LIMIT = 93
LOG_LIMIT = 16 * tuning.MIB
#: Who may connect: the caller's system user, as any role where the version has that (16 and newer).
ACCESS = """# Written by headgate at every start; changes here are lost.
local all {superuser} peer map=headgate
local all all {others}
"""
#: Recovery after a crash replays at most max_wal_size.
START_SECONDS = 600


@dataclass(frozen=True)
class Cluster:
    """A cluster below `home`: postgres/ (data), postgres.log, run/ (socket), server.lock."""

    home: Path
    #: Folder with initdb, pg_ctl and postgres.
    bin_dir: Path
    #: Settings that override headgate.conf.
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """What the server writes about itself; never a record's contents."""
        return self.home / "postgres.log"

    @property
    def socket_dir(self) -> Path:
        """Where the socket is: as the running server says, else where the next start puts it."""
        recorded = self._pid_file()
        return Path(recorded[4]) if len(recorded) > 4 and recorded[4] else self._planned_socket_dir()

    @property
    def pid(self) -> int | None:
        """The process id that the data folder names, alive or not."""
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def uri(self, database: str) -> str:
        """A connection URI that libpq, asyncpg and SQLAlchemy all take."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self.socket_dir))}&port=5432"

    def is_running(self) -> bool:
        """True when a server listens on the socket (it may still be recovering)."""
        if self.pid is None:
            return False
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            probe.settimeout(2)
            try:
                probe.connect(str(self.socket_dir / SOCKET_NAME))
            except OSError:
                return False
        return True

    def start(self) -> bool:
        """Starts the server and waits until it takes connections; False when it ran already.

        Raises:
            HeadgateError: it cannot be started; the message holds the end of its log.
        """
        with self._lock():
            user = server_user(self.data)
            if self.is_running():
                self._wait_until_ready()
                return False
            self._settle_stale_pid()
            places = Places(self.home, self.bin_dir, user)
            places.prepare()
            if not (self.data / "PG_VERSION").exists():
                self._init(user, places)
            self._prepare_folders(user)
            self._launch(user, places)
            self._wait_until_ready()
            return True

    def stop(self) -> bool:
        """Stops the server, ending its sessions; False when none ran.

        Raises:
            HeadgateError: it did not stop within a minute.
        """
        if not self.home.is_dir():
            return False
        with self._lock():
            if not self.is_running():
                return False
            socket_dir = self.socket_dir
            stop_server(self.data)
            if self.is_running():
                raise self._failure("to stop within a minute", f"process {self.pid} still listens")
            with contextlib.suppress(OSError):
                socket_dir.rmdir()
            return True

    def remove(self) -> None:
        """Stops the server and removes its data, wherever they are."""
        self.stop()
        for path in (self.data, self.log, self.home / "run"):
            found = path.resolve()
            path.unlink(missing_ok=True) if path.is_symlink() or path.is_file() else None
            shutil.rmtree(found, ignore_errors=True) if found.is_dir() else found.unlink(missing_ok=True)
            if found.parent.parent == ELSEWHERE:
                (found.parent / LINKED).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    found.parent.rmdir()

    def ensure_database(self, name: str) -> None:
        """Creates the database `name` unless it is there."""
        # Imported where it is used, here and below: landing processes start often, and need asyncpg only.
        import psycopg2

        with self._lock(), contextlib.closing(psycopg2.connect(self.uri("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("select 1 from pg_database where datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(f'create database "{name}"')

    def has_lz4(self) -> bool:
        """True when these programs were built with lz4."""
        try:
            built = subprocess.run(
                [self.bin_dir / "pg_config", "--configure"], capture_output=True, text=True, check=False
            )
        except OSError:
            return False
        return "--with-lz4" in built.stdout

    def _init(self, user: ServerUser, places: Places) -> None:
        # Made beside its place and moved there when whole: an interrupted initdb leaves no half cluster.
        fresh = places.root / "postgres.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        maker = initdb_user()
        maker.own(fresh)
        done = maker.run(
            [
                *(places.programs / "initdb", "--pgdata", fresh, "--username", SUPERUSER, "--auth=reject"),
                # Bytewise order: the same on every platform and version, and the fastest.
                *("--encoding=UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C"),
                *("--lc-monetary=C", "--lc-numeric=C", "--lc-time=C", "--no-instructions"),
                *(("--no-sync",) if self.extra.get("fsync") == "off" else ()),
            ]
        )
        if done.returncode != 0:
            raise self._failure("initdb to make a data folder", done.stdout)
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'headgate.conf'\n")
        user.own_all(fresh)
        data = places.root / "postgres"
        if data.exists():
            data.rmdir()
        fresh.rename(data)
        places.link()

    def _prepare_folders(self, user: ServerUser) -> None:
        data = self.data.resolve()
        if data.stat().st_uid != user.uid:
            user.own_all(data)
        self._prepare_socket_dir(user)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        user.own(self.log)
        conf = tuning.render(self._planned_socket_dir(), lz4=self.has_lz4(), extra=self.extra)
        for name, text in {"headgate.conf": conf, **self._access()}.items():
            (data / name).write_text(text)
            user.own(data / name)

    def _access(self) -> dict[str, str]:
        """The files that say who may connect, and as whom."""
        major = int((self.data / "PG_VERSION").read_text())
        others = "peer map=headgate" if major >= 16 else "scram-sha-256"
        roles = "all" if major >= 16 else SUPERUSER
        return {
            "pg_hba.conf": ACCESS.format(superuser=SUPERUSER, others=others),
            "pg_ident.conf": f'headgate "{caller()}" {roles}\n',
        }

    def _prepare_socket_dir(self, user: ServerUser) -> None:
        run = self._planned_socket_dir()
        run.mkdir(mode=0o700, exist_ok=True)
        state = run.lstat()
        if run.is_symlink() or state.st_uid not in (os.geteuid(), user.uid):
            raise HeadgateError(
                f"socket folder {run}",
                expected=f"a folder owned by user {user.uid}",
                found=f"a symbolic link or a folder owned by user {state.st_uid}",
                next_step="remove it, or set HEADGATE_HOME to a shorter path",
            )
        run.chmod(0o700)
        user.own(run)

    def _launch(self, user: ServerUser, places: Places) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            offset = self.log.stat().st_size
            log = str(self.log.resolve())
            done = self._pg_ctl(user, places, "start", "-w", "-t", str(START_SECONDS), "-l", log)
            if done.returncode == 0:
                return
            said = self.log.read_bytes()[offset:].decode(errors="replace")
            # Left-over backends of a killed server finish what they do before they notice.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise self._failure("to start", said or done.stdout)
            time.sleep(0.5)

    def _pg_ctl(self, user: ServerUser, places: Places, *arguments: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [places.programs / "pg_ctl", "-D", self.data.resolve(), *arguments]
        return user.run(command, timeout=START_SECONDS + 30)

    def _settle_stale_pid(self) -> None:
        """Waits for a server that is stopping; forgets a process id that now belongs to another program.

        PostgreSQL removes the file of a dead process, but takes any living process of its user for a server.
        """
        deadline = time.monotonic() + 60
        while (pid := self.pid) is not None and (command := _command_line(pid)) is not None:
            if str(self.data.resolve()) not in command and str(self.data) not in command:
                (self.socket_dir / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
                (self.data / "postmaster.pid").unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise self._failure("to answer on its socket", f"process {pid} runs but does not listen")
            time.sleep(0.2)

    def _wait_until_ready(self) -> None:
        import psycopg2

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(self.uri("postgres"), connect_timeout=5).close()
                return
            except psycopg2.OperationalError as error:
                # "the database system is starting up", "... is shutting down", "... is in recovery mode"
                if "the database system" not in str(error) or time.monotonic() > deadline:
                    raise self._failure("to take connections", str(error)) from None
            time.sleep(0.1)

    def _planned_socket_dir(self) -> Path:
        inside = (self.home / "run").resolve()
        if len(os.fsencode(inside)) <= SOCKET_DIR_LIMIT:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"headgate-{digest}"

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time starts, stops or changes the cluster."""
        path = self.home / "server.lock"
        try:
            private.folder(self.home)
            handle = path.open("w")
        except PermissionError:
            raise HeadgateError(
                f"folder {self.home}",
                expected=f"to be writable for user {os.geteuid()}, who runs this command",
                found="no permission",
                next_step="run the command as its owner, or set HEADGATE_HOME to a folder of your own",
            ) from None
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _failure(self, expected: str, output: str) -> HeadgateError:
        tail = " | ".join(line.strip() for line in output.strip().splitlines()[-6:]) or "nothing was printed"
        return HeadgateError(
            f"embedded PostgreSQL in {self.data}",
            expected=expected,
            found=tail,
            next_step=f"read the end of {self.log}, then run `headgate up` again",
        )


def _command_line(pid: int) -> str | None:
    """The command line of a living process; None when there is none, or no /proc to look it up in."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
