"""`headgate new feature-view` and `new spine`: what is known of entities, and what is to be predicted."""

from __future__ import annotations

import contextlib

import click

from headgate import postgres
from headgate.cli.preview import show_values
from headgate.cli.writing import finish, writes_files
from headgate.postgres.connection import open_psycopg2
from headgate.scaffold.checks import check_dbt
from headgate.scaffold.event_columns import EventColumns
from headgate.scaffold.feature_view import new_feature_view
from headgate.scaffold.spine import new_spine
from headgate.scaffold.view_events import parse_events
from headgate.settings import load_settings


@click.command("feature-view")
@click.argument("name")
@click.option(
    "--events",
    multiple=True,
    required=True,
    metavar="[NAME=]MODEL",
    help="Typed model with events; repeatable.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="COLUMN|EVENTS.KEY=COLUMN",
    help="Entity key column; repeatable.",
)
@click.option(
    "--at",
    multiple=True,
    metavar="[EVENTS=]COLUMN",
    help="Column with the time of an event; repeatable. Default: recorded_at.",
)
@click.option("--windows", default="1d,7d,30d", show_default=True, help="Such as 1h,7d,lifetime.")
@click.option(
    "--measure",
    "measures",
    multiple=True,
    default=["events=count"],
    show_default=True,
    metavar="[EVENTS.]NAME=OPERATIONS[:EXPRESSION][ where CONDITION]",
    help="What is measured, of the first events unless named; repeatable.",
)
@click.option(
    "--expression",
    "expressions",
    multiple=True,
    metavar="NAME=SQL",
    help="Column over other columns of the view; repeatable.",
)
@click.option(
    "--resolution", default="1h", show_default=True, help="as_of stands at multiples: 1m, 5m, 1h, 1d."
)
@click.option("--description", help="What the view describes, in one sentence.")
@writes_files
def feature_view(
    name: str,
    events: tuple[str, ...],
    keys: tuple[str, ...],
    at: tuple[str, ...],
    windows: str,
    measures: tuple[str, ...],
    expressions: tuple[str, ...],
    resolution: str,
    description: str | None,
    **how: bool,
) -> None:
    """Write the feature view NAME: what is measured of an entity's events within windows.

    Operations: count, sum, mean, min, max, stddev, count_distinct, median, p1 to p99, first, last, any, all,
    share, seconds_since_last. Columns are called MEASURE_OPERATION_WINDOW. The view has an enforced contract,
    a recount as its gate and a unit test; `headgate publish` takes it up once it is built. --dry-run shows
    its columns with their types and first values.
    """
    settings = load_settings()
    given = [window.strip() for window in windows.split(",") if window.strip()]
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        files = new_feature_view(
            settings.project_dir,
            name,
            {
                called: EventColumns(connection, settings.project_dir, relation)
                for called, relation in parse_events(events).items()
            },
            keys=keys,
            at=at,
            windows=given,
            measures=measures,
            expressions=expressions,
            resolution=resolution,
            description=description,
        )
    if how["dry_run"] and not how["as_json"]:
        show_values(settings, files, name)
    next_steps = [
        f"build it: dbt build --select {name}",
        "see what it changes for consumers: headgate plan",
        "publish it: headgate publish",
    ]
    finish(files, lambda folder, _: check_dbt(folder, [name]), next_steps, commit=None, **how)


@click.command()
@click.argument("name")
@click.option("--events", required=True, metavar="MODEL", help="Typed model whose events are the instants.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="[KEY=]COLUMN",
    help="Entity key column, named as in the feature views; repeatable.",
)
@click.option("--at", default="recorded_at", show_default=True, help="Column with the time of an event.")
@click.option("--label", required=True, metavar="NAME=SQL", help="What is to be predicted.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="COLUMN|NAME=SQL",
    help="What is known of the event at its instant, and a request brings; repeatable.",
)
@click.option("--horizon", help="Such as 7d: the label is an aggregate over the entity's events until then.")
@click.option("--where", metavar="CONDITION", help="Which events are instants. Default: all.")
@click.option("--description", help="What is labelled, in one sentence.")
@writes_files
def spine(
    name: str,
    events: str,
    keys: tuple[str, ...],
    at: str,
    label: str,
    inputs: tuple[str, ...],
    horizon: str | None,
    where: str | None,
    description: str | None,
    **how: bool,
) -> None:
    """Write the spine NAME: entities, instants and labels that `headgate dataset create` joins features to.

    With --horizon a label is about the entity's events after the instant, as far as the horizon;
    instants whose horizon is not over have none. Without, it is SQL over the event itself. Inputs are columns
    of the event beside its entity's features: they must not hold what is known only later.
    """
    settings = load_settings()
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        files = new_spine(
            settings.project_dir,
            name,
            EventColumns(connection, settings.project_dir, events),
            keys=keys,
            at=at,
            label=label,
            inputs=inputs,
            horizon=horizon,
            where=where,
            description=description,
        )
    next_steps = [
        f"build it: dbt build --select {name}",
        f"make a dataset of it: headgate dataset create {name} --spine training.{name}",
    ]
    finish(files, lambda folder, _: check_dbt(folder, [name]), next_steps, commit=None, **how)
