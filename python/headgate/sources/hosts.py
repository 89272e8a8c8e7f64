"""Where redirects and links of an answer may lead: to the host that was declared, and others that were.

Never from https to http, never to another scheme, never from a public host into the network that this machine
is in: what answers there was not meant to be read by whoever runs a public server.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from collections.abc import Collection, Iterable

import httpx

from headgate.errors import HeadgateError
from headgate.sources.base import without_credentials

REDIRECTS = 5
_PORTS = {"http": 80, "https": 443}
#: IPv6 addresses that stand for IPv4 ones, in their last four bytes.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def is_home(url: httpx.URL, home: httpx.URL) -> bool:
    """Whether a URL is of the same server: host and port; https instead of http counts as the same."""
    if url.host != home.host or url.scheme not in _PORTS:
        return False
    if url.scheme == home.scheme:
        return _port(url) == _port(home)
    return url.scheme == "https" and (url.port == home.port or (_port(home), _port(url)) == (80, 443))


def require_allowed(url: httpx.URL, home: httpx.URL, others: Collection[str]) -> None:
    """Refuses a place that an answer leads to.

    Args:
        url: the place.
        home: any URL of the host that was declared.
        others: hosts that were declared beside it, with `:port` where it is not the scheme's own.

    Raises:
        HeadgateError: nobody declared its host, or it leads somewhere less safe.
    """
    if url.scheme not in _PORTS or not url.host:
        raise _refusal(home, f"one to a URL of {url.scheme or 'no scheme'}")
    found = f"one to {_told(url)}"
    if home.scheme == "https" and url.scheme == "http":
        raise _refusal(home, f"{found}: from https to http")
    if is_home(url, home):
        return
    if _host(url) not in {name.lower() for name in others}:
        raise _refusal(home, found)
    if is_inner(url.host) and not is_inner(home.host):
        raise _refusal(home, f"{found}: from a public host to an address of this network", None)


def require_peer(response: httpx.Response, home: httpx.URL) -> None:
    """Refuses an answer that came from this network although its host is public: names can be led astray.

    Raises:
        HeadgateError: it did.
    """
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    # Through a proxy, its address is all that can be seen.
    if not address or urllib.request.getproxies():
        return
    if _is_inner_address(str(address[0])) and not is_inner(home.host):
        raise _refusal(home, f"an answer of {_told(response.url)} from an address of this network", None)


def is_inner(host: str) -> bool:
    """Whether a host is this machine or in a network that is not public; names that nobody knows are not."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return any(_is_inner_address(str(address[4][0])) for address in found)


def _is_inner_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return True
    return not all(each.is_global and not each.is_multicast for each in _meant(address))


def _meant(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Iterable[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses that one stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return [address.ipv4_mapped]
        if address.sixtofour:
            return [address.sixtofour]
        if address in _TRANSLATED:
            return [ipaddress.IPv4Address(address.packed[-4:])]
    return [address]


def _port(url: httpx.URL) -> int | None:
    return url.port or _PORTS.get(url.scheme)


def _host(url: httpx.URL) -> str:
    name = f"[{url.host}]" if ":" in url.host else url.host
    return name.lower() if _port(url) == _PORTS[url.scheme] else f"{name.lower()}:{url.port}"


def _told(url: httpx.URL) -> str:
    return f"{url.scheme}://{_host(url)}"


_DECLARE = "name the right host in the URL, or that host in `redirects` of the loader if it is to be trusted"
_CORRECT = "name the host that has the data in the URL itself if it is to be trusted"


def _refusal(home: httpx.URL, found: str, next_step: str | None = _DECLARE) -> HeadgateError:
    return HeadgateError(
        without_credentials(str(home)),
        expected="redirects and links that stay on its host",
        found=found,
        next_step=next_step or _CORRECT,
    )
