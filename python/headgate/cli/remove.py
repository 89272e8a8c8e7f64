"""`headgate remove`: takes back what was generated."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from headgate import postgres, private
from headgate.errors import ConfirmationRequired, HeadgateError
from headgate.postgres.connection import open_psycopg2
from headgate.scaffold.checks import read_manifest
from headgate.scaffold.model_removal import plan_model_removal
from headgate.scaffold.project import named_extension, parts_of, take_out
from headgate.scaffold.removal import Removal, remove_from_database
from headgate.scaffold.source_removal import files_of, plan_removal, require_free
from headgate.scaffold.staging import Check, put
from headgate.scaffold.view_removal import plan_view_removal, require_nothing
from headgate.settings import Settings, load_settings


@click.group()
def remove() -> None:
    """Remove an unpublished source, a declared feature view or model, or what a package brought."""
    private.write_project()


def removes(command: Callable[..., None]) -> Callable[..., None]:
    """The options of everything that removes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--yes", is_flag=True, help="Confirm. Without it, only the plan is printed (exit code 4)."
        ),
    ):
        command = option(command)
    return command


@remove.command()
@click.argument("name")
@removes
def source(name: str, *, yes: bool, as_json: bool) -> None:
    """Remove the source NAME: its files, landed records, typed relations, ledger, state and gates.

    Refused when a release or another model rests on it.
    """
    settings = load_settings()
    _remove(settings, planned(settings, name), yes=yes, as_json=as_json)


@remove.command("feature-view")
@click.argument("name")
@removes
def feature_view(name: str, *, yes: bool, as_json: bool) -> None:
    """Remove the declared feature view NAME: its files, relation, state and gates.

    Refused when another model, gate or exposure reads it. What was published of it stays and is named:
    releases can be read and rolled back to, datasets rebuilt.
    """
    settings = load_settings()
    manifest = read_manifest(settings.project_dir)
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        removal = plan_view_removal(name, manifest, connection)
    _remove(settings, removal, yes=yes, as_json=as_json)


@remove.command()
@click.argument("name")
@removes
def model(name: str, *, yes: bool, as_json: bool) -> None:
    """Remove the declaration of the model NAME, its Mage pipelines, and the code of a custom one.

    Its spine leaves label_spines in dbt_project.yml, and serves_models is false after the last one, unless
    other models or its answers need them. Its versions, promotions, answers and scores stay in the database,
    and a deployed version goes on serving.
    """
    settings = load_settings()
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        removal = plan_model_removal(settings.project_dir, name, connection)
    _remove(settings, removal, yes=yes, as_json=as_json)


def _remove(settings: Settings, removal: Removal, *, yes: bool, as_json: bool) -> None:
    """Prints the plan, and removes with leave."""
    if as_json:
        click.echo(json.dumps({"removed": yes, **removal.as_dict()}, indent=2))
    else:
        for line in removal.lines():
            click.echo(line)
    require_leave(removal, yes=yes)
    put(settings.project_dir, removal.texts, _without(removal), removal.files, dropping(settings, removal))
    if not as_json:
        click.echo(f"removed {removal.name}; the next `dbt build` needs --no-partial-parse")


@remove.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed (exit code 4).")
def package(name: str, *, yes: bool) -> None:
    """Take what belongs to the package NAME out of this project: files, folders, lines of configuration.

    `headgate_packages` in dbt_project.yml names them. The database keeps what landed and what was built.
    """
    project_dir = load_settings().project_dir
    extension = named_extension(project_dir, name)
    for part in parts_of(project_dir, name, extension):
        click.echo(f"remove  {part}")
    if not yes:
        raise ConfirmationRequired(
            f"package {name}",
            expected="--yes, for what is listed is deleted",
            found="none",
            next_step="read the list, and add --yes; git restores what is committed",
        )
    take_out(project_dir, name, extension)
    click.echo(f"removed {name}; the next `dbt build` needs --no-partial-parse")


def planned(settings: Settings, name: str) -> Removal:
    """What goes with a source; nothing is changed."""
    files_of(settings.project_dir, name)
    manifest = read_manifest(settings.project_dir)
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        return plan_removal(settings.project_dir, name, manifest, connection)


def require_leave(removal: Removal, *, yes: bool) -> None:
    """Refuses to go on without --yes."""
    if not yes:
        raise ConfirmationRequired(
            f"{removal.kind} {removal.name}",
            expected="--yes, for what is listed is lost",
            found="none",
            next_step="read the list, and add --yes",
        )


def dropping(settings: Settings, removal: Removal) -> Callable[[], None]:
    """Drops what the database has of it, in one transaction."""
    free = require_free if removal.kind == "source" else require_nothing

    def drop() -> None:
        with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
            remove_from_database(removal, connection, free)

    return drop


def _without(removal: Removal) -> Check:
    """A check that the project is whole without it."""

    def check(folder: Path, _paths: Sequence[str]) -> list[str]:
        try:
            read_manifest(folder)
        except HeadgateError as error:
            raise HeadgateError(
                f"{removal.kind} {removal.name}",
                expected="a project that dbt can read without it",
                found=error.found,
                next_step="remove first what uses it",
            ) from error
        return ["dbt parse"]

    return check
