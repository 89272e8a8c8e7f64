"""What goes with a declared model, and what stays of it: versions, promotions, answers, scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.model.declaration import declaration
from headgate.model.declared import Declaration
from headgate.scaffold.model import FOLDER
from headgate.scaffold.model_pipelines import pipelines_of
from headgate.scaffold.removal import Removal
from headgate.yaml_files import read_yaml

if TYPE_CHECKING:
    import psycopg2.extensions

#: How many versions there are, which of them answers, and whether scores were written.
KEPT = """
    select
        (select count(*) from ops.model_versions where model = %(model)s),
        (select champion from ops.promotions where model = %(model)s order by promotion_id desc limit 1),
        to_regclass(format('scores.%%I', %(model)s)) is not null
"""


def plan_model_removal(project_dir: Path, name: str, connection: psycopg2.extensions.connection) -> Removal:
    """What goes with a declared model: its declaration, code and pipelines. The database keeps what it did.

    Raises:
        UsageError: there is no such declaration, or its file holds something else, too.
    """
    declared = declaration(project_dir, name)
    file = str(declared.file.relative_to(project_dir))
    _require_own_file(declared, file)
    code = f"{FOLDER}/{name}"
    with connection, connection.cursor() as cursor:
        cursor.execute(KEPT, {"model": name})
        versions, champion, is_scored = cursor.fetchone() or (0, None, False)
    return Removal(
        kind="model",
        name=name,
        files=(
            file,
            *([code] if declared.custom.get("folder") == code and (project_dir / code).is_dir() else []),
            *pipelines_of(project_dir, name),
        ),
        models=(),
        relations=(),
        gates=(),
        stays=tuple(_stays(name, versions, champion, is_scored=is_scored)),
    )


def _require_own_file(declared: Declaration, file: str) -> None:
    document: Any = read_yaml(declared.file)
    others = [
        str(entry.get("name"))
        for key, entries in document.items()
        if key != "version" and isinstance(entries, list)
        for entry in entries
        if isinstance(entry, dict) and (key, entry.get("name")) != ("exposures", declared.name)
    ]
    if others:
        raise UsageError(
            f"model {declared.name}",
            expected="a file of its own for its declaration",
            found=f"{', '.join(others)} in {file}, too",
            next_step="move them into files of their own",
        )


def _stays(name: str, versions: int, champion: int | None, *, is_scored: bool) -> Iterator[str]:
    if versions:
        yield f"its versions, {versions} of them, with their promotions and answers"
    if champion:
        yield f"its champion, version {champion}: `headgate serve {name}` goes on answering with it"
    if is_scored:
        yield f"its scores in scores.{name}"
