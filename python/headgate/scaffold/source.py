"""New sources: contract, staging models with gates and unit tests, and the Mage pipeline that lands them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headgate.contract import PathRule
from headgate.errors import UsageError
from headgate.scaffold.example import broken_record, example_record, expected_row
from headgate.scaffold.files import NewFiles
from headgate.scaffold.infer import Inferred
from headgate.scaffold.mage import MAGE, trigger
from headgate.scaffold.models import models_of
from headgate.scaffold.names import Names, require_name
from headgate.scaffold.quoting import for_dbt, json_text, sql_text, yaml_value
from headgate.scaffold.render import Templates
from headgate.scaffold.typed import Column, Model
from headgate.sources import package_sources
from headgate.yaml_files import yaml_files_below

#: Longer ones make names of gates that PostgreSQL cuts off.
LONGEST = 24
#: Names that other code gives a meaning.
_TAKEN = frozenset({"contracts", "ops"})
_NAMED = re.compile(r"^\s+name: (\w+)\s*$", re.MULTILINE)
#: Columns of a model that get gates of their own; the contract holds for all.
MOST_GATES = 100
#: What every staging model has.
_COMMON = {
    "record_id": "The record's identity.",
    "partition_start": "Start of the partition that the row comes from, UTC.",
    "line_number": "Number of the line in the load, from 1.",
    "recorded_at": "The record's time; null where it has none that can be read.",
}


def new_source(
    project_dir: Path,
    name: str,
    inferred: Inferred,
    *,
    entity: str | None = None,
    options: Mapping[str, str] | None = None,
    location: str | None = None,
    schedule: str | None = None,
) -> NewFiles:
    """All files of a new source.

    Args:
        project_dir: folder that holds dbt_project.yml.
        name: its name; landing tables are in the schema staging_<name>.
        inferred: what the sample says.
        entity: name of the landing table; `records`, or `events` where there are kinds, unless given.
        options: how its files are read, as the loader mapping has it; JSON lines unless given.
        location: pattern of its files, seen from the project's folder.
        schedule: cron expression, UTC; without one the trigger is inactive.

    Raises:
        UsageError: a name is no good or taken.
    """
    _require_free(project_dir, require_name("source", name, LONGEST))
    entity = require_name("entity", entity or ("events" if inferred.kinds else "records"))
    options = options or {"format": "jsonl"}
    location = location or f".headgate/inbox/{name}/*.{options['format']}"
    if for_dbt(location) != location:
        raise UsageError(
            f"--location of source {name}",
            expected="a path, a pattern or a URL without marks of Jinja",
            found="{{, {% or {#",
            next_step="rename the folder, or give another pattern",
        )
    return _Writer(project_dir, name, inferred, entity).files(options, location, schedule)


def _gates_of_others(project_dir: Path, name: str) -> set[str]:
    """Names of gates that other sources and models have: all stand in one schema."""
    own = project_dir / "models" / "staging" / name
    files = [file for file in yaml_files_below(project_dir / "models") if own not in file.parents]
    return {found for file in files for found in _NAMED.findall(file.read_text(encoding="utf-8"))}


def _require_free(project_dir: Path, name: str) -> None:
    """Refuses a name that something else has; not that of a source which was written this way before."""
    standing = [
        folder
        for parent in (
            "macros",
            "models/staging",
            f"{MAGE}/sensors",
            f"{MAGE}/data_loaders",
            f"{MAGE}/transformers",
        )
        if (folder := project_dir / parent / name).is_dir()
    ]
    taken = _TAKEN | package_sources(project_dir).keys()
    ours = (project_dir / "macros" / name / f"{name}_schema_generation.sql").is_file() and name not in taken
    if name in taken or (standing and not ours):
        raise UsageError(
            f"source {name}",
            expected="a name that nothing else has",
            found=f"{standing[0].relative_to(project_dir)}" if standing else "a reserved name",
            next_step="choose another name",
        )


class _Writer:
    """Renders the templates of one source."""

    def __init__(self, project_dir: Path, name: str, inferred: Inferred, entity: str) -> None:
        self.project_dir = project_dir
        self.templates = Templates(project_dir)
        self.name = name
        self.entity = entity
        self.inferred = inferred
        self.models = models_of(inferred.contract, inferred.kinds, entity)
        self.gates = Names(_gates_of_others(project_dir, name))

    def files(self, options: Mapping[str, str], location: str, schedule: str | None) -> NewFiles:
        """Everything."""
        texts = {**self._dbt(options, location), **self._mage(location, schedule)}
        return NewFiles(self.project_dir, texts)

    def _dbt(self, options: Mapping[str, str], location: str) -> dict[str, str]:
        staging = f"models/staging/{self.name}"
        contract = self.inferred.contract
        description = (
            f"Records of {self.name}; the contract is inferred from a sample of {self.inferred.records:,}. "
            f"Landed whole as JSONB by `headgate land {self.name}`, which the Mage pipeline "
            f"ingest_{self.name} calls."
        )
        texts = {
            f"{staging}/_{self.name}__sources.yml": self._render(
                "sources.yml",
                description=description,
                loader={"type": "files", **options, "location": location},
                envelope=contract.envelope,
                rules=[_rule(rule) for rule in contract.paths],
            ),
            f"macros/{self.name}/{self.name}_schema_generation.sql": self._render("schema_generation.sql"),
            f"macros/{self.name}/_macros.yml": self._render("macros.yml"),
        }
        for suffix in ("sql", "yml"):
            texts[f"{staging}/{self.name}_observed_paths.{suffix}"] = self._render(f"observed_paths.{suffix}")
            for part in ("quarantine", "deliveries", "load_outcomes"):
                texts[f"{staging}/stg_{self.name}__{part}.{suffix}"] = self._render(
                    f"{part}.{suffix}",
                    time_path=contract.envelope.time or "recorded_at",
                    kinds=self.inferred.kinds,
                    broken=broken_record(contract),
                )
        for model in self.models:
            stem = f"{staging}/stg_{self.name}__{model.suffix}"
            texts[f"{stem}.sql"] = self._model_sql(model)
            texts[f"{stem}.yml"] = self._model_yml(model)
        return texts

    def _mage(self, location: str, schedule: str | None) -> dict[str, str]:
        folder = f"{MAGE}/pipelines/ingest_{self.name}"
        blocks = {
            "sensor.py": "sensors/{}/file_appears.py",
            "loader.py": "data_loaders/{}/land_files.py",
            "transformer.py": "transformers/{}/check_loads.py",
        }
        return {
            f"{folder}/metadata.yaml": self._render("pipeline.yaml"),
            f"{folder}/triggers.yaml": trigger(self.templates, f"ingest_{self.name}", schedule),
            **{
                f"{MAGE}/{path.format(self.name)}": self._render(template, location=location)
                for template, path in blocks.items()
            },
        }

    def _model_sql(self, model: Model) -> str:
        groups: dict[str, list[tuple[str, str]]] = {
            "ids": [(f"records.{name}", "") for name in ("record_id", "partition_start", "line_number")]
        }
        for column in model.columns:
            same = column.expression.endswith(f".{column.name}")
            listed = groups.setdefault(column.group, [])
            listed.append((column.expression, "" if same else column.name))
        groups.setdefault("timestamps", []).append(("records.recorded_at", ""))
        order = ("ids", "strings", "numerics", "booleans", "timestamps", "json")
        return self._render(
            "model.sql",
            kind=model.kind or "",
            key=model.key,
            groups=[(group, groups[group]) for group in order if group in groups],
            laterals=model.laterals,
            elements=_elements(model),
        )

    def _model_yml(self, model: Model) -> str:
        rules = self.inferred.contract.paths
        own = f"{self.name}_{model.suffix}"
        return self._render(
            "model.yml",
            model=f"stg_{self.name}__{model.suffix}",
            description=_description(self.name, model),
            kind=model.kind or "",
            key=model.key,
            elements=_elements(model),
            columns=list(self._described(model)),
            unique=self.gates.give(own, "_rows_are_unique"),
            complete=self.gates.give(own, "_is_complete"),
            test={
                "name": self.gates.give(own, "_are_typed"),
                "record": sql_text(json_text(example_record(rules, model))),
                "expected": {"record_id": "a", "line_number": 1, **expected_row(model)},
            },
        )

    def _described(self, model: Model) -> Iterator[dict[str, Any]]:
        """Columns in the order of the SQL, with their gates."""
        columns = {column.name: column for column in model.columns}
        names = ["record_id", "partition_start", "line_number", *columns]
        if "recorded_at" not in names:
            names.append("recorded_at")
        gated = set(list(columns)[:MOST_GATES])
        for name in names:
            column = columns.get(name)
            tests = list(self._tests(model, column)) if column and name in gated else []
            yield {
                "name": name,
                "description": column.description if column else _COMMON[name],
                "tests": tests,
            }

    def _tests(self, model: Model, column: Column) -> Iterator[str]:
        gate = f"{self.name}_{model.suffix}_{column.name}"
        if column.required:
            yield "- not_null:"
            yield f"    name: {self.gates.give(gate, '_is_given')}"
        values = self.inferred.values.get((model.kind or "", column.path))
        if values and not column.personal:
            yield "- accepted_values:"
            yield f"    name: {self.gates.give(gate, '_is_known')}"
            yield "    arguments:"
            yield f"      values: {yaml_value([for_dbt(value) for value in values])}"
            yield "    # Those of the sample; another one is no error yet."
            yield "    config: {severity: warn}"

    def _render(self, template: str, **values: Any) -> str:
        return self.templates.render(f"source/{template}", name=self.name, entity=self.entity, **values)


def _elements(model: Model) -> str:
    """SQL of the elements that the model's rows are."""
    arrays = [item for item in model.laterals if item.macro == "json_elements"]
    return f"{arrays[-1].alias}.element" if arrays else ""


def _description(source: str, model: Model) -> str:
    what = f"`{model.array}` in " if model.array else ""
    of = f"the records of kind {model.kind}" if model.kind else "the records"
    part, parts = model.part
    of_all = f", part {part} of {parts}, for a row has to fit into a page" if parts > 1 else ""
    grain = f"element of `{model.array}`" if model.array else "record"
    return f"The typed fields of {what}{of} of {source}{of_all}. One row per {grain}."


def _rule(rule: PathRule) -> dict[str, Any]:
    """A declared path as it stands in a contract."""
    written: dict[str, Any] = {"path": rule.path, "type": rule.type}
    if rule.required:
        written["required"] = True
    if rule.kinds:
        written["kinds"] = list(rule.kinds)
    if rule.pii:
        written["pii"] = rule.pii
    return written
