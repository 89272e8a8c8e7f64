"""What an answer says of further pages: its `Link` header, and keys of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

from headgate.pulling.json_records import plain

_VALUE = r'"(?:[^"\\]|\\.)*"|[^\s;,"]*'
#: A link of RFC 8288 with its parameters, whose quoted values may hold whatever else parts links.
_LINK = re.compile(rf"<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:{_VALUE}))?)*)")
_PARAMETER = re.compile(rf";\s*([^\s=;,]+)(?:\s*=\s*({_VALUE}))?")
#: Keys under which APIs tell of a next page, and keys of the objects that these keys stand in.
_NEXT = re.compile(
    r"next(_?(page|cursor|url|uri|link|href|offset|marker|token|page_?(token|url|cursor)))?|@odata\.nextlink"
    r"|has_?(more|next(_?page)?)|(more|next)_?available",
    re.IGNORECASE,
)
_AROUND = re.compile(r"_?(meta(_?data)?|pag(ing|ination|er|e_?info|e)|links?|cursors?)", re.IGNORECASE)


def links_of(response: httpx.Response) -> dict[str, str]:
    """URLs in the Link header by their relation, in lower case; a link may have several."""
    found: dict[str, str] = {}
    for url, parameters in _LINK.findall(", ".join(response.headers.get_list("link"))):
        # The first relation of a link counts, and of two links for one relation the first.
        told = [value for name, value in _PARAMETER.findall(parameters) if name.lower() == "rel"]
        for relation in "".join(told[:1]).strip('"').lower().split():
            found.setdefault(relation, url)
    return found


def next_key(value: Any) -> str | None:
    """The key under which an answer tells of a next page."""
    for name, inner in _members(value):
        if _NEXT.fullmatch(name) and inner not in (None, False, 0, "", {}, []):
            return name
        if _AROUND.fullmatch(name):
            for deeper, told in _members(inner):
                if _NEXT.fullmatch(deeper) and told not in (None, False, 0, "", {}, []):
                    return f"{name}.{deeper}"
    return None


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield name, plain(inner)
