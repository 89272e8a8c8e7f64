"""The OpenAPI description of a server, from its model's signature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headgate.model.signature import INTEGERS, NUMBERS, TEXTS, Input, Signature
from headgate.serving.requests import MOST_EXPLAINED, MOST_KEY_CHARACTERS, MOST_ROWS, RANGES

ERROR = {
    "type": "object",
    "properties": {"error": {"type": "object"}},
    "required": ["error"],
}
#: Of texts, by PostgreSQL type.
FORMATS = {"date": "date", "timestamp with time zone": "date-time", "uuid": "uuid"}
REFUSALS = {
    "400": "The body is no JSON",
    "401": "The key is missing or unknown",
    "403": "The key lacks the scope, or a page from elsewhere asks without one",
    "408": "The body did not arrive in time",
    "413": "The body is too large",
    "415": "The content type is not application/json",
    "422": "The request does not fit the signature, or the entity is unknown and the model refuses it",
    "429": "Too many requests",
    "500": "The model failed",
    "503": "Not ready, busy, or the log is full",
}


def described(model: str, signature: Signature, *, explains: bool) -> dict[str, Any]:
    """The document; `explain` is part of it where a version `explains`."""
    posts = {"/predict": _post("Scores of one row or several", _predict(_instances(signature), explains))}
    if signature.fetched:
        posts["/features"] = _post("The newest features of an entity", _object([("key", _key(signature))]))
    gets = {
        "/model": "What answers: versions, signature, release",
        "/healthz": "Whether the process lives",
        "/readyz": "Whether requests by key can be answered",
        "/metrics": "Figures for Prometheus",
        "/openapi.json": "This document",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Headgate: {model}", "version": "1"},
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"key": []}],
        "paths": {
            **{path: {"post": post} for path, post in posts.items()},
            **{path: {"get": {"summary": text, "responses": _responses()}} for path, text in gets.items()},
        },
    }


def _predict(instances: list[dict[str, Any]], explains: bool) -> dict[str, Any]:
    """One row or several; of few, what each input adds can be asked for."""
    if not explains:
        return {"anyOf": [*instances, _batch(instances, MOST_ROWS)]}
    asked = {"type": "boolean"}
    singles = [{**one, "properties": {**one["properties"], "explain": asked}} for one in instances]
    many = _batch(instances, MOST_ROWS, explain={**asked, "const": False})
    return {"anyOf": [*singles, many, _batch(instances, MOST_EXPLAINED, explain=asked)]}


def _post(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": _responses(),
    }


def _responses() -> dict[str, Any]:
    refusals = {
        status: {"description": text, "content": {"application/json": {"schema": ERROR}}}
        for status, text in REFUSALS.items()
    }
    return {"200": {"description": "The answer"}, **refusals}


def _instances(signature: Signature) -> list[dict[str, Any]]:
    """The forms of a row: of a model that reads features, by key, or with them."""
    parts = {"inputs": _object((given.name, _value(given)) for given in signature.requested)}
    if signature.keys:
        parts["key"] = _key(signature)
    required = ["inputs"] if signature.requested else []
    if not signature.fetched:
        return [_object(parts.items(), required)]
    features = _object((given.name, _value(given)) for given in signature.fetched)
    by_key = _object(parts.items(), [*required, "key"])
    return [by_key, _object([*parts.items(), ("features", features)], [*required, "features"])]


def _batch(instances: list[dict[str, Any]], most: int, **more: dict[str, Any]) -> dict[str, Any]:
    rows = {"type": "array", "items": {"anyOf": instances}, "minItems": 1, "maxItems": most}
    return _object([("instances", rows), *more.items()], ["instances"])


def _key(signature: Signature) -> dict[str, Any]:
    return _object((name, _typed(kind)) for name, kind in signature.keys)


def _object(
    properties: Iterable[tuple[str, dict[str, Any]]], required: list[str] | None = None
) -> dict[str, Any]:
    """An object with these properties alone; all of them are required unless told otherwise."""
    found = dict(properties)
    return {
        "type": "object",
        "properties": found,
        "required": list(found) if required is None else required,
        "additionalProperties": False,
    }


def _value(given: Input) -> dict[str, Any]:
    typed = _typed(given.type)
    described = {"description": f"in {given.unit}"} if given.unit else {}
    kind = [typed["type"], "null"] if given.nullable else typed["type"]
    return {**typed, "type": kind, **described}


def _typed(kind: str) -> dict[str, Any]:
    if kind in INTEGERS:
        return {"type": "integer", "minimum": -RANGES[kind], "maximum": RANGES[kind] - 1}
    if kind in NUMBERS:
        return {"type": "number"}
    if kind == "boolean":
        return {"type": "boolean"}
    if kind in FORMATS:
        return {"type": "string", "format": FORMATS[kind]}
    # PostgreSQL has no text with U+0000.
    text: dict[str, Any] = {"type": "string", "pattern": r"^[^\x00]*$"}
    return text if kind in TEXTS else {**text, "maxLength": MOST_KEY_CHARACTERS}
