"""What the project on disk declares: models with their definitions, feature views, contracts of sources."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.contract import Contract, load_contract
from headgate.contract.reads import narrowings, paths_by_model
from headgate.definitions import Definition, Definitions
from headgate.definitions.seeds import SeedContent
from headgate.errors import HeadgateError
from headgate.planning import dbt
from headgate.settings import Settings
from headgate.sources.declared import declared_sources
from headgate.store.views import AS_OF, Column, FeatureView, version_of

#: The folder of models whose relations are feature views.
FEATURES = "features"
#: The folder of models that watch the others: nobody but people reads them.
MONITORING = "monitoring"
#: The table of a source that its contract stands at.


@dataclass(frozen=True, kw_only=True)
class Model:
    """One declared dbt model, named as its relation."""

    name: str
    #: The folder below models/: staging, intermediate, features, training, monitoring.
    layer: str
    schema: str
    materialized: str
    #: Declared columns and, where a contract says so, their types.
    columns: tuple[tuple[str, str | None], ...]
    primary_key: tuple[str, ...]
    #: Models that it reads.
    parents: frozenset[str]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The declared columns, in order."""
        return tuple(name for name, _ in self.columns)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """All that a plan compares on its left side."""

    models: Mapping[str, Model]
    #: By the models' names.
    definitions: Definitions
    views: Mapping[str, FeatureView]
    #: By the sources' names.
    contracts: Mapping[str, Contract]
    #: Where staging models would change values that a contract lets pass, as sentences.
    narrowings: tuple[str, ...] = ()
    #: Paths of records that staging models read: by source and model.
    reads: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    def downstream(self, names: Iterable[str]) -> set[str]:
        """These models and all that come after them."""
        found = set(names)
        while True:
            more = {model.name for model in self.models.values() if model.parents & found} - found
            if not more:
                return found
            found |= more


def read_declared(settings: Settings) -> Declared:
    """Reads the project; takes some seconds, because dbt compiles it.

    Raises:
        HeadgateError: dbt cannot compile it.
        UsageError: a contract is not one.
    """
    compiled = _compile(settings)
    described = compiled["models"]
    models = {entry["name"]: _model(entry) for entry in described}
    contracts = {
        source.name: load_contract(settings.project_dir, source.name, source.entity)
        for source in declared_sources(settings.project_dir).values()
    }
    return Declared(
        models=models,
        definitions=Definitions(
            {entry["name"]: _definition(entry) for entry in described},
            {checksum: SeedContent(tuple(rows)) for checksum, rows in compiled["seeds"].items()},
        ),
        views={model.name: _view(model) for model in models.values() if model.layer == FEATURES},
        contracts=contracts,
        narrowings=tuple(
            found
            for name, contract in contracts.items()
            for found in narrowings(settings.project_dir, name, contract)
        ),
        reads={name: paths_by_model(settings.project_dir, name) for name in contracts},
    )


def _compile(settings: Settings) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "models.json"
        command = [sys.executable, "-m", "headgate.planning.compiled", str(file), "--quiet"]
        exit_code, said = dbt.run(settings, command)
        if exit_code != 0:
            raise dbt.missing_label_spine(settings, said) or HeadgateError(
                f"dbt project in {settings.project_dir}",
                expected="a project that dbt can compile",
                found=said or "an error without a message",
                next_step="run `dbt parse` and correct what it names",
            )
        compiled: dict[str, Any] = json.loads(file.read_text())
        return compiled


def _model(entry: Mapping[str, Any]) -> Model:
    return Model(
        name=entry["name"],
        layer=entry["layer"],
        schema=entry["schema"],
        materialized=entry["materialized"],
        columns=tuple((name, kind) for name, kind in entry["columns"]),
        primary_key=tuple(entry["primary_key"]),
        parents=frozenset(entry["upstream"]),
    )


def _definition(entry: Mapping[str, Any]) -> Definition:
    return Definition(
        entry["name"],
        entry["first_sql"],
        entry["next_sql"],
        entry["settings"],
        {name: name for name in entry["upstream"]},
        entry["seeds"],
    )


def _view(model: Model) -> FeatureView:
    """A feature view as the publisher would find it once it is built."""
    types = {name: kind or "" for name, kind in model.columns}
    keys = tuple(name for name in model.primary_key if name != AS_OF)
    if not keys or AS_OF not in model.primary_key or "" in types.values():
        raise HeadgateError(
            f"feature view {model.name}",
            expected="a primary key of the entity key and as_of, and a data_type for every column",
            found=f"the primary key ({', '.join(model.primary_key)})"
            if model.primary_key
            else "no primary key",
            next_step="complete the contract in the model's YAML",
        )
    return FeatureView(
        name=model.name,
        version=version_of(model.name),
        keys=tuple((name, types[name]) for name in keys),
        columns=tuple(
            Column(name, types[name], name) for name, _ in model.columns if name not in model.primary_key
        ),
        definition=model.name,
        source_relation=0,
    )
