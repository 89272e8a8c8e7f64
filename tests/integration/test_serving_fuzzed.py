"""Whatever is sent to `headgate serve`: the documented statuses alone, and never a 500."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.serving import app
from tests import four_models, own_environments
from tests.examples import examples
from tests.served import NAME, deployed, serving, shops
from tests.support import ROOT, Database

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.costly]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of the description allows."""
    if "anyOf" in schema:
        return st.one_of(*map(valid, schema["anyOf"]))
    kind = schema["type"]
    if isinstance(kind, list):
        return st.one_of(*(valid({**schema, "type": one}) for one in kind))
    made: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "object": lambda: _objects(schema),
        "array": lambda: st.lists(valid(schema["items"]), min_size=1, max_size=3),
        "integer": lambda: st.integers(schema["minimum"], schema["maximum"]),
        "number": lambda: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
        "string": lambda: TEXTS,
        "boolean": st.booleans,
        "null": st.none,
    }
    return made[kind]()


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    parts = {name: valid(part) for name, part in schema["properties"].items()}
    required = {name: parts.pop(name) for name in schema["required"]}
    return st.fixed_dictionaries(required, optional=parts)


def spoiled(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a schema, of which one place holds anything or is missing, or one more name stands."""

    @st.composite
    def draw(pick: Any) -> Any:
        value = json.loads(json.dumps(pick(valid(schema))))
        place = value
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = pick(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and place[key] and pick(st.booleans()):
                place = place[key]
                continue
            how = pick(st.sampled_from(["change", "remove", "add"]))
            if how == "change":
                place[key] = pick(ANYTHING)
            elif how == "remove":
                del place[key]
            elif isinstance(place, dict):
                place[pick(st.text(max_size=9))] = pick(ANYTHING)
            break
        return value

    return draw()


def test_no_request_makes_a_500_or_an_undocumented_status(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies that the description allows, spoiled ones, bytes; each refusal has its four parts."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"), share=0.5)
    for name, value in database.env.items():
        if name.startswith("HEADGATE_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv(app.OPTIONS, orjson.dumps({"model": NAME, "is_open": True}).decode())
    with asyncio.Runner() as runner:
        served = app.create_app()
        lifespan = served.router.lifespan_context(served)
        runner.run(lifespan.__aenter__())
        transport = httpx.ASGITransport(app=served, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        seen: Counter[int] = Counter()
        described = runner.run(client.get("/openapi.json")).json()

        def ask(path: str, body: bytes, kind: str = "application/json") -> None:
            headers = {"content-type": kind}
            answer = runner.run(client.post(path, content=body, headers=headers))
            seen[answer.status_code] += 1
            assert str(answer.status_code) in described["paths"][path]["post"]["responses"]
            assert answer.status_code < 500, answer.text
            if answer.status_code != 200:
                assert {"object", "expected", "found", "next_step"} == set(answer.json()["error"])

        for path, routes in described["paths"].items():
            if "post" in routes:
                _fuzz(path, routes["post"]["requestBody"]["content"]["application/json"]["schema"], ask)
            else:
                assert runner.run(client.get(path)).status_code == 200 or path == "/readyz"
        assert {200, 400, 415, 422} <= set(seen)
        runner.run(client.aclose())
        runner.run(lifespan.__aexit__(None, None, None))


def _fuzz(path: str, schema: dict[str, Any], ask: Callable[..., None]) -> None:
    @settings(max_examples=examples(300), deadline=None)
    @given(valid(schema) | spoiled(schema) | ANYTHING)
    def of_json(body: Any) -> None:
        # NaN and lone surrogates as well: what a careless client writes.
        ask(path, json.dumps(body).encode())

    @settings(max_examples=examples(100), deadline=None)
    @given(
        st.binary(max_size=60), st.sampled_from(["application/json", "text/plain", "", "application/json; x"])
    )
    def of_bytes(body: bytes, kind: str) -> None:
        ask(path, body, kind)

    of_json()
    of_bytes()


def test_schemathesis_finds_nothing_that_the_description_does_not_say(database: Database) -> None:
    """Its requests from the OpenAPI description, over HTTP: all of its checks, no 500 among them."""
    shops(database)
    deployed(database, four_models.package("lightgbm"), four_models.package("onnx"), share=0.5)
    with serving(database) as served:
        done = own_environments.checked(
            ROOT / "tests" / "schemathesis.txt",
            *("schemathesis", "run", str(served.client.base_url.join("/openapi.json"))),
            *("--checks", "all", "--max-examples", str(examples(100)), "--seed", "1"),
            *("--generation-database", "none", "--suppress-health-check", "all", "--no-color"),
            cwd=database.folder,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
