"""What goes with a declared model, and what stays of it: versions, promotions, answers, scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.model.declaration import all_declarations, declaration
from headgate.model.declared import Declaration
from headgate.scaffold.model import FOLDER
from headgate.scaffold.model_pipelines import pipelines_of
from headgate.scaffold.removal import Removal
from headgate.scaffold.served_models import (
    PROJECT,
    SWITCH,
    holds_labels,
    is_switched_on,
    switched,
    without_label_spine,
)
from headgate.yaml_files import read_yaml

if TYPE_CHECKING:
    import psycopg2.extensions

#: How many versions there are, which of them answers, whether scores were written, which models were deployed
#: with versions on its spine, and whether predictions were logged.
KEPT = """
    select
        (select count(*) from ops.model_versions where model = %(model)s),
        (select champion from ops.promotions where model = %(model)s order by promotion_id desc limit 1),
        to_regclass(format('scores.%%I', %(model)s)) is not null,
        array(
            select distinct model from ops.promotions
            inner join ops.model_versions using (model)
            where manifest #>> '{options,spine}' = any(%(spine)s)
            order by 1
        ),
        exists (select from ops.loads where source = 'predictions')
"""


@dataclass(frozen=True)
class _Kept:
    """What the database has of a model, and of others on its spine."""

    versions: int
    champion: int | None
    is_scored: bool
    deployed: list[str]
    is_logged: bool

    def lines(self, name: str) -> Iterator[str]:
        """What stays, for people."""
        if self.versions:
            yield f"its versions, {self.versions} of them, with their promotions and answers"
        if self.champion:
            yield f"its champion, version {self.champion}: `headgate serve {name}` goes on answering with it"
        if self.is_scored:
            yield f"its scores in scores.{name}"


def plan_model_removal(project_dir: Path, name: str, connection: psycopg2.extensions.connection) -> Removal:
    """What goes with a declared model: its files, and what only it needs in dbt_project.yml.

    The database keeps what it did.

    Raises:
        UsageError: there is no such declaration, or its file holds something else, too.
    """
    declared = declaration(project_dir, name)
    file = str(declared.file.relative_to(project_dir))
    _require_own_file(declared, file)
    code = f"{FOLDER}/{name}"
    with connection, connection.cursor() as cursor:
        cursor.execute(KEPT, {"model": name, "spine": [declared.spine, declared.spine_name]})
        kept = _Kept(*(cursor.fetchone() or (0, None, False, [], False)))
    others = [other for other in all_declarations(project_dir).values() if other.name != name]
    project = (project_dir / PROJECT).read_text(encoding="utf-8")
    without, taken_back, needed = _project_without(declared, project, others, kept)
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
        stays=(*kept.lines(name), *needed),
        taken_back=taken_back,
        texts={PROJECT: without} if taken_back else {},
    )


def _project_without(
    declared: Declaration, project: str, others: Sequence[Declaration], kept: _Kept
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The project's file without what only this model needs; what that is, and what stays for whom."""
    taken_back, stays = [], []
    spine = declared.spine_name
    sharing = [other.name for other in others if other.spine == declared.spine]
    if holds_labels(project, spine):
        place = f"{spine} among label_spines in {PROJECT}"
        if users := sharing or kept.deployed:
            why = "is declared with it" if sharing else "has answers that it labels"
            stays.append(f"{place}: {', '.join(users)} {why}")
        else:
            project = without_label_spine(project, spine)
            taken_back.append(place)
    if is_switched_on(project):
        if others:
            stays.append(f"{SWITCH} in {PROJECT}: {', '.join(other.name for other in others)} is declared")
        elif kept.champion or kept.is_logged:
            stays.append(f"{SWITCH} in {PROJECT}: what was answered is monitored")
        else:
            project = switched(project, on=False)
            taken_back.append(f"{SWITCH} in {PROJECT}, false from now on")
    return project, tuple(taken_back), tuple(stays)


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
