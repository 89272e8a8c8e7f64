"""Sources that are sent by webhook: what the receiver asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from headgate.errors import UsageError
from headgate.sources import Source, all_sources


@runtime_checkable
class WebhookSource(Source, Protocol):
    """A source of a package whose deliveries are signed JSON bodies, sent by POST."""

    @property
    def path(self) -> str:
        """Path of the URL that deliveries go to, such as `/orders`."""

    @property
    def sender(self) -> str:
        """Who sends them, for messages."""

    @property
    def event_header(self) -> str:
        """The header that names the kind of a delivery."""

    @property
    def delivery_header(self) -> str:
        """The header with the id of a delivery, which is the same when it is sent again."""

    def record(
        self, event: str, delivery_id: str, received_at: datetime, body: bytes, parsed: Mapping[str, Any]
    ) -> bytes:
        """The record that is landed of a body.

        Args:
            event: what `event_header` says.
            delivery_id: what `delivery_header` says.
            received_at: in UTC.
            body: one JSON object, as it came.
            parsed: the body parsed; empty where only PostgreSQL reads it.
        """


def webhook_source(project_dir: Path) -> WebhookSource:
    """The source that the receiver serves.

    Raises:
        UsageError: no package brings one, or several do.
    """
    found = [source for source in all_sources(project_dir).values() if isinstance(source, WebhookSource)]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"webhooks of {project_dir}",
        expected="one source that is sent by webhook, from a package in headgate_packages of dbt_project.yml",
        found=", ".join(source.name for source in found) or "none",
        next_step="name the package that brings it; docs/webhooks.md says what such a source is",
    )
