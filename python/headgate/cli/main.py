"""The `headgate` command. Sub-commands are imported only when they are called, so that help stays fast."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

import click

from headgate import __version__, private
from headgate.cli.examples import add_examples
from headgate.errors import HeadgateError
from headgate.extensions import extensions, load_object
from headgate.settings import load_settings

#: command name -> (module:attribute, one-line help shown by `headgate --help`)
COMMANDS = {
    "up": ("headgate.cli.server:up", "Start PostgreSQL and bring its schemas up to date."),
    "down": ("headgate.cli.server:down", "Stop the embedded PostgreSQL."),
    "status": (
        "headgate.cli.server:status",
        "Show the server, pipelines, sources, pending and running work.",
    ),
    "dsn": ("headgate.cli.server:dsn", "Print the URI of the database, for psql -d."),
    "env": ("headgate.cli.server:env", "Print the environment that dbt and Mage need, for eval."),
    "migrate": ("headgate.cli.server:migrate", "Move the schemas that Python owns to a version."),
    "land": ("headgate.cli.land:land", "Land raw JSON of a source, partition by partition."),
    "state": ("headgate.cli.state:state", "Show or reset how far sources have been read."),
    "receive": ("headgate.cli.receive:receive", "Receive webhooks over HTTP."),
    "replay": ("headgate.cli.land:replay", "Retype partitions, for instance after a contract change."),
    "run": ("headgate.cli.pipelines:run", "Run a Mage pipeline to its end."),
    "backfill": ("headgate.cli.backfill:backfill", "Run a pipeline over a range of past hours."),
    "check": ("headgate.cli.watch:check", "List stale sources, late runs and unbuilt loads; exit 1 if any."),
    "mage": ("headgate.cli.pipelines:mage", "Serve Mage: scheduler and UI."),
    "new": ("headgate.cli.new:new", "Write a project, source, feature view, pipeline or block."),
    "remove": ("headgate.cli.remove:remove", "Remove a source or a package."),
    "pipelines": ("headgate.cli.validate:pipelines", "Validate Mage pipelines without running them."),
    "gates": ("headgate.cli.gates:gates", "Show gate results and failed rows; waive a gate for a load."),
    "quarantine": ("headgate.cli.quarantine:quarantine", "List, accept or discard quarantined records."),
    "rejects": ("headgate.cli.rejects:rejects", "List, show or minimise lines that could not land."),
    "loads": ("headgate.cli.loads:loads", "List, discard or restore loads; remove old records."),
    "plan": ("headgate.cli.plan:plan", "Preview changes and what they break."),
    "approve": ("headgate.cli.plan:approve", "Allow the breaking changes of a plan."),
    "apply": ("headgate.cli.plan:apply", "Apply a plan: rebuild and publish."),
    "publish": (
        "headgate.cli.store:publish",
        "Publish everything that passed its gates as the next release.",
    ),
    "rollback": ("headgate.cli.store:rollback", "Roll the active release back, or forward again."),
    "releases": ("headgate.cli.store:releases", "List the releases, or show one."),
    "diff": ("headgate.cli.store:diff", "Show what changed between two releases."),
    "compact": ("headgate.cli.store:compact", "Remove rows that only old releases use."),
    "dataset": ("headgate.cli.dataset:dataset", "Create and verify reproducible training sets."),
    "mlflow": ("headgate.cli.mlflow:mlflow", "Serve MLflow's UI on a mirror of the model registry."),
    "model": ("headgate.cli.model:model", "Register, deploy and roll back models; tell what served when."),
    "score": ("headgate.cli.score:score", "Score a model's spine into a table."),
    "train": ("headgate.cli.train:train", "Train a declared model on a dataset, behind gates."),
    "serve": ("headgate.cli.serve:serve", "Serve a deployed model over HTTP."),
    "keys": ("headgate.cli.serve:keys", "Manage API keys of served models."),
    "completion": ("headgate.cli.completion:completion", "Print shell completion for bash, zsh or fish."),
}

#: As of a program that SIGPIPE, or SIGINT, ends.
CLOSED_PIPE, INTERRUPTED = 141, 130


class LazyGroup(click.Group):
    """A click group that imports a sub-command's module when the sub-command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(all_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # Packages are looked for only where the command is none of Headgate's own.
        commands = COMMANDS if cmd_name in COMMANDS else all_commands()
        if cmd_name not in commands:
            return None
        return add_examples(load_object(commands[cmd_name][0]), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in all_commands().items()])


def all_commands() -> dict[str, tuple[str, str]]:
    """Headgate's commands, then those of the project's packages."""
    brought = {name: command for extension in extensions() for name, command in extension.commands.items()}
    return {**COMMANDS, **brought}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headgate")
def cli() -> None:
    """Raw JSON to machine-learning features that can be trusted.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a gate failed, 4 refused until confirmed.
    """


def main() -> None:
    """Runs the command line; whatever goes wrong becomes a message and an exit code, never a trace."""
    private.begin()
    with contextlib.suppress(HeadgateError, OSError, RuntimeError):  # the command says it
        private.tighten(load_settings())
    for stream in (sys.stdout, sys.stderr):
        # Arguments, names of files: what is not UTF-8 is printed escaped.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _end(error)
        # What is left unwritten would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run() -> int:
    try:
        return int(cli.main(standalone_mode=False) or 0)
    except SystemExit as end:
        # Click has an answer of its own to a pipe that nobody reads: the code of a failure.
        return CLOSED_PIPE if end.code == 1 and _nobody_reads() else _code(end.code)
    except BaseException as error:
        return _end(error)


def _code(given: object) -> int:
    """What the interpreter makes of an argument of sys.exit()."""
    if isinstance(given, str):
        click.echo(given, err=True)
    return given if isinstance(given, int) else int(given is not None)


def _nobody_reads() -> bool:
    from headgate.cli.failures import output_is_closed

    return output_is_closed()


def _end(error: BaseException) -> int:
    """Says why the command ends; its exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt) or type(error).__name__ == "CancelledError":
        click.echo("stopped", err=True)
        return INTERRUPTED
    # Imported here and below: a command that goes well does without.
    from headgate.cli.failures import explained

    if isinstance(error, BrokenPipeError) and _nobody_reads():
        return CLOSED_PIPE
    known = explained(error)
    report(known)
    return known.exit_code


def report(error: HeadgateError) -> None:
    """Prints an error to stderr: as JSON when the command was called with --json, else for people."""
    from headgate.secrecy import without_secrets

    parts = {name: without_secrets(text, os.environ) for name, text in error.as_dict().items()}
    if "--json" in sys.argv:
        click.echo(json.dumps(parts), err=True)
        return
    click.secho(parts["subject"], fg="red", bold=True, err=True)
    click.echo(f"  expected  {parts['expected']}", err=True)
    click.echo(f"  found     {parts['found']}", err=True)
    click.echo(f"  next      {parts['next_step']}", err=True)
