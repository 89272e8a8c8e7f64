"""Files for their owner alone: what is written, what stood there before, what killed processes left."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headgate import private
from headgate.report import Report
from headgate.settings import Settings, load_settings
from headgate.sources import Delivery, downloads
from tests.support import ROOT, clean_environment


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Settings with a home in a folder that is open to all, under an umask that takes nothing away."""
    before = os.umask(0)
    yield replace(load_settings({}), home=tmp_path / "home")
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """What below a folder, or the folder itself, others may read, write or pass."""
    found = [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return [path.name for path in found if path.lstat().st_mode & 0o077]


def test_folders_and_files_are_made_for_their_owner(settings: Settings) -> None:
    """Whatever the umask of a program that calls Headgate's functions."""
    private.touch(private.folder(settings.home / "a" / "b") / "c").write_text("x")
    Report(verb="plan", title="t", plan=[], design=[], changes=[], verification=[], rollback=[]).write(
        settings
    )
    with downloads.in_use(settings.home):
        assert open_to_others(settings.home) == []


def test_what_stands_in_the_home_is_taken_from_others(settings: Settings, tmp_path: Path) -> None:
    """As earlier versions left it: files, folders and what is in them; no link is followed."""
    (settings.home / "logs" / "old").mkdir(parents=True)
    (settings.home / "logs" / "old" / "dbt.log").touch()
    (settings.home / "datasets").mkdir()
    (settings.home / "datasets" / "d-v1.parquet").touch()
    (tmp_path / "elsewhere").touch()
    (settings.home / "link").symlink_to(tmp_path / "elsewhere")
    script = settings.home / "script"
    script.touch(mode=0o755)
    private.tighten(settings)
    assert open_to_others(settings.home) == []
    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o666
    assert stat.S_IMODE(script.stat().st_mode) == 0o700


def test_a_home_that_is_not_headgates_alone_is_left_as_it_is(settings: Settings) -> None:
    """One in which the project lies, one that all may write to."""
    settings.home.mkdir()
    (settings.home / "file").touch()
    private.tighten(replace(settings, project_dir=settings.home / "project"))
    assert open_to_others(settings.home) == ["home", "file"]
    settings.home.chmod(0o1777)
    private.tighten(settings)
    assert open_to_others(settings.home) == ["home", "file"]


def test_a_command_begins_with_both(settings: Settings) -> None:
    """`headgate`, started under an open umask, closes the home before it does anything."""
    (settings.home / "logs").mkdir(parents=True)
    env = {**clean_environment(), "HEADGATE_HOME": str(settings.home)}
    command = [str(Path(sys.executable).with_name("headgate")), "--version"]
    subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)
    assert open_to_others(settings.home) == []


def test_files_of_a_project_are_as_open_as_the_caller_wants(tmp_path: Path) -> None:
    """New models and pipelines are for all who work on the project."""
    code = "from headgate import private; private.begin(); private.write_project(); open('f', 'w')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, umask=0o022)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644


def left_by_a_kill(home: Path, *names: str) -> list[Path]:
    """Files below the folder of downloads."""
    files = [home / "downloads" / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"qzvx@qzvx.example")
    return files


def test_downloads_that_a_kill_left_go_at_the_next_start(settings: Settings) -> None:
    """Whole ones and parts, of every source."""
    left_by_a_kill(settings.home, "a.json.gz", "b.json.gz.part", "b.json.gz.part.version", "0123/c.csv")
    downloads.sweep(settings.home)
    assert list((settings.home / "downloads").iterdir()) == []


def test_the_part_of_a_delivery_that_lands_again_is_resumed(settings: Settings) -> None:
    """Others go; so does the whole file, which is fetched anew."""
    delivery = Delivery("orders", "records", None, "https://example.org/a.csv")
    folder = downloads.folder_of(settings.home, delivery)
    left_by_a_kill(
        settings.home, f"{folder.name}/a.csv.part", f"{folder.name}/a.csv.part.version", "b.gz.part"
    )
    downloads.sweep(settings.home, [delivery])
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv.part", "a.csv.part.version"]
    assert [path.name for path in (settings.home / "downloads").iterdir()] == [folder.name]


def test_downloads_of_living_processes_stay_until_they_are_killed(settings: Settings) -> None:
    """Also those that land while others begin."""
    (file,) = left_by_a_kill(settings.home, "a.json.gz")
    code = (
        "import sys, time; from pathlib import Path; from headgate.sources import downloads\n"
        "with downloads.in_use(Path(sys.argv[1])): print('using', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(settings.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "using\n"
        downloads.sweep(settings.home)
        assert file.exists()
        user.kill()
    downloads.sweep(settings.home)
    assert not file.exists()
