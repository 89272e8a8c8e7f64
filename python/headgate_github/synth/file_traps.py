"""What goes wrong with whole files: from the file as it should be to the one that is delivered."""

from __future__ import annotations

import gzip
from collections.abc import Callable

_HTML = b"""<!DOCTYPE html>
<html><head><title>503 Service Unavailable</title></head>
<body><h1>Service Unavailable</h1><p>The archive is taking a break.</p></body></html>
"""


def truncated_gzip(content: bytes) -> bytes:
    """A download that broke off."""
    return content[: len(content) * 2 // 3]


def not_gzip(content: bytes) -> bytes:
    """The lines themselves under a name that says gzip."""
    return gzip.decompress(content)


def html_page(_content: bytes) -> bytes:
    """An error page under the name of the hour."""
    return _HTML


def empty_file(_content: bytes) -> bytes:
    """No bytes at all."""
    return b""


#: `redeliver` is made by the writer: it needs the hour a second time, with hashed addresses.
REDELIVER = "redeliver"
FILE_TRAPS: dict[str, Callable[[bytes], bytes]] = {
    "truncated_gzip": truncated_gzip,
    "not_gzip": not_gzip,
    "html_page": html_page,
    "empty_file": empty_file,
}
