"""Declarations of models: read strictly; each refusal names file, line and mend. Splits, figures, files."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.model.declaration import declaration
from headgate.model.declared import ALERTS
from headgate.model.evaluation.bootstrap import Drawings, numbered
from headgate.model.evaluation.figures import Means, Ranked
from headgate.model.evaluation.gates import Judge
from headgate.model.evaluation.policy import DEFAULTS, approval, policy
from headgate.model.splits import folds, last_part
from headgate.model.training.rows import Rows
from headgate.model.training.run import judge_horizon
from tests.examples import examples
from tests.model_project import MODEL
from tests.support import ROOT


def write(folder: Path, name: str = "shipping", depends: tuple[str, ...] = (), **changed: Any) -> Path:
    """A declaration with changes; its file."""
    exposure = {
        "name": name,
        "type": "ml",
        "depends_on": [f"ref('{model}')" for model in depends or ("shop_activity", "labels")],
        "config": {"meta": {"model": {**MODEL, **changed}}},
    }
    (folder / "models").mkdir(exist_ok=True)
    file = folder / "models" / "model.yml"
    file.write_text(yaml.safe_dump({"exposures": [exposure]}, sort_keys=False))
    return file


def test_a_declaration_is_read(tmp_path: Path) -> None:
    """Durations, thresholds and defaults stand as they are meant."""
    write(tmp_path, feature_lag="90m")
    found = declaration(tmp_path, "shipping")
    assert (found.horizon, found.test, found.feature_lag) == (
        timedelta(hours=3),
        timedelta(hours=10),
        timedelta(minutes=90),
    )
    assert (found.unknown_entity, found.approval, found.spine_name) == ("missing", "none", "labels")


@pytest.mark.parametrize(("group", "found"), [("site", ("site",)), (["site", "number"], ("site", "number"))])
def test_a_group_is_a_column_or_a_composite_key(tmp_path: Path, group: Any, found: tuple[str, ...]) -> None:
    """Rows of one entity are drawn together, however many columns name it; rows without one by themselves."""
    write(tmp_path, group=group)
    declared = declaration(tmp_path, "shipping")
    assert declared.group == found
    table = pa.table({"site": ["a", "a", "b", None, None], "number": [1, 2, 1, 1, 1]})
    rows = Rows(table, np.arange(5.0), (), np.arange(5), 0)
    drawn = numbered(rows.groups(declared.group, np.arange(5))).tolist()
    assert drawn == ([0, 0, 1, 2, 3] if group == "site" else [0, 1, 2, 3, 4])


def test_a_declaration_knows_the_limits_of_the_seed(tmp_path: Path) -> None:
    """Both have the same names; null switches an alarm off."""
    with (ROOT / "seeds/model_alarm_limits.csv").open(newline="") as lines:
        assert [row["alarm"] for row in csv.DictReader(lines)] == list(ALERTS)
    write(tmp_path, alerts={"drift_size": 0.2, "largest_error_rate": None})
    assert declaration(tmp_path, "shipping").alerts == {"drift_size": 0.2, "largest_error_rate": None}


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"tusk": "binary"}, "tusk", "did you mean task"),
        ({"limits": {"rate": 10}}, "limits", "`headgate serve --rate`, a day's figures below `alerts`"),
        ({"task": "binery"}, "task", "one of binary, multiclass"),
        ({"horizon": "three hours"}, "horizon", "a duration such as"),
        ({"horizon": None}, "horizon", "a duration such as"),
        ({"inputs": []}, "inputs", "one name or more"),
        ({"inputs": ["size", "size"]}, "- size", "each name once"),
        ({"inputs": ["size", "is_shipped"], "baseline": ["size"]}, "- is_shipped", "which is the label"),
        ({"inputs": ["updated_at"], "baseline": []}, "- updated_at", r"forbidden \(updated_\*\)"),
        ({"inputs": ["other__size"], "baseline": []}, "- other__size", "a view under `views`"),
        ({"baseline": ["sise"]}, "- sise", "did you mean size"),
        ({"views": {"shop_activity": "one"}}, "shop_activity", "the version of the view"),
        ({"splits": {"test": 10}}, "test: 10", "a duration such as 2h"),
        ({"splits": {"test": "2h", "folds": True}}, "folds", "a whole number"),
        ({"directions": {"size": "up"}}, "size: up", "increasing or decreasing"),
        ({"gates": {"beats_chance": "high"}}, "beats_chance", "a number"),
        ({"group": []}, "group", "one name or more"),
        ({"group": 7}, "group", "a column of the spine, or a list"),
        ({"alerts": {"largest_eror_rate": 0.1}}, "largest_eror_rate", "did you mean largest_error_rate"),
        ({"alerts": {"drift_size": "much"}}, "drift_size", "a number from 0, or null for no alarm"),
        ({"gates": {"calibration": float("inf")}}, "calibration", "a number"),
        ({"unknown_entity": "guess"}, "unknown_entity", "missing, refuse"),
        ({"slices": ["is_big"]}, "slices", "a mapping"),
        ({"canary": {"shares": 0.2}}, "shares", "one of share, smallest_traffic"),
        ({"canary": {"deadline": "soon"}}, "deadline", "a span of time such as 7d"),
        ({"canary": {"deadline": "0s"}}, "deadline", "a span of time such as 7d"),
        ({"canary": {"deadline": float("nan")}}, "deadline", "a span of time such as 7d"),
        ({"canary": {"deadline": 1e300}}, "deadline", "a span of time such as 7d"),
        ({"canary": {"share": 10}}, "share", "a share from 0 to 1"),
        ({"canary": {"share": float("nan")}}, "share", "a share from 0 to 1"),
        ({"canary": {"alpha": 0}}, "alpha", "a chance between 0 and 1"),
        ({"canary": {"alpha": 5}}, "alpha", "a chance between 0 and 1"),
        ({"canary": {"smallest_traffic": -1}}, "smallest_traffic", "1 or more"),
        ({"canary": {"smallest_traffic": True}}, "smallest_traffic", "1 or more"),
        ({"canary": {"largest_loss": 0}}, "largest_loss", "a number above 0"),
        ({"canary": {"margin": float("inf")}}, "margin", "a number above 0"),
        ({"canary": {"promote": 1}}, "promote", "true or false"),
        ({"alerts": {"largest_loss": float("nan")}}, "largest_loss", "a number from 0"),
        ({"alerts": {"largest_loss": -1}}, "largest_loss", "a number from 0"),
        ({"gates": {"beats_chance": float("nan")}}, "beats_chance", "a number"),
        ({"gates": {"beats_chance": 10**400}}, "beats_chance", "a number"),
        ({"inputs": ["score"]}, "- score", "another name than score"),
        ({"views": {7: 1}}, "7: 1", "a name, in quotes"),
        ({"task": "multiclass"}, "directions", "nothing where the task is multiclass"),
        ({"task": "custom", "directions": {}}, "model:", "a folder where the task is custom"),
        ({"custom": {"folder": "a"}}, "custom", "nothing elsewhere"),
        (
            {"task": "custom", "directions": {}, "custom": {"folder": "a", "rows": "all"}},
            "rows",
            "a whole number",
        ),
        (
            {"task": "custom", "directions": {}, "custom": {"folder": "a", "rows": 0}},
            "rows",
            "a whole number from 1",
        ),
        (
            {"task": "custom", "directions": {}, "custom": {"folder": "a", "prompt": "b"}},
            "prompt",
            "one of folder",
        ),
    ],
)
def test_a_bad_value_is_refused_with_its_line(
    tmp_path: Path, changed: dict[str, Any], where: str, said: str
) -> None:
    """The line is that of the value, and the message says what would do."""
    if "inputs" in changed:
        changed = {"baseline": [], "invariant": [], "directions": {}, **changed}
    file = write(tmp_path, **changed)
    with pytest.raises(UsageError, match=said) as refused:
        declaration(tmp_path, "shipping")
    line = int(str(refused.value).partition("model.yml:")[2].partition(",")[0])
    assert where in file.read_text().splitlines()[line - 1] or changed.get(where, "") is None


def test_lineage_has_to_be_whole(tmp_path: Path) -> None:
    """What a model rests on stands in depends_on; a name is declared once and has a form."""
    write(tmp_path, depends=("labels",))
    with pytest.raises(UsageError, match=r"add ref\('shop_activity'\)"):
        declaration(tmp_path, "shipping")
    write(tmp_path, name="Shipping!")
    with pytest.raises(UsageError, match="a name of lower case letters"):
        declaration(tmp_path, "shipping")
    write(tmp_path)
    with pytest.raises(UsageError, match="only shipping"):
        declaration(tmp_path, "other")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("owner", "Sales", "a mapping with a name"),
        ("depends_on", "ref('labels')", "a list such as"),
        ("depends_on", True, "a list such as"),
    ],
)
def test_what_stands_beside_the_model_is_refused_with_its_line(
    tmp_path: Path, key: str, value: Any, said: str
) -> None:
    """An owner is a mapping and what it rests on a list, as dbt has them."""
    file = write(tmp_path)
    document = yaml.safe_load(file.read_text())
    document["exposures"][0][key] = value
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    with pytest.raises(UsageError, match=said) as refused:
        declaration(tmp_path, "shipping")
    line = int(str(refused.value).partition("model.yml:")[2].partition(",")[0])
    assert file.read_text().splitlines()[line - 1].strip().startswith(f"{key}:")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "        task: binary\n",
            "        task: binary\n        task: regression\n",
            r":11, .*model\.task: .*also in line 10",
        ),
        ("- name: shipping", "  name: shipping", "a list, each entry with a dash"),
    ],
)
def test_a_file_that_reads_otherwise_than_it_looks_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    """Of a key that stands twice YAML keeps the last; entries without a dash are one mapping."""
    file = write(tmp_path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=said):
        declaration(tmp_path, "shipping")


@pytest.mark.parametrize(("ending", "written"), [("yaml", "type: ml"), ("yml", 'type:  "ml"')])
def test_a_declaration_is_found_as_dbt_finds_it(tmp_path: Path, ending: str, written: str) -> None:
    """In files that end with yaml, too, and however its type is quoted."""
    file = write(tmp_path)
    text = file.read_text().replace("type: ml", written)
    file.unlink()
    file.with_suffix(f".{ending}").write_text(text)
    assert declaration(tmp_path, "shipping").name == "shipping"


def test_the_projects_policy_names_every_gate_with_a_reason() -> None:
    """The seed is the whole policy; a declaration's threshold goes first; a name that is none is refused."""
    found = policy(ROOT, {"beats_chance": 0.6}, "here")
    assert all(threshold.reason != "Headgate's default" for threshold in found.values())
    assert found["beats_chance"].value == 0.6
    assert found.keys() == DEFAULTS.keys()
    with pytest.raises(UsageError, match="beats_chants"):
        policy(ROOT, {"beats_chants": 0.6}, "here")


@pytest.mark.parametrize(
    ("asked", "declared", "needed"),
    [
        (0, "none", "none"),
        (0, "another_person", "another_person"),
        (1, "none", "required"),
        (2, "required", "another_person"),
    ],
)
def test_a_declaration_may_ask_for_more_approval_than_the_project_not_for_less(
    asked: int, declared: str, needed: str, tmp_path: Path
) -> None:
    """The seed's threshold says whose approval every version needs; its declared gates leave that alone."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "model_gates.csv").write_text(f"gate,threshold,reason\napproval,{asked},why\n")
    assert approval(tmp_path, declared) == needed
    with pytest.raises(UsageError, match="approval"):
        policy(tmp_path, {"approval": 0}, "here")


def test_an_approval_that_is_none_is_refused(tmp_path: Path) -> None:
    """With what there is."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "model_gates.csv").write_text("gate,threshold,reason\napproval,3,why\n")
    with pytest.raises(UsageError, match="another_person"):
        approval(tmp_path, "none")


@pytest.mark.parametrize(("line", "found"), [("quality,1,a, b", "more"), ("quality,1", "fewer")])
def test_a_line_of_the_policy_has_three_values(tmp_path: Path, line: str, found: str) -> None:
    """The seed would be refused by dbt: a comma outside of quotes parts a reason."""
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "model_gates.csv").write_text(f"gate,threshold,reason\n{line}\n")
    with pytest.raises(UsageError, match=f"expected three values: gate, threshold, reason; found {found}"):
        policy(tmp_path, {}, "here")


@pytest.mark.parametrize(("hours", "verdict"), [(4, "passed"), (5, "warned")])
def test_labels_that_are_known_early_are_told(tmp_path: Path, hours: int, verdict: str) -> None:
    """The dataset reaches to eight, the horizon is three hours: what is after five has half a label."""
    reach = datetime(2026, 3, 1, 8, tzinfo=UTC)
    write(tmp_path)
    declared = declaration(tmp_path, "shipping")
    instants = np.array([(reach - timedelta(hours=8 - hours, seconds=-1)).timestamp() * 1e6])
    judge = Judge(policy(ROOT, {}, "here"))
    rows = Rows(pa.table({}), np.array([1.0]), (), instants, 0)
    judge_horizon(judge, declared, rows, reach)
    assert [one.verdict for one in judge.verdicts] == [verdict]


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=40))
def test_figures_are_those_of_scikit_learn(rows: list[tuple[bool, int, int]]) -> None:
    """With ties and weights."""
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    labels = np.array([row[0] for row in rows], dtype=float)
    scores = np.array([row[1] / 6 for row in rows])
    weights = np.array([row[2] for row in rows], dtype=float)
    if len(set(labels[weights > 0])) < 2:
        return
    drawn = Ranked(labels, scores).drawn(weights[None, :])
    found = {name: values[0] for name, values in drawn.items()}
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert found["average_precision"] == pytest.approx(expected)
    assert found["brier"] == pytest.approx(brier_score_loss(labels, scores, sample_weight=weights))


def test_intervals_draw_groups() -> None:
    """Rows of one group are alike: the interval is that of the groups, wider than that of as many rows."""
    values = np.repeat(np.random.default_rng(0).normal(size=30), 20)

    mean = Means({"mean": values})
    by_group = Drawings(np.repeat(np.arange(30), 20)).intervals(mean)["mean"]
    by_row = Drawings(np.arange(600)).intervals(mean)["mean"]
    assert by_group.high - by_group.low > 3 * (by_row.high - by_row.low)


@given(st.lists(st.integers(0, 10_000), min_size=30, max_size=300), st.integers(1, 40), st.integers(1, 60))
def test_no_label_is_known_after_a_test_begins(minutes: list[int], test: int, gap: int) -> None:
    """Between what is learned from and what is tested lies the gap, in the split and in each fold."""
    instants = np.array(minutes) * 60_000_000
    try:
        split = last_part(instants, timedelta(hours=test), timedelta(minutes=gap))
    except UsageError:
        return
    parts = [split, *folds(instants, split.train, 3, timedelta(minutes=gap))]
    for part in parts:
        assert instants[part.train].max() + gap * 60_000_000 < instants[part.test].min()
        assert not set(part.train) & set(part.test)
