"""Random projects with red gates at random places, by load, against a simple model of the publish promise."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.errors import GateFailed, HeadgateError
from headgate.planning.publishing import publish_project
from headgate.store.readiness import require_proven
from tests.store import Store, instant
from tests.support import Database, Databases

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("server", ["embedded"], indirect=True)]

SOURCES = ("shop", "post", "bank")
VIEWS = ("first", "second", "third")
START = instant(2026)
#: What a gate said of a load; `unbuilt`: the model that it looks at was left out.
VERDICTS = st.sampled_from(["pass", "pass", "pass", "pass", "pass", "pass", "red", "waived", "unbuilt"])
#: View -> the source that it is built from, and others that it reads.
RESTS = st.fixed_dictionaries(
    {
        view: st.tuples(st.sampled_from(SOURCES), st.sets(st.sampled_from(SOURCES), max_size=1))
        for view in VIEWS
    }
)
#: Source of a load, and the verdicts of the gates upstream of views and beside them.
LOADS = st.lists(
    st.tuples(st.sampled_from(SOURCES), VERDICTS.filter(lambda one: one != "unbuilt"), VERDICTS), max_size=4
)


@dataclass(frozen=True)
class Load:
    """A load and whether every gate lets it pass."""

    number: int
    source: str
    proven: bool


@dataclass
class Project(Store):
    """A project's ledger as dbt would leave it, and what consumers should see."""

    rests: Mapping[str, tuple[str, set[str]]] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    seen: dict[str, set[int]] = field(default_factory=dict)

    def create(self) -> None:
        """The models, their gates, their sources."""
        run = self.database.query
        run("create schema features")
        for source in SOURCES:
            for model in (f"stg_{source}__records", f"{source}_beside"):
                self._model(model, {source})
        for view, (source, others) in self.rests.items():
            columns = "id bigint, as_of timestamptz, n bigint, primary key (id, as_of)"
            run(f"create table features.{view} ({columns})")
            run(f"create table ops.changed_{view} as select id, as_of from features.{view}")
            self._model(view, {source, *others})
        run("insert into ops.model_sources values ('spine', 'shop')")

    def _model(self, model: str, sources: set[str]) -> None:
        for source in sources:
            self.database.query("insert into ops.model_sources values (%s, %s)", model, source)
        gates = [f"{model}_is_sound"]
        self.database.query("insert into ops.model_gates values (%s, %s, md5(%s))", model, gates, model)

    def add(self, source: str, upstream: str, beside: str) -> None:
        """Lands and builds a load; its gates say what is given."""
        start = START + timedelta(hours=len(self.loads))
        number = self.database.value(
            "insert into ops.loads (source, entity, partition_start, partition_end, uri, status, lines_read,"
            " rows_landed, rows_rejected)"
            " values (%s, 'records', %s, %s, 'none', 'landed', 0, 0, 0) returning load_id",
            source,
            start,
            start + timedelta(hours=1),
        )
        self.loads.append(Load(number, source, {upstream, beside} <= {"pass", "waived"}))
        staging = f"stg_{source}__records"
        version = self._built(staging, number, str(number), upstream)
        if beside != "unbuilt":
            self._built(f"{source}_beside", number, str(number), beside)
        for view in [view for view, (main, _) in self.rests.items() if main == source]:
            self._built(view, number, f"{staging}:{version}", "pass")
            for table, more in ((f"ops.changed_{view}", ""), (f"features.{view}", ", 1")):
                self.database.query(f"insert into {table} values (%s, %s{more})", number, start)

    def _built(self, model: str, load: int, upstream: str, verdict: str) -> str:
        run, gate, version = self.database.query, f"{model}_is_sound", str(uuid.uuid4())
        run(
            "insert into ops.built_partitions (model, source, partition_start, upstream_version,"
            " version, load_id)"
            " select %s, contract_source, partition_start, %s, %s, load_id from ops.loads where load_id = %s",
            *(model, upstream, version, load),
        )
        if verdict == "pass":
            run(
                "insert into ops.verdicts (gate, model, source, partition_start, version)"
                " select %s, model, source, partition_start, version"
                " from ops.built_partitions where version = %s",
                *(gate, version),
            )
        if verdict == "waived":
            run(
                "with decided as (insert into ops.decisions (action, load_id, gate, reason, actor)"
                " values ('waive gate', %s, %s, 'r', 'a') returning decision_id)"
                " insert into ops.gate_waivers select %s, %s, decision_id from decided",
                *(load, gate, gate, load),
            )
        return version

    def ready(self) -> set[str]:
        """The views that may be published: with what shares a source, nothing of it lacks a verdict."""
        built = {
            view for view, (source, _) in self.rests.items() if source in {load.source for load in self.loads}
        }
        sources = {view: {self.rests[view][0], *self.rests[view][1]} for view in built}
        stopped = {load.source for load in self.loads if not load.proven}
        while spread := {
            source for own in sources.values() if own & stopped for source in own if source not in stopped
        }:
            stopped |= spread
        return {view for view in built if not sources[view] & stopped}

    def require_kept(self, way: str) -> None:
        """Publishes, and compares what consumers see."""
        before, ready = dict(self.seen), self.ready()
        for view in ready:
            source = self.rests[view][0]
            self.seen[view] = {load.number for load in self.loads if load.source == source}
        try:
            self.publish_built() if way == "publish" else self.connected(self._apply)
        except HeadgateError:
            assert self.seen == before, "what was proven was kept out"
        held = {
            view: {key for (key,) in self.database.query(f"select id from feature_store.{view}")}
            for (view,) in self.database.query("select view from feature_store.active_views")
        }
        assert held == self.seen
        for view, keys in held.items():
            online = self.database.query(f"select id from feature_store.{view}_online")
            assert {key for (key,) in online} == keys

    async def _apply(self, _: object) -> None:
        """The last step of `headgate apply`."""
        await publish_project(self.database.settings)

    def require_spine(self) -> None:
        """A dataset is refused exactly when a load of its spine's source lacks a verdict."""
        unproven = any(load.source == "shop" and not load.proven for load in self.loads)
        try:
            self.connected(lambda connection: require_proven(connection, "spine", "training.spine"))
        except GateFailed:
            assert unproven, "a dataset of what was proven was refused"
        else:
            assert not unproven, "a dataset was made of what was not proven"


def test_nothing_unproven_is_published_and_nothing_proven_is_kept_out(databases: Databases) -> None:
    """By publish, by apply and by dataset create alike, release after release."""

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(RESTS, st.lists(st.tuples(LOADS, st.sampled_from(["publish", "apply"])), min_size=1, max_size=3))
    def promise(
        rests: dict[str, tuple[str, set[str]]],
        rounds: list[tuple[list[tuple[str, str, str]], str]],
    ) -> None:
        with databases.new() as database:
            project = _project(database, rests)
            for loads, way in rounds:
                for load in loads:
                    project.add(*load)
                project.require_kept(way)
                project.require_spine()

    promise()


def _project(database: Database, rests: Mapping[str, tuple[str, set[str]]]) -> Project:
    project = Project(database, rests=rests)
    project.create()
    return project
