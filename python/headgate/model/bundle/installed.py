"""Wheels of what is installed here, each file held against the hash that its own wheel brought.

So a bundle needs no package index, and holds the very files that the model was gated with.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from email.parser import Parser
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path, PurePosixPath

from headgate.errors import HeadgateError
from headgate.model.bundle import wheels
from headgate.model.bundle.wheels import Wheel

#: What an installer wrote beside the wheel's own files.
NOT_OF_THE_WHEEL = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}


def closure(names: Iterable[str]) -> list[str]:
    """Distributions and all that they require here, by name; in no extra."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        required = [Requirement(line) for line in _distribution(name).requires or ()]
        waiting += [
            canonicalize_name(line.name)
            for line in required
            if line.marker is None or line.marker.evaluate({"extra": ""})
        ]
    return sorted(found)


def repack(name: str, folder: Path) -> Wheel:
    """Writes the wheel of an installed distribution.

    Raises:
        HeadgateError: it is not installed, or a file of it was changed since.
    """
    found = _distribution(name)
    own = found.metadata["Name"]
    files = {str(path): content for path, content in _files(found)}
    return wheels.write(folder, own, found.version, tags(name), files)


def tags(name: str) -> list[str]:
    """For what an installed distribution's wheel was made: `py3-none-manylinux_2_28_x86_64`."""
    said = Parser().parsestr(_distribution(name).read_text("WHEEL") or "")
    return [str(tag) for tag in said.get_all("Tag") or ["py3-none-any"]]


def file(name: str, path_ends: str) -> bytes:
    """One file of an installed distribution, by the end of its path.

    Raises:
        HeadgateError: it has none, or it was changed since it was installed.
    """
    for path, content in _files(_distribution(name)):
        if str(path).endswith(path_ends):
            return content
    raise _unusable(name, f"a file {path_ends}", "none")


def version(name: str) -> str:
    """The version of an installed distribution."""
    return _distribution(name).version


def _files(found: Distribution) -> Iterator[tuple[PurePosixPath, bytes]]:
    for path in found.files or ():
        # Scripts lie outside; pip writes them anew from the entry points.
        if ".." in path.parts or "__pycache__" in path.parts or path.name in NOT_OF_THE_WHEEL:
            continue
        content = Path(str(path.locate())).read_bytes()
        _require_unchanged(found, path, content)
        yield path, content


def _require_unchanged(found: Distribution, path: PackagePath, content: bytes) -> None:
    if path.hash is None:
        return
    digest = hashlib.new(path.hash.mode, content).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != path.hash.value:
        raise _unusable(found.metadata["Name"], f"{path} as it was installed", "another content")


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise _unusable(name, "it to be installed", "no such package") from error


def _unusable(name: str, expected: str, found: str) -> HeadgateError:
    return HeadgateError(
        f"package {name}", expected=expected, found=found, next_step="install it anew: uv sync --all-extras"
    )
