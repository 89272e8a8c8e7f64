"""What acceptance tests share: what one server made of the same files must be what the other makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.tables import Fingerprint, differences


@pytest.fixture(scope="session")
def same_on_every_server() -> Callable[[str, dict[str, Fingerprint]], None]:
    """`same_on_every_server(name, fingerprints)`: equal to those that came under the same name before."""
    first: dict[str, dict[str, Fingerprint]] = {}

    def check(name: str, fingerprints: dict[str, Fingerprint]) -> None:
        assert differences(first.setdefault(name, fingerprints), fingerprints) == {}

    return check
