"""How the next page of an endpoint is asked for, and when there is none.

What the API says counts: a flag, a total, a `Link` header, a cursor. Where it says nothing, the pages end
with an empty one, however short those before it are: servers give fewer records than they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import httpx

from headgate.errors import HeadgateError
from headgate.pulling.json_records import Answer, kind_of, plain, value_at
from headgate.pulling.told_pages import links_of, next_key
from headgate.report import number_of
from headgate.sources.base import without_credentials
from headgate.sources.loaders import Pagination

#: What servers answer that are asked for a page behind the last one.
PAST_THE_END = (400, 404, 416, 422)
#: Pages without a record in a row, behind which another one is no more waited for.
MOST_EMPTY = 100
Warn = Callable[[str], None]


class Pages:
    """The request for a page; this one is for endpoints that have one page only."""

    #: Statuses that may mean that the last page has been read.
    may_end_with: Collection[int] = ()

    def __init__(self, style: Pagination, url: httpx.URL, params: Mapping[str, str], warn: Warn) -> None:
        self.style = style
        self.url = url
        self.params = dict(params)
        self.warn = warn
        self.number = 1
        #: Pages without a record in a row.
        self._empty = 0
        self.start()

    def start(self) -> None:
        """Adds to the first request what it needs."""

    def advance(self, answer: Answer, response: httpx.Response, texts: Sequence[bytes]) -> bool:
        """Moves to the page behind an answer with these records; False when there is none.

        Raises:
            HeadgateError: the server leads round in a circle.
        """
        told = _next_told(answer, response)
        if told:
            self.warn(
                f"the API tells of a next page ({told}), and no `pagination` is declared: "
                "only the first is read"
            )
        return False

    def is_past_the_end(self, response: httpx.Response) -> bool:
        """Whether a refusal means that the last page has been read."""
        return False

    def count_empty(self, texts: Sequence[bytes]) -> None:
        """Refuses a server that leads from one empty page to the next without an end."""
        self._empty = 0 if texts else self._empty + 1
        if self._empty >= MOST_EMPTY:
            raise self.error("a page with records, or an end", f"{self._empty} empty pages in a row")

    def error(self, expected: str, found: str) -> HeadgateError:
        """Pages that lead nowhere."""
        return HeadgateError(
            without_credentials(str(self.url)),
            expected=expected,
            found=found,
            next_step="check `pagination` and `max_pages` of the loader; the pages so far have landed",
        )


class _Counted(Pages):
    """Pages that are counted here, by number or by offset."""

    def start(self) -> None:
        #: Records so far.
        self.read = 0
        self._most = 0
        self._last = 0
        self._more: bool | None = None
        self._seen: dict[bytes, int] = {}

    def advance(self, answer: Answer, response: httpx.Response, texts: Sequence[bytes]) -> bool:
        self.count_empty(texts)
        self._last, self._most = len(texts), max(self._most, len(texts))
        self.read += len(texts)
        self.move(len(texts))
        self._more = self._says_more(answer, response)
        same = self._same_as(texts)
        going_on = self._goes_on(same, self._total(answer)) if texts or self._more else self._ends(answer)
        self.may_end_with = PAST_THE_END
        self.number += 1
        return going_on

    def move(self, count: int) -> None:
        """Goes on behind `count` records."""
        raise NotImplementedError

    def is_past_the_end(self, response: httpx.Response) -> bool:
        # With full pages, anything but `not found` may be a limit that stands before the last page.
        short = self._last < max(self._most, self.style.size or 0)
        return not self._more and (response.status_code == 404 or short)

    def _goes_on(self, same: int | None, total: int | None) -> bool:
        if self._more is False:
            return False
        if same is None:
            return True
        if self._more and total is None:
            raise self.error("another page than before", f"page {self.number} to be the same as page {same}")
        self.warn(
            f"page {self.number} is the same as page {same}: taken as the end; if there is more, "
            "correct `pagination` of the loader"
        )
        return False

    def _ends(self, answer: Answer) -> bool:
        """Ends at an empty page."""
        total = self._total(answer)
        if total is not None and self.read < total:
            self.warn(
                f"the pages ended with {number_of(self.read, 'record')} where the API tells of {total:,}"
            )
        return False

    def _says_more(self, answer: Answer, response: httpx.Response) -> bool | None:
        """Whether the API says that there is more; None when it does not say."""
        flag = _flag(answer, self.style)
        if flag is not None:
            return flag
        total, pages = self._total(answer), _number(answer, self.style.total_pages)
        if total is not None and total >= self.read:
            # None behind an empty page: more than there is cannot be waited for.
            # A total below what came says nothing: servers that do not count say 0 or -1, and some shrink.
            return False if self.read == total else True if self._last else None
        if pages is not None and pages >= self.number:
            return self.number < pages
        links = links_of(response)
        return True if "next" in links else False if {"prev", "first", "last"} & set(links) else None

    def _total(self, answer: Answer) -> int | None:
        return _number(answer, self.style.total)

    def _same_as(self, texts: Sequence[bytes]) -> int | None:
        """The earlier page that held the same."""
        if not texts:
            return None
        digest = hashlib.sha256()
        for text in texts:
            digest.update(text + b"\n")
        found = self._seen.setdefault(digest.digest(), self.number)
        return None if found == self.number else found


class _ByPage(_Counted):
    def start(self) -> None:
        super().start()
        if self.style.size is not None and self.style.size_param:
            self.params[self.style.size_param] = str(self.style.size)
        self.params[self.style.param] = str(self.style.start)

    def move(self, count: int) -> None:
        self.params[self.style.param] = str(int(self.params[self.style.param]) + 1)


class _ByOffset(_Counted):
    def start(self) -> None:
        super().start()
        self.params[self.style.param] = "0"
        self.params[self.style.size_param or "limit"] = str(self.style.size)

    def move(self, count: int) -> None:
        # By what came, not by what was asked for: that may be more than the server gives.
        offset = int(self.params[self.style.param]) + (count or self.style.size or 1)
        self.params[self.style.param] = str(offset)


class _Led(Pages):
    """Pages that the server leads to."""

    def start(self) -> None:
        self._visited = {self._place()}

    def advance(self, answer: Answer, response: httpx.Response, texts: Sequence[bytes]) -> bool:
        self.count_empty(texts)
        asked = self._place()
        if _flag(answer, self.style) is False:
            return False
        if not self.follow(answer, response):
            self._doubt_the_end(answer, response)
            return False
        self.number += 1
        if self._place() == asked and not texts:
            # Nothing yet behind this place, which is where the next records will stand.
            return False
        if self._place() in self._visited:
            raise self.error("another page than before", "the same page as the next one")
        self._visited.add(self._place())
        return True

    def follow(self, answer: Answer, response: httpx.Response) -> bool:
        """Goes where the server says; False when it says nothing."""
        raise NotImplementedError

    def _doubt_the_end(self, answer: Answer, response: httpx.Response) -> None:
        """Warns where the API tells of a next page in another place than the declared one."""
        told = _next_told(answer, response)
        if told:
            self.warn(
                f"page {self.number} is taken as the last: nothing leads on where `pagination` says, "
                f"though the API tells of a next page ({told}); correct `pagination` of the loader"
            )

    def _told(self, answer: Answer, *kinds: type) -> str | None:
        """What leads to the next page; None where nothing does.

        Raises:
            HeadgateError: something else stands there: the path ends too early, or is another one.
        """
        found = value_at(answer.value, self.style.next)
        if found is None or found is False or found in ("", [], {}):
            return None
        if isinstance(found, bool) or not isinstance(plain(found), kinds):
            path = ".".join(map(str, self.style.next))
            raise self.error(f"what leads to the next page at {path} of the answer", kind_of(plain(found)))
        return str(found)

    def _go_to(self, place: str | None, response: httpx.Response) -> bool:
        """Moves to a URL that the server said, which has every parameter that it needs."""
        if not place:
            return False
        try:
            self.url, self.params = response.url.join(place), {}
        except httpx.InvalidURL:
            raise self.error("the URL of the next page", "text that is no URL") from None
        return True

    def _place(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        return str(self.url), tuple(sorted(self.params.items()))


class _ByCursor(_Led):
    def start(self) -> None:
        super().start()
        #: The page now asked for is that of cursor 0: there may be one, and many servers end with it.
        self._zero = False

    def advance(self, answer: Answer, response: httpx.Response, texts: Sequence[bytes]) -> bool:
        from_zero = self._zero
        try:
            return super().advance(answer, response, texts)
        except HeadgateError:
            if from_zero:
                return False
            raise

    def is_past_the_end(self, response: httpx.Response) -> bool:
        return self._zero

    def follow(self, answer: Answer, response: httpx.Response) -> bool:
        following = self._told(answer, str, int, float)
        if following is None:
            return False
        self.params[self.style.param] = following
        self._zero = following == "0"
        self.may_end_with = PAST_THE_END if self._zero else ()
        return True


class _ByLink(_Led):
    def follow(self, answer: Answer, response: httpx.Response) -> bool:
        return self._go_to(links_of(response).get("next"), response)


class _ByNextUrl(_Led):
    def follow(self, answer: Answer, response: httpx.Response) -> bool:
        return self._go_to(self._told(answer, str), response)


_STYLES: dict[str, type[Pages]] = {
    "page": _ByPage,
    "offset": _ByOffset,
    "cursor": _ByCursor,
    "link": _ByLink,
    "next_url": _ByNextUrl,
}


def pages_for(style: Pagination | None, url: httpx.URL, params: Mapping[str, str], warn: Warn) -> Pages:
    """The requests of an endpoint, the first one ready."""
    if style is None:
        return Pages(Pagination("link"), url, params, warn)
    return _STYLES[style.style](style, url, params, warn)


def _next_told(answer: Answer, response: httpx.Response) -> str | None:
    """Where an answer tells of a next page, wherever its declaration looks."""
    return "its `Link` header" if "next" in links_of(response) else next_key(answer.value)


def _flag(answer: Answer, style: Pagination) -> bool | None:
    """Whether an answer says that there is one more page."""
    found = plain(value_at(answer.value, style.has_more)) if style.has_more else None
    if isinstance(found, str):
        return {"true": True, "false": False}.get(found.lower())
    return bool(found) if isinstance(found, bool | int | float) else None


def _number(answer: Answer, path: Sequence[object]) -> int | None:
    """A whole number at a path; None where there is none."""
    text = answer.text_at(tuple(path)) if path else None  # type: ignore[arg-type]
    try:
        return int(Decimal(text)) if text is not None else None
    except (InvalidOperation, ValueError, OverflowError):
        return None
