"""Whose partitions a model builds: told by what it rests on, refused where that cannot be told apart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from tests.macros import render

SOURCES = ("orders", "refunds")


class CompilerError(Exception):
    """What dbt raises."""


def _raise(message: str) -> NoReturn:
    raise CompilerError(message)


def graph() -> SimpleNamespace:
    """Two sources with a contract, one without; a staging model over each, and one over both of the first."""
    parents = {f"stg_{name}": [f"source.{name}"] for name in (*SOURCES, "rates")}
    parents["int_both"] = [f"model.stg_{name}" for name in SOURCES]
    nodes = {
        f"model.{name}": SimpleNamespace(
            unique_id=f"model.{name}",
            resource_type="model",
            alias=name,
            depends_on=SimpleNamespace(nodes=above),
        )
        for name, above in parents.items()
    }
    sources = {
        f"source.{name}": SimpleNamespace(
            source_name=name,
            config=SimpleNamespace(
                meta=SimpleNamespace(contract={"version": 1} if name in SOURCES else None)
            ),
        )
        for name in (*SOURCES, "rates")
    }
    return SimpleNamespace(nodes=nodes, sources=sources)


def asked(upstream: list[str], strategy: str) -> str:
    """The statement by which a model finds out what to build."""
    ran: list[str] = []

    def run_query(statement: str) -> SimpleNamespace:
        ran.append(statement)
        return SimpleNamespace(rows=[])

    values: dict[str, Any] = {
        "upstream": upstream,
        "execute": True,
        "graph": graph(),
        "model": SimpleNamespace(unique_id="model.stg_orders"),
        "this": SimpleNamespace(identifier="trial"),
        "config": {"incremental_strategy": strategy},
        "exceptions": SimpleNamespace(raise_compiler_error=_raise),
        "run_query": run_query,
        "is_incremental": lambda: True,
        "canonical_mode": lambda: False,
        "iso_text": lambda instant: instant,
        "quoted_text": lambda text: f"'{text}'",
    }
    render("{% do stale_partitions(upstream) %}", "partitions", "gates", "contract", **values)
    (statement,) = ran
    return " ".join(statement.split())


def test_source_is_that_of_the_upstream() -> None:
    """However many models lie between; without an upstream it is that of the model itself."""
    assert "contract_source = any(array['refunds']::text[])" in asked(["stg_refunds"], "replace_partitions")
    assert "contract_source = any(array['orders']::text[])" in asked([], "replace_partitions")


def test_each_source_is_held_against_its_own_upstream() -> None:
    """A feature view over two sources: a partition of one does not wait for the models of the other."""
    statement = asked(["stg_orders", "stg_refunds"], "replace_changed_rows")
    for name in SOURCES:
        assert f"source = '{name}' and model = any(array['stg_{name}']::text[])" in statement
    assert statement.count("having count(*) >= 1") == 2


@pytest.mark.parametrize("upstream", [["stg_orders", "stg_refunds"], ["int_both"]])
def test_partitions_of_several_sources_are_not_replaced_by_their_start(upstream: list[str]) -> None:
    """Rows of one source would go when a partition of another begins at the same instant."""
    with pytest.raises(CompilerError, match=r"expected one source.*orders, refunds"):
        asked(upstream, "replace_partitions")


def test_a_model_that_rests_on_no_contract_is_told() -> None:
    """Nothing would ever be built, without a word."""
    with pytest.raises(CompilerError, match="none below stg_rates"):
        asked(["stg_rates"], "replace_partitions")
