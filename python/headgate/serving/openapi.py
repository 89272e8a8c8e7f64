"""The OpenAPI description of a server, from its model's signature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headgate.model.signature import INTEGERS, NUMBERS, Input, Signature
from headgate.serving.requests import MOST_ROWS, RANGES

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
    "403": "The key lacks the scope",
    "408": "The body did not arrive in time",
    "413": "The body is too large",
    "415": "The content type is not application/json",
    "422": "The request does not fit the signature, or the entity is unknown and the model refuses it",
    "429": "Too many requests",
    "500": "The model failed",
    "503": "Not ready, busy, or the log is full",
}


def described(model: str, signature: Signature) -> dict[str, Any]:
    """The document."""
    instance = _instance(signature)
    batch = {
        "type": "object",
        "properties": {
            "instances": {"type": "array", "items": instance, "minItems": 1, "maxItems": MOST_ROWS},
            "explain": {"type": "boolean"},
        },
        "required": ["instances"],
        "additionalProperties": False,
    }
    single = {**instance, "properties": {**instance["properties"], "explain": {"type": "boolean"}}}
    features = {
        "type": "object",
        "properties": {"key": instance["properties"].get("key", _object([]))},
        "required": ["key"],
        "additionalProperties": False,
    }
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
            "/predict": {"post": _post("Scores of one row or several", {"anyOf": [single, batch]})},
            "/features": {"post": _post("The newest features of an entity", features)},
            **{path: {"get": {"summary": text, "responses": _responses()}} for path, text in gets.items()},
        },
    }


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


def _instance(signature: Signature) -> dict[str, Any]:
    parts = {"inputs": _object((given.name, _value(given)) for given in signature.requested)}
    required = ["inputs"] if signature.requested else []
    if signature.fetched:
        parts["features"] = _object((given.name, _value(given)) for given in signature.fetched)
    if signature.keys:
        parts["key"] = _object((name, _typed(kind)) for name, kind in signature.keys)
    return {
        "type": "object",
        "properties": parts,
        "required": required,
        "additionalProperties": False,
    }


def _object(properties: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    found = dict(properties)
    return {
        "type": "object",
        "properties": found,
        "required": list(found),
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
    return {"type": "string", **({"format": FORMATS[kind]} if kind in FORMATS else {})}
