"""The webhook receiver: what it answers, what lands, and that an answer means durable."""

from __future__ import annotations

import json
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from bench.webhook_load import push_body
from headgate.receiving.signature import sign
from tests.marked import marked_tables
from tests.servers import SECRET, Receiver, wait_until
from tests.support import Database

ROWS = "staging_github_webhooks.deliveries"
LARGEST = 25 << 20


@pytest.fixture(scope="module")
def receiver(module_database: Database) -> Iterator[Receiver]:
    """A receiver with two processes, for all tests that leave it running."""
    made = Receiver.of(module_database)
    made.start()
    made.wait_until_healthy()
    yield made
    made.kill()


def landed(database: Database, delivery: str) -> int:
    """How often a delivery is landed."""
    return int(database.value(f"select count(*) from {ROWS} where record_id = %s", f"webhook:{delivery}"))


def rejected(database: Database) -> int:
    """How many rejects there are."""
    return int(database.value("select count(*) from ops.rejects"))


def test_an_answer_means_durable_once(receiver: Receiver, module_database: Database) -> None:
    """The row is there when the answer is; the same delivery again is answered alike and does not land."""
    body = push_body(1, 4096)
    for _ in range(3):
        answer = receiver.deliver("d-1", body)
        assert (answer.status_code, answer.json()) == (200, {"status": "durable", "delivery": "d-1"})
        assert landed(module_database, "d-1") == 1
    ((kind, record),) = module_database.query(
        f"select record_type, record from {ROWS} where record_id = 'webhook:d-1'"
    )
    assert kind == "PushEvent"
    sent = json.loads(body)
    assert record["payload"]["commits"][0]["id"] == sent["commits"][0]["id"]
    assert record["repo"] == {"id": sent["repository"]["id"], "name": sent["repository"]["full_name"]}


def test_addresses_never_land(receiver: Receiver, module_database: Database) -> None:
    """Personal data that the contract names is replaced before the first write."""
    receiver.deliver("d-private", push_body(2, 2000))
    text = str(
        module_database.value(f"select record::text from {ROWS} where record_id = 'webhook:d-private'")
    )
    assert json.loads(text)["payload"]["commits"][0]["author"]["email"].startswith("hmac:")


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha1=00", "sha256=" + "0" * 64, "Ünsinn"])
def test_a_bad_signature_lands_nothing(
    receiver: Receiver, module_database: Database, signature: str | None
) -> None:
    """Without the secret nobody lands anything, and is told what is missing."""
    headers = {"X_Hub_Signature_256": None} if signature is None else {}
    sent = (
        receiver.deliver("d-forged", b"{}", **headers) if signature is None else _forge(receiver, signature)
    )
    assert sent.status_code == 401
    assert "X-Hub-Signature-256" in sent.json()["error"]
    assert landed(module_database, "d-forged") == 0


def _forge(receiver: Receiver, signature: str) -> httpx.Response:
    headers = {
        b"Content-Type": b"application/json",
        b"X-GitHub-Event": b"push",
        b"X-GitHub-Delivery": b"d-forged",
        b"X-Hub-Signature-256": signature.encode(),
    }
    return httpx.post(receiver.url, content=b"{}", headers=list(headers.items()))


@pytest.mark.parametrize("changed", ["X_GitHub_Delivery", "X_GitHub_Event"])
@pytest.mark.parametrize("value", [None, "", "x" * 500])
def test_headers_that_github_never_sends_are_refused(
    receiver: Receiver, module_database: Database, changed: str, value: str | None
) -> None:
    """A delivery needs an id and a name."""
    before = module_database.value(f"select count(*) from {ROWS}")
    answer = receiver.deliver("d-headers", b"{}", **{changed: value})
    assert answer.status_code == 400
    assert changed.replace("_", "-") in answer.json()["error"]
    assert module_database.value(f"select count(*) from {ROWS}") == before


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", None])
def test_another_content_type_is_refused(
    receiver: Receiver, module_database: Database, content_type: str | None
) -> None:
    """GitHub's form encoding too: the answer says what to choose at GitHub."""
    answer = receiver.deliver("d-type", b"payload=%7B%7D", Content_Type=content_type)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]
    assert landed(module_database, "d-type") == 0


def test_a_signed_body_that_is_not_json_is_kept_as_a_reject(
    receiver: Receiver, module_database: Database
) -> None:
    """It comes from who knows the secret: it is kept with the reason, once, and the sender is told."""
    before = rejected(module_database)
    for _ in range(2):
        answer = receiver.deliver("d-broken", b'{"zen": ')
        assert answer.status_code == 400
        assert "kept" in answer.json()["error"]
    assert rejected(module_database) == before + 1
    assert landed(module_database, "d-broken") == 0


@pytest.mark.parametrize("body", [b"[1,2]", b"[]", b'"text"', b"null", b"[" * 3000 + b"]" * 3000])
def test_a_body_that_is_no_object_is_kept_as_a_reject(
    receiver: Receiver, module_database: Database, body: bytes
) -> None:
    """No event of GitHub's is one: the sender is told, instead of 200 and a row in quarantine."""
    before, delivery = rejected(module_database), f"d-{len(body)}-{body[:5].hex()}"
    answer = receiver.deliver(delivery, body, event="ping")
    assert (answer.status_code, "not one JSON object" in answer.json()["error"]) == (400, True)
    assert (rejected(module_database), landed(module_database, delivery)) == (before + 1, 0)


PERSON = b'{"pusher": {"name": "Qzvx"}, "commits": [{"author": {"email": "qzvx@qzvx.example"}}]}'


@pytest.mark.parametrize(
    "body",
    [
        PERSON + PERSON,
        PERSON + b"\n" + PERSON,
        b"{}" + PERSON,
        PERSON + b" 7",
        PERSON + b"{",
        b"[" + PERSON + b"]",
    ],
)
def test_a_signed_body_of_several_values_is_one_reject_and_nothing_lands(
    receiver: Receiver, module_database: Database, body: bytes
) -> None:
    """Its records have none of the paths of a delivery: none of them may land beside the contract."""
    before, rows = rejected(module_database), f"select count(*) from {ROWS}"
    landed_before = module_database.value(rows)
    assert receiver.deliver(f"d-several-{len(body)}-{body[-3:].hex()}", body).status_code == 400
    assert (rejected(module_database), module_database.value(rows)) == (before + 1, landed_before)
    assert marked_tables(module_database) == []


@pytest.mark.parametrize(
    "body", [b'{"deep": ' + b"[" * 3000 + b"]" * 3000 + b"}", b'{"large": 1e400}', b"{}"]
)
def test_an_object_of_any_shape_lands_in_its_envelope(
    receiver: Receiver, module_database: Database, body: bytes
) -> None:
    """Whether it keeps the contract is for quarantine to say, not for the door."""
    delivery = f"d-{len(body)}-{body[1:5].hex()}"
    assert receiver.deliver(delivery, body, event="ping").status_code == 200
    assert landed(module_database, delivery) == 1


def test_the_largest_body_lands_and_a_larger_one_does_not(
    receiver: Receiver, module_database: Database
) -> None:
    """The limit is GitHub's; with a length announced, without one, and by a client that waits to be told."""
    filler = b"x" * (LARGEST - len(b'{"a":""}'))
    largest = b'{"a":"' + filler + b'"}'
    assert receiver.deliver("d-largest", largest, event="ping").status_code == 200
    assert landed(module_database, "d-largest") == 1
    larger = largest + b" "
    for delivery, content in (("d-larger", larger), ("d-chunked", _in_chunks(larger))):
        answer = httpx.post(
            receiver.url,
            content=content,
            headers={
                "Content-Type": "application/json",
                "X-GitHub-Event": "ping",
                "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": sign(SECRET, larger),
            },
            timeout=30,
        )
        assert answer.status_code == 413
        assert "25 MB" in answer.json()["error"]
        assert landed(module_database, delivery) == 0
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as waiting:
        waiting.sendall(
            b"POST /github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
        )
        assert waiting.recv(100).startswith(b"HTTP/1.1 413")


def _in_chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 1 << 20):
        yield body[start : start + (1 << 20)]


def test_slow_clients_are_told_and_do_not_hold_others_up(
    receiver: Receiver, module_database: Database
) -> None:
    """A head or a body that does not end is given up after ten seconds; others are answered meanwhile."""
    body = b'{"slow": true}'
    head = (
        f"POST /github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: ping\r\n"
        f"X-GitHub-Delivery: d-slow\r\nX-Hub-Signature-256: {sign(SECRET, body)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    sent = [b"", b"POST /github HT", head[:-2], head, head + body[:-1]]
    began = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", receiver.port), timeout=60) for _ in sent]
    for connection, part in zip(slow, sent, strict=True):
        connection.sendall(part)
    assert receiver.deliver("d-quick", b"{}", event="ping").status_code == 200
    assert select.select(slow, [], [], 0)[0] == [], "a slow client was answered before a quick one"
    for connection in slow:
        assert connection.recv(1000).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began > 9
        connection.close()
    assert landed(module_database, "d-slow") == 0


def test_other_paths_and_methods_say_where_deliveries_go(receiver: Receiver) -> None:
    """No page of documentation, no index: two paths, and JSON that names them."""
    other = httpx.post(receiver.url.replace("/github", "/"), content=b"{}")
    assert (other.status_code, other.json()) == (404, {"error": "deliveries go to /github"})
    got = httpx.get(receiver.url)
    assert (got.status_code, got.json()) == (405, {"error": "deliveries come by POST"})


def test_logs_tell_refusals_and_no_contents(receiver: Receiver) -> None:
    """One JSON object a line; never a body, a delivery's header or the secret."""
    receiver.deliver("d-logged", b'{"private": "words"', event="ping")
    wait_until(lambda: "not one JSON object" in receiver.log.read_text(), "the refusal in the log")
    text = receiver.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert {line["level"] for line in lines} <= {"info", "warning"}
    assert any(line["event"] == "refused" and line["status"] == 400 for line in lines)
    assert "private" not in text
    assert SECRET not in text


def test_sigterm_answers_what_was_accepted(database: Database) -> None:
    """Requests that are under way when SIGTERM comes are answered, and what is answered is landed."""
    receiver = Receiver.of(database)
    receiver.start()
    receiver.wait_until_healthy()
    answers: dict[str, int] = {}

    def send(name: str) -> None:
        number = 0
        with httpx.Client(timeout=30) as client:
            while True:
                body = push_body(number, 4096)
                headers = {
                    "Content-Type": "application/json",
                    "X-GitHub-Event": "push",
                    "X-GitHub-Delivery": f"{name}-{number}",
                    "X-Hub-Signature-256": sign(SECRET, body),
                }
                try:
                    answers[f"{name}-{number}"] = client.post(
                        receiver.url, content=body, headers=headers
                    ).status_code
                except httpx.ConnectError:
                    return
                except httpx.TransportError:
                    # Between two requests: the connection was idle, and closed.
                    answers[f"{name}-{number}"] = 0
                number += 1

    threads = [threading.Thread(target=send, args=(f"t{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) > 60, "answers")
    receiver.signal(signal.SIGTERM)
    for thread in threads:
        thread.join(30)
    assert receiver.process is not None
    assert receiver.process.wait(30) in (0, -signal.SIGTERM)
    acknowledged = {f"webhook:{delivery}" for delivery, status in answers.items() if status == 200}
    rows = [row[0] for row in database.query(f"select record_id from {ROWS}")]
    assert len(rows) == len(set(rows))
    # All that was taken was answered; a request that met the closing of its idle connection was not taken.
    assert set(rows) == acknowledged
    assert set(answers.values()) <= {0, 200}
    assert database.value("select count(*) from ops.loads where status = 'open'") == 0


@pytest.mark.costly
def test_without_a_secret_it_does_not_start(database: Database) -> None:
    """Anybody could land anything otherwise."""
    done = database.headgate("receive", exit_code=2)
    assert "HEADGATE_WEBHOOK_SECRET" in done.stderr
