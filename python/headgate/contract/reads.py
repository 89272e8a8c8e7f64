"""Which JSON paths the staging models read, so that contract and SQL can be held against each other.

Data flow: models/staging/<source>/*.sql -> set of paths -> differences to the contract.
Run: python -m headgate.contract.reads
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from headgate.contract.declared import Contract, load_contract
from headgate.settings import find_project_dir
from headgate.sources.declared import declared_sources

_FIELDS = re.compile(
    r"json_fields\('(?P<of>[^']+)'\) }}\s+as (?P<alias>\w+) \((?P<columns>[^()]*)\)", re.DOTALL
)
_ELEMENTS = re.compile(r"json_elements\('(?P<of>[^']+)'\) }}\s+as (?P<alias>\w+) \((?P<element>\w+)")
_POSITION = re.compile(r"(?P<alias>\w+)\.(?P<element>\w+) ->> (?P<position>\d+)")
#: Columns that hold a landed record whole.
_RECORDS = {"landed.record", "records.record"}


def paths_read(sql: str) -> set[str]:
    """The declared-style paths (`payload.commits[].sha`) that one staging model unpacks."""
    path_of: dict[str, str] = dict.fromkeys(_RECORDS, "")
    read: set[str] = set()
    matches = sorted([*_FIELDS.finditer(sql), *_ELEMENTS.finditer(sql)], key=lambda match: match.start())
    for match in matches:
        parent = _resolve(match["of"], path_of)
        if match.re is _ELEMENTS:
            columns = {match["element"]: f"{parent}[]"}
        else:
            names = [column.split()[0].strip('"') for column in match["columns"].split(",")]
            columns = {name: f"{parent}.{name}".lstrip(".") for name in names}
        path_of |= {f"{match['alias']}.{name}": path for name, path in columns.items()}
        read |= set(columns.values())
    for match in _POSITION.finditer(sql):
        read.add(f"{_resolve(match['alias'] + '.' + match['element'], path_of)}[{match['position']}]")
    return read


def _resolve(reference: str, path_of: dict[str, str]) -> str:
    """The path behind `alias.column`; a column that a CTE handed on keeps its path under the CTE's name."""
    reference = reference.replace('"', "")
    if reference in path_of:
        return path_of[reference]
    column = reference.split(".")[-1]
    return next(path for known, path in path_of.items() if known.split(".")[-1] == column)


def differences(contract: Contract, read: set[str]) -> tuple[set[str], set[str]]:
    """(paths read but not declared, paths declared but not read).

    Not expected to be read: the envelope, which landing reads, and personal data, which is to be replaced.
    """
    declared = {rule.path for rule in contract.paths}
    envelope = contract.envelope
    unread_allowed = {path for path in (envelope.identity, envelope.kind, envelope.time) if path}
    unread_allowed |= {rule.path for rule in contract.personal}
    unread_allowed |= {
        path for path in declared if any(other.startswith(path + ".") for other in unread_allowed)
    }
    return read - declared, declared - read - unread_allowed


def check_source(project_dir: Path, source: str, entity: str) -> list[str]:
    """What is wrong between the contract of a source and its staging models, a sentence each."""
    models = sorted((project_dir / "models" / "staging" / source).glob("stg_*.sql"))
    read = set().union(*(paths_read(model.read_text()) for model in models))
    undeclared, unread = differences(load_contract(project_dir, source, entity), read)
    return [
        *(
            f"{source}: {path} is read by a staging model but not declared in the contract"
            for path in sorted(undeclared)
        ),
        *(
            f"{source}: {path} is declared in the contract but read by no staging model"
            for path in sorted(unread)
        ),
    ]


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
