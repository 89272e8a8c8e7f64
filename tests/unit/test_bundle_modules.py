"""What a bundle holds of Headgate is enough."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import headgate
from headgate.model.bundle import runtime

ROOT = Path(headgate.__file__).parent


def test_what_is_bundled_imports_nothing_of_headgate_besides() -> None:
    """An empty environment has no other module: whatever is imported is among those that are packed."""
    packed = {path for pattern in runtime.MODULES for path in ROOT.glob(pattern)}
    # The package itself imports its feature store when somebody asks for it.
    imported = {name for path in packed - {ROOT / "__init__.py"} for name in imports(path)}

    assert {ROOT / "errors.py", ROOT / "model" / "predict.py"} <= packed
    assert {file for name in imported if (file := module(name))} <= packed


def imports(path: Path) -> Iterator[str]:
    """Names that a module imports, with those that it takes from packages."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module(name: str) -> Path | None:
    """The file of a module of Headgate; None for what is none."""
    first, *steps = name.split(".")
    place = ROOT.joinpath(*steps)
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((file for file in files if first == "headgate" and file.is_file()), None)
