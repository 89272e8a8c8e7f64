"""Keeps a program and all that it starts together: they end when whoever asked for them is gone.

`python -m headgate.pipelines.supervise COMMAND...` runs the command until standard input closes, which it
does when the caller ends, by whatever signal; until it is asked to stop; or until the command ends by itself.
Then everything that the command started ends too, what has a session or a process group of its own included.
Temporary files and sockets of the command are in a folder that nobody else can enter, and which is removed.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

#: Exit code when the caller is gone.
ABANDONED = 130
SECONDS_TO_END = 5
SECONDS_BETWEEN_LOOKS = 0.3
#: A socket's address has 107 bytes; what the command adds to the folder takes about forty.
LONGEST_FOLDER = 60
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def adopt_orphans() -> None:
    """Makes descendants whose parent died children of this process, where the system can (Linux)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Has the system kill this process when its parent dies, where it can (Linux)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_descendants() -> None:
    """Ends every process that this one started and that these started: asks first, then kills."""
    for ask in ((signal.SIGTERM, signal.SIGHUP), (signal.SIGKILL,), (signal.SIGKILL,)):
        living = psutil.Process().children(recursive=True)
        for process in living:
            for number in ask:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
        if not living:
            return
        psutil.wait_procs(living, timeout=SECONDS_TO_END)


def run(command: Sequence[str]) -> int:
    """Runs the command, in a session of its own; its exit code, or `ABANDONED`."""
    adopt_orphans()
    folder = _private_folder()
    try:
        child = subprocess.Popen(
            command,
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.DEVNULL,
            umask=0o077,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
        )
        return _wait(child.pid)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_descendants()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(child: int) -> int:
    while True:
        readable, _, _ = select.select([0], [], [], SECONDS_BETWEEN_LOOKS)
        if readable and not os.read(0, 4096):
            return ABANDONED
        # Adopted processes are waited for too, so that they do not stay as zombies.
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child:
                    return os.waitstatus_to_exitcode(ended[1])


def _private_folder() -> Path:
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="headgate-", dir=usual if len(usual) < LONGEST_FOLDER else "/tmp"))


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(sys.argv[1:]))
