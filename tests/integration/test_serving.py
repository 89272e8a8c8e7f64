"""`headgate serve`: answers, refusals, swaps, and a log that misses nothing and holds nothing twice."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import signal
import time

import httpx
import pytest

from headgate import postgres
from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.flavours import load
from headgate.model.package import BoundView, Package
from headgate.postgres.connection import Connection
from headgate.serving import keys
from headgate.serving.serve import require_deployed
from tests import four_models
from tests.integration.test_models import in_database
from tests.served import BY_KEY, NAME, WHOLE, Served, deployed, landed, serving, shops, stepped
from tests.servers import wait_until
from tests.support import Database

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.costly]


def test_by_key_with_features_in_batches_and_explained(database: Database) -> None:
    """Every answer names version, release, as_of; an unknown shop is told; all of it lands once."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("sklearn"))
    with serving(database) as served:
        one = served.predict(BY_KEY).json()
        assert (one["status"], one["version"], one["release"], one["role"]) == ("answered", 1, 1, "champion")
        assert set(one["as_of"]) == {"shop"}
        full = {"inputs": BY_KEY["inputs"], "features": {"shop__orders_7d": 3}}
        assert served.predict(full).json()["score"] == one["score"]
        unknown = served.predict({**BY_KEY, "key": {"shop_id": 77}}).json()
        assert (unknown["missing_views"], unknown["status"]) == (["shop"], "answered")
        batch = served.predict({"instances": [BY_KEY, full, BY_KEY], "explain": True}).json()["predictions"]
        assert [found["score"] for found in batch] == [one["score"]] * 3
        assert set(batch[0]["contributions"]) == {"base", *four_models.NAMES}
        features = served.client.post("/features", json={"key": {"shop_id": 1}}).json()
        assert features["features"] == {"shop": {"orders_7d": 3}}
        assert served.client.get("/model").json()["challenger"] == 2
        assert "headgate_predictions_total" in served.client.get("/metrics").text
        assert served.client.get("/openapi.json").json()["openapi"] == "3.1.0"
    ids = [one["prediction_id"], unknown["prediction_id"], *(found["prediction_id"] for found in batch)]
    records = landed(database)
    assert len(records) == 6 == len({record["prediction_id"] for record in records})
    assert set(ids) < {record["prediction_id"] for record in records}
    assert all(record["shadow"]["version"] == 2 and record["shadow"]["score"] for record in records)
    assert {record["key"] for record in records if record["release_id"]} >= {"1", "77"}


REFUSED = [
    ({"inputs": {"size": 80, "kind": "small"}}, 422, "key"),
    ({**BY_KEY, "inputs": {"size": "80", "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": 80.5, "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": True, "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": 2**63, "kind": "small"}}, 422, "inputs, size"),
    ({**BY_KEY, "inputs": {"size": 80, "kind": "small", "colour": 1}}, 422, "inputs"),
    ({**BY_KEY, "key": {"shop_id": None}}, 422, "key, shop_id"),
    ({**BY_KEY, "key": [1]}, 422, "key"),
    ({**BY_KEY, "more": 1}, 422, "request"),
    ({"instances": []}, 422, "instances"),
    ({"instances": [BY_KEY] * 21, "explain": True}, 422, "explain"),
    ([1], 422, "request"),
    (b'{"inputs": {"size": NaN}}', 400, "body"),
    (b"{", 400, "body"),
    (b"\xff", 400, "body"),
    (b"[" * 2000, 400, "body"),
    (b" " * (2 << 20), 413, "body"),
]


def test_what_does_not_fit_is_refused_with_its_reason(database: Database) -> None:
    """By name and kind, never with the value; the server goes on, and nothing of it is in the log."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))
    with serving(database) as served:
        for body, status, subject in REFUSED:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = served.client.post(
                "/predict", content=content, headers={"content-type": "application/json"}
            )
            assert answer.status_code == status, (body, answer.text)
            assert answer.json()["error"]["object"].endswith(subject)
        assert served.client.post("/predict", content=b"{}").status_code == 415
        assert served.client.get("/nowhere").status_code == 404
        assert served.predict(BY_KEY).status_code == 200
    assert len(landed(database)) == 1


def test_keys_are_asked_for_by_scope(database: Database) -> None:
    """None, a wrong one, one of another scope, the right one, a revoked one."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))

    async def made(connection: Connection) -> tuple[str, str]:
        both = await keys.add(connection, "a", ["predict"]), await keys.add(connection, "b", ["metrics"])
        with pytest.raises(UsageError, match="a name that no key had"):
            await keys.add(connection, "a", ["predict"])
        return both

    right, other = in_database(database, made)
    with serving(database, "--require-key", "--rate", "1000") as served:

        def status(key: str | None) -> int:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            return served.predict(BY_KEY, headers=headers).status_code

        assert [status(key) for key in (None, "wrong", other, right)] == [401, 401, 403, 200]
        in_database(database, lambda connection: keys.revoke(connection, "a"))
        until = time.monotonic() + 20
        while status(right) != 401:
            assert time.monotonic() < until
            time.sleep(0.2)


def test_a_killed_worker_loses_no_answer_and_none_lands_twice(database: Database) -> None:
    """By kill -9, with answers on disk only: the next server lands them."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"), share=0.5)
    answered = []
    with serving(database) as served:
        for shop in range(200):
            answer = served.predict({**BY_KEY, "key": {"shop_id": shop}})
            answered.append(answer.json()["prediction_id"])
        served.process.send_signal(signal.SIGKILL)
    with serving(database) as served:
        answered.append(served.predict(BY_KEY).json()["prediction_id"])
    records = landed(database)
    assert sorted(answered) == sorted(record["prediction_id"] for record in records)
    roles = {record["key"]: record["role"] for record in records}
    assert 60 < sum(role == "challenger" for role in roles.values()) < 140


def test_a_swap_loses_no_request(database: Database) -> None:
    """A promotion and a rollback while requests come: each is answered, by one version or the other."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"))

    async def moved(connection: Connection) -> None:
        await steps.promote(connection, NAME, 2, "test", verdict=None, forced=True, asked=NO_APPROVAL)
        await asyncio.sleep(1)
        await steps.roll_back(connection, NAME, None, "test")

    with serving(database) as served, httpx.Client(base_url=served.client.base_url) as client:
        seen = []

        async def both() -> None:
            async def ask() -> None:
                until = time.monotonic() + 3
                while time.monotonic() < until:
                    found = await asyncio.to_thread(client.post, "/predict", json=BY_KEY)
                    assert found.status_code == 200
                    seen.append(found.json()["version"])

            async def step() -> None:
                connection = await postgres.connect(database.settings)
                try:
                    await moved(connection)
                finally:
                    await connection.close()

            await asyncio.gather(ask(), step())

        asyncio.run(both())
    assert seen[0] in (1, 2)
    assert set(seen) == {1, 2}
    assert seen[-1] == 1
    assert len(landed(database)) == len(seen)


def test_what_is_not_deployed_or_does_not_fit_is_not_served(database: Database) -> None:
    """The command ends with the reason before it opens a port: nothing deployed, or other views."""
    shops(database)
    package = four_models.package("lightgbm")
    in_database(database, lambda connection: versions.add(connection, package, passed=True))
    with pytest.raises(UsageError, match="expected a deployed version"):
        asyncio.run(require_deployed(database.settings, NAME))
    for views, reason in UNFIT:
        _deploy_by_hand(database, four_models.package("lightgbm", views=views))
        with pytest.raises(UsageError, match=reason):
            asyncio.run(require_deployed(database.settings, NAME))


SHOP = BoundView(version=1, definition=None)
#: Views that a model was trained on, and why they are not those of release 1.
UNFIT = [
    ({"shop": SHOP, "other": SHOP}, "view other is not in it"),
    (
        {"shop": BoundView(version=2, definition=None)},
        "view shop has version 1, the model was trained on version 2",
    ),
    (
        {"shop": BoundView(version=1, definition="abc")},
        "view shop is defined as fed, the model was trained on abc",
    ),
]


def _deploy_by_hand(database: Database, package: Package, *, as_challenger: bool = False) -> None:
    """Deploys what `headgate model deploy` refuses, as when the release moved after it; defines the view."""
    database.query("update ops.release_views set meaning = 'fed' where view = 'shop'")

    async def work(connection: Connection) -> None:
        made = await versions.add(connection, package, passed=True)
        champion, challenger = (1, made.version) if as_challenger else (made.version, None)
        await promotions.append(
            connection,
            NAME,
            "deploy",
            made.version,
            champion=champion,
            challenger=challenger,
            canary_share=0.5 if as_challenger else 0.0,
            reason="test",
        )

    in_database(database, work)


def test_what_does_not_fit_is_not_swapped_to(database: Database) -> None:
    """A challenger is left out; of a champion the one before goes on to answer, and is not ready."""
    shops(database)
    deployed(database, four_models.package("lightgbm"))
    with serving(database) as served:
        _deploy_by_hand(database, four_models.package("lightgbm", views=UNFIT[0][0]), as_challenger=True)

        def told(name: str) -> str:
            return str(served.client.get("/model").json()[name])

        wait_until(lambda: "view other is not in it" in told("refused_challenger"), "challenger left out")
        assert served.client.get("/readyz").status_code == 200
        assert {served.predict({**BY_KEY, "key": {"shop_id": n}}).json()["version"] for n in range(20)} == {1}
        for views, reason in UNFIT[1:]:
            _deploy_by_hand(database, four_models.package("lightgbm", views=views))
            found = functools.partial(re.search, reason)
            wait_until(lambda found=found: found(told("refused_swap")), reason)  # type: ignore[misc]
        assert served.client.get("/readyz").status_code == 503
        assert served.predict(WHOLE).json()["version"] == 1
        database.headgate("model", "undeploy", NAME, "--why", "nobody asks it")
        wait_until(lambda: served.predict(WHOLE).status_code == 503, "taken out of service")
        assert served.predict(WHOLE).json()["error"]["expected"] == "a deployed version"
        _deploy_by_hand(database, four_models.package("lightgbm"))
        wait_until(lambda: served.predict(WHOLE).status_code == 200, "back in service")


@pytest.mark.parametrize("flavour", four_models.FLAVOURS)
def test_each_flavour_is_deployed_asked_and_rolled_back(flavour: str, database: Database) -> None:
    """One way for four models: register, deploy, predict by key and with features, roll back.

    Where no version can be explained, `explain` is not offered, and refused.
    """
    shops(database)
    other = "sklearn" if flavour == "onnx" else "onnx"
    package = four_models.package(flavour)
    deployed(database, four_models.package(other), package)
    score = _score_of(package)
    with serving(database) as served:
        stepped(database, "promote")
        wait_until(lambda: served.client.get("/model").json()["version"] == 2, "promoted")
        by_key, whole = served.predict(BY_KEY).json(), served.predict(WHOLE).json()
        assert (by_key["version"], by_key["role"], by_key["score"]) == (2, "champion", score)
        assert whole["score"] == score
        is_offered, asked = explanation(served)
        assert is_offered is (flavour in ("lightgbm", "sklearn"))
        if not is_offered:
            assert asked.status_code == 422
            assert asked.json()["error"]["found"] == f"flavour {flavour}, task binary"
        stepped(database, "rollback")
        wait_until(lambda: served.client.get("/model").json()["version"] == 1, "rolled back")
        assert served.predict(BY_KEY).json()["version"] == 1
    assert {record["version"] for record in landed(database)} == {1, 2}


def test_classes_are_answered_by_name(database: Database) -> None:
    """The likeliest class, and the chance of each, for the client and in the log; the shadow's too."""
    shops(database)
    names = ["blue", "green", "red"]
    options = {"classes": names, "categories": four_models.CATEGORIES}
    files = four_models.lightgbm_files(classes=3)
    package = four_models.package("lightgbm", files, task="multiclass", options=options)
    deployed(database, package, package)
    with serving(database) as served:
        answer = served.predict(WHOLE).json()
        is_offered, asked = explanation(served)
        assert not is_offered
        assert asked.json()["error"]["found"] == "flavour lightgbm, task multiclass"
    chances = answer["probabilities"]
    assert list(chances) == names
    assert sum(chances.values()) == pytest.approx(1)
    assert answer["answer"] == max(chances, key=chances.__getitem__)
    assert answer["score"] == chances[answer["answer"]]
    [logged] = landed(database)
    assert (logged["answer"], logged["probabilities"]) == (answer["answer"], chances)
    assert logged["shadow"]["probabilities"] == chances


def explanation(served: Served) -> tuple[bool, httpx.Response]:
    """Whether `explain` is described, and what an answer to it is."""
    return '"explain"' in served.client.get("/openapi.json").text, served.predict({**WHOLE, "explain": True})


def _score_of(package: Package) -> float:
    predictor = load(package)
    try:
        return float(predictor.predict_one({"size": 80, "kind": "small", "shop__orders_7d": 3}))
    finally:
        predictor.close()
