"""Bodies of answers, unpacked up to a limit: a few kilobytes can unpack to gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

#: Bytes of an answer, unpacked. Larger exports are files, which are read in blocks.
MOST_ANSWER_BYTES = 128 << 20
#: What we ask for, and understand.
ENCODINGS = "gzip, deflate"
#: What is unpacked at once.
_STEP = 1 << 20


class TooLargeError(Exception):
    """An answer is larger than is taken."""


async def read_body(response: httpx.Response) -> httpx.Response:
    """The same answer, with its body.

    Raises:
        TooLargeError: it is longer than `MOST_ANSWER_BYTES`.
        httpx.DecodingError: it is packed otherwise than it says, or than was asked for.
    """
    body = bytearray()
    unpacked = _Unpacked(response.headers.get("Content-Encoding", ""))
    async for chunk in response.aiter_raw():
        for part in unpacked.parts(chunk):
            body += part
            if len(body) > MOST_ANSWER_BYTES:
                raise TooLargeError
    unpacked.finish()
    headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in _OF_FORM]
    return httpx.Response(
        response.status_code, headers=headers, content=bytes(body), request=response.request
    )


#: Headers of the form in which a body came.
_OF_FORM = {"content-encoding", "content-length", "transfer-encoding"}


class _Unpacked:
    """Unpacks a body, a little at a time."""

    def __init__(self, encoding: str) -> None:
        named = [name.strip().lower() for name in encoding.split(",")]
        layers = [name for name in named if name not in ("", "identity")]
        if len(layers) > 1 or any(name not in ("gzip", "x-gzip", "deflate") for name in layers):
            raise httpx.DecodingError(f"an answer packed as {encoding!r}, where {ENCODINGS} was asked for")
        self._packed = bool(layers)
        self._raw = "deflate" in layers
        self._decoder: zlib._Decompress | None = None

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """The unpacked bytes of a chunk."""
        if not self._packed:
            yield chunk
            return
        while chunk:
            decoder = self._decoder = self._decoder or self._begin(chunk)
            try:
                part = decoder.decompress(chunk, _STEP)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
            yield part
            chunk = decoder.unconsumed_tail
            if decoder.eof:
                # Another member may follow.
                self._decoder, chunk = None, decoder.unused_data
            elif not part and not chunk:
                return

    def finish(self) -> None:
        """Refuses what ends early."""
        if self._decoder is not None:
            raise httpx.DecodingError("an answer that ends early")

    def _begin(self, chunk: bytes) -> zlib._Decompress:
        """A decoder of gzip or zlib; some servers send deflate without zlib's head."""
        headless = self._raw and (len(chunk) < 2 or (chunk[0] << 8 | chunk[1]) % 31 or chunk[0] & 15 != 8)
        return zlib.decompressobj(-zlib.MAX_WBITS if headless else zlib.MAX_WBITS | 32)
