"""Puts every path of Mage's server, websockets included, behind the check of the session.

Mage checks the session in its newer API only, and in its websockets with each message, when a shell runs
already and whoever is connected reads it. Here the check comes before any handler of Mage's sees the request.
What Mage decides by role stays with Mage.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import jwt
from mage_ai.api.errors import ApiError
from mage_ai.api.middleware import OAuthMiddleware
from mage_ai.api.utils import (
    authenticate_client_and_token,
    has_at_least_editor_role,
    parse_cookie_header,
)
from mage_ai.authentication.oauth2 import decode_token
from mage_ai.data_preparation.repo_manager import get_project_uuid
from mage_ai.orchestration.constants import Entity
from mage_ai.orchestration.db import safe_db_query
from mage_ai.orchestration.db.models.oauth import Oauth2Application
from mage_ai.server import server
from mage_ai.server.api.constants import COOKIE_OAUTH_TOKEN, HEADER_OAUTH_TOKEN
from mage_ai.settings import (
    DISABLE_TERMINAL,
    OAUTH2_APPLICATION_CLIENT_ID,
    REQUIRE_USER_AUTHENTICATION,
)
from mage_ai.shared.requests import get_bearer_auth_token_from_headers
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

#: The frontend as Mage ships it: files that hold nothing of the project.
PAGES = (
    server.MainPageHandler,
    server.PipelineRunsPageHandler,
    server.ManagePageHandler,
    server.StaticFileHandler,
)
#: Called by other programs, with the token of an API trigger; Mage compares it.
CALLED_WITH_TOKENS = (server.ApiTriggerPipelineHandler, server.ApiRunHandler)
#: What the sign-in page asks, and with which method.
BEFORE_LOGIN = {"sessions": {"POST"}, "oauths": {"GET"}, "statuses": {"GET"}}


def guard(app: Application) -> Application:
    """The application with every handler behind the check."""
    for rule in app.wildcard_router.rules:
        rule.target = guarded(rule.target, rule.target_kwargs)
    return app


def guarded(handler: type[RequestHandler], settings: dict[str, Any]) -> type[RequestHandler]:
    """The handler behind the check; `settings` are those of its route."""
    resource = settings.get("resource")

    class Guarded(handler):  # type: ignore[misc, valid-type]
        def prepare(self) -> Any:
            error = refusal(self, resource)
            if error is None:
                return super().prepare()
            self.set_status(error["code"])
            return self.finish({"error": error, "status": error["code"]})

        if issubclass(handler, WebSocketHandler):

            def check_origin(self, _origin: str) -> bool:
                return comes_from_here(self)

    Guarded.__name__ = Guarded.__qualname__ = handler.__name__
    return Guarded


def refusal(handler: RequestHandler, resource: str | None) -> dict[str, Any] | None:
    """Why a request is refused, as Mage's frontend expects it; None when it is not."""
    if isinstance(handler, PAGES):
        return None
    is_terminal = isinstance(handler, server.TerminalWebsocketServer)
    if is_terminal and DISABLE_TERMINAL:
        return {**ApiError.UNAUTHORIZED_ACCESS, "message": "The terminal is switched off."}
    if isinstance(handler, CALLED_WITH_TOKENS):
        return None
    if not comes_from_here(handler):
        return {**ApiError.UNAUTHORIZED_ACCESS, "message": "The request comes from another web page."}
    if not REQUIRE_USER_AUTHENTICATION or is_before_login(handler, resource):
        return None
    user = user_of(handler)
    if user is None:
        return {**ApiError.UNAUTHORIZED_ACCESS, "message": "Log in first."}
    # Mage's older handlers ask nobody's role.
    changes = handler.request.method not in ("GET", "HEAD") and not isinstance(handler, OAuthMiddleware)
    if (is_terminal or changes) and not has_at_least_editor_role(user, Entity.PROJECT, get_project_uuid()):
        return {**ApiError.UNAUTHORIZED_ACCESS, "message": "The role of editor is needed."}
    return None


def comes_from_here(handler: RequestHandler) -> bool:
    """False for what a browser sends from a page of another origin: cookies do not tell ports apart."""
    origin = handler.request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == handler.request.host


def is_before_login(handler: RequestHandler, resource: str | None) -> bool:
    """Whether the sign-in page needs the answer."""
    path = handler.path_kwargs
    methods = BEFORE_LOGIN.get(str(resource or path.get("resource")), set())
    return "child" not in path and handler.request.method in methods


@safe_db_query
def user_of(handler: RequestHandler) -> Any:
    """The user whose session a request carries: as cookie, as header, or, for downloads, as parameter."""
    token = token_of(handler)
    client = Oauth2Application.query.filter(
        Oauth2Application.client_id == OAUTH2_APPLICATION_CLIENT_ID
    ).first()
    if not token or client is None:
        return None
    session, valid = authenticate_client_and_token(client.id, token)
    return session.user if session and valid else None


def token_of(handler: RequestHandler) -> str | None:
    """The token of the session, unchecked."""
    headers = handler.request.headers
    given = headers.get(HEADER_OAUTH_TOKEN) or get_bearer_auth_token_from_headers(headers)
    if given or (given := handler.get_query_argument("token", None)):
        return str(given)
    cookie = parse_cookie_header(headers.get("Cookie", "")).get(COOKIE_OAUTH_TOKEN)
    try:
        return decode_token(cookie).get("token") if cookie else None
    except jwt.PyJWTError:
        return None
