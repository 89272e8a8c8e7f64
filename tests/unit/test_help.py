"""The help of every command: two examples that its parser takes, and completion for each shell."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from headgate.cli.examples import all_examples
from headgate.cli.main import cli
from tests.support import clean_environment

#: The part of an example that calls `headgate`, up to what the shell makes of the rest.
CALL = re.compile(r"\bheadgate ([^'\")|&;>]*(?:'[^']*'[^'\")|&;>]*)*)")


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def called(words: list[str]) -> tuple[str, click.Command, list[str]]:
    """The command that some words call, its path, and its arguments."""
    command: click.Command | None = cli
    path = []
    while isinstance(command, click.Group):
        if not words or words[0].startswith("-"):
            break
        path.append(words[0])
        command = command.get_command(click.Context(command), words[0])
        words = words[1:]
    assert command is not None, path
    return " ".join(path), command, words


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=str)
def test_help_ends_with_two_examples(path: str, command: click.Command) -> None:
    """The last lines of `--help` are two ways to call that very command, a line each, which it can parse."""
    shown = CliRunner().invoke(command, ["--help"]).output
    lines = shown.rstrip().splitlines()
    assert lines[-3].strip() == "Examples:", f"add {path!r} to headgate/cli/examples.py"
    examples = [line.strip() for line in lines[-2:]]
    assert tuple(examples) == all_examples()[path]
    for example in examples:
        calls = [called(shlex.split(call)) for call in CALL.findall(example)]
        assert any(path.startswith(name) for name, _, _ in calls)
        for _, other, arguments in calls:
            other.make_parser(click.Context(other)).parse_args([a for a in arguments if a != "..."])


def test_no_examples_are_left_of_commands_that_are_gone() -> None:
    """Every example belongs to a command, or to a group that does something by itself."""
    paths = {path for path, _ in commands()}
    assert {
        path
        for path in all_examples()
        if path not in paths and not any(p.startswith(f"{path} ") for p in paths)
    } == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_completes(shell: str, tmp_path: Path) -> None:
    """The script is one that the shell takes, and what it calls completes commands and options."""
    script = CliRunner().invoke(cli, ["completion", shell]).output
    assert "_HEADGATE_COMPLETE" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)
    env = {**clean_environment(), "_HEADGATE_COMPLETE": f"{shell}_complete"}
    for words, wanted in (("headgate rele", "releases"), ("headgate land --par", "--partition")):
        last = words.split()[-1] if shell == "fish" else str(len(words.split()) - 1)
        asked = {**env, "COMP_WORDS": words, "COMP_CWORD": last}
        program = Path(sys.executable).with_name("headgate")
        done = subprocess.run([program], env=asked, capture_output=True, text=True, check=True)
        assert wanted in done.stdout


@pytest.mark.parametrize("group", ["model", "loads", "quarantine", "server", "serve"])
def test_command_starts_without_what_it_may_not_need(group: str) -> None:
    """A rollback in an emergency, or a look at what is there, imports no HTTP client, log or data library."""
    heavy = ["httpx", "mlflow", "numpy", "pandas", "psycopg2", "pyarrow", "rich", "sqlalchemy", "structlog"]
    imported = (
        f"import sys, headgate.cli.{group}, headgate.model.mirror.follow\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["serve order_returns", "mage", "receive", "mlflow"])
def test_a_port_is_one_that_exists(command: str) -> None:
    """99999 is 34463 to the system, which listens there without a word."""
    refused = CliRunner().invoke(cli, [*command.split(), "--port", "99999"])
    assert refused.exit_code == 2
    assert "1<=x<=65535" in refused.output
