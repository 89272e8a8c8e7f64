"""Which JSON paths the staging models read, so that contract and SQL can be held against each other.

Data flow: models/staging/<source>/*.sql -> set of paths -> differences to the contract.
Run: python -m headgate.contract.reads
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import click

from headgate.contract.declared import Contract, load_contract
from headgate.contract.paths import EACH, Step, format_path, parse_path
from headgate.contract.unpacked import calls, casts, positions, reference_parts
from headgate.errors import UsageError
from headgate.settings import find_project_dir
from headgate.sources.declared import declared_sources

#: SQL types that take no text with a fraction, as projects of earlier versions unpack integers.
_WHOLE = frozenset({"bigint", "integer", "int", "smallint", "int8", "int4", "int2"})
#: Columns that hold a landed record whole.
_RECORDS = (("landed", "record"), ("records", "record"))
#: (alias, column) -> the path that stands there.
Paths = dict[tuple[str, str], tuple[Step, ...]]


def paths_read(sql: str) -> set[str]:
    """The declared-style paths (`payload.commits[].sha`) that one staging model unpacks."""
    return set(types_read(sql))


def types_read(sql: str) -> dict[str, str]:
    """The paths that one staging model unpacks, and the SQL type of each; empty where none is told."""
    return _unpacked(sql)[1]


def _unpacked(sql: str) -> tuple[Paths, dict[str, str]]:
    """What stands in which column, and what `types_read` tells of it."""
    path_of: Paths = dict.fromkeys(_RECORDS, ())
    read: dict[tuple[Step, ...], str] = {}
    for call in calls(sql):
        parent = _resolve(call.of, path_of)
        is_array = call.macro == "json_elements"
        entries = list(zip(call.columns, call.types, strict=True))
        for name, kind in entries[:1] if is_array else entries:
            path = (*parent, EACH if is_array else name)
            path_of[call.alias, name] = path
            read[path] = kind
    read |= {(*_resolve(found.reference, path_of), found.position): "" for found in positions(sql)}
    return path_of, {format_path(path): kind for path, kind in read.items()}


def _resolve(reference: str, path_of: Paths) -> tuple[Step, ...]:
    """The path behind `alias.column`; a column that a CTE handed on keeps its path under the CTE's name.

    Raises:
        UsageError: nothing before it unpacks such a column.
    """
    alias, column = reference_parts(reference)
    found = path_of.get((alias, column)) or next(
        (path for (_, known), path in path_of.items() if known == column), None
    )
    if found is None:
        raise UsageError(
            f"staging model, {reference}",
            expected="a column that json_fields or json_elements gave before it",
            found="none",
            next_step="unpack what it stands in first, or correct its name",
        )
    return found


def differences(contract: Contract, read: set[str]) -> tuple[set[str], set[str]]:
    """(paths read but not declared, paths declared but not read).

    Not expected to be read: the envelope, which landing reads, and personal data, which is to be replaced.
    """
    declared = {rule.path for rule in contract.paths}
    envelope = contract.envelope
    unread_allowed = {path for path in (envelope.identity, envelope.kind, envelope.time) if path}
    unread_allowed |= {rule.path for rule in contract.personal}
    unread_allowed |= {
        path
        for path in declared
        if any(_is_inside(parse_path(other), parse_path(path)) for other in unread_allowed)
    }
    return read - declared, declared - read - unread_allowed


def _is_inside(path: tuple[Step, ...], outer: tuple[Step, ...]) -> bool:
    """Whether a path goes on from a key of an object that another one leads to."""
    return len(path) > len(outer) and path[: len(outer)] == outer and path[len(outer)] is not EACH


def check_source(project_dir: Path, source: str, entity: str) -> list[str]:
    """What is wrong between the contract of a source and its staging models, a sentence each."""
    models = {file.stem: types_read(file.read_text()) for file in _staging(project_dir, source)}
    contract = load_contract(project_dir, source, entity)
    paths, unread = differences(contract, set().union(*models.values()))
    return [
        *narrowings(project_dir, source, contract),
        *(
            f"{source}: {path} is an integer, which may be written 1.0; {model} unpacks it as {kind}, which"
            f" stops at that: unpack numeric, and cast behind (`::bigint`)"
            for model, read in models.items()
            for path, kind in sorted(read.items())
            if kind in _WHOLE and any(rule.path == path and rule.type == "integer" for rule in contract.paths)
        ),
        *undeclared(source, models, paths),
        *(
            f"{source}: {path} is declared in the contract but read by no staging model"
            for path in sorted(unread)
        ),
    ]


def undeclared(source: str, models: Mapping[str, Collection[str]], paths: Collection[str]) -> list[str]:
    """Of each of these paths that no contract declares, and a model reads, a sentence."""
    return [
        f"{source}: {path} is read by {model} but not declared in the contract"
        for path in sorted(paths)
        for model, read in models.items()
        if path in read
    ]


def paths_by_model(project_dir: Path, source: str) -> dict[str, frozenset[str]]:
    """The paths that each staging model unpacks; none of SQL whose paths cannot be followed."""
    found = {}
    for file in _staging(project_dir, source):
        # SQL of somebody's own, which dbt takes.
        with suppress(UsageError):
            found[file.stem] = frozenset(paths_read(file.read_text()))
    return found


def _staging(project_dir: Path, source: str) -> list[Path]:
    return sorted((project_dir / "models" / "staging" / source).glob("stg_*.sql"))


def narrowings(project_dir: Path, source: str, contract: Contract) -> list[str]:
    """Where a staging model would change values that the contract lets pass, a sentence each."""
    types = {rule.path: rule.type for rule in contract.paths}
    return [
        f"{source}: {path} is a {types[path]}; {file.stem} {how}"
        for file in _staging(project_dir, source)
        for path, how in _narrowed(file.read_text(), types)
    ]


def _narrowed(sql: str, types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Paths that come out of a model as less than is declared; not what is read whole beside that."""
    try:
        path_of, read = _unpacked(sql)
    except UsageError:
        # SQL of somebody's own, whose paths cannot be followed; dbt takes it.
        return
    for (alias, column), steps in path_of.items():
        path = format_path(steps) if steps else ""
        cast_to = casts(sql, alias, column) if types.get(path) == "number" else []
        if cast_to and set(cast_to) <= _WHOLE:
            yield path, f"casts it to {cast_to[0]}, which rounds: leave it numeric"
        elif types.get(path) == "timestamp" and read.get(path) == "date":
            yield path, "unpacks it as date, without its time of day: unpack timestamptz"


def main() -> int:
    """Checks every source that has a contract; prints what is wrong; exit code 1 if anything is."""
    project_dir = find_project_dir()
    sources = declared_sources(project_dir).values()
    findings = [
        finding for source in sources for finding in check_source(project_dir, source.name, source.entity)
    ]
    for finding in findings:
        click.echo(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
