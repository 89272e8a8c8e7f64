"""Puts new files into a project as a whole or not at all.

They are written into a copy of the project under .headgate/new and checked there. Then a list of what moves
is written, and each new folder or file moves into place by one rename, in an order in which dbt and Mage can
read the project between any two: a source's macro, by which other models find it, comes behind its models.
Killed before the list, a command leaves its copy behind and the project as it was; killed after it, the next
command that writes files finishes its moves.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from headgate.errors import HeadgateError

#: Seen from the project's folder: on its file system, in no path of dbt or Mage.
FOLDER = Path(".headgate") / "new"
_LOCK, _READY, _MOVES, _COPY, _GONE = "lock", "ready.json", "moves.json", "project", "gone"
#: Not needed to check what is generated.
_LEFT_OUT = frozenset({"target", "logs", "dbt_packages", "node_modules"})
#: What Python, dbt and Mage write when they run.
_NOT_COPIED = (
    *("__pycache__", ".*_temp_*", ".variables", ".file_versions", ".cache", ".logs", ".mage_data"),
    *(".ssh_tunnel", "mage-ai.db", "interactions"),
)
#: What is moved first.
_ORDER = ("seeds", "models/staging", "models", "macros", "mage_pipelines/utils", "mage_pipelines/pipelines")

Check = Callable[[Path, Sequence[str]], list[str]]


def put(
    project_dir: Path,
    texts: Mapping[str, str],
    check: Check | None = None,
    removed: Sequence[str] = (),
    commit: Callable[[], None] | None = None,
) -> list[str]:
    """Writes texts by path, seen from the project's folder, once the project with them passed a check.

    Files and folders of `removed` are taken away before. `commit` changes what goes with them elsewhere, when
    all else that can fail is done and before the first file moves. Killed behind it, the command does the
    rest when it is called again.

    Returns:
        What the check returned.

    Raises:
        HeadgateError: the check or `commit` failed; nothing was written.
    """
    finish_moves(project_dir)
    with _folder(project_dir) as folder:
        copy = _changed_copy(project_dir, folder, texts, removed)
        passed = _checked(check, copy, list(texts)) if check else []
        away = sorted((path for path in removed if (project_dir / path).exists()), key=_rank, reverse=True)
        moves = {"away": away, "in": _moves(project_dir, texts, removed)}
        _write_durably(folder / _READY, json.dumps(moves))
        if commit:
            commit()
        (folder / _READY).replace(folder / _MOVES)
        _move(folder, project_dir, moves)
    return passed


def try_out(project_dir: Path, texts: Mapping[str, str], check: Check) -> list[str]:
    """What a check says of the project with texts by path; the project stays as it is.

    Raises:
        HeadgateError: the check failed.
    """
    with _folder(project_dir) as folder:
        return _checked(check, _changed_copy(project_dir, folder, texts), list(texts))


def finish_moves(project_dir: Path) -> None:
    """Finishes what was killed while it moved files, and removes what was killed before."""
    for folder in sorted((project_dir / FOLDER).glob("*")):
        with _locked(folder, wait=False) as is_dead:
            if is_dead:
                with suppress(FileNotFoundError):
                    _move(folder, project_dir, json.loads((folder / _MOVES).read_text()))
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _folder(project_dir: Path) -> Iterator[Path]:
    """A folder of this process alone, which goes with it."""
    (project_dir / FOLDER).mkdir(parents=True, exist_ok=True)
    while True:
        folder = Path(tempfile.mkdtemp(dir=project_dir / FOLDER))
        with _locked(folder, wait=True):
            # Before it was locked, another command may have taken it for one of a killed command.
            if not (folder / _LOCK).exists():
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


@contextmanager
def _locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Holds the folder's lock, which ends with the process; false where another one has it."""
    try:
        handle: IO[str] = (folder / _LOCK).open("a")
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def _changed_copy(
    project_dir: Path, folder: Path, texts: Mapping[str, str], removed: Sequence[str] = ()
) -> Path:
    """A copy of the project without some of its files and with others."""
    copy = folder / _COPY
    _copy_project(project_dir, copy, [*texts, *removed])
    for path in removed:
        _remove(copy / path)
    for path, text in texts.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text, encoding="utf-8")
    return copy


def _copy_project(project_dir: Path, copy: Path, paths: Sequence[str]) -> None:
    """The project with links to what does not change."""
    changed = {path.split("/")[0] for path in paths} | {"mage_pipelines"}
    copy.mkdir()
    for entry in project_dir.iterdir():
        if entry.name.startswith(".") or entry.name in _LEFT_OUT:
            continue
        if entry.is_dir() and entry.name in changed:
            ignored = shutil.ignore_patterns(*_NOT_COPIED)
            shutil.copytree(entry, copy / entry.name, ignore=ignored, symlinks=True)
        elif entry.name in changed:
            shutil.copyfile(entry, copy / entry.name)
        else:
            (copy / entry.name).symlink_to(entry.resolve())


def _checked(check: Check, copy: Path, paths: Sequence[str]) -> list[str]:
    """What a check says of the copy, in words of the project."""
    try:
        return check(copy, paths)
    except HeadgateError as error:
        parts = (error.subject, error.expected, error.found, error.next_step)
        # The folder may be told as it is called, or with its links followed.
        here = {f"{copy}/": "", f"{copy.resolve()}/": ""}
        subject, expected, found, next_step = (_replaced(part, here) for part in parts)
        raise type(error)(
            subject, expected=expected, found=found, next_step=f"{next_step}; nothing was written"
        ) from error


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for word, other in words.items():
        text = text.replace(word, other)
    return text


def _moves(project_dir: Path, texts: Mapping[str, str], removed: Sequence[str]) -> list[str]:
    """New folders, and files in folders that stand, in the order in which they move."""
    return sorted({_unit(project_dir, Path(path), removed) for path in texts}, key=_rank)


def _unit(project_dir: Path, path: Path, removed: Sequence[str]) -> str:
    """The outermost folder of a path that is not there, or will not be; else the path."""
    missing = [
        folder for folder in path.parents if str(folder) in removed or not (project_dir / folder).exists()
    ]
    return str(missing[-1] if missing else path)


def _rank(path: str) -> tuple[int, bool, str]:
    # Blocks of Mage stand between modules and pipelines.
    last = 2 * len(_ORDER) - 3
    number = next((2 * at for at, start in enumerate(_ORDER) if f"{path}/".startswith(f"{start}/")), last)
    return (number, path.endswith((".yml", ".yaml")), path)


def _move(folder: Path, project_dir: Path, moves: Mapping[str, Sequence[str]]) -> None:
    """Moves what has not been moved: first what goes, then what comes."""
    for number, path in enumerate(moves["away"]):
        gone = folder / f"{_GONE}-{number}"
        # A path that was replaced already has gone.
        if not gone.exists() and (project_dir / path).exists():
            (project_dir / path).replace(gone)
    for path in moves["in"]:
        if (folder / _COPY / path).exists():
            (project_dir / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / _COPY / path).replace(project_dir / path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_durably(file: Path, text: str) -> None:
    """A file that is there whole or not at all."""
    fresh = file.with_suffix(".part")
    with fresh.open("w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(file)
