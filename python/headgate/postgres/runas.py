"""Runs PostgreSQL's own programs as a user that PostgreSQL accepts: it refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import HeadgateError

#: Lets the unprivileged server pass folders of root's (a checkout below a home of mode 700).
CAPABILITY = "+dac_override"


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

    def run(self, command: Sequence[str | Path], *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs `command` as this user, in a bare environment; what it printed is in `stdout`."""
        argv, options = self._as_user([str(part) for part in command])
        # A file, not a pipe: the detached server would keep the pipe open and this call waiting.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                timeout=timeout,
                check=False,
                **options,
            )
            out.seek(0)
            return subprocess.CompletedProcess(argv, done.returncode, out.read().decode(errors="replace"))

    def _as_user(self, argv: list[str]) -> tuple[list[str], dict[str, Any]]:
        """The command and the options of `subprocess.run` that make it run as this user."""
        if self.is_me:
            return argv, {}
        if setpriv := shutil.which("setpriv"):
            change = (f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups")
            keep = (f"--inh-caps={CAPABILITY}", f"--ambient-caps={CAPABILITY}")
            # Without this bit access(2), which initdb asks, ignores the capability.
            prefix = [setpriv, *change, *keep, "--securebits=+no_setuid_fixup"]
            # A container may have taken the capability from root.
            if subprocess.run([*prefix, "true"], capture_output=True, cwd="/", check=False).returncode == 0:
                return [*prefix, *argv], {}
        return argv, {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_user(data: Path) -> ServerUser:
    """The user for a data folder: the caller, or, when root calls, the folder's owner or `nobody`.

    Raises:
        HeadgateError: the data folder belongs to somebody else, or root finds no user to run the server as.
    """
    me = os.geteuid()
    owner = data.stat() if data.exists() else None
    if me != 0:
        if owner is not None and owner.st_uid != me:
            raise HeadgateError(
                f"data folder {data}",
                expected=f"to be owned by user {me}, who runs this command",
                found=f"owner {owner.st_uid}",
                next_step="run the command as that user, or set HEADGATE_HOME to a folder of your own",
            )
        return ServerUser(me, os.getegid())
    if owner is not None and owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise HeadgateError(
            "embedded PostgreSQL, started by root",
            expected="a user `nobody` to run the server as, because PostgreSQL refuses to run as root",
            found="no such user",
            next_step="run the command as an ordinary user, or set HEADGATE_DSN to a server you have",
        ) from None
    return ServerUser(nobody.pw_uid, nobody.pw_gid)
