"""`headgate new`: pipelines, blocks, feature views, spines and sources from templates."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from headgate import private
from headgate.cli.new_features import feature_view, spine
from headgate.cli.new_model import model
from headgate.cli.remove import dropping, planned, require_leave
from headgate.cli.writing import finish, writes_files
from headgate.report import number_of
from headgate.scaffold import mage, ui
from headgate.scaffold.checks import check_contract, check_dbt, check_mage, check_python
from headgate.scaffold.infer import Inferred, infer
from headgate.scaffold.project import checkout, new_project
from headgate.scaffold.sample import read_sample
from headgate.scaffold.source import new_source
from headgate.settings import find_project_dir, load_settings
from headgate.sources.loaders import Files, parse_loader


@click.group()
def new() -> None:
    """Write a new project, or a pipeline, block, source, feature view or spine from mage_pipelines/templates.

    The files pass `make lint` and the validator. Existing files are kept, and named with exit code 4, unless
    --overwrite is given.
    """
    private.write_project()


@new.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def project(folder: Path) -> None:
    """Write a project without the example into DIR, with a git repository of its own.

    It holds the framework, and nothing of the packages that this checkout names. `make lint`, `make test`,
    `headgate up` and `headgate new source` work in it.
    """
    target = folder.resolve()
    new_project(target, checkout())
    click.echo(f"wrote  {target}: a git repository, its files staged")
    click.echo(f"next   cd {shlex.quote(str(target))} && make setup && git commit -m 'A Headgate project'")


@new.command()
@click.argument("name")
@click.option(
    "--type",
    "pipeline_type",
    type=click.Choice(["batch", "streaming"]),
    default="batch",
    show_default=True,
    help="Batch, or streaming (runs until stopped).",
)
@click.option("--description", help="What the pipeline does, in one sentence.")
@click.option("--tag", "tags", multiple=True, help="Tag in Mage's pipeline list; repeatable.")
@click.option("--schedule", metavar="CRON", help="Cron schedule, UTC. Default: an inactive trigger.")
@click.option(
    "--nats", is_flag=True, help="Streaming only: read a NATS JetStream stream (HEADGATE_NATS_URL)."
)
@writes_files
def pipeline(
    name: str,
    pipeline_type: str,
    description: str | None,
    tags: tuple[str, ...],
    schedule: str | None,
    nats: bool,
    **how: bool,
) -> None:
    """Write the Mage pipeline NAME: blocks, the module that they call, its trigger."""
    streaming = pipeline_type == "streaming"
    if nats and not streaming:
        raise click.UsageError("--nats needs --type streaming")
    project_dir = find_project_dir()
    files = mage.new_pipeline(
        project_dir,
        name,
        streaming=streaming,
        description=description,
        tags=tags,
        schedule=schedule,
        nats=nats,
    )
    run = "set HEADGATE_NATS_URL, and start it in the UI" if nats else "start it in the UI"
    next_steps = [
        f"put the work into mage_pipelines/utils/{name}.py",
        f"{run}: headgate mage" if streaming else f"run it: headgate run {name}",
    ]
    if not streaming and not schedule:
        next_steps.append(f"set its trigger active in mage_pipelines/pipelines/{name}/triggers.yaml")
    finish(files, check_mage, next_steps, commit=None, **how)


@new.command()
@click.argument("kind", type=click.Choice(list(mage.KINDS)), metavar="TYPE")
@click.argument("name")
@click.option("--pipeline", help="Pipeline to add the block to.")
@click.option("--after", metavar="BLOCK", help="Insert after this block. Default: the last.")
@click.option("--before", metavar="BLOCK", help="Insert before this block.")
@click.option("--select", help="dbt blocks: what to build, such as stg_orders+.")
@click.option("--folder", help="Subfolder for the file. Default: the pipeline's name.")
@writes_files
def block(
    kind: str,
    name: str,
    pipeline: str | None,
    after: str | None,
    before: str | None,
    select: str | None,
    folder: str | None,
    **how: bool,
) -> None:
    """Write a Mage block of a TYPE, and give it its place in a pipeline.

    TYPE is data_loader, transformer, data_exporter, sensor, callback, conditional, custom, dbt,
    streaming_source, streaming_transformer or streaming_sink.
    """
    if (after or before) and not pipeline:
        raise click.UsageError("--after and --before need --pipeline")
    project_dir = find_project_dir()
    files = mage.new_block(
        project_dir,
        kind,
        name,
        pipeline=pipeline,
        after=after,
        before=before,
        select=select,
        folder=folder,
    )
    next_steps = [f"put the work into {next(iter(files.texts))}"]
    if pipeline is None:
        next_steps.append(
            "add it to a pipeline; remove the mark `headgate: ignore HG017` in its first line then"
        )
    else:
        next_steps.append(f"run it: headgate run {pipeline}")
    finish(files, check_mage, next_steps, commit=None, **how)


@new.command()
@click.argument("name")
@click.option(
    "--sample", required=True, type=click.Path(path_type=Path), help="JSON, CSV or Parquet; may be gzipped."
)
@click.option("--encoding", help="Encoding of CSV or JSON that is not Unicode, such as latin-1.")
@click.option("--delimiter", help="Delimiter of CSV. Default: detected.")
@click.option(
    "--records", metavar="PATH", help="Path to the array of records in a JSON object, such as data."
)
@click.option("--identity", metavar="PATH", help="Path that identifies a record. Default: detected.")
@click.option("--kind", metavar="PATH", help="Path that holds the record type. Default: detected.")
@click.option("--time", metavar="PATH", help="Path of the record's time. Default: detected.")
@click.option("--no-kind", is_flag=True, help="Type all records with one model.")
@click.option(
    "--entity", help="Name of the landing table. Default: records, or events if there are record types."
)
@click.option("--location", help="Glob pattern of its files, relative to the project.")
@click.option("--schedule", metavar="CRON", help="Cron schedule, UTC. Default: an inactive trigger.")
@click.option("--replace", is_flag=True, help="Remove the source first, if nobody has published it.")
@click.option("--yes", is_flag=True, help="With --replace: the records that it landed are lost.")
@writes_files
def source(
    name: str,
    sample: Path,
    encoding: str | None,
    delimiter: str | None,
    records: str | None,
    identity: str | None,
    kind: str | None,
    time: str | None,
    no_kind: bool,
    entity: str | None,
    location: str | None,
    schedule: str | None,
    replace: bool,
    yes: bool,
    **how: bool,
) -> None:
    """Write the source NAME, as a sample of its records shows it.

    Written are its contract, staging models with gates and unit tests, drift detection, and a Mage pipeline
    that lands its files. Look the contract over, above all which paths hold personal data.
    """
    if no_kind and kind:
        raise click.UsageError("--no-kind and --kind exclude each other")
    settings = load_settings()
    given = {"encoding": encoding, "delimiter": delimiter, "records": records}
    found = read_sample(sample, declared=_declared({key: value for key, value in given.items() if value}))
    inferred = infer(found.records, identity=identity, kind=kind, time=time, no_kind=no_kind)
    files = new_source(
        settings.project_dir,
        name,
        inferred,
        entity=entity,
        options=found.loader,
        location=location,
        schedule=schedule,
    )
    if not how["as_json"]:
        click.echo(
            f"found  {', '.join(f'{key}: {json.dumps(value)}' for key, value in found.loader.items())}"
        )
        for note in _told(inferred):
            click.echo(f"found  {note}")
    next_steps = [
        f"look over models/staging/{name}/_{name}__sources.yml, personal data above all",
        "create its landing table before the next build: headgate up",
        f"land the sample: headgate land {name} {sample}",
        f"build it: dbt build --no-partial-parse --indirect-selection buildable "
        f"--select +path:models/staging/{name}",
    ]

    def check(folder: Path, paths: Sequence[str]) -> list[str]:
        return [
            *check_mage(folder, paths),
            *check_contract(folder, name),
            *check_dbt(folder, [f"path:models/staging/{name}"]),
        ]

    if replace and not how["dry_run"]:
        removal = planned(settings, name)
        if removal.loads:
            for line in removal.lines():
                click.echo(line, err=how["as_json"])
            require_leave(removal, yes=yes)
        drop = dropping(settings, removal)
        finish(files.instead_of(removal.files), check, next_steps, commit=drop, **how)
        return
    finish(files, check, next_steps, commit=None, **how)


def _declared(options: dict[str, str]) -> Files:
    """Options of the command line, as a loader would have them."""
    found = parse_loader({"type": "files", **options}, "headgate new source")
    assert isinstance(found, Files)
    return found


def _told(inferred: Inferred) -> list[str]:
    """What a sample says, for people."""
    contract = inferred.contract
    kinds = f", kinds: {', '.join(inferred.kinds)}" if inferred.kinds else ""
    personal = sorted({rule.path for rule in contract.personal})
    return [
        f"{number_of(inferred.records, 'record')}, "
        f"{number_of(len({rule.path for rule in contract.paths}), 'path')}{kinds}",
        *inferred.notes,
        f"personal data, replaced by HMAC: {', '.join(personal) or 'none'}",
    ]


@new.command("ui-templates")
@writes_files
def ui_templates(**how: bool) -> None:
    """Regenerate the custom templates of Mage's UI after editing the templates."""
    project_dir = find_project_dir()
    files = ui.ui_templates(project_dir)
    next_steps = ["look at them in Mage: headgate mage, then Templates"]
    finish(files, check_python, next_steps, commit=None, **how)


new.add_command(feature_view)
new.add_command(spine)
new.add_command(model)
