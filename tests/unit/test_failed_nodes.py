"""What `raise_failed_nodes` hands on when dbt ends: whole sentences, as PostgreSQL raises them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from headgate.pipelines.runner import _without_frame
from tests.macros import render

MESSAGE = "Database Error in model stg_orders__records\n  " + "it's $raise$ long " * 300 + "to its end"


def failed(name: str, message: str) -> SimpleNamespace:
    """A result of dbt's: a model that could not run."""
    return SimpleNamespace(
        status="error",
        message=message,
        node=SimpleNamespace(resource_type="model", name=name, relation_name=None),
    )


def run_end(results: list[SimpleNamespace], *, raise_failures: bool) -> tuple[list[str], list[str]]:
    """What the hook logs, and the statements that it runs."""
    logged: list[str] = []
    ran: list[str] = []

    def log(text: str, *, info: bool) -> None:
        assert info
        logged.append(text)

    values: dict[str, Any] = {
        "results": results,
        "execute": True,
        "var": lambda name, default: raise_failures,
        "log": log,
        "run_query": ran.append,
        "escape_single_quotes": lambda text: text.replace("'", "''"),
    }
    render("{% do raise_failed_nodes(results) %}", "gates", **values)
    return logged, ran


def test_sentences_are_not_cut() -> None:
    """A message of thousands of characters reaches log and error to its last word."""
    logged, ran = run_end([failed("stg_orders__records", MESSAGE)], raise_failures=True)

    assert logged[0].startswith("Model stg_orders__records could not run: ")
    assert logged[0].endswith("to its end")
    assert len(ran) == 1
    assert "to its end'; end $raise$" in ran[0]


def test_message_cannot_end_its_own_statement() -> None:
    """Quotes and the statement's own delimiter within a message stay text."""
    _, ran = run_end([failed("a", MESSAGE)], raise_failures=True)

    assert ran[0].count("$raise$") == 2
    assert "it''s" in ran[0]


def test_nothing_is_raised_unless_asked() -> None:
    """Plain dbt logs the sentences, and ends as dbt does."""
    logged, ran = run_end([failed("a", "broken"), SimpleNamespace(status="skipped")], raise_failures=False)

    assert logged == ["Model a could not run: broken", "1 nodes downstream were not built."]
    assert ran == []


@pytest.mark.parametrize(
    "error",
    [
        "Database Error\n  Gate a failed.\n  CONTEXT:  PL/pgSQL function inline_code_block line 1 at RAISE",
        "Compilation Error in operation headgate-on-run-start-2 (./dbt_project.yml)\n  Gate a failed.\n  \n"
        "  > in macro require_schemas (macros/dbt/require_schemas.sql)\n  > called by <Unknown>",
    ],
)
def test_commands_drop_the_frame_of_an_error(error: str) -> None:
    """`headgate run` says what failed, without what dbt and PostgreSQL put around it."""
    assert _without_frame(error) == "Gate a failed."
