"""What is kept of a line that cannot land, or lands otherwise than it came.

Such a line has no paths to go by: whether a name stands in it, and where, cannot be told with certainty.
Where the contract tags personal data, nothing of it is kept in clear.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from headgate.contract import Contract
from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

#: How a kept line is stored: as it came, without its personal data, encrypted, or not at all.
StoredAs = Literal["verbatim", "minimised", "encrypted", "dropped"]
#: Tells the key of encryption from that of hashes, which it is derived from.
PURPOSE = b"headgate rejected lines"


@dataclass(frozen=True, slots=True)
class Kept:
    """A line as it is stored."""

    line: bytes | None
    stored_as: StoredAs
    #: Length of the line as it came.
    size: int
    #: Keyed hash of the line as it came; None where the line itself is there.
    digest: str | None = None


class Keeper:
    """Keeps of lines what a contract allows."""

    def __init__(self, contract: Contract, key: bytes, digest: Callable[[bytes], str]) -> None:
        self._policy = contract.of_rejected_lines
        self._cipher = Cipher(key)
        self._digest = digest

    def keep(self, line: bytes) -> Kept:
        """A line as it may be stored."""
        if self._policy is None:
            return Kept(line, "verbatim", len(line))
        encrypted = self._cipher.encrypt(line) if self._policy == "encrypt" else None
        stored_as: StoredAs = "dropped" if encrypted is None else "encrypted"
        return Kept(encrypted, stored_as, len(line), self._digest(line))


class Cipher:
    """Encrypts lines with a key that is derived from the key of personal data."""

    def __init__(self, key: bytes) -> None:
        self._key = base64.urlsafe_b64encode(hmac.digest(key, PURPOSE, "sha256"))

    def encrypt(self, line: bytes) -> bytes:
        """The line as a Fernet token."""
        return self._fernet.encrypt(line)

    def decrypt(self, token: bytes) -> bytes:
        """The line that was encrypted.

        Raises:
            HeadgateError: it was encrypted with another key.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(token)
        except InvalidToken:
            raise HeadgateError(
                "encrypted line",
                expected="the key of personal data that it was landed with",
                found="another key",
                next_step="set HEADGATE_PII_KEY, or use the HEADGATE_HOME, of the landing that kept it",
            ) from None

    @cached_property
    def _fernet(self) -> Fernet:
        # Imported when a line is encrypted: seldom, and landing processes start often.
        from cryptography.fernet import Fernet

        return Fernet(self._key)
