"""Runs PostgreSQL's own programs as a user that PostgreSQL accepts: it refuses to run as root.

A server of root's runs as a user of its own: a number without a name, which owns its data and nothing else,
and as which nobody else on the machine runs. It has no capability and no group. What it cannot reach, because
a folder above is closed, is put where it can.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError

#: Numbers that no distribution gives to a named user; systemd takes some of them for a while.
FIRST_UID, UIDS = 61_184, 4_000
#: initdb alone wants a user that has a name.
NAMED = "nobody"


@dataclass(frozen=True)
class ServerUser:
    """Who runs the server, and how a command is started as that user."""

    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        """True when no change of user is needed."""
        return self.uid == os.geteuid()

    def own(self, path: Path) -> None:
        """Makes this user the owner of `path`; does nothing for an ordinary user."""
        if not self.is_me:
            os.chown(path, self.uid, self.gid)

    def own_all(self, path: Path) -> None:
        """Makes this user the owner of a folder and of everything in it; follows no link."""
        if self.is_me:
            return
        self.own(path)
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(folder) / name, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Whether folders above `path` let this user pass; files inside of it are another question."""
        if self.is_me:
            return True
        return all(_lets_pass(folder, self.uid) for folder in path.resolve().parents)

    def run(self, command: Sequence[str | Path], *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs `command` as this user, in a bare environment; what it printed is in `stdout`."""
        argv = [str(part) for part in command]
        options: dict[str, Any] = {}
        if not self.is_me:
            options = {"user": self.uid, "group": self.gid, "extra_groups": []}
        # A file, not a pipe: the detached server would keep the pipe open and this call waiting.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                umask=0o077,
                timeout=timeout,
                check=False,
                **options,
            )
            out.seek(0)
            return subprocess.CompletedProcess(argv, done.returncode, out.read().decode(errors="replace"))


def _lets_pass(folder: Path, uid: int) -> bool:
    state = folder.stat()
    return bool(state.st_mode & (0o100 if state.st_uid == uid else 0o001))


def server_user(data: Path) -> ServerUser:
    """The user for a data folder: the caller, or, when root calls, one without a name that this folder has.

    Raises:
        HeadgateError: the data folder belongs to somebody else.
    """
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if me == 0:
        # Data of root or of a user with a name is taken over: see Cluster.start.
        uid = owner if owner and not _is_named(owner) else _unnamed_uid(data)
        return ServerUser(uid, uid)
    if owner is not None and owner != me:
        raise HeadgateError(
            f"data folder {data}",
            expected=f"to be owned by user {me}, who runs this command",
            found=f"owner {owner}",
            next_step="run the command as that user, or set HEADGATE_HOME to a folder of your own",
        )
    return ServerUser(me, os.getegid())


def initdb_user() -> ServerUser:
    """Who runs initdb where root calls; its files are given to the server's user when they are whole.

    Raises:
        HeadgateError: the machine has no user of the name.
    """
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid())
    try:
        found = pwd.getpwnam(NAMED)
    except KeyError:
        raise HeadgateError(
            "embedded PostgreSQL, started by root",
            expected=f"a user `{NAMED}` to run initdb as, because PostgreSQL refuses to run as root",
            found="no such user",
            next_step="run the command as an ordinary user, or set HEADGATE_DSN to a server you have",
        ) from None
    return ServerUser(found.pw_uid, found.pw_gid)


def caller() -> str:
    """The name by which PostgreSQL's peer authentication knows the caller.

    Raises:
        HeadgateError: the caller has a number only.
    """
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise HeadgateError(
            f"user {os.geteuid()}, who runs this command",
            expected="a user with a name in /etc/passwd, for PostgreSQL's peer authentication",
            found="none",
            next_step="give it one, or set HEADGATE_DSN to a server you have",
        ) from None


def _unnamed_uid(data: Path) -> int:
    start = int.from_bytes(hashlib.sha256(os.fsencode(data)).digest()[:4]) % UIDS
    return next(uid for n in range(UIDS) if not _is_named(uid := FIRST_UID + (start + n) % UIDS))


def _is_named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
