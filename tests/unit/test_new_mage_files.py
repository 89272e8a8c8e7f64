"""`headgate new pipeline`, `block` and `ui-templates`: what they write is valid, whatever it is called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headgate.errors import ConfirmationRequired, UsageError
from headgate.pipelines.validation import validate
from headgate.scaffold.files import NewFiles
from headgate.scaffold.mage import KINDS, new_block, new_pipeline
from headgate.scaffold.model_pipelines import model_pipelines, pipelines_of
from headgate.scaffold.names import require_name, snake_case
from headgate.scaffold.ui import ui_templates
from headgate.scaffold.yaml_edit import YamlText
from tests.project_copy import PARTS
from tests.support import ROOT

LONG = "a" + "23456789" * 4 + "1234567"
BATCH = ["transformer", "data_exporter", "sensor", "callback", "conditional", "custom", "dbt", "data_loader"]
STREAMING = ["streaming_transformer", "streaming_sink"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, with its style."""
    for part in [*PARTS, "pyproject.toml"]:
        source, target = ROOT / part, tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*_temp_*", "__pycache__"))
        else:
            shutil.copyfile(source, target)
    # Ruff sorts imports by where packages are.
    (tmp_path / "python").symlink_to(ROOT / "python")
    return tmp_path


def findings(project: Path) -> list[str]:
    """What the validator finds, warnings too, and what ruff would change."""
    found = [str(finding) for finding in validate(project / "mage_pipelines").findings]
    for words in (["check", "--quiet"], ["format", "--check", "--quiet"]):
        command = [Path(sys.executable).with_name("ruff"), *words, "mage_pipelines"]
        found += subprocess.run(command, cwd=project, capture_output=True, text=True).stdout.splitlines()
    return found


@pytest.mark.parametrize("name", ["x", LONG])
@pytest.mark.parametrize("options", [{}, {"streaming": True}, {"streaming": True, "nats": True}])
def test_pipelines_are_valid(project: Path, name: str, options: dict[str, bool]) -> None:
    """Short and long names, batch, streaming and from NATS: no finding, in the project's style."""
    new_pipeline(project, name, description='Says: "it", all of it. {{ x }}', **options).write()

    assert findings(project) == []


def test_pipelines_of_a_model_are_valid_and_run_what_those_of_the_example_do(project: Path) -> None:
    """Of the longest name; only training waits to be activated, unless it has a schedule."""
    model = LONG[:40]
    NewFiles(project, model_pipelines(project, model, None, is_custom=False)).write()
    assert findings(project) == []

    def status(name: str) -> str:
        triggers = yaml.safe_load((project / f"mage_pipelines/pipelines/{name}/triggers.yaml").read_text())
        return str(triggers["triggers"][0]["status"])

    verbs = ("deploy", "monitor", "score", "train")
    assert [status(f"{verb}_{model}") for verb in verbs] == ["active", "active", "active", "inactive"]
    scheduled = model_pipelines(project, model, "5 5 * * *", is_custom=True)
    assert "status: active" in scheduled[f"mage_pipelines/pipelines/train_{model}/triggers.yaml"]
    of_example, own = pipelines_of(project, "pull_request_merge"), pipelines_of(project, model)
    assert len(own) == 4
    for one, other in zip(of_example, own, strict=True):
        ours, theirs = (
            yaml.safe_load((project / folder / "metadata.yaml").read_text()) for folder in (one, other)
        )
        assert (ours["blocks"], ours["callbacks"]) == (theirs["blocks"], theirs["callbacks"])


def comments(text: str) -> list[str]:
    """The lines of a YAML file that have a comment."""
    return [line for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize(
    "text",
    [
        "name: shop\n",
        "vars:\nname: shop\n",
        "vars: {}\n",
        "vars: {a: 1}\nname: shop\n",
        "vars:\n  a: 1\n# of models\nname: shop\n",
        "vars:\n  names: [a, b]\n  # more\n  z: 1\n",
        "vars:\n  names:\n    - a # the first\n    - b\n  z: 1\n",
        "vars:\n  names:\n  - a",
        "vars:\n  names:\n  z: 1\n",
        "vars:\n  names: []\n",
    ],
)
def test_name_is_added_to_a_list_once(text: str) -> None:
    """However the list is written, or whether it is there; comments stay."""
    before = yaml.safe_load(text)
    edited = YamlText(text).with_item(("vars", "names"), "new")

    standing = before.get("vars") or {}
    names = [*(standing.get("names") or []), "new"]
    assert yaml.safe_load(edited.text) == {**before, "vars": {**standing, "names": names}}
    assert edited.with_item(("vars", "names"), "new") == edited
    assert comments(edited.text) == comments(text)


def test_blocks_of_every_kind_are_valid(project: Path) -> None:
    """Each kind of block, in a pipeline one after the other, and alone in no pipeline."""
    new_pipeline(project, "batch_one").write()
    new_pipeline(project, "stream_one", streaming=True).write()
    for kind in BATCH:
        select = "gate_thresholds" if kind == "dbt" else None
        new_block(project, kind, f"more_{kind}", pipeline="batch_one", select=select).write()
    for kind in STREAMING:
        new_block(
            project, kind, f"more_{kind}", pipeline="stream_one", after="transform", before=None
        ).write()
    new_block(
        project, "streaming_sink", "last", pipeline="stream_one", after="more_streaming_transformer"
    ).write()
    for kind in KINDS:
        if kind != "dbt":
            new_block(project, kind, f"{LONG[:30]}_{len(kind)}").write()

    assert findings(project) == []


def test_block_goes_between_two(project: Path) -> None:
    """A block before another takes its place in the chain; comments and alerts stay as they were."""
    new_block(project, "transformer", "audit", pipeline="ingest_gharchive", before="check_outcome").write()

    file = project / "mage_pipelines/pipelines/ingest_gharchive/metadata.yaml"
    blocks = {block["uuid"]: block for block in yaml.safe_load(file.read_text())["blocks"]}
    before = (ROOT / "mage_pipelines/pipelines/ingest_gharchive/metadata.yaml").read_text()
    assert blocks["gharchive/land_hours"]["downstream_blocks"] == ["ingest_gharchive/audit"]
    assert blocks["gharchive/check_outcome"]["upstream_blocks"] == ["ingest_gharchive/audit"]
    assert comments(file.read_text()) == comments(before)
    assert findings(project) == []


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("transformer", {"pipeline": "nowhere"}, "no pipeline of that name"),
        ("transformer", {"pipeline": "build_features", "after": "nothing"}, "a block among"),
        ("streaming_sink", {"pipeline": "build_features"}, "the pipeline is a batch one"),
        ("dbt", {"pipeline": "build_features"}, "--select"),
        ("sensor", {"pipeline": "build_features", "select": "x"}, "--select with dbt blocks only"),
    ],
)
def test_misplaced_blocks_are_refused(project: Path, kind: str, options: dict[str, str], said: str) -> None:
    """What does not fit is refused with what would, and nothing is written."""
    with pytest.raises(UsageError, match=said):
        new_block(project, kind, "mine", **options)

    assert findings(project) == []


def test_files_in_the_way_stay(tmp_path: Path) -> None:
    """One file in the way: none is written, unless asked to overwrite; the same content is not in the way."""
    (tmp_path / "standing").write_text("mine")
    (tmp_path / "same").write_text("new")
    files = NewFiles(tmp_path, {"standing": "new", "same": "new", "folder/added": "new"})

    with pytest.raises(ConfirmationRequired, match="standing") as refused:
        files.write()
    assert refused.value.exit_code == 4
    assert not (tmp_path / "folder").exists()

    assert files.write(overwrite=True).paths == ("standing", "folder/added")
    assert (tmp_path / "standing").read_text() == "new"
    assert files.changed() == []


@pytest.mark.parametrize(
    "name", ["Orders", "1st", "a-b", "a__b", "a_", "", "class", "ops", "x" * 41, "größe"]
)
def test_bad_names_are_refused(name: str) -> None:
    """A name that cannot be used is refused with exit code 2, and with one that can."""
    with pytest.raises(UsageError) as refused:
        require_name("pipeline", name)

    assert refused.value.exit_code == 2


def test_better_names_are_proposed() -> None:
    """Camel case and punctuation become words."""
    assert [snake_case(text) for text in ("deliveryId", "HTTPStatus", "Sync Orders!")] == [
        "delivery_id",
        "http_status",
        "sync_orders",
    ]
    with pytest.raises(UsageError, match="call it sync_orders"):
        require_name("pipeline", "Sync-Orders")


def test_templates_of_the_ui_are_those_of_the_command() -> None:
    """Mage's custom templates are what the project's give; `headgate new ui-templates` writes them."""
    files = ui_templates(ROOT)
    standing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "mage_pipelines/custom_templates").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert files.changed() == []
    assert standing == set(files.texts)


def test_edited_template_is_used(project: Path) -> None:
    """What a user writes into a template is in what comes from it; a broken one is named with its line."""
    template = project / "mage_pipelines" / "templates" / "mage_pipeline_template.py"
    template.write_text(template.read_text() + "# ours: ${name}\n")
    assert "# ours: mine" in new_pipeline(project, "mine").texts["mage_pipelines/utils/mine.py"]

    template.write_text("a\n<% if %>\n")
    with pytest.raises(UsageError, match=r"mage_pipeline_template.py, line 2"):
        new_pipeline(project, "mine")

    template.write_text("${nmae}\n")
    with pytest.raises(UsageError, match="'nmae' is undefined"):
        new_pipeline(project, "mine")


@pytest.mark.parametrize(
    "text",
    [
        "blocks:\n- uuid: a  # first\n  downstream_blocks: [b]\n- uuid: b\n# the end\n",
        "blocks:\n  - uuid: a\n    downstream_blocks:\n      - b\n\n  - uuid: b\nname: x\n",
        "name: x\nblocks:\n- {uuid: a, downstream_blocks: [b]}\n- {uuid: b}\n",
        "blocks:\n- downstream_blocks: []\n  uuid: a\n- uuid: b",
    ],
)
def test_yaml_keeps_what_is_not_touched(text: str) -> None:
    """Lists in brackets, in lines, with comments: the edit is made, all else is as it was."""
    before = yaml.safe_load(text)
    edited = (
        YamlText(text)
        .with_names(["blocks"], "a", "downstream_blocks", ["b", "c"])
        .with_entry("blocks", "- uuid: c\n  downstream_blocks: []\n")
    )

    after = yaml.safe_load(edited.text)

    before["blocks"][0]["downstream_blocks"] = ["b", "c"]
    assert after == {**before, "blocks": [*before["blocks"], {"uuid": "c", "downstream_blocks": []}]}
    assert comments(edited.text) == comments(text)


@pytest.mark.parametrize(
    "text",
    [
        "name: shop\n",
        "vars:\n  other: 1\n",
        "vars:\n  spines: [b]  # ours\n",
        "vars: {spines: [a, b, c]}  # ours\n",
        "vars:\n  spines: [a]  # ours\n  other: 1\n",
        "vars:\n  spines:\n    - a  # about a\n    - b\n    # about c\n    - c\n  other: 1  # ours\n",
        "vars:\n  spines:\n  - a\n# ours\nmodels: {}\n",
    ],
)
def test_an_item_leaves_a_list_of_yaml_and_nothing_else_does(text: str) -> None:
    """In brackets or in lines, the only one or among others, there or not; other comments stay."""
    before = yaml.safe_load(text)

    edited = YamlText(text).without_item(("vars", "spines"), "a").text

    if "a" in (before.get("vars") or {}).get("spines", []):
        before["vars"]["spines"].remove("a")
    assert yaml.safe_load(edited) == before
    for comment in ("# ours", "# about c"):
        assert edited.count(comment) == text.count(comment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: shop\n",
        "name: shop\nvars:\n\nmodels: {}\n",
        "name: shop\nvars: {}\n",
        "name: shop\nvars: {other: 1}  # ours\n",
        "vars:\n  # about other\n  other: 1\nname: shop  # ours\n",
        "vars:\n  other: 1\n  serves_models: &on false  # ours\nmodels: {+enabled: *on}\n",
    ],
)
def test_a_setting_of_a_yaml_mapping_leaves_the_rest_as_it_is(text: str) -> None:
    """The mapping there or not, in lines or in braces, the setting there or not; comments stay."""
    before = yaml.safe_load(text) or {}

    edited = YamlText(text).with_setting("vars", "serves_models", "&on true").text

    expected = {**before, "vars": {**(before.get("vars") or {}), "serves_models": True}}
    if "models" in text and "*on" in text:
        expected["models"] = {"+enabled": True}
    assert yaml.safe_load(edited) == expected
    assert edited.count("# ours") == text.count("# ours")
    assert ("# about other\n  other: 1" in edited) == ("# about other" in text)
