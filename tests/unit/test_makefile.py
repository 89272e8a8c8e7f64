"""The Makefile explains itself, and CI does what a developer does."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib

import pytest

from tests.support import ROOT

#: What `make` hands to a `make` below it: CI runs these tests with arguments of their own.
HANDED_ON = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")


def make(*arguments: str) -> str:
    """What a developer's `make` prints."""
    alone = {name: value for name, value in os.environ.items() if name not in HANDED_ON}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    ).stdout


def planned(target: str) -> str:
    """What a developer's `make TARGET` would run."""
    return make("-n", target)


def test_make_alone_lists_every_target() -> None:
    """Each phony target has its line and its sentence."""
    said = make()
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert phony is not None
    assert [line.split()[1] for line in said.splitlines()] == phony[1].split()
    assert all(len(line.split()) > 3 for line in said.splitlines())


@pytest.mark.parametrize("target", ["demo", "test", "test-all", "lint", "docs", "bench", "up", "down"])
def test_every_target_can_be_planned(target: str) -> None:
    """`make -n` finds a rule for everything that a target needs."""
    planned(target)


def test_ci_calls_the_targets_of_developers() -> None:
    """A change that passes `make lint` and `make test-all` passes CI."""
    calls = re.findall(r"^timeout \d+m make (\S+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)

    assert calls == ["lint", "test-all", "test-all"]


def test_every_test_is_in_test_all() -> None:
    """It selects nothing; `make test` leaves out what `tests.selection` says, and nothing else."""
    for target, options in (("test-all", ["--durations", "20"]), ("test", ["--quick"])):
        command = planned(target).rpartition("pytest ")[2].split()
        assert command[:4:2] == ["--numprocesses", "--dist"]
        assert command[4:] == options
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert configured["testpaths"] == ["tests"]
    assert not {"-m", "-k", "--deselect", "--ignore"} & set(configured["addopts"])
