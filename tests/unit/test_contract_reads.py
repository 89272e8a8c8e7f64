"""The paths that staging models read, against the paths that contracts declare."""

from pathlib import Path

import pytest

from headgate.contract import Contract, Envelope, PathRule
from headgate.contract.reads import check_source, narrowings, paths_by_model, paths_read
from headgate.definitions import Definitions
from headgate.planning.declared import Declared
from headgate.planning.deployed import Deployed
from headgate.planning.plan import make_plan
from headgate.settings import find_project_dir
from headgate.sources.declared import DeclaredSource, declared_sources

SQL = """
    cross join lateral {{ json_fields('records.record') }} as root (payload jsonb)
    cross join lateral {{ json_fields('root.payload') }} as payload (
        commits jsonb, "user" jsonb
    )
    cross join lateral {{ json_elements('handed_on.commits') }} as commits (element, position)
    cross join lateral {{ json_fields('commits.element') }} as commit (sha text)
    select shas.element ->> 1
    cross join lateral {{ json_elements('payload.commits') }} as shas (element, position)
"""


def write_source(project: Path, sql: str, contract: str) -> None:
    """A source with one staging model, and its contract as YAML on a line."""
    folder = project / "models" / "staging" / "demo"
    folder.mkdir(parents=True)
    (folder / "stg_demo__events.sql").write_text(sql)
    (folder / "_demo__sources.yml").write_text(
        "sources: [{name: demo, tables: [{name: events, config: {meta: {contract: " + contract + "}}}]}]"
    )


def test_paths_follow_the_laterals() -> None:
    """A path is put together from the record inwards, through CTEs, arrays and positions."""
    expected = {"payload", "payload.commits", "payload.user", "payload.commits[]", "payload.commits[].sha"}

    assert expected | {"payload.commits[][1]"} == paths_read(SQL)


@pytest.mark.parametrize(
    "source", declared_sources(find_project_dir()).values(), ids=lambda source: source.name
)
def test_contract_and_staging_models_agree(source: DeclaredSource) -> None:
    """Every path that a staging model reads is declared, and every declared path is read."""
    assert check_source(find_project_dir(), source.name, source.entity) == []


@pytest.mark.parametrize(
    ("unpacked", "is_told"),
    [
        ("id text, qty bigint", True),
        ("qty INTEGER, id text", True),
        ("id text, qty\n    int8 -- a count\n", True),
        ("id text, qty numeric", False),
        ("id text, qty numeric(20, 0)", False),
    ],
)
def test_integers_unpacked_as_whole_numbers_are_told(tmp_path: Path, unpacked: str, is_told: bool) -> None:
    """Projects of earlier versions unpack bigint, which stops at 1.0: model, path and mend are named."""
    write_source(
        tmp_path,
        f"cross join lateral {{{{ json_fields('records.record') }}}} as root ({unpacked})",
        "{version: 1, envelope: {identity: id, kind: null, time: null}, time_tolerance_hours: 1,"
        " paths: [{path: id, type: string}, {path: qty, type: integer}]}",
    )
    findings = check_source(tmp_path, "demo", "events")
    assert len(findings) == is_told
    assert all(
        "qty is an integer" in told and "stg_demo__events" in told and "numeric" in told for told in findings
    )


@pytest.mark.parametrize(
    ("unpacked", "selected", "said"),
    [
        (
            "qty numeric, at timestamptz",
            "root.qty::bigint as qty",
            "qty is a number; stg_demo__events casts",
        ),
        ('"qty" numeric, at timestamptz', 'cast(root."qty" as INT) as qty', "to int, which rounds"),
        ("qty numeric, at date", "root.qty", "at is a timestamp; stg_demo__events unpacks it as date"),
        ("qty numeric, at timestamptz", "root.qty, root.qty::bigint as whole", ""),
        ("qty numeric, at timestamptz", "round(root.qty)::bigint as qty, root.at::date as day", ""),
        ("qty numeric, at timestamptz", "root.qty::numeric(12, 2) as qty", ""),
    ],
)
def test_models_that_tell_less_than_the_contract_are_told(
    tmp_path: Path, unpacked: str, selected: str, said: str
) -> None:
    """A widened path whose model stayed as it was rounds numbers and cuts times without a word."""
    write_source(
        tmp_path,
        f"select {selected} from x cross join lateral"
        f" {{{{ json_fields('records.record') }}}} as root ({unpacked})",
        "{version: 2, envelope: {identity: null, kind: null, time: null}, time_tolerance_hours: 1,"
        " paths: [{path: qty, type: number}, {path: at, type: timestamp}]}",
    )
    found = check_source(tmp_path, "demo", "events")
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_sql_that_cannot_be_followed_stops_no_plan(tmp_path: Path) -> None:
    """The check that asks for every path names it; a plan compares what it can."""
    folder = tmp_path / "models" / "staging" / "demo"
    folder.mkdir(parents=True)
    (folder / "stg_demo__own.sql").write_text("{{ json_fields('mine.doc') }} as own (qty numeric)")
    contract = Contract(
        version=1,
        envelope=Envelope(identity=None, kind=None, time=None),
        time_tolerance_hours=None,
        paths=(PathRule(path="qty", type="number"),),
    )
    assert narrowings(tmp_path, "demo", contract) == []


@pytest.mark.parametrize(
    ("unpacked", "said"),
    [
        (
            "id text, qty numeric",
            ["demo: qty is read by stg_demo__events but not declared in the contract."],
        ),
        ("id text, other text", []),
    ],
)
def test_a_plan_names_models_that_read_what_the_contract_loses(
    tmp_path: Path, unpacked: str, said: list[str]
) -> None:
    """Nobody would hold its values against anything, so nothing is applied before."""
    folder = tmp_path / "models" / "staging" / "demo"
    folder.mkdir(parents=True)
    (folder / "stg_demo__events.sql").write_text(
        f"cross join lateral {{{{ json_fields('records.record') }}}} as root ({unpacked})"
    )
    (folder / "stg_demo__own.sql").write_text("{{ json_fields('mine.doc') }} as own (qty numeric)")
    before, after = (
        Contract(
            version=version,
            envelope=Envelope(identity=None, kind=None, time=None),
            time_tolerance_hours=None,
            paths=tuple(PathRule(path=path, type="number") for path in paths),
        )
        for version, paths in ((1, ("id", "qty")), (2, ("id",)))
    )
    plan = make_plan(
        Declared(
            models={},
            definitions=Definitions({}),
            views={},
            contracts={"demo": after},
            reads={"demo": paths_by_model(tmp_path, "demo")},
        ),
        Deployed(
            models={},
            definitions=Definitions({}),
            release=None,
            views={},
            contracts={"demo": before},
            partitions=0,
            observed=(),
            datasets=(),
        ),
    )
    assert plan.problems == said


def test_a_path_on_one_side_only_is_found(tmp_path: Path) -> None:
    """A column that the contract does not know, and a path that no model reads, are both named."""
    folder = tmp_path / "models" / "staging" / "demo"
    folder.mkdir(parents=True)
    (folder / "stg_demo__events.sql").write_text(
        "cross join lateral {{ json_fields('records.record') }} as root (id text, surprise text)"
    )
    (folder / "_demo__sources.yml").write_text(
        """
sources:
  - name: demo
    tables:
      - name: events
        config: {meta: {contract: {
          version: 1, envelope: {identity: id, kind: type, time: at}, time_tolerance_hours: 1,
          paths: [{path: id, type: string}, {path: forgotten, type: string}]}}}
"""
    )

    findings = check_source(tmp_path, "demo", "events")

    assert len(findings) == 2
    assert "surprise is read by stg_demo__events" in findings[0]
    assert "forgotten is declared" in findings[1]
