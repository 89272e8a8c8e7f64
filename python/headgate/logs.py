"""The log of services: one JSON object a line, on standard error."""

from __future__ import annotations

import sys

import structlog


def service_log(service: str) -> structlog.typing.FilteringBoundLogger:
    """A log whose lines name the service, the time and the level."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        service=service,
    )
    return made
