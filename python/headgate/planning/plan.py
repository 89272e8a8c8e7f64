"""The plan: all that differs between what is declared and what is deployed, and what changing it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headgate.change import Change, changes_hash
from headgate.contract.reads import undeclared
from headgate.contract.versions import contract_changes, version_problem
from headgate.definitions import Definitions
from headgate.planning.declared import Declared
from headgate.planning.deployed import BuiltModel, Deployed
from headgate.planning.typed import stale_models, stands_empty, typed_changes
from headgate.store.approval import OTHER_KEYS
from headgate.store.view_changes import changed_keys, view_changes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would change, and what that takes; the hash covers the changes and nothing else."""

    changes: list[Change]
    #: Models to build from nothing, in no order; what is downstream of what changed is among them.
    rebuild: list[BuiltModel]
    #: Models that are declared and not built yet.
    build: list[str]
    #: Relations of models that the project has not any more.
    drop: list[BuiltModel]
    #: What has to be put right before the plan can be approved or carried out, as sentences.
    problems: list[str]
    #: What landed records hold that their contract does not say, as sentences.
    observed: list[str]
    #: Feature views whose values may change.
    views: list[str]
    #: Datasets that read one of these: (name and version, release that they stay bound to).
    datasets: list[tuple[str, int]]
    #: The active release that it starts from.
    release: int | None
    partitions: int

    @property
    def hash(self) -> str:
        """The same for the same changes, wherever the plan was made."""
        return changes_hash(self.changes)

    @property
    def breaking(self) -> list[Change]:
        """The changes that need approval."""
        return [change for change in self.changes if change.breaking]

    @property
    def is_empty(self) -> bool:
        """Nothing to do."""
        return not (self.changes or self.rebuild or self.drop)

    @property
    def seconds(self) -> float | None:
        """Time that the rebuilt models took in past runs, one after the other; None when one never ran."""
        found = [model.seconds for model in self.rebuild]
        return None if None in found else sum(seconds for seconds in found if seconds is not None)

    def as_dict(self) -> dict[str, Any]:
        """The plan for programs (`--json`)."""
        return {
            "hash": self.hash,
            "changes": [{**change.as_dict(), "sentence": change.sentence()} for change in self.changes],
            "rebuild": [
                {"model": model.name, "rows": model.rows, "bytes": model.bytes, "seconds": model.seconds}
                for model in self.rebuild
            ],
            "build": self.build,
            "drop": [f"{model.schema}.{model.name}" for model in self.drop],
            "problems": self.problems,
            "observed": self.observed,
            "views": self.views,
            "datasets": [{"dataset": name, "release": release} for name, release in self.datasets],
            "release": self.release,
            "partitions": self.partitions,
            "seconds": self.seconds,
        }


def make_plan(declared: Declared, deployed: Deployed) -> Plan:
    """Compares both sides."""
    # What only one side knows of a seed's content holds for the other: the same file has the same checksum.
    seeds = {**deployed.definitions.seeds, **declared.definitions.seeds}
    declared = replace(declared, definitions=Definitions(declared.definitions.by_key, seeds))
    deployed = replace(deployed, definitions=Definitions(deployed.definitions.by_key, seeds))
    sources, retyped, problems = _sources(declared, deployed)
    stale = stale_models(declared, deployed) | retyped
    again = declared.downstream(stale) & deployed.models.keys()
    both = Definitions({**deployed.definitions.by_key, **declared.definitions.by_key}, seeds)
    stored = view_changes(deployed.views, declared.views, both)
    views = sorted({change.name for change in stored} | {name for name in again if name in declared.views})
    return Plan(
        changes=[*sources, *typed_changes(declared, deployed), *stored],
        rebuild=[deployed.models[name] for name in sorted(again)],
        build=sorted(
            name
            for name in declared.models.keys() - deployed.models.keys()
            if not stands_empty(declared.models[name], deployed)
        ),
        drop=[model for name, model in sorted(deployed.models.items()) if name not in declared.models],
        problems=[*problems, *_rekeyed(declared, deployed), *(f"{found}." for found in declared.narrowings)],
        observed=list(deployed.observed),
        views=views,
        datasets=[(name, release) for name, release, read in deployed.datasets if set(read) & set(views)],
        release=deployed.release,
        partitions=deployed.partitions,
    )


def _rekeyed(declared: Declared, deployed: Deployed) -> list[str]:
    """Views that no approval publishes: their histories go by another key."""
    return [
        f"{change.name}: {change.sentence()}: {OTHER_KEYS}."
        for change in changed_keys(deployed.keys, declared.views)
    ]


def _sources(declared: Declared, deployed: Deployed) -> tuple[list[Change], set[str], list[str]]:
    """Changes of contracts; models that have to type records again for them; what has to be put right."""
    changes: list[Change] = []
    again: set[str] = set()
    problems: list[str] = []
    for source, contract in declared.contracts.items():
        before = deployed.contracts.get(source)
        if before is None:
            continue
        found = contract_changes(source, before, contract)
        problem = version_problem(source, before, contract, found)
        changes += found
        problems += [problem] if problem else []
        removed = {rule.path for rule in before.paths} - {rule.path for rule in contract.paths}
        problems += [f"{found}." for found in undeclared(source, declared.reads.get(source, {}), removed)]
        if any(change.breaking for change in found):
            again.add(f"stg_{source}__quarantine")
    return changes, again & declared.models.keys(), problems
