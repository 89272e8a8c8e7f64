"""Wheels, written file by file: the same content is the same wheel, bit for bit."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: The earliest instant that a zip can tell, so that no wheel depends on when it was written.
_INSTANT = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A wheel in a folder."""

    name: str
    version: str
    file: str
    sha256: str
    bytes: int

    @property
    def requirement(self) -> str:
        """Its line in a lock."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def metadata(name: str, version: str, summary: str, requires: Sequence[str] = ()) -> bytes:
    """A METADATA file."""
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        f"Summary: {summary}",
        "Requires-Python: >=3.11",
        *(f"Requires-Dist: {required}" for required in requires),
    ]
    return ("\n".join(lines) + "\n").encode()


def tag_line(tags: Sequence[str]) -> bytes:
    """A WHEEL file; `tags` such as `py3-none-any`."""
    pure = str(all(tag.endswith("-any") for tag in tags)).lower()
    lines = ["Wheel-Version: 1.0", "Generator: headgate", f"Root-Is-Purelib: {pure}"]
    return ("\n".join([*lines, *(f"Tag: {tag}" for tag in tags)]) + "\n").encode()


def write(folder: Path, name: str, version: str, tags: Sequence[str], files: Mapping[str, bytes]) -> Wheel:
    """Writes a wheel.

    Args:
        folder: where to.
        name: of the distribution.
        version: of it.
        tags: of its WHEEL file.
        files: by path, the .dist-info folder's among them; RECORD is added.
    """
    escaped = re.sub(r"[-_.]+", "_", name)
    record = f"{escaped}-{version}.dist-info/RECORD"
    target = folder / f"{escaped}-{version}-{_compressed(tags)}.whl"
    lines = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in sorted(files.items())]
    whole = {**dict(sorted(files.items())), record: ("\n".join([*lines, f"{record},,"]) + "\n").encode()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in whole.items():
            entry = zipfile.ZipInfo(path, _INSTANT)
            entry.external_attr, entry.compress_type = _READABLE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    content = target.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Wheel(name=name, version=version, file=target.name, sha256=digest, bytes=len(content))


def _digest(content: bytes) -> str:
    """A hash as RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _compressed(tags: Sequence[str]) -> str:
    """Several tags as a file's name says them: `py2.py3-none-any`."""
    parts = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(dict.fromkeys(part)) for part in parts)
