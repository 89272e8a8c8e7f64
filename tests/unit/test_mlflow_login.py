"""The password before MLflow's UI; `tests/integration/test_mlflow_ui.py` asks MLflow itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from headgate.model.mirror.ui_login import headgate_login
from headgate.model.mirror.ui_login.headgate_login import Login

PASSWORD = "a password with: a colon"


class Reached:
    """What stands in for MLflow's application."""

    kinds: list[str]

    def __init__(self) -> None:
        self.kinds = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers."""
        self.kinds.append(scope["type"])
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"runs"})


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Login:
    """A login with a password in a file."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    monkeypatch.setenv(headgate_login.PASSWORD_FILE, str(tmp_path / "password"))
    made = Login()
    made._app = Reached()
    return made


def ask(login: Login, *given: tuple[str, str], path: str = "/") -> httpx.Response:
    """An answer to a request with these headers."""

    async def work() -> httpx.Response:
        transport = httpx.ASGITransport(app=login)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=list(given))

    return asyncio.run(work())


def basic(user: str, password: str) -> tuple[str, str]:
    """The header of a login."""
    return "Authorization", httpx.BasicAuth(user, password)._auth_header


@pytest.mark.parametrize(
    "given",
    [
        [],
        [basic("owner", "another")],
        [basic("admin", PASSWORD)],
        [("Authorization", f"Bearer {PASSWORD}")],
        [basic("owner", PASSWORD), basic("owner", PASSWORD)],
        [("Authorization", "Basic ")],
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "path", ["/", "/health", "/api/2.0/mlflow/experiments/search", "/ajax-api/3.0/mlflow"]
)
def test_who_has_no_password_reaches_nothing(login: Login, given: list[tuple[str, str]], path: str) -> None:
    """401 on every path, and a browser is told to ask."""
    answer = ask(login, *given, path=path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert login._app.kinds == []


def test_who_has_it_reaches_mlflow(login: Login) -> None:
    """Whatever the path."""
    assert ask(login, basic("owner", PASSWORD), path="/health").text == "runs"


def test_a_websocket_is_closed_before_it_is_accepted(login: Login) -> None:
    """Without the password; the server's start and end are no request."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    asyncio.run(login({"type": "websocket", "headers": []}, receive, send))
    assert (sent, login._app.kinds) == ([{"type": "websocket.close", "code": 1008}], [])
    asyncio.run(login({"type": "lifespan"}, receive, send))
    assert login._app.kinds == ["lifespan"]
