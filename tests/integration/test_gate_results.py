"""What `headgate gates` says of results that dbt left in the database."""

from __future__ import annotations

from tests.support import Database


def keep(database: Database, gate: str, status: str, failures: int) -> None:
    """A result as the hook of dbt writes it, with one kept row."""
    database.query(
        "insert into ops.gate_results (run_id, gate, model, status, failures, failures_relation, ran_at)"
        " values (%s, %s, 'orders', %s, %s, 'gate_failures.g', clock_timestamp())",
        f"run-{gate}-{status}",
        gate,
        status,
        failures,
    )
    if failures:
        database.query(
            "insert into ops.gate_failures (run_id, gate, row_number, failed_row) values (%s, %s, 1, %s)",
            f"run-{gate}-{status}",
            gate,
            '{"order_id": 7}',
        )


def test_rows_of_a_gate_that_warned_are_shown(database: Database) -> None:
    """A warning keeps its rows too; later runs that were skipped or passed hide nothing."""
    for status, failures in (("warn", 29), ("pass", 0), ("skipped", 0)):
        keep(database, "totals_add_up", status, failures)
    keep(database, "names_are_set", "pass", 0)

    said = database.headgate("gates", "show", "totals_add_up").stdout
    assert "gate totals_add_up on orders warned for 29 rows, kept in gate_failures.g" in said
    assert "order_id" in said
    assert "1 of 29 rows shown" in said
    assert "never failed nor warned" in database.headgate("gates", "show", "names_are_set").stdout


def test_names_are_whole_in_a_pipe(database: Database) -> None:
    """What a program reads is as wide as it needs."""
    gate = "a_gate_with_a_name_that_is_as_long_as_the_longest_of_them_can_be"
    keep(database, gate, "pass", 0)
    assert gate in database.headgate("gates").stdout


def test_why_a_gate_could_not_run_is_told(database: Database) -> None:
    """The reason that the server or dbt gave, and not an empty list of rows."""
    keep(database, "totals_add_up", "error", 0)
    database.query("update ops.gate_results set reason = E'relation \"t\" does not exist\n  LINE 3'")
    said = database.headgate("gates", "show", "totals_add_up").stdout
    assert 'gate totals_add_up on orders could not run: relation "t" does not exist LINE 3' in said
    assert "No rows were kept" not in said
