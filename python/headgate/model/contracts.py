"""The signature of a declared model, from the dbt contracts of its views and its spine."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.model.declared import Declaration
from headgate.model.personal import DROP, HMAC, Personal
from headgate.model.signature import Input, Signature
from headgate.yaml_files import read_yaml, yaml_files_below, yaml_lines

#: Other names that a contract may call a type by.
ALIASES = {
    **dict.fromkeys(("int2", "smallserial"), "smallint"),
    **dict.fromkeys(("int", "int4", "serial"), "integer"),
    **dict.fromkeys(("int8", "bigserial"), "bigint"),
    **dict.fromkeys(("dec", "decimal"), "numeric"),
    **dict.fromkeys(("float4",), "real"),
    **dict.fromkeys(("float", "float8"), "double precision"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("string", "bpchar", "character", "char", "citext"), "text"),
    **dict.fromkeys(("varchar",), "character varying"),
}
Columns = dict[str, dict[str, Any]]


def signature(
    project_dir: Path, declared: Declaration, keys: Sequence[tuple[str, str]], inputs: Sequence[str] = ()
) -> Signature:
    """What the model takes and gives.

    Args:
        project_dir: where the contracts are.
        declared: the model.
        keys: entity key columns with their types, as the release has them.
        inputs: some of its inputs only; by default all.

    Raises:
        UsageError: a view or the spine has no contract, or a column is not in it; file and line are named.
    """
    contracts = {name: _contract(project_dir, name) for name in (*declared.views, declared.spine_name)}
    _require_allowed(declared, *contracts[declared.spine_name])
    chosen = [_input(declared, name, contracts) for name in inputs or declared.inputs]
    return Signature(
        inputs=tuple(chosen),
        keys=tuple((name, kind) for name, kind in keys),
        output=(declared.label, "double precision"),
    )


def personal(project_dir: Path, declared: Declaration, signature: Signature) -> Personal:
    """Which values of a model are personal: columns whose `config.meta` has `pii: hmac` or `pii: drop`.

    Raises:
        UsageError: a column says something else.
    """
    contracts = {name: _contract(project_dir, name) for name in (*declared.views, declared.spine_name)}
    spine = declared.spine_name
    columns = {
        given.name: (given.view or spine, given.name.removeprefix(f"{given.view}__"))
        for given in signature.inputs
    }
    inputs = {name: how for name, place in columns.items() if (how := _pii(*place, contracts))}
    keys = {
        name: how
        for name, _ in signature.keys
        for relation in contracts
        if name in contracts[relation][1] and (how := _pii(relation, name, contracts))
    }
    answer = _pii(spine, declared.label, contracts) if declared.label in contracts[spine][1] else None
    return Personal(inputs=inputs, keys=keys, answer=answer)


def _pii(relation: str, column: str, contracts: Mapping[str, tuple[Path, Columns]]) -> str | None:
    file, columns = contracts[relation]
    found = _meta(columns[column]).get("pii")
    if found not in (None, HMAC, DROP):
        raise UsageError(
            f"{file}, column {column}, pii",
            expected=f"{HMAC} or {DROP}",
            found=str(found),
            next_step="correct it, or leave it out where the column is not personal",
        )
    return found


def _meta(column: Mapping[str, Any]) -> Mapping[str, Any]:
    return (column.get("config") or {}).get("meta") or column.get("meta") or {}


def _input(declared: Declaration, name: str, contracts: Mapping[str, tuple[Path, Columns]]) -> Input:
    view, _, column = name.partition("__") if "__" in name else (None, "", name)
    file, columns = contracts[view or declared.spine_name]
    if column not in columns:
        raise UsageError(
            f"{declared.file}, input {name} of model {declared.name}",
            expected=f"a column of {view or declared.spine_name}, whose contract is {file}",
            found="no such column",
            next_step="correct the name, or declare the column",
        )
    described = columns[column]
    meta = _meta(described)
    required = any(rule.get("type") == "not_null" for rule in described.get("constraints") or [])
    return Input(
        name=name,
        type=canonical(described["data_type"]),
        # An entity that the view does not know has no values, unless it is refused.
        nullable=not required or (view is not None and declared.unknown_entity == "missing"),
        unit=meta.get("unit"),
        view=view,
    )


def canonical(kind: str) -> str:
    """PostgreSQL's own name of a type, without precision or length: `numeric(10, 2)` is numeric."""
    plain = re.sub(r"\s*\(.*?\)", "", str(kind).strip().lower())
    return ALIASES.get(plain, plain)


def _contract(project_dir: Path, model: str) -> tuple[Path, Columns]:
    for file in yaml_files_below(project_dir / "models"):
        if not re.search(rf"name['\"]?\s*:\s*['\"]?{model}\b", file.read_text(errors="replace")):
            continue
        document = read_yaml(file)
        for entry in (document.get("models") or []) if isinstance(document, dict) else []:
            if entry.get("name") == model:
                columns = {column["name"]: column for column in entry.get("columns") or []}
                return file, {name: column for name, column in columns.items() if "data_type" in column}
    raise UsageError(
        f"dbt model {model}",
        expected="a contract: its columns with data_type, in a .yml below models",
        found="none",
        next_step="describe its columns, or correct the name in the model's declaration",
    )


def _require_allowed(declared: Declaration, file: Path, columns: Columns) -> None:
    """The spine has no forbidden column; what its SQL may read is for dbt's gate `reads_none_of`."""
    for pattern in declared.forbidden:
        for place, name in enumerate(columns):
            if fnmatch.fnmatchcase(name, pattern):
                line = yaml_lines(file).get(("models", 0, "columns", place), 1)
                raise _forbidden(f"{file}:{line}, column {name}", pattern)


def _forbidden(subject: str, pattern: str) -> UsageError:
    return UsageError(
        subject,
        expected="nothing that is known only after the instant",
        found=f"a field that the model's declaration forbids ({pattern})",
        next_step="leave it out of the spine",
    )
