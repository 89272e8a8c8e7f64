"""The `headgate` command. Sub-commands are imported only when they are called, so that help stays fast."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys

import click

from headgate import __version__, private
from headgate.cli.examples import add_examples
from headgate.errors import HeadgateError
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
    "receive": ("headgate.cli.receive:receive", "Receive GitHub's webhooks over HTTP."),
    "feed": ("headgate.cli.feed:feed", "Publish events from files to the stream, for demos and tests."),
    "synth": ("headgate.cli.synth:synth", "Generate archive hours, seeded and deterministic."),
    "replay": ("headgate.cli.land:replay", "Retype partitions, for instance after a contract change."),
    "run": ("headgate.cli.pipelines:run", "Run a Mage pipeline to its end."),
    "backfill": ("headgate.cli.backfill:backfill", "Run a pipeline over a range of past hours."),
    "check": ("headgate.cli.watch:check", "List stale sources, late runs and unbuilt loads; exit 1 if any."),
    "mage": ("headgate.cli.pipelines:mage", "Serve Mage: scheduler and UI."),
    "new": ("headgate.cli.new:new", "Write a source, feature view, pipeline or block from templates."),
    "remove": ("headgate.cli.remove:remove", "Remove a source that nobody has published."),
    "pipelines": ("headgate.cli.validate:pipelines", "Validate Mage pipelines without running them."),
    "gates": ("headgate.cli.gates:gates", "Show gate results and failed rows; waive a gate for a load."),
    "quarantine": ("headgate.cli.quarantine:quarantine", "List, accept or discard quarantined records."),
    "rejects": ("headgate.cli.rejects:rejects", "List, show or minimise lines that could not land."),
    "loads": ("headgate.cli.loads:loads", "List loads, discard one, or restore it."),
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
    "demo": ("headgate.cli.demo:demo", "Run the main job on twelve hours and show the results."),
    "completion": ("headgate.cli.completion:completion", "Print shell completion for bash, zsh or fish."),
}

#: SQLSTATE: insufficient_privilege.
MISSING_RIGHT = "42501"
#: SQLSTATE: invalid_schema_name, undefined_table, undefined_column.
MISSING_OBJECTS = {"3F000", "42P01", "42703"}


class LazyGroup(click.Group):
    """A click group that imports a sub-command's module when the sub-command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        return add_examples(getattr(importlib.import_module(module), attribute), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="headgate")
def cli() -> None:
    """Raw JSON to machine-learning features that can be trusted.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a gate failed, 4 refused until confirmed.
    """


def main() -> None:
    """Runs the command line; a HeadgateError becomes its message and its exit code."""
    private.begin()
    with contextlib.suppress(HeadgateError):  # the command says it
        private.tighten(load_settings())
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except HeadgateError as error:
        report(error)
        sys.exit(error.exit_code)
    except Exception as error:
        explained = _of_database(error)
        if explained is None:
            raise
        report(explained)
        sys.exit(explained.exit_code)


def _of_database(error: Exception) -> HeadgateError | None:
    """What the database refused, if its version or the role's rights are why, by whichever driver."""
    cause = getattr(error, "orig", error)
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state == MISSING_RIGHT:
        return HeadgateError(
            "rights in the database",
            expected="those of the role that owns Headgate's schemas",
            found=str(cause).splitlines()[0],
            next_step="name that role in HEADGATE_DSN, or have it grant this one what is missing",
        )
    if state in MISSING_OBJECTS:
        from headgate import postgres
        from headgate.postgres import schema

        here, newest = schema.current(postgres.dsn(load_settings())), schema.head()
        if here != newest:
            return HeadgateError(
                "schemas of the database",
                expected=f"version {newest}, which this checkout works with",
                found=f"version {here}",
                next_step="run `headgate up`",
            )
    return None


def report(error: HeadgateError) -> None:
    """Prints an error to stderr: as JSON when the command was called with --json, else for people."""
    if "--json" in sys.argv:
        click.echo(json.dumps(error.as_dict()), err=True)
        return
    click.secho(f"{error.subject}", fg="red", bold=True, err=True)
    click.echo(f"  expected  {error.expected}", err=True)
    click.echo(f"  found     {error.found}", err=True)
    click.echo(f"  next      {error.next_step}", err=True)
