"""What is supervised ends with who asked for it, whichever process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from headgate.pipelines import supervise
from tests.servers import wait_until

#: Starts a child, one in a session of its own, and one whose parent is gone at once; then says who they are.
FAMILY = """
import os, subprocess, sys, time
sleep = ["sleep", "600"]
children = [subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)]
orphan = subprocess.run(["sh", "-c", "setsid sleep 600 >/dev/null & echo $!"], stdout=subprocess.PIPE).stdout
print(os.getpid(), os.environ["TMPDIR"], *(c.pid for c in children), int(orphan), flush=True)
time.sleep(600)
"""


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path, list[psutil.Process]]]:
    """A supervisor, its folder of temporary files, and the processes below it, the command first."""
    with subprocess.Popen(
        [sys.executable, "-m", "headgate.pipelines.supervise", sys.executable, "-c", FAMILY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as supervisor:
        assert supervisor.stdout is not None
        pid, folder, *others = supervisor.stdout.readline().split()
        family = [psutil.Process(int(number)) for number in (pid, *others)]
        yield supervisor, Path(folder), family
        for process in family:
            if process.is_running():
                process.kill()
        supervisor.kill()


@pytest.mark.parametrize("how", ["caller gone", "asked", "command killed"])
def test_all_end_together(caller: tuple[subprocess.Popen[str], Path, list[psutil.Process]], how: str) -> None:
    """Sessions of their own and orphans included; the folder is removed."""
    supervisor, folder, family = caller
    assert folder.stat().st_mode & 0o777 == 0o700

    match how:
        case "caller gone":
            assert supervisor.stdin is not None
            supervisor.stdin.close()
        case "asked":
            supervisor.send_signal(signal.SIGTERM)
        case "command killed":
            family[0].kill()

    expected = {"caller gone": supervise.ABANDONED, "asked": 0, "command killed": -signal.SIGKILL & 0xFF}[how]
    assert supervisor.wait(30) == expected
    assert not psutil.wait_procs(family, timeout=10)[1]
    assert not folder.exists()


def test_the_command_ends_with_a_killed_supervisor(
    caller: tuple[subprocess.Popen[str], Path, list[psutil.Process]],
) -> None:
    """The system kills the command; who asked for it finds what is left below itself."""
    supervise.adopt_orphans()
    supervisor, _, family = caller

    supervisor.kill()

    assert not psutil.wait_procs(family[:1], timeout=10)[1]
    wait_until(lambda: all(p.ppid() == os.getpid() for p in family[1:]), "orphans to be adopted")


def test_exit_code_is_passed_on() -> None:
    """A command that ends by itself ends the supervisor with its exit code."""
    command = [sys.executable, "-m", "headgate.pipelines.supervise", "sh", "-c", "exit 7"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as supervisor:
        assert supervisor.wait(60) == 7
