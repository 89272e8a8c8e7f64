"""Files that are their owner's alone: all in HEADGATE_HOME, and datasets elsewhere."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from headgate.settings import Settings

#: What group and others may do with a file: nothing.
OTHERS = 0o077
#: To pass a folder on the way to one's own, which is not to read it.
PASS = 0o011


#: The umask that the program was called with.
_callers: int | None = None


def begin() -> None:
    """Keeps to its owner what this process writes, and all that it starts."""
    global _callers  # noqa: PLW0603 - a process has one umask
    before = os.umask(OTHERS)
    _callers = before if _callers is None else _callers


def write_project() -> None:
    """Has this process write as its caller's umask says: files of a project, for all who work on it."""
    if _callers is not None:
        os.umask(_callers)


def tighten(settings: Settings) -> None:
    """Takes what stands in the home from others, as earlier versions and other programs left it.

    A home in which a project or a user's own files lie is not Headgate's alone: there it changes nothing.
    """
    home = settings.home
    with contextlib.suppress(OSError):
        state = home.lstat()
        shared = (
            home == Path.home() or settings.project_dir.is_relative_to(home) or state.st_mode & stat.S_ISVTX
        )
        if shared or state.st_uid != os.geteuid():
            return
        for place in home.iterdir():
            _tighten(place)
        # A server of root's runs as another user, who has to pass.
        keep = PASS if os.geteuid() == 0 and (home / "postgres").is_dir() else 0
        home.chmod(stat.S_IMODE(state.st_mode) & ~(OTHERS & ~keep))


def folder(path: Path) -> Path:
    """A folder for its owner, made with those above it where they are not there; the folder."""
    for place in (*reversed(path.parents), path):
        if not place.exists():
            place.mkdir(mode=0o700, exist_ok=True)
    return path


def touch(path: Path) -> Path:
    """An empty file for its owner, which keeps what it holds where it is there; the file."""
    path.touch(mode=0o600)
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o600)
    return path


def _tighten(place: Path) -> None:
    """Takes a file, or a folder with all in it, from others; follows no link, leaves what others own."""
    with contextlib.suppress(OSError):
        state = place.lstat()
        if stat.S_ISLNK(state.st_mode) or state.st_uid != os.geteuid() or not state.st_mode & OTHERS:
            return
        if stat.S_ISDIR(state.st_mode):
            for inner in place.iterdir():
                _tighten(inner)
        place.chmod(stat.S_IMODE(state.st_mode) & ~OTHERS)
