"""How the next page of an endpoint is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from headgate.pulling.json_records import Answer
from headgate.sources.loaders import Pagination


class Pages:
    """The request for a page; this one is for endpoints that have one page only."""

    def __init__(self, style: Pagination, url: httpx.URL, params: Mapping[str, str]) -> None:
        self.style = style
        self.url = url
        self.params = dict(params)
        self.start()

    def start(self) -> None:
        """Adds to the first request what it needs."""

    def advance(self, answer: Answer, response: httpx.Response, count: int) -> bool:
        """Moves to the page behind an answer with `count` records; False when there is none."""
        return False

    def _go_to(self, place: str | None, response: httpx.Response) -> bool:
        """Moves to a URL that the server said, which has every parameter that it needs."""
        if not place:
            return False
        self.url, self.params = response.url.join(place), {}
        return True


class _ByPage(Pages):
    def start(self) -> None:
        if self.style.size is not None and self.style.size_param:
            self.params[self.style.size_param] = str(self.style.size)
        self.params[self.style.param] = str(self.style.start)

    def advance(self, answer: Answer, response: httpx.Response, count: int) -> bool:
        self.params[self.style.param] = str(int(self.params[self.style.param]) + 1)
        return count >= (self.style.size or 1)


class _ByOffset(Pages):
    def start(self) -> None:
        self.params[self.style.param] = "0"
        self.params[self.style.size_param or "limit"] = str(self.style.size)

    def advance(self, answer: Answer, response: httpx.Response, count: int) -> bool:
        limit = self.style.size or 1
        self.params[self.style.param] = str(int(self.params[self.style.param]) + limit)
        return count >= limit


class _ByCursor(Pages):
    def advance(self, answer: Answer, response: httpx.Response, count: int) -> bool:
        following = answer.text_at(self.style.next)
        if following is None:
            return False
        self.params[self.style.param] = following
        return True


class _ByLink(Pages):
    def advance(self, answer: Answer, response: httpx.Response, count: int) -> bool:
        return self._go_to(response.links.get("next", {}).get("url"), response)


class _ByNextUrl(Pages):
    def advance(self, answer: Answer, response: httpx.Response, count: int) -> bool:
        return self._go_to(answer.text_at(self.style.next), response)


_STYLES: dict[str, type[Pages]] = {
    "page": _ByPage,
    "offset": _ByOffset,
    "cursor": _ByCursor,
    "link": _ByLink,
    "next_url": _ByNextUrl,
}


def pages_for(style: Pagination | None, url: httpx.URL, params: Mapping[str, str]) -> Pages:
    """The requests of an endpoint, the first one ready."""
    if style is None:
        return Pages(Pagination("link"), url, params)
    return _STYLES[style.style](style, url, params)
