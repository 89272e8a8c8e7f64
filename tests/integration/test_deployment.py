"""What is deployed of a model: each step, what is refused and why, what served when."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import GateFailed, UsageError
from headgate.model import versions
from headgate.model.deployment import approvals, canary, differences, state, steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.postgres.connection import Connection
from tests.deployments import NAME, free, run, served
from tests.integration.test_models import in_database
from tests.support import Database
from tests.unit.test_model_declarations import write as write_declaration

SIZE = free().signature.inputs[0]


def test_from_the_first_champion_to_a_rollback(database: Database) -> None:
    """The first deployed answers at once; a canary shifts, is forced, is rolled back past what was left."""

    async def work(connection: Connection) -> None:
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)
        assert await served(connection) == (1, None, 0)
        await canary.deploy(connection, NAME, 2, 0.1, "canary", asked=NO_APPROVAL)
        with pytest.raises(UsageError, match="a share of the keys, from 0 to 1; found nan"):
            await canary.deploy(connection, NAME, 2, float("nan"), "half", asked=NO_APPROVAL)
        shifted = await canary.deploy(connection, NAME, 2, 0.5, "more", asked=NO_APPROVAL)
        assert shifted.action == "shift"
        assert await served(connection) == (1, 2, 0.5)
        with pytest.raises(UsageError, match="version 2 with a share of 50%"):
            await canary.deploy(connection, NAME, 3, 0.1, "another", asked=NO_APPROVAL)
        with pytest.raises(
            GateFailed, match="undecided: 0 keys of the challenger, the smallest traffic is 500"
        ):
            await canary.promote(connection, NAME, None, "hope", forced=False, asked=NO_APPROVAL)
        forced = await canary.promote(connection, NAME, None, "an outage", forced=True, asked=NO_APPROVAL)
        assert forced.details["forced"]
        assert forced.details["verdict"]["verdict"] == "undecided"
        await canary.promote(connection, NAME, 3, "another", forced=True, asked=NO_APPROVAL)
        for champion in (2, 1):
            await steps.roll_back(connection, NAME, None, "complaints")
            assert await served(connection) == (champion, None, 0)
        with pytest.raises(UsageError, match="a champion before the present one"):
            await steps.roll_back(connection, NAME, None, "further")
        # What was taken out of service comes back, not what was before it.
        await canary.promote(connection, NAME, 3, "another", forced=True, asked=NO_APPROVAL)
        await steps.undeploy(connection, NAME, "nobody asks it")
        await steps.register(connection, NAME, 2, "again")
        await steps.roll_back(connection, NAME, None, "somebody does")
        assert await served(connection) == (3, None, 0)
        await steps.roll_back(connection, NAME, None, "complaints")
        assert await served(connection) == (1, None, 0)

    run(database, work, free(b"1"), free(b"2"), free(b"3"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"task": "regression"}, "task binary, label is_shipped; found task regression, label is_shipped"),
        ({"output": ("is_paid", "boolean")}, "label is_shipped; found task binary, label is_paid"),
        ({"keys": (("shop_id", "bigint"),)}, "the key shop_id bigint, requests have none"),
        ({"inputs": (replace(SIZE, name="age"),)}, "input age, which requests do not have"),
        ({"inputs": (replace(SIZE, type="text"),)}, "input size as text, requests have bigint"),
        ({"inputs": (replace(SIZE, nullable=False),)}, "input size never null, requests may have null"),
    ],
)
def test_a_challenger_answers_what_the_champion_is_asked(
    database: Database, changed: dict[str, Any], said: str
) -> None:
    """The same requests, with an answer of the same kind: clients do not know which version they meet."""
    signature = {name: value for name, value in changed.items() if name != "task"}
    whole = {**changed, "signature": replace(free().signature, **signature)}
    other = replace(free(b"2"), **{name: whole[name] for name in whole if name in ("task", "signature")})

    async def work(connection: Connection) -> None:
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)
        with pytest.raises(UsageError, match=said):
            await canary.deploy(connection, NAME, 2, None, "canary", asked=NO_APPROVAL)

    run(database, work, free(b"1"), other)


def test_a_rollback_takes_a_challenger_out_first(database: Database) -> None:
    """While a canary runs, the newest step is the canary."""

    async def work(connection: Connection) -> None:
        for version in (1, 2):
            await canary.promote(connection, NAME, version, "by hand", forced=version > 1, asked=NO_APPROVAL)
        await canary.deploy(connection, NAME, 3, 0.2, "canary", asked=NO_APPROVAL)
        await steps.roll_back(connection, NAME, None, "errors")
        assert await served(connection) == (2, None, 0)
        with pytest.raises(UsageError, match="a version that was champion"):
            await steps.roll_back(connection, NAME, 3, "never was")
        await steps.roll_back(connection, NAME, 1, "further back")
        assert await served(connection) == (1, None, 0)

    run(database, work, free(b"1"), free(b"2"), free(b"3"))


def test_what_is_not_registered_or_approved_is_not_deployed(database: Database) -> None:
    """The refusal names the gate with its figures, or who has to do what."""

    async def work(connection: Connection) -> None:
        gate = {"gate": "beats_base_rate", "verdict": "failed", "reason": "AUC 0.51 [0.48, 0.54]"}
        await versions.add(connection, free(b"2"), passed=False, gates=[gate])
        await versions.add(connection, free(b"3"), passed=True)
        with pytest.raises(UsageError, match=r"beats_base_rate: AUC 0\.51"):
            await canary.deploy(connection, NAME, 2, None, "hope", asked=NO_APPROVAL)
        with pytest.raises(UsageError, match="run `headgate model register will_ship 3`"):
            await canary.deploy(connection, NAME, 3, None, "hope", asked=NO_APPROVAL)
        with pytest.raises(UsageError, match="nobody approved it"):
            await canary.deploy(connection, NAME, 1, None, "hope", asked=NO_APPROVAL)
        with pytest.raises(UsageError, match="nobody approved it"):
            await canary.promote(connection, NAME, 1, "hope", forced=True, asked=NO_APPROVAL)
        await steps.approve(connection, NAME, 1, "card read", asked=NO_APPROVAL)
        await canary.promote(connection, NAME, 1, "first", forced=False, asked=NO_APPROVAL)
        found = await state.at(connection, NAME)
        assert found.approval is not None
        assert found.approval.reason == "card read"
        assert found.promotion is not None
        assert found.promotion.details["approval"]["why"] == "card read"

    run(database, work, free(b"1", approval="required"))


@pytest.mark.parametrize("step", [steps.approve, steps.deploy, steps.promote, canary.deploy, canary.promote])
def test_nobody_forgets_whose_approval_the_project_asks_for(step: Callable[..., Any]) -> None:
    """A step has no default for it, which would be that nobody's approval is."""
    assert inspect.signature(step).parameters["asked"].default is inspect.Parameter.empty


def test_who_trained_a_version_does_not_approve_it_where_four_eyes_are_asked_for(database: Database) -> None:
    """Another database role does; `headgate model show` says who is missing, and who it was."""
    show = ("model", "show", NAME, "1")

    async def refused(connection: Connection) -> None:
        with pytest.raises(UsageError, match="who trained it"):
            await steps.approve(connection, NAME, 1, "my own", asked=NO_APPROVAL)
        with pytest.raises(UsageError, match="nobody approved it"):
            await canary.deploy(connection, NAME, 1, None, "hope", asked=NO_APPROVAL)

    async def approved(connection: Connection) -> None:
        await connection.execute("create role reviewer superuser; set session authorization reviewer")
        await steps.approve(connection, NAME, 1, "card read", asked=NO_APPROVAL)
        await connection.execute("reset session authorization")
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)
        await connection.execute("drop role reviewer")

    run(database, refused, free(b"1", approval="another_person"))
    assert "missing, of another person than who trained it" in database.headgate(*show).stdout
    in_database(database, approved)
    told = json.loads(database.headgate(*show, "--json").stdout)["approval"]
    assert (told["needs"], told["given"]["actor"].split()[-1]) == ("another_person", "reviewer")


def test_a_project_asks_for_approval_of_versions_that_were_trained_before(
    database: Database, tmp_path: Path
) -> None:
    """Its policy and its declaration of now count when a version is deployed, not those of who trained it."""
    policy = tmp_path / "seeds" / "model_gates.csv"
    policy.parent.mkdir()
    policy.write_text("gate,threshold,reason\napproval,1,why\n")
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    deploy = ("model", "deploy", NAME, "1")
    run(database, versions.all_versions, free(b"1"))

    assert "nobody approved it" in database.headgate(*deploy, cwd=tmp_path, exit_code=2).stderr
    approve = ("model", "approve", NAME, "1", "--why", "card read")
    database.headgate(*approve, cwd=tmp_path)
    assert approvals.asked_by(tmp_path, NAME) == "required"

    policy.unlink()
    write_declaration(tmp_path, NAME, approval="another_person")
    assert "who trained it" in database.headgate(*approve, cwd=tmp_path, exit_code=2).stderr
    assert "only, who trained it" in database.headgate(*deploy, cwd=tmp_path, exit_code=2).stderr
    promote = ("model", "promote", NAME, "1", "--force", "--why", "hurry")
    assert "only, who trained it" in database.headgate(*promote, cwd=tmp_path, exit_code=2).stderr
    show = database.headgate("model", "show", NAME, "1", cwd=tmp_path).stdout
    assert "missing, of another person than who trained it" in show
    assert "champion version 1" in database.headgate(*deploy).stdout


def test_what_served_at_an_instant(database: Database) -> None:
    """Across three promotions and a rollback, with training and gates of each; before all of it, nothing."""
    moments: list[tuple[datetime, int | None]] = [(datetime(2016, 1, 1, tzinfo=UTC), None)]

    async def work(connection: Connection) -> None:
        for version in (1, 2, 3):
            await canary.promote(connection, NAME, version, "by hand", forced=True, asked=NO_APPROVAL)
            await steps.approve(connection, NAME, version, "a note moves nothing", asked=NO_APPROVAL)
            moments.append((datetime.now(UTC), version))
        await steps.roll_back(connection, NAME, None, "complaints")
        moments.append((datetime.now(UTC), 2))

    run(database, work, free(b"1"), free(b"2"), free(b"3"))
    for moment, version in moments:
        answer = json.loads(database.headgate("model", "at", moment.isoformat(), NAME, "--json").stdout)
        assert (answer[0]["champion"] or {}).get("version") == version
    said = database.headgate("model", "at", moments[1][0].isoformat()).stdout
    assert f"{NAME} at {moments[1][0]:%Y-%m-%d %H:%M:%S} UTC: version 1" in said
    assert "nothing served" in database.headgate("model", "at", "2016-01-01").stdout
    assert "which is to come" in database.headgate("model", "at", "2999-01-01").stdout
    assert "expected  an ISO 8601 time" in database.headgate("model", "at", "noon", exit_code=2).stderr


def test_commands_say_what_is_deployed(database: Database) -> None:
    """List, show, diff, status, deploy, promote, rollback and watch, for people and for programs."""
    run(database, versions.all_versions, free(b"1"), free(b"2", alerts=["x"]))
    headgate = database.headgate
    assert "champion version 1" in headgate("model", "deploy", NAME, "1").stdout
    assert "challenger version 2 with 20% of the keys" in (
        headgate("model", "deploy", NAME, "2", "--share", "0.2", "--why", "try").stdout
    )
    rows = json.loads(headgate("model", "list", "--json").stdout)
    assert [row["role"] for row in rows] == ["challenger, 20%", "champion"]
    assert "model_sha256" in headgate("model", "diff", NAME, "1", "2").stdout
    assert "verdict      undecided" in headgate("model", "status", NAME).stdout
    assert "is undecided" in headgate("model", "watch", NAME, "--once").stdout
    assert "the smallest traffic is 500" in headgate("model", "promote", NAME, exit_code=3).stderr
    assert "a reason with --force" in headgate("model", "promote", NAME, "--force", exit_code=2).stderr
    assert "rollback of will_ship version 1" in headgate("model", "rollback", NAME).stdout
    assert "No challenger is deployed." in headgate("model", "watch", NAME, "--once").stdout
    headgate("model", "deploy", NAME, "2", "--share", "0.2")
    assert "stop of will_ship version 1: no champion" in (
        headgate("model", "undeploy", NAME, "--why", "replaced").stdout
    )
    assert "nothing is deployed" in headgate("model", "undeploy", NAME, "--why", "twice", exit_code=2).stderr
    assert "champion version 2" in headgate("model", "deploy", NAME, "2").stdout
    assert "none of that name" in headgate("model", "status", "nobody", exit_code=2).stderr


def test_differences_name_their_part(database: Database) -> None:
    """Hash, inputs, options, gates, and files of code; what is alike is not told."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        old, new = [await versions.find(connection, NAME, number) for number in (1, 2)]
        assert differences.between(old, old) == []
        files = {**new.manifest["files"], "scoring.py": "12ab", "card.md": "34cd"}
        changed = {
            "gates": [{"gate": "auc", "verdict": "passed"}],
            "manifest": {**new.manifest, "files": files},
        }
        return differences.between(old, replace(new, **changed))

    found = run(database, work, free(b"1"), free(b"2", horizon="3h"))
    assert {(row["part"], row["what"]) for row in found} == {
        ("origin", "model_sha256"),
        ("options", "horizon"),
        ("gates", "auc"),
        ("files", "scoring.py"),
    }
