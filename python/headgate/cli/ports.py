"""The option --port of whatever listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def port_option(default: int, help_text: str) -> Callable[[F], F]:
    """`--port`: one that exists. The system takes a larger number for another port without a word."""
    return click.option(
        "--port", type=click.IntRange(1, 65535), default=default, show_default=True, help=help_text
    )
