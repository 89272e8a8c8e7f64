"""Every benchmark runs, in its small size; how fast it is here says nothing."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from bench import streaming, tutorial
from bench.__main__ import BENCHMARKS, main
from bench.figures import Figure
from bench.workbench import Workbench
from headgate.settings import find_project_dir
from tests import forked

#: Their targets are about programs that the small size does not install.
AGAINST_PEERS = {"online_reads"}
#: They measure the processes that they start; what the others start is forked, as for tests.
OF_CHILDREN = {"memory", "small_load"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "dlt_loaders"])
def test_small_size_yields_plausible_figures(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A benchmark runs to its end and yields figures above zero, one of them with a target."""
    monkeypatch.setattr(forked.Forking, "landing_only", name in OF_CHILDREN)
    if name == "streaming" and streaming.server_program() is None:
        pytest.skip("no nats-server (apt-get install nats-server)")
    with Workbench(full=False, folder=tmp_path / "bench") as bench:
        figures = list(importlib.import_module(f"bench.{name}").run(bench))
    assert figures
    assert any(figure.target for figure in figures) or name in AGAINST_PEERS
    for figure in figures:
        assert figure.ours > 0, figure
        assert figure.baseline is None or figure.baseline > 0, figure
        assert figure.reached is None or figure.target, figure


@pytest.mark.slow
def test_command_prints_the_table_and_writes_json(tmp_path: Path) -> None:
    """The command prints each figure with its target and writes the same figures as JSON."""
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["--size", "small", "--only", "landing", "--json", str(file)])
    assert done.exit_code == 0, done.output
    figures = json.loads(file.read_text())["figures"]["landing"]
    assert [figure["at_least"] for figure in figures] == [1.6, 2.3]
    assert all(figure["name"] in done.output for figure in figures)


def test_figures_know_whether_they_reach_their_target() -> None:
    """Speeds and times have to reach at least their target, costs and amounts at most."""
    assert Figure.speed("a", 100, 160, 1.6).reached is True
    assert Figure.faster("a", 10, 2, 5).reached is True
    assert Figure.faster("a", 10, 2.1, 5).reached is False
    assert Figure.cost("a", 10, 14, 1.3).reached is False
    assert Figure.amount("a", "MB", 299, 300).reached is True
    assert Figure.cost("a", 10, 99).reached is None


@pytest.mark.parametrize("name", tutorial.models())
def test_baseline_has_the_columns_of_the_staging_model(name: str) -> None:
    """The tutorial's statement selects every column of the staging model but those that only Headgate has."""
    description = find_project_dir() / f"models/staging/gharchive/stg_gharchive__{name}.yml"
    (model,) = yaml.safe_load(description.read_text())["models"]
    described = {column["name"] for column in model["columns"]}
    assert set(tutorial.columns(name)) == described - tutorial.OWN_COLUMNS
