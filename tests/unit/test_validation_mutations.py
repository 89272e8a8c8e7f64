"""Seeded mutations: each kind of breakage, injected into valid projects, is found with code and line."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.pipelines.validation import validate
from headgate.pipelines.validation.codes import CODES
from tests.support import ROOT
from tests.unit import validation_project

ANY_PIPELINE = "pipelines/*/metadata.yaml"
LAND, BUILD, STREAM = (f"pipelines/{name}_orders/metadata.yaml" for name in ("land", "build", "stream"))
TRIGGERS = "pipelines/land_orders/triggers.yaml"
ANY_TRIGGERS = "pipelines/*/triggers.yaml"
SEEDS = range(3)
#: What the own project's copy needs of the dbt project around it.
DBT_FILES = ("dbt_project.yml", "selectors.yml", "profiles.example.yml", "models", "seeds")


@dataclass(frozen=True)
class Mutation:
    """A regular expression whose match, one of all that there are, is replaced."""

    name: str
    code: str
    #: Where, as a pattern of files from the Mage project.
    files: str
    pattern: str
    replacement: str
    #: The line of the finding, counted from the line where the replaced text begins.
    offset: int = 0
    #: The finding stands elsewhere: pattern of files, and what its line matches afterwards.
    at: tuple[str, str] | None = None
    #: The line of the finding, where it does not depend on the place.
    line: int | None = None
    #: Codes that follow from the breakage.
    also: frozenset[str] = frozenset()


def _(name: str, code: str, files: str, pattern: str, replacement: str, **more: object) -> Mutation:
    also = more.pop("also", "")
    return Mutation(name, code, files, pattern, replacement, also=frozenset(str(also).split()), **more)  # type: ignore[arg-type]


BLOCK = r"(?m)^- uuid: (?!notes)\S+\n"
MUTATIONS = (
    # YAML and shape
    _("bracket left open", "HG001", ANY_PIPELINE, r"^uuid: (\w+)", r"uuid: ]\1"),
    _("tab as indentation", "HG001", ANY_TRIGGERS, r"(?m)^  schedule_type", "\tschedule_type"),
    _("template without quotes", "HG001", LAND, r"(?m)^description: .*", "description: {{ env_var('X') }}"),
    _("python object", "HG001", LAND, r"(?m)^description: .*", "description: !!python/name:os.system"),
    _(
        "time that does not exist",
        "HG001",
        TRIGGERS,
        r"(?m)^  start_time: 2026.*",
        "  start_time: 2026-13-01 00:00:00",
    ),
    _("list instead of a mapping", "HG001", ANY_TRIGGERS, r"^triggers:\n", "", offset=0),
    _("io_config that is no YAML", "HG001", "io_config.yaml", r"(?m)^  (POSTGRES_PORT): .*", r"  \1: ]"),
    _("pipeline without metadata", "HG001", LAND, r"(?s)\A.+\Z", "", also="HG060"),
    _("key twice", "HG027", LAND, r"(?m)^(tags: .*\n)", r"\1\1", offset=1),
    _("key twice in a block", "HG027", ANY_PIPELINE, r"(?m)^(  language: \w+\n)", r"\1\1", offset=1),
    _("blocks as a mapping", "HG004", STREAM, r"blocks:\n(?:.*\n)*", "blocks: {}\n", also="HG017 HG040"),
    _(
        "block without a type",
        "HG004",
        ANY_PIPELINE,
        r"(?m)^(- uuid: .*\n(?:  name: .*\n)?)  type: .*\n",
        r"\1",
        also="HG017 HG040 HG041 HG042 HG014 HG070",
    ),
    _("block without a uuid", "HG004", LAND, r"(?m)^- uuid: on_weekdays\n  type", "- type", also="HG017"),
    _(
        "upstream as a text",
        "HG004",
        ANY_PIPELINE,
        r"(?m)^  upstream_blocks: \[.+\]",
        "  upstream_blocks: one",
        also="HG007 HG042 HG041 HG040 HG013 HG014 HG070",
    ),
    _("retries as a word", "HG004", LAND, r"(?m)^  retries: 2", "  retries: twice"),
    _("timeout as a text", "HG004", LAND, r"timeout: 1800", "timeout: 30 minutes"),
    _(
        "io profile without settings",
        "HG004",
        "io_config.yaml",
        r"(?m)^archive:\n(?:  .*\n)*",
        "archive: here\n",
    ),
    _(
        "product without a target",
        "HG004",
        "global_data_products.yaml",
        r"  object_uuid: .*\n",
        "",
        offset=-1,
    ),
    _("unknown key of a block", "HG009", ANY_PIPELINE, BLOCK + r"", r"\g<0>  owner_of_it: me\n", offset=1),
    _("unknown key of a pipeline", "HG009", ANY_PIPELINE, r"^uuid: .*\n", r"\g<0>zzz: 1\n", offset=1),
    _(
        "unknown key of the project",
        "HG009",
        "metadata.yaml",
        r"project_uuid: .*\n",
        r"\g<0>zzz: 1\n",
        offset=1,
    ),
    _(
        "misspelt key of a block",
        "HG015",
        ANY_PIPELINE,
        r"upstream_blocks: \[.+\]",
        "upstream_block: []",
        also="HG007 HG042 HG041 HG040 HG013 HG014 HG070",
    ),
    _("misspelt key of a pipeline", "HG015", LAND, r"(?m)^description:", "descripton:"),
    _("misspelt key of io_config", "HG015", "io_config.yaml", "POSTGRES_PASSWORD", "POSTGRES_PASWORD"),
    _(
        "key that drops a trigger",
        "HG015",
        ANY_TRIGGERS,
        r"(?m)^  (schedule_interval: .*\n)",
        r"  \1  event_matchers: []\n",
        offset=1,
    ),
    _("misspelt setting of a trigger", "HG015", TRIGGERS, "skip_if_previous_running", "skip_if_running"),
    _("misspelt retry key", "HG015", ANY_PIPELINE, r"retries:", "retrys:"),
    # The pipeline and its blocks
    _("uuid of another folder", "HG002", ANY_PIPELINE, r"^uuid: (\w+)", r"uuid: \1_2"),
    _("unknown pipeline type", "HG003", ANY_PIPELINE, r"(?m)^type: python", "type: batch"),
    _(
        "unknown executor of a pipeline",
        "HG003",
        LAND,
        r"(?m)^executor_type: local_python",
        "executor_type: mainframe",
    ),
    _(
        "uuid used twice",
        "HG005",
        LAND,
        r"- uuid: alert\n",
        "- uuid: on_weekdays\n",
        at=(LAND, r"- uuid: on_weekdays\n  type: cond"),
        also="HG011 HG017 HG012 HG016 HG006",
    ),
    _(
        "uuid of an extension used before",
        "HG005",
        LAND,
        r"uuid: expect_ids",
        "uuid: on_weekdays",
        also="HG011 HG017 HG006 HG012",
    ),
    _(
        "unknown block type",
        "HG010",
        ANY_PIPELINE,
        r"(?m)^  type: (?:custom|sensor|transformer)\n",
        "  type: loader\n",
        also="HG017 HG040 HG041 HG042 HG044 HG019",
    ),
    _(
        "block type that crashes",
        "HG010",
        ANY_PIPELINE,
        r"(?m)^  type: (?:custom|sensor)\n",
        "  type: hook\n",
        also="HG017",
    ),
    _(
        "unknown language",
        "HG010",
        ANY_PIPELINE,
        r"(?m)^  language: python\n",
        "  language: ruby\n",
        also="HG017 HG070",
    ),
    _(
        "unknown executor",
        "HG010",
        ANY_PIPELINE,
        r"(?m)^  executor_type: local_python\n",
        "  executor_type: cluster\n",
    ),
    _("unknown status", "HG010", LAND, r"status: not_executed", "status: done"),
    _("unknown colour", "HG010", LAND, r"color: teal", "color: red"),
    _(
        "callback among the blocks",
        "HG016",
        LAND,
        r"(?m)^  type: conditional",
        "  type: callback",
        also="HG011 HG017 HG012 HG013",
    ),
    _(
        "loader among the callbacks",
        "HG016",
        LAND,
        r"(?m)^  type: callback",
        "  type: data_loader",
        also="HG011 HG017",
    ),
    # Files
    _(
        "block without a file",
        "HG011",
        ANY_PIPELINE,
        r"(?m)^- uuid: (alert|alerts/alert_on_failure|on_weekdays)\n",
        r"- uuid: \1_2\n",
        also="HG017",
    ),
    _(
        "wrong type for the file",
        "HG011",
        LAND,
        r"(?m)^  type: custom\n",
        "  type: transformer\n",
        offset=-1,
        also="HG017",
    ),
    _(
        "file that nothing uses",
        "HG017",
        LAND,
        r"(?m)^conditionals:\n(?:[- ].*\n)*",
        "",
        at=("conditionals/on_weekdays.py", "if"),
    ),
    # References
    _(
        "dangling upstream",
        "HG006",
        ANY_PIPELINE,
        r"(?m)^  upstream_blocks: \[",
        r"\g<0>gone, ",
        also="HG017",
    ),
    _("dangling downstream", "HG006", ANY_PIPELINE, r"(?m)^  downstream_blocks: \[", r"\g<0>gone, "),
    _("dangling replica", "HG006", LAND, r"(?m)^  color: teal", "  replicated_block: gone"),
    _(
        "one-sided upstream",
        "HG007",
        LAND,
        r"(?m)^  - orders/check_orders\n  - orders/count_orders",
        "  - orders/check_orders",
        at=(LAND, r"  - orders/load_orders\n  downstream_blocks: \[\]"),
    ),
    _(
        "one-sided downstream",
        "HG007",
        BUILD,
        r"downstream_blocks: \[\]",
        "downstream_blocks: [orders]",
        also="HG008",
    ),
    _(
        "cycle by upstream only",
        "HG008",
        LAND,
        r"upstream_blocks: \[\]\n",
        "upstream_blocks: [orders/export_orders]\n",
        also="HG007",
    ),
    _(
        "cycle of one block",
        "HG008",
        STREAM,
        r"upstream_blocks: \[orders_topic\]",
        "upstream_blocks: [orders_topic, clean]",
        also="HG042 HG013",
    ),
    _(
        "cycle by downstream only",
        "HG008",
        STREAM,
        r"(?s)(.*)downstream_blocks: \[\]",
        r"\1downstream_blocks: [orders_topic]",
        also="HG007 HG041",
        at=(STREAM, r"downstream_blocks: \[orders_topic\]"),
    ),
    # Python
    _("block that does not parse", "HG012", "*/orders/*.py", r"(?m)^(def \w+)\(", r"\1((", also="HG070"),
    _(
        "decorator gone",
        "HG012",
        "*/*/*.py",
        r"(?m)^@(?:data_loader|data_exporter|sensor|transformer|custom)\n",
        "",
        at=("*/*/*.py", r"\A"),
        also="HG017",
    ),
    _(
        "decorator of another type",
        "HG012",
        "custom/orders/*.py",
        r"(?m)^@custom",
        "@transformer",
        offset=1,
        also="HG017",
    ),
    _(
        "second function",
        "HG012",
        "data_loaders/*/*.py",
        r"(?s)\Z",
        "\n\n@data_loader\ndef more(**kwargs):\n    return []\n",
        at=("data_loaders/*/*.py", r"def more"),
        also="HG013 HG071",
    ),
    _(
        "function instead of a sink",
        "HG012",
        "data_exporters/orders_log.py",
        "@streaming_sink\nclass",
        "@data_exporter\nclass",
        offset=1,
    ),
    _("sensor without kwargs", "HG013", "sensors/*/*.py", r"\*args, \*\*kwargs", "*args"),
    _("callback without kwargs", "HG013", "callbacks/alert.py", r", \*\*kwargs", ""),
    _("more parameters than blocks", "HG013", "*/orders/*.py", r"(def \w+\()", r"\1extra, more, "),
    _(
        "keyword-only parameter",
        "HG013",
        "data_loaders/*/*.py",
        r"\*args, \*\*kwargs",
        "*args, day=None, more=1, **kwargs",
    ),
    _("fewer parameters than blocks", "HG013", "custom/orders/*.py", r"orders, \*\*kwargs", "**kwargs"),
    _(
        "async function",
        "HG013",
        "*/*/*.py",
        r"(?m)^def (?=load_orders|land_hours|hour_published|files_there)",
        "async def ",
    ),
    _(
        "call at import",
        "HG018",
        "*/*/*.py",
        r"(?m)^@(?=data_loader|sensor)",
        "ROWS = open('rows').read()\n\n\n@",
    ),
    _(
        "loop at import",
        "HG018",
        "*/orders/*.py",
        r"(?m)^@(?=data_loader|sensor)",
        "for number in [1]:\n    pass\n\n\n@",
    ),
    _(
        "decorator imported over Mage's",
        "HG028",
        "data_loaders/*/*.py",
        r'if "data_loader" not in globals\(\):\n    ',
        "",
    ),
    _(
        "sensor that waits for ever",
        "HG019",
        ANY_PIPELINE,
        r"  timeout: (?:1800|3600)\n",
        "",
        at=(ANY_PIPELINE, r"(?m)^- uuid: (?:orders/files_there|build/new_loads|gharchive/hour_published)\n"),
    ),
    _(
        "callback for no status",
        "HG029",
        "callbacks/**/*.py",
        r"(?m)^@callback\((['\"])failure",
        r"@callback(\1failed",
        offset=1,
    ),
    # Triggers
    *(
        _(
            f"trigger without {key}",
            "HG020",
            ANY_TRIGGERS,
            rf"(?m)^(- name: .*\n(?:  .*\n)*?)(?:- |  ){key}: .*\n",
            r"\1",
            also="HG022 HG026",
        )
        for key in ("schedule_type", "schedule_interval", "start_time", "status")
    ),
    _("trigger without a name", "HG020", ANY_TRIGGERS, r"(?m)^- name: hourly\n  ", "- "),
    _("unknown schedule type", "HG021", ANY_TRIGGERS, r"schedule_type: time", "schedule_type: cron"),
    _("unknown trigger status", "HG021", ANY_TRIGGERS, r"status: active", "status: running", also="HG026"),
    _("unknown environment", "HG021", TRIGGERS, r"- prod\n", "- production\n"),
    _(
        "interval in words",
        "HG022",
        ANY_TRIGGERS,
        r"schedule_interval: \d.*",
        "schedule_interval: every hour",
    ),
    _(
        "interval that Mage lacks",
        "HG022",
        ANY_TRIGGERS,
        r"schedule_interval: \d.*",
        "schedule_interval: '@yearly'",
    ),
    _("minute 61", "HG022", ANY_TRIGGERS, r"schedule_interval: \d+ ", "schedule_interval: 61 "),
    _("30 February", "HG022", ANY_TRIGGERS, r"schedule_interval: \d.*", "schedule_interval: 0 0 30 2 *"),
    _("start time as a text", "HG023", ANY_TRIGGERS, r"start_time: 2026.*", "start_time: soon"),
    _("two triggers with one name", "HG024", TRIGGERS, "name: by hand", "name: hourly"),
    _("trigger of another pipeline", "HG025", ANY_TRIGGERS, r"pipeline_uuid: (\w+)", r"pipeline_uuid: \1_2"),
    _(
        "trigger that Mage rewrites",
        "HG026",
        ANY_TRIGGERS,
        r"  last_enabled_at: .*\n",
        "",
        at=(ANY_TRIGGERS, "status: active"),
    ),
    # dbt
    _("no dbt project", "HG030", BUILD, r"dbt_project_name: \.\.", "dbt_project_name: warehouse"),
    _(
        "no dbt project named",
        "HG030",
        BUILD,
        r"    dbt_project_name: \.\.\n",
        "",
        at=(BUILD, r"(?m)^  configuration:\n    dbt:"),
    ),
    _("profile that does not exist", "HG031", "../dbt_project.yml", r"(?m)^profile: (\w+)", r"profile: \1_2"),
    _(
        "target that does not exist",
        "HG032",
        "pipelines/build_*/metadata.yaml",
        r"dbt_profile_target: dev",
        "dbt_profile_target: live",
    ),
    _(
        "selector that does not exist",
        "HG033",
        "dbts/**/*.yaml",
        r"--selector (\w+)",
        r"--selector \1_2",
        also="HG072",
    ),
    _(
        "selector that selects nothing",
        "HG033",
        "dbts/orders.yaml",
        r"--selector orders",
        "--selector broken",
        also="HG072",
    ),
    _("model that does not exist", "HG033", "dbts/totals.yaml", "order_totals", "order_total_2"),
    _("tag that does not exist", "HG033", "dbts/totals.yaml", "tag:nightly", "tag:weekly"),
    _("path that does not exist", "HG033", "dbts/test_totals.yaml", "models/orders", "models/customers"),
    _("open quote in a dbt block", "HG033", "dbts/totals.yaml", "--select", "--select '"),
    _(
        "command that runs no test",
        "HG014",
        "pipelines/build_*/metadata.yaml",
        r"(?s)command: (?:test|build)(?!.*command: (?:test|build))",
        "command: run",
        also="HG070",
    ),
    _(
        "no command",
        "HG014",
        BUILD,
        r"    dbt: \{command: test\}\n",
        "",
        at=(BUILD, r"  configuration:\n    dbt_project_name"),
    ),
    _(
        "unknown dbt command",
        "HG036",
        "pipelines/build_*/metadata.yaml",
        r"command: (?:test|build|run)",
        "command: biuld",
        also="HG014 HG070",
    ),
    _(
        "rows into dbt",
        "HG034",
        "../models/orders/order_totals.sql",
        r"ref\('stg_orders'\)",
        "source('mage_shop', 'build_orders_use_orders')",
        at=(BUILD, r"(?m)^  upstream_blocks: \[use_orders\]"),
    ),
    _(
        "rows out of dbt",
        "HG035",
        BUILD,
        r"(?<=use_orders\]\n  downstream_blocks: \[)orders\]",
        "orders, orders_out]\n- uuid: orders_out\n  type: custom\n  language: sql\n  content: select 1\n"
        "  upstream_blocks: [model]\n",
        offset=5,
    ),
    _(
        "selector of another name",
        "HG072",
        "dbts/orders.yaml",
        r"--selector orders",
        "--selector=broken",
        also="HG033",
    ),
    # Streaming
    _(
        "no source",
        "HG040",
        STREAM,
        r"type: data_loader",
        "type: markdown",
        also="HG011 HG017",
        at=(STREAM, "blocks:"),
    ),
    _(
        "second source",
        "HG040",
        STREAM,
        r"type: data_exporter",
        "type: data_loader",
        also="HG011 HG017 HG041 HG042",
    ),
    _(
        "sink with blocks after it",
        "HG041",
        STREAM,
        r"(?s)(?<=upstream_blocks: \[clean\]\n  downstream_blocks: \[)\]",
        "clean]",
        also="HG007 HG008",
    ),
    _(
        "transformer at the end",
        "HG041",
        STREAM,
        r"downstream_blocks: \[orders_table, orders_log\]",
        "downstream_blocks: []",
        also="HG007 HG042",
        at=(STREAM, "- uuid: clean"),
    ),
    _(
        "sink with two upstream blocks",
        "HG042",
        STREAM,
        r"upstream_blocks: \[clean\]",
        "upstream_blocks: [clean, orders_topic]",
        also="HG007",
    ),
    _(
        "source with an upstream block",
        "HG042",
        STREAM,
        r"upstream_blocks: \[\]",
        "upstream_blocks: [orders_log]",
        also="HG007 HG008 HG041 HG013",
    ),
    _(
        "unknown source",
        "HG043",
        "data_loaders/orders_topic.yaml",
        r"connector_type: nats",
        "connector_type: nats_js",
    ),
    _(
        "sink that Mage rejects",
        "HG043",
        "data_exporters/orders_table.yaml",
        r"connector_type: postgres",
        "connector_type: druid",
    ),
    _("no connector", "HG043", "data_exporters/orders_table.yaml", r"connector_type: postgres\n", ""),
    _("block that is never run", "HG044", STREAM, r"type: transformer", "type: custom", also="HG011 HG017"),
    # Secrets
    _(
        "password in io_config",
        "HG050",
        "io_config.yaml",
        r"(?m)^(  POSTGRES_PASSWORD): .*",
        r"\1: hunter2-and-more",
    ),
    _(
        "password in a URL",
        "HG050",
        "data_loaders/orders_topic.yaml",
        r"server_url: .*",
        "server_url: nats://mage:hunter2@nats:4222",
    ),
    _(
        "cloud key in Python",
        "HG050",
        "data_exporters/*/*.py",
        r"(?m)^    return",
        '    key = "AKIA' + "Q" * 16 + '"\n    return',
    ),
    _(
        "password in Python",
        "HG050",
        "custom/orders/*.py",
        r"(?m)^    return",
        '    kwargs["db_password"] = "hunter2-and-more"\n    return',
    ),
    _(
        "token as a default",
        "HG050",
        "custom/orders/*.py",
        r"(?m)^    return",
        '    token = kwargs.get("token", "2e7c9d4b0f91")\n    return',
    ),
    _(
        "password in SQL",
        "HG050",
        "../models/orders/order_totals.sql",
        r"\Aselect",
        "-- postgresql://mage:hunter2@host/db\nselect",
    ),
    _("private key in a pipeline", "HG050", LAND, r"(?m)^  day: null", '  client_secret: "aB3dE6gH9jK2"'),
    # Products, the project, its own rules
    _(
        "product of a pipeline that is gone",
        "HG060",
        "global_data_products.yaml",
        "object_uuid: land_orders",
        "object_uuid: land_order",
    ),
    _(
        "product of a block that is gone",
        "HG060",
        "global_data_products.yaml",
        "orders/check_orders",
        "orders/check_order",
    ),
    _("block of a product that is gone", "HG060", BUILD, "uuid: orders_today", "uuid: orders_yesterday"),
    _(
        "unknown product type",
        "HG061",
        "global_data_products.yaml",
        "object_type: pipeline",
        "object_type: pipelin",
    ),
    _("unknown project type", "HG061", "metadata.yaml", "project_type: standalone", "project_type: single"),
    _("unknown alert", "HG061", "metadata.yaml", "- trigger_passed_sla", "- trigger_failed"),
    _(
        "gate taken away",
        "HG070",
        "transformers/orders/check_orders.py",
        r"(?m)^@test",
        "#",
        at=(LAND, "- uuid: orders/export_orders"),
    ),
    _(
        "long block",
        "HG071",
        "custom/orders/*.py",
        r"(?m)^    return",
        "\n" * 31 + "    return",
        line=31,
    ),
)


Project = Callable[[], Path]


@pytest.fixture
def projects(tmp_path: Path) -> list[Path]:
    """Valid projects to break: the one with everything, and a copy of the one that ships."""
    own = tmp_path / "own"
    ignored = shutil.ignore_patterns(".ssh_tunnel", "__pycache__")
    shutil.copytree(ROOT / "mage_pipelines", own / "mage_pipelines", ignore=ignored)
    for name in DBT_FILES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, own / name)
    return [validation_project.write(tmp_path / "all"), own / "mage_pipelines"]


def test_valid_projects_have_no_findings(projects: list[Path]) -> None:
    """What the mutations break is valid before."""
    for project in projects:
        assert [str(finding) for finding in validate(project).findings] == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_mutation_is_found(projects: list[Path], mutation: Mutation) -> None:
    """A breakage, at any of the places where it can be, gives its code at its line, and no unrelated one."""
    places = [
        (project, path, match)
        for project in projects
        for path in sorted(
            project.glob(mutation.files) if ".." not in mutation.files else [project / mutation.files]
        )
        if path.is_file()
        for match in re.finditer(mutation.pattern, path.read_text())
    ]
    assert places

    for seed in SEEDS:
        chance = random.Random(zlib.crc32(f"{mutation.name} {seed}".encode()))
        project, path, match = chance.choice(places)
        before = path.read_text()
        path.write_text(before[: match.start()] + match.expand(mutation.replacement) + before[match.end() :])
        findings = validate(project).findings
        wanted = _wanted(project, path, before, match, mutation)
        found = {
            (finding.path.resolve(), finding.line) for finding in findings if finding.code == mutation.code
        }
        path.write_text(before)

        assert found & wanted, [str(finding) for finding in findings]
        assert {finding.code for finding in findings} <= {mutation.code} | mutation.also


def test_no_file_breaks_the_validator(projects: list[Path]) -> None:
    """Whatever stands in the files, the validator ends with findings, or says that the settings are wrong."""
    project = projects[0]
    files = sorted(path for path in project.parent.rglob("*") if path.is_file())
    for seed in range(150):
        chance = random.Random(seed)
        path = chance.choice(files)
        before = path.read_bytes()
        path.write_bytes(_garbled(before, chance))
        with contextlib.suppress(UsageError):
            assert all(finding.line >= 1 for finding in validate(project).findings)
        path.write_bytes(before)


def test_every_code_has_a_mutation() -> None:
    """Every code of the table is produced by some mutation."""
    assert {mutation.code for mutation in MUTATIONS} == set(CODES)
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


def _garbled(text: bytes, chance: random.Random) -> bytes:
    """The text with some words replaced by what YAML or Python may trip over, and some bytes gone."""
    words = [
        b"[]",
        b"{}",
        b"{a: [1]}",
        b"null",
        b"1",
        b"'",
        b"*a",
        b"&a",
        b"<<:",
        b"!!x",
        b"\t",
        b"\x00",
        b"\xff",
        b"{{",
    ]
    parts = re.split(rb"(\w+|\n)", text)
    for _ in range(chance.randint(1, 4)):
        parts[chance.randrange(len(parts))] = chance.choice([*words, b""])
    return b"".join(parts)


def _wanted(
    project: Path, path: Path, before: str, match: re.Match[str], mutation: Mutation
) -> set[tuple[Path, int]]:
    """Files and lines at which the finding may stand."""
    if mutation.at is None:
        line = before[: match.start()].count("\n") + 1 + mutation.offset
        return {(path.resolve(), mutation.line or line)}
    files, pattern = mutation.at
    return {
        (other.resolve(), other.read_text()[: place.start()].count("\n") + 1 + mutation.offset)
        for other in project.glob(files)
        for place in re.finditer(pattern, other.read_text())
    }
