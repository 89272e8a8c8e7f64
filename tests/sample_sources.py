"""Seeded samples of three sources that have little in common: webhooks, invoices with lines, readings."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
Record = dict[str, Any]


def webhooks(count: int = 300, seed: int = 1) -> list[Record]:
    """Deliveries of four kinds around one envelope, as a forge sends them; some keys are SQL's words."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        event = rng.choice(["push", "issues", "pull_request", "star"])
        at = BEGIN + timedelta(seconds=90 * number)
        sender = {"id": rng.randrange(1, 80), "login": f"user{rng.randrange(80)}", "type": "User"}
        found.append(
            {
                "delivery_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                "event": event,
                "received_at": _iso(at),
                "payload": {
                    "repository": {"id": rng.randrange(1, 40), "full_name": "acme/widgets", "private": False},
                    "sender": sender,
                    **_webhook_payload(rng, event, at),
                },
            }
        )
    return found


def _webhook_payload(rng: random.Random, event: str, at: datetime) -> Record:
    user = {"id": rng.randrange(1, 80), "login": f"user{rng.randrange(80)}"}
    match event:
        case "push":
            commits = [
                {
                    "id": f"{rng.getrandbits(160):040x}",
                    "message": "change",
                    "timestamp": _iso(at),
                    "author": {"name": "Ann Example", "email": f"ann{rng.randrange(9)}@example.org"},
                    "added": ["a.txt"],
                }
                for _ in range(rng.randrange(1, 4))
            ]
            return {"ref": "refs/heads/main", "before": "0" * 40, "forced": False, "commits": commits}
        case "issues":
            issue = {"number": rng.randrange(1, 900), "title": "a title", "user": user, "closed_at": None}
            if rng.random() < 0.4:
                issue["closed_at"] = _iso(at)
            labels = [
                {"name": name, "color": "ff0000"}
                for name in rng.sample(["bug", "docs", "ui"], rng.randrange(3))
            ]
            action = rng.choice(["opened", "closed"])
            return {"action": action, "issue": {**issue, "labels": labels}}
        case "pull_request":
            return {
                "action": rng.choice(["opened", "closed", "reopened"]),
                "number": rng.randrange(1, 900),
                "pull_request": {
                    "id": rng.randrange(10**9),
                    "merged": rng.random() < 0.3,
                    "additions": rng.randrange(500),
                    "user": user,
                    "created_at": _iso(at),
                    "base": {"ref": "main", "default": True},
                },
            }
        case _:
            return {"action": "created", "starred_at": _iso(at)}


def invoices(count: int = 200, seed: int = 2) -> list[Record]:
    """Invoices with lines, and taxes in the lines; epoch seconds, cents, metadata with free keys."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        created = BEGIN + timedelta(hours=number)
        lines = [_invoice_line(rng, position) for position in range(rng.randrange(1, 5))]
        found.append(
            {
                "id": f"in_{rng.getrandbits(72):018x}",
                "object": "invoice",
                "created": int(created.timestamp()),
                "finalized_at": _iso(created),
                "currency": rng.choice(["eur", "usd"]),
                "status": rng.choice(["draft", "open", "paid", "void"]),
                "paid": rng.random() < 0.5,
                "amount_due": sum(line["amount"] for line in lines),
                "tax_rate": rng.choice([0.19, 0.07, 0]),
                "customer": f"cus_{rng.randrange(50):04d}",
                "customer_email": f"c{rng.randrange(50)}@example.com",
                "customer_address": {"line1": "1 Example Road", "postal_code": "12345", "country": "DE"},
                "discount": {"coupon": {"percent_off": 10}} if rng.random() < 0.2 else None,
                "metadata": {f"{rng.randrange(10**6)}": "x"} if rng.random() < 0.5 else {},
                "tags": rng.sample(["new", "vip", "eu"], rng.randrange(3)),
                "lines": {"object": "list", "has_more": False, "data": lines},
            }
        )
    return found


def _invoice_line(rng: random.Random, position: int) -> Record:
    return {
        "id": f"il_{rng.getrandbits(72):018x}",
        "amount": rng.randrange(100, 90_000),
        "description": f"Position {position}",
        "quantity": rng.randrange(1, 9),
        "period": {"start": 1772323200, "end": 1774915200},
        "taxes": [{"rate": 0.19, "amount": rng.randrange(10, 900)} for _ in range(rng.randrange(3))],
    }


def readings(count: int = 2_000, seed: int = 3) -> list[Record]:
    """Flat numeric readings of many sensors, without an identity of their own."""
    rng = random.Random(seed)
    return [
        {
            "sensor": f"s-{number % 50:03d}",
            "measured_at": _iso(BEGIN + timedelta(seconds=number)),
            "temperature": round(rng.gauss(20, 4), 3),
            "humidity": rng.randrange(101),
            "battery": None if rng.random() < 0.1 else round(rng.random(), 2),
            "ok": rng.random() < 0.98,
        }
        for number in range(count)
    ]


def oddities(count: int = 60) -> list[Record]:
    """Keys that SQL reserves, that are no names, that collide; nulls in arrays; values of several types."""
    found = []
    for number in range(count):
        record = {
            "uuid": f"u-{number}",
            "kind": "even" if number % 2 == 0 else "odd",
            "timestamp": _iso(BEGIN + timedelta(minutes=number)),
            "Größe": number * 1.5,
            "x-y": number,
            "a/b": "q",
            "@type": "t",
            "record_id": number,
            "line_number": f"x{number}",
            "mixed": number if number % 4 else "s",
            "order": {"select": "a", "from": number, "user": {"end": _iso(BEGIN)}, "table": 1},
            "camelCase": {"innerKey": True},
            "payload": {"data": {"id": number}},
            "lines": [{"values": [{"value": number, "date": _iso(BEGIN)}], "position": number}, None],
        }
        own = (
            {"evenOnly": {"interval": 1, "row": "r"}}
            if number % 2 == 0
            else {"oddOnly": [{"column": "c"}], "n": 1}
        )
        found.append({**record, **own})
    return found


SAMPLES: dict[str, Callable[[], list[Record]]] = {
    "forge": webhooks,
    "billing": invoices,
    "greenhouse": readings,
    "oddities": oddities,
}


def write_lines(file: Path, records: list[Record]) -> Path:
    """Writes records as JSON lines."""
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return file


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
