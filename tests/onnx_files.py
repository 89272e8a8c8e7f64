"""Writes small ONNX files by the published protobuf schema (onnx.proto3): nothing here installs `onnx`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

FLOAT = 1


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    dims = b"".join(_number(1, size) for size in shape)
    return dims + _number(2, FLOAT) + _part(8, name) + _part(9, struct.pack(f"<{len(values)}f", *values))


def _value_info(name: str, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(_part(1, _number(1, size) if isinstance(size, int) else _part(2, size)) for size in shape)
    return _part(1, name) + _part(2, _part(1, _number(1, FLOAT) + _part(2, dims)))


def _node(kind: str, inputs: Sequence[str], output: str, name: str) -> bytes:
    return b"".join(_part(1, given) for given in inputs) + _part(2, output) + _part(3, name) + _part(4, kind)


def _model(graph: bytes, metadata: Mapping[str, str]) -> bytes:
    properties = b"".join(_part(14, _part(1, key) + _part(2, value)) for key, value in metadata.items())
    return _number(1, 8) + _part(2, "tests") + _part(7, graph) + _part(8, _number(2, 13)) + properties


def logistic(
    weights: Sequence[float], bias: float, metadata: Mapping[str, str] | None = None, *, missing: float = 0.0
) -> bytes:
    """sigmoid(x * weights + bias) of one input [rows, inputs]; what is not a number counts as `missing`."""
    count = len(weights)
    nodes = [
        _node("IsNaN", ["x"], "is_nan", "1"),
        _node("Where", ["is_nan", "missing", "x"], "filled", "2"),
        _node("MatMul", ["filled", "weights"], "product", "3"),
        _node("Add", ["product", "bias"], "sum", "4"),
        _node("Sigmoid", ["sum"], "score", "5"),
    ]
    graph = (
        b"".join(_part(1, node) for node in nodes)
        + _part(2, "logistic")
        + _part(5, _tensor("missing", [1], [missing]))
        + _part(5, _tensor("weights", [count, 1], weights))
        + _part(5, _tensor("bias", [1], [bias]))
        + _part(11, _value_info("x", ["rows", count]))
        + _part(12, _value_info("score", ["rows", 1]))
    )
    return _model(graph, metadata or {})


def sum_of_inputs(names: Sequence[str]) -> bytes:
    """Sigmoid of the sum of inputs that each are a tensor [rows, 1]."""
    nodes = [_node("Sum", list(names), "sum", "1"), _node("Sigmoid", ["sum"], "score", "2")]
    graph = (
        b"".join(_part(1, node) for node in nodes)
        + _part(2, "sum")
        + b"".join(_part(11, _value_info(name, ["rows", 1])) for name in names)
        + _part(12, _value_info("score", ["rows", 1]))
    )
    return _model(graph, {})


def products(count: int, outputs: Mapping[str, int]) -> bytes:
    """A graph of one input [rows, count] whose outputs, [rows, width], are products with small weights."""
    graph = (
        b"".join(_part(1, _node("MatMul", ["x", f"{name}_w"], name, name)) for name in outputs)
        + _part(2, "products")
        + b"".join(
            _part(5, _tensor(f"{name}_w", [count, width], [0.01] * count * width))
            for name, width in outputs.items()
        )
        + _part(11, _value_info("x", ["rows", count]))
        + b"".join(_part(12, _value_info(name, ["rows", width])) for name, width in outputs.items())
    )
    return _model(graph, {})
