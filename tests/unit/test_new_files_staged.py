"""New files come into a project as a whole or not at all, also when the command is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from headgate.errors import ConfirmationRequired, HeadgateError
from headgate.scaffold import staging
from headgate.scaffold.files import NewFiles

TEXTS = {
    "mage_pipelines/pipelines/ingest_shop/metadata.yaml": "pipeline",
    "models/staging/shop/stg.sql": "select 1",
    "models/staging/shop/stg.yml": "models",
    "models/monitoring/shop_observed.yml": "models",
    "models/monitoring/shop_observed.sql": "select 2",
    "macros/shop/generation.sql": "macro",
    "mage_pipelines/data_loaders/shop/load.py": "block",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a model and a pipeline."""
    for file in (
        "models/monitoring/standing.sql",
        "mage_pipelines/pipelines/old/metadata.yaml",
        "dbt_project.yml",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(file)
    return tmp_path


def tree(project: Path) -> dict[str, str]:
    """Every file of the project outside of hidden folders, with its text."""
    return {
        str(file.relative_to(project)): file.read_text()
        for file in project.rglob("*")
        if file.is_file() and not str(file.relative_to(project)).startswith(".")
    }


def leftovers(project: Path) -> list[Path]:
    """What staging left behind."""
    return list((project / staging.FOLDER).glob("*"))


def test_all_files_come_at_once(project: Path) -> None:
    """The check sees the project with the new files; afterwards they are there, and nothing else."""
    before = tree(project)
    seen: dict[str, str] = {}

    def check(folder: Path, paths: Sequence[str]) -> list[str]:
        seen.update({path: (folder / path).read_text() for path in [*paths, *before]})
        assert tree(project) == before
        return ["checked"]

    written = NewFiles(project, TEXTS).write(check=check)

    assert seen == {**TEXTS, **before}
    assert (sorted(written.paths), written.passed) == (sorted(TEXTS), ("checked",))
    assert tree(project) == seen
    assert leftovers(project) == []


def test_a_failed_check_leaves_nothing(project: Path) -> None:
    """What a check refuses is not in the project; its message names files as they are called there."""
    before = tree(project)

    def check(folder: Path, paths: Sequence[str]) -> list[str]:
        raise HeadgateError("file", expected="good", found=f"{folder}/{paths[0]} bad", next_step="mend it")

    with pytest.raises(HeadgateError) as raised:
        NewFiles(project, TEXTS).write(check=check)

    assert tree(project) == before
    assert leftovers(project) == []
    assert raised.value.found == f"{next(iter(TEXTS))} bad"
    assert raised.value.next_step == "mend it; nothing was written"


def test_any_error_leaves_nothing(project: Path) -> None:
    """A check that ends in an error of its own leaves nothing either."""
    before = tree(project)

    def check(_folder: Path, _paths: Sequence[str]) -> list[str]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        NewFiles(project, TEXTS).write(check=check)

    assert tree(project) == before
    assert leftovers(project) == []


def test_files_in_the_way_stop_before_anything_is_written(project: Path) -> None:
    """A file that stands with another text is named; nothing else is written."""
    (project / "macros/shop").mkdir(parents=True)
    (project / "macros/shop/generation.sql").write_text("mine")
    before = tree(project)

    with pytest.raises(ConfirmationRequired, match="macros/shop/generation"):
        NewFiles(project, TEXTS).write()

    assert tree(project) == before
    NewFiles(project, TEXTS).write(overwrite=True)
    assert tree(project)["macros/shop/generation.sql"] == "macro"


KILLED = """
import json, os, signal, sys
from pathlib import Path
from headgate.scaffold import staging

project, texts, moves = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
replace = Path.replace

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def counted(self, target):
    global moves
    if staging._COPY in self.parts:
        if moves == 0:
            die()
        moves -= 1
    return replace(self, target)

Path.replace = counted
staging.put(project, texts, die if moves < 0 else None, json.loads(sys.argv[4]))
"""


def killed_while_putting(
    project: Path, texts: dict[str, str], moves: int, removed: tuple[str, ...] = ()
) -> int:
    """The exit code of a process that is killed before its first move out of the copy, or after so many."""
    words = [str(project), json.dumps(texts), str(moves), json.dumps(removed)]
    return subprocess.run([sys.executable, "-c", KILLED, *words], check=False, env=os.environ).returncode


@pytest.mark.parametrize("moves", [-1, 0, 1])
def test_files_come_in_place_of_others(project: Path, moves: int) -> None:
    """Folders go and others of the same name come; killed between, the next command goes on."""
    NewFiles(project, TEXTS).write()
    before = tree(project)
    removed = ("macros/shop", "models/staging/shop", "models/monitoring/shop_observed.sql")
    texts = {"models/staging/shop/other.sql": "select 4", "macros/shop/generation.sql": "another"}

    assert killed_while_putting(project, texts, moves, removed) == -signal.SIGKILL
    staging.finish_moves(project)

    kept = {path: text for path, text in before.items() if not path.startswith(removed)}
    assert tree(project) == (before if moves < 0 else {**kept, **texts})
    assert leftovers(project) == []


@pytest.mark.parametrize("moves", [-1, 0, 1, 2, 3, 4])
def test_killed_at_any_move(project: Path, moves: int) -> None:
    """Killed before the first move, nothing is there; between moves, what is there can be read."""
    before = tree(project)
    assert killed_while_putting(project, TEXTS, moves) == -signal.SIGKILL
    killed = tree(project)

    # Each needs what is left of it.
    needed = [
        "models/staging/shop",
        "models/monitoring/shop_observed.sql",
        "macros/shop",
        "mage_pipelines/pi",
    ]
    there = [any(path.startswith(start) and path not in before for path in killed) for start in needed]
    assert there == sorted(there, reverse=True)
    assert len(leftovers(project)) == 1
    if moves <= 0:
        assert killed == before

    NewFiles(project, {"models/another.sql": "select 3"}).write()

    assert leftovers(project) == []
    finished = {} if moves < 0 else TEXTS
    assert tree(project) == {**before, **finished, "models/another.sql": "select 3"}


def test_a_command_at_work_is_left_alone(project: Path) -> None:
    """Cleaning up touches no folder that a living command holds."""

    def check(folder: Path, _paths: Sequence[str]) -> list[str]:
        staging.finish_moves(project)
        assert (folder / "macros/shop/generation.sql").is_file()
        return []

    NewFiles(project, TEXTS).write(check=check)
    assert tree(project)["macros/shop/generation.sql"] == "macro"


def test_another_command_takes_a_folder_for_a_dead_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is tidied away between its making and its lock is made once more."""
    make = tempfile.mkdtemp
    made: list[str] = []

    def tidied(dir: Path) -> str:  # noqa: A002 - as mkdtemp names it
        made.append(make(dir=dir))
        if len(made) == 1:
            staging.finish_moves(project)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", tidied)
    NewFiles(project, TEXTS).write()

    assert len(made) == 2
    assert tree(project).items() >= TEXTS.items()
    assert leftovers(project) == []


def test_what_goes_with_the_files_is_done_last_and_first(project: Path) -> None:
    """A database that refuses leaves the files alone; a command killed behind it finds them as they were."""
    before = tree(project)
    seen = []

    def refuse() -> None:
        seen.append(tree(project))
        raise HeadgateError("source", expected="leave", found="none", next_step="ask")

    with pytest.raises(HeadgateError):
        staging.put(project, TEXTS, commit=refuse)
    assert [before] == seen
    assert tree(project) == before

    child = os.fork()
    if child == 0:
        staging.put(project, TEXTS, commit=lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    staging.finish_moves(project)
    assert tree(project) == before
    staging.put(project, TEXTS, commit=lambda: None)
    assert set(TEXTS) <= set(tree(project))
