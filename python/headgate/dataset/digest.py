"""What a dataset consists of, as hashes: so that a difference can be named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CHUNK = 1 << 20


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class Parts:
    """Hashes of a dataset's schema and of each column's values, whatever wrote the file.

    Rows have to come in the same groups each time.
    """

    def __init__(self, schema: pa.Schema) -> None:
        described = "\n".join(f"{field.name} {field.type}" for field in schema)
        metadata = sorted((schema.metadata or {}).items())
        self._schema = hashlib.sha256(f"{described}\n{metadata}".encode()).hexdigest()
        self._columns = {name: hashlib.sha256() for name in schema.names}

    def update(self, group: pa.Table) -> None:
        """Adds rows."""
        for name, digest in self._columns.items():
            for array in group[name].chunks:
                for piece in _pieces(array):
                    digest.update(piece)

    def as_dict(self) -> dict[str, str]:
        """Part -> hash: `schema`, and each column as `column <name>`."""
        columns = {f"column {name}": digest.hexdigest() for name, digest in self._columns.items()}
        return {"schema": self._schema, **columns}


def _pieces(array: pa.Array) -> Iterator[bytes | memoryview]:
    """The values as bytes that depend on them alone: what stands in place of a null does not count."""
    yield len(array).to_bytes(8, "little")
    yield _fixed(pc.cast(pc.is_valid(array), pa.uint8()))
    kind = array.type
    if pa.types.is_boolean(kind):
        yield _fixed(pc.cast(pc.fill_null(array, False), pa.uint8()))
    elif pa.types.is_primitive(kind):
        yield _fixed(
            pc.fill_null(
                array, pa.scalar(0, pa.int64()).cast(kind) if not _is_time(kind) else pa.scalar(0, kind)
            )
        )
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        yield from _variable(pc.fill_null(array, b"" if pa.types.is_binary(kind) else ""))
    else:
        yield repr(array.to_pylist()).encode()


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind))


def _fixed(array: pa.Array) -> memoryview:
    width = array.type.bit_width // 8
    buffer = array.buffers()[1]
    return (
        memoryview(buffer)[array.offset * width : (array.offset + len(array)) * width]
        if buffer
        else memoryview(b"")
    )


def _variable(array: pa.Array) -> Iterator[bytes | memoryview]:
    _, offsets, data = array.buffers()
    if len(array) == 0:
        return
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    yield np.diff(ends).tobytes()
    if data is not None:
        yield memoryview(data)[int(ends[0]) : int(ends[-1])]
