"""MLflow's server behind a password: on every path, websockets included, before MLflow sees a request.

Runs in MLflow's own environment, as the plugin `headgate-login` of `mlflow server --app-name`; what its own
`basic-auth` checks are the paths that it knows.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

#: The variable with the file that holds the password.
PASSWORD_FILE = "HEADGATE_MLFLOW_PASSWORD"
USER = "owner"
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


class Login:
    """An ASGI application that hands on what comes with user and password, and answers all else with 401."""

    def __init__(self) -> None:
        self._app: Any = None
        self._expected: bytes | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles one connection."""
        if scope["type"] == "lifespan" or self._is_known(scope):
            await self._mlflow()(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send)

    def _is_known(self, scope: Message) -> bool:
        if self._expected is None:
            password = Path(os.environ[PASSWORD_FILE]).read_text().strip()
            self._expected = b"Basic " + base64.b64encode(f"{USER}:{password}".encode())
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self._expected)

    def _mlflow(self) -> Any:
        # Not before: the parent of the server imports this module, too.
        if self._app is None:
            from mlflow.server.fastapi_app import app as mlflow_app

            self._app = mlflow_app
        return self._app


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"text/plain"),
        (b"www-authenticate", b'Basic realm="Headgate: MLflow", charset="UTF-8"'),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    body = f"Log in as {USER}; `headgate mlflow` says where the password is.\n"
    await send({"type": "http.response.body", "body": body.encode()})


app = Login()
