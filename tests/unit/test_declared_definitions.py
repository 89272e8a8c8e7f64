"""What a declared feature view means: every argument has a part in it, the way to its values has none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from headgate.definitions import Definition, Definitions
from tests.macros import render

DECLARED: dict[str, Any] = {
    "events": {"orders": "stg_orders", "refunds": "stg_refunds"},
    "keys": ["customer"],
    "event_keys": {"refunds": ["buyer"]},
    "at": {"orders": "created_at", "refunds": "settled_at"},
    "resolution": "1h",
    "windows": ["1d", "7d"],
    "measures": {
        "orders": {"operations": ["count", "seconds_since_last"], "where": "status = 'paid'"},
        "total": {"operations": ["sum", "mean", "p90", "last"], "of": "total"},
        "skus": {"operations": ["count_distinct"], "of": "sku", "windows": ["7d"], "as": "skus"},
        "refunds": {"operations": ["sum"], "of": "amount", "events": "refunds"},
        "is_paid": {"operations": ["any", "share"], "of": "is_paid", "windows": ["lifetime"]},
    },
    "expressions": {"net": "total_sum_7d - refunds_sum_7d"},
}
COLUMNS = (
    *("customer", "as_of", "orders_count_1d", "orders_count_7d", "orders_seconds_since_last_7d"),
    *("total_sum_1d", "total_sum_7d", "total_mean_7d", "total_p90_7d", "total_last_7d", "skus_7d"),
    *("refunds_sum_7d", "is_paid_any_lifetime", "net"),
)
TOTALS = {name for name in COLUMNS if name.startswith("total_")} | {"net"}


def meant(declared: dict[str, Any], macro: str = "meant_by(declared)") -> str:
    """The SQL of a declaration."""
    return render(
        f"{{{{ {macro} }}}}",
        *("features", "gates"),
        declared=declared,
        execute=False,
        model={"columns": {key: {"data_type": "text"} for key in declared["keys"]}},
        target={"database": "shop"},
        ref_relation=lambda name: f'"shop"."typed"."{name}"',
        canonical_mode=lambda: "first",
        quoted_text=lambda text: f"'{text}'",
    )


def digests(sql: str) -> dict[str, str]:
    """By column, what it is computed from."""
    found = Definitions({"view": Definition("view", sql, sql, {}, {}, {})})
    return {name: found.digest("view", [name]) for name in COLUMNS}


def redefined(sql: str) -> set[str]:
    """The columns that mean something else than those of DECLARED."""
    before, after = digests(meant(DECLARED)), digests(sql)
    return {name for name in COLUMNS if before[name] != after[name]}


def test_a_declared_view_means_its_recount() -> None:
    """No window slides in it; each column has a meaning of its own; key and as_of share one."""
    assert "slid" not in meant(DECLARED)
    assert meant(DECLARED, "feature_view(declared)") == meant(DECLARED)
    assert len(set(digests(meant(DECLARED)).values())) == len(COLUMNS) - 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda view: view["measures"]["total"].update(of="price"), TOTALS),
        (lambda view: view["measures"]["total"].update(where="total > 0"), TOTALS),
        (lambda view: view["measures"]["total"].update(events="refunds"), TOTALS),
        (
            lambda view: view["measures"]["orders"].update(where="status = 'sent'"),
            {"orders_count_1d", "orders_count_7d", "orders_seconds_since_last_7d"},
        ),
        (lambda view: view["measures"]["refunds"].update(of="-amount"), {"refunds_sum_7d", "net"}),
        (lambda view: view["expressions"].update(net="total_sum_7d"), {"net"}),
        (lambda view: view["measures"].update(more={"operations": ["max"], "of": "total"}), set()),
        (lambda view: view.update(resolution="1d"), set(COLUMNS)),
        (lambda view: view.update(at={"orders": "created_at", "refunds": "created_at"}), set(COLUMNS)),
        (lambda view: view.update(event_keys={}), set(COLUMNS)),
        (lambda view: view["events"].update(refunds="stg_returns"), set(COLUMNS)),
    ],
)
def test_each_argument_redefines_what_follows_from_it(
    change: Callable[[dict[str, Any]], None], expected: set[str]
) -> None:
    """Column by column; what decides on which events count redefines all of them."""
    changed = copy.deepcopy(DECLARED)
    change(changed)
    assert redefined(meant(changed)) == expected


def test_another_operation_is_another_meaning() -> None:
    """Under the name that the column had."""
    changed = copy.deepcopy(DECLARED)
    changed["measures"]["skus"]["operations"] = ["count"]
    assert redefined(meant(changed)) == {"skus_7d"}


def test_views_that_have_to_be_built_again_are_redefined_by_a_version() -> None:
    """Whatever their text says."""
    assert redefined(meant(DECLARED, "meant_by(declared, 2)")) == set(COLUMNS)


def test_what_views_mean_stays_as_databases_hold_it() -> None:
    """Another digest would redefine every declared view there is: of whoever updates, for approval."""
    assert digests(meant(DECLARED)) == {
        "customer": "3793da8185e94167",
        "as_of": "3793da8185e94167",
        "orders_count_1d": "7f96a5660b32ccd9",
        "orders_count_7d": "f8a0b5d48534818c",
        "orders_seconds_since_last_7d": "2d37df959f0f3a7d",
        "total_sum_1d": "30241579bc9c9ec6",
        "total_sum_7d": "9ffb353fc83306e1",
        "total_mean_7d": "f7853961c1ac0ea2",
        "total_p90_7d": "0c42c288958b495c",
        "total_last_7d": "8f49060fe2ba993e",
        "skus_7d": "bae942fed9fb9ebc",
        "refunds_sum_7d": "bae7ebfda52dd955",
        "is_paid_any_lifetime": "96bbac9e4fa1bbcb",
        "net": "c20a77b785116aea",
    }
