"""The registry of trained models, and the log of what is deployed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from headgate.errors import HeadgateError, UsageError
from headgate.model import package, promotions, versions
from headgate.model.package import BoundView, Package
from headgate.model.signature import Input, Signature
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from tests.support import Database

HISTOGRAM = versions.Histogram(feature="size", edges=[1.0, 2.0], labels=[], counts=[3, 4, 5], missing=1)


def made(name: str = "will_ship", content: bytes = b"tree\n") -> Package:
    """A package whose files nobody runs."""
    return Package(
        name=name,
        task="binary",
        flavour="lightgbm",
        signature=Signature(
            inputs=(
                Input(name="size", type="bigint", nullable=True, unit="lines"),
                Input(name="shop__orders_7d", type="bigint", nullable=False, view="shop"),
            ),
            keys=(("shop_id", "bigint"),),
            output=("is_shipped", "double precision"),
        ),
        views={"shop": BoundView(version=1, definition="abc")},
        files={"model.lgb": content, "card.md": b"# Card\n"},
        options={"unknown_entity": "missing"},
    )


def in_database(database: Database, work: Callable[[Connection], Awaitable[Any]]) -> Any:
    """What `work` makes of a connection."""
    return with_connection(database.settings, work)


def test_a_version_is_kept_with_its_files_and_histograms(database: Database) -> None:
    """Versions count by model; files and histograms come back as they were given."""

    async def work(connection: Connection) -> None:
        first = await versions.add(connection, made(), [HISTOGRAM], passed=True, figures={"auc": 0.9})
        second = await versions.add(connection, made(content=b"another\n"), passed=True)
        assert (first.version, second.version) == (1, 2)
        assert first.model_sha256 == package.sha256(b"tree\n") != second.model_sha256
        assert await versions.load(connection, "will_ship", 1) == made()
        assert await versions.references(connection, "will_ship", 1) == [HISTOGRAM]
        assert (await versions.find(connection, "will_ship")).version == 2
        assert [found.version for found in await versions.all_versions(connection)] == [2, 1]

    in_database(database, work)


def test_only_what_passed_is_registered(database: Database, tmp_path: Path) -> None:
    """The refusal names the gate and its reason, its card can be read; registering twice changes nothing."""

    async def work(connection: Connection) -> None:
        gate = {"gate": "beats_base_rate", "verdict": "failed", "reason": "AUC 0.51 [0.48, 0.54]"}
        await versions.add(connection, made(), passed=False, gates=[gate])
        with pytest.raises(UsageError, match=r"beats_base_rate: AUC 0\.51"):
            await versions.register(connection, "will_ship", 1)
        await versions.add(connection, made(), passed=True)
        registered = await versions.register(connection, "will_ship", 2)
        assert registered.registered_at is not None
        assert await versions.register(connection, "will_ship", 2) == registered

    in_database(database, work)
    show = ("model", "show", "will_ship", "1", "--card")
    database.headgate(*show, tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == "# Card\n"
    assert "such as card.html" in database.headgate(*show, tmp_path / "card.pdf", exit_code=2).stderr


def test_a_changed_file_is_refused(database: Database, tmp_path: Path) -> None:
    """In a folder and in the database."""
    made().write(tmp_path)
    assert package.read(tmp_path) == made()
    (tmp_path / "model.lgb").write_bytes(b"forged\n")
    with pytest.raises(HeadgateError, match=r"file model\.lgb: expected SHA-256"):
        package.read(tmp_path)
    (tmp_path / "model.lgb").unlink()
    with pytest.raises(HeadgateError, match=r"a folder with manifest\.json"):
        package.read(tmp_path)

    async def work(connection: Connection) -> None:
        await versions.add(connection, made(), passed=True)
        await connection.execute("set session_replication_role = replica")  # past the trigger that forbids it
        await connection.execute("update ops.model_files set content = 'x' where path = 'card.md'")
        with pytest.raises(HeadgateError, match=r"file card\.md"):
            await versions.load(connection, "will_ship", 1)

    in_database(database, work)


def test_a_version_stays_what_it_was_judged_as(database: Database) -> None:
    """One that failed cannot be edited into one that passed, nor can files or histograms be exchanged."""

    async def work(connection: Connection) -> None:
        await versions.add(connection, made(), passed=False)
        for edit in (
            "update ops.model_versions set passed = true, gates = '[]'",
            "update ops.model_versions set registered_at = now()",
            "delete from ops.model_files",
            "update ops.model_references set missing = 0",
            "truncate ops.model_versions cascade",
        ):
            with pytest.raises(asyncpg.PostgresError, match=r"audit log|a version that passed is registered"):
                await connection.execute(edit)

    in_database(database, work)


def test_the_log_of_promotions_tells_any_instant_and_cannot_be_changed(database: Database) -> None:
    """Rows are added only; the newest before an instant is what was deployed."""

    async def work(connection: Connection) -> None:
        for content in (b"1", b"2"):
            await versions.add(connection, made(content=content), passed=True)
        assert await promotions.current(connection, "will_ship") is None
        state: dict[str, Any] = {"champion": 1, "challenger": None, "canary_share": 0.0}
        first = await promotions.append(connection, "will_ship", "promote", 1, **state, reason="first")
        canary = {**state, "challenger": 2, "canary_share": 0.1}
        second = await promotions.append(connection, "will_ship", "deploy", 2, **canary, reason="canary")
        assert await promotions.current(connection, "will_ship") == second
        assert await promotions.at(connection, "will_ship", first.happened_at) == first
        assert await promotions.history(connection) == [second, first]
        assert replace(first, details={}).champion == 1
        for statement in ("update ops.promotions set champion = 2", "delete from ops.promotions"):
            with pytest.raises(asyncpg.RaiseError, match="audit log"):
                await connection.execute(statement)

    in_database(database, work)


@pytest.mark.parametrize("path", ["../outside", "/outside", "a/../../outside"])
def test_a_package_writes_nothing_outside_its_folder(path: str) -> None:
    """A manifest with such a path is refused by name."""
    manifest = {**made().manifest, "files": {path: package.sha256(b"x")}}
    with pytest.raises(HeadgateError, match="a path inside the package"):
        package.unpack(manifest, {path: b"x"})
