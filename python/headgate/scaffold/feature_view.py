"""New feature views: counts of what an entity did, over windows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from headgate.errors import UsageError
from headgate.scaffold.files import NewFiles
from headgate.scaffold.names import require_name
from headgate.scaffold.quoting import for_dbt, yaml_value
from headgate.scaffold.render import Templates

#: The model that counts are taken from, and where it is described.
ACTIVITY = Path("models") / "intermediate" / "activity" / "int_activity__summed_by_hour.yml"
#: Longer ones make names of gates that PostgreSQL cuts off.
LONGEST = 30
#: When feature views have rows.
ROWS = (
    "A row exists where a value can change and nowhere else: one hour after the start of each hour with "
    "activity, and again where each window lets go of that hour."
)
#: The hour of the generated unit test.
HOUR = datetime(2016, 1, 1, 1, tzinfo=UTC)
#: How far into it its first event is.
SEEN = timedelta(minutes=10)
_WINDOW = re.compile(r"([1-9]\d{0,3})([hd])")


def new_feature_view(
    project_dir: Path,
    name: str,
    *,
    keys: Sequence[str],
    windows: Sequence[str],
    counts: Sequence[str] = ("events_count",),
    description: str | None = None,
) -> NewFiles:
    """A feature view: model, contract, gates and unit test.

    Args:
        project_dir: folder that holds dbt_project.yml.
        name: its name.
        keys: the entity key, columns of the activity model.
        windows: such as 1h, 24h, 7d.
        counts: what is counted, columns of the activity model.
        description: one sentence; one that tells what is counted unless given.

    Raises:
        UsageError: the name is no good or taken, or a key, window or count is not one.
    """
    require_name("feature view", name, LONGEST)
    hours = _hours(name, windows)
    columns = _columns(project_dir)
    known_keys = [column for column in columns if column.endswith("_id")]
    known_counts = [column for column in columns if column.endswith("_count")]
    _require_among(name, "--key", keys, known_keys)
    _require_among(name, "--count", counts, known_counts)
    _require_free(project_dir, name)
    templates = Templates(project_dir)
    window_counts = [f"{count}_{window}" for count in counts for window in hours]
    title = description or f"What is counted of each {' and '.join(keys)} within {', '.join(windows)}."
    values: dict[str, Any] = {
        "name": name,
        "windows": hours,
        "window_counts": window_counts,
        "description": f"{for_dbt(title)} {ROWS} One row per {', '.join(keys)} and as_of.",
        "words": {window: _words(count) for window, count in hours.items()},
        "processed_to": _iso(HOUR + timedelta(hours=max(hours.values()) + 2)),
        "expected": _expected(len(keys), len(counts), list(hours.values())),
    }
    described_keys = {key: yaml_value(columns[key]) for key in keys}
    described_counts = {count: columns[count].rstrip(".") for count in counts}
    return NewFiles(
        project_dir,
        {
            f"models/features/{name}.sql": templates.render(
                "feature_view.sql", keys=list(keys), counts=list(counts), **values
            ),
            f"models/features/{name}.yml": templates.render(
                "feature_view.yml", keys=described_keys, counts=described_counts, **values
            ),
        },
    )


def _hours(name: str, windows: Sequence[str]) -> dict[str, int]:
    """Windows by name, shortest first, in hours."""
    found = {window: _WINDOW.fullmatch(window) for window in windows}
    hours = {
        window: int(match[1]) * (24 if match[2] == "d" else 1) for window, match in found.items() if match
    }
    if not hours or len(hours) < len(windows) or len(set(hours.values())) < len(hours):
        raise UsageError(
            f"feature view {name}",
            expected="windows of different lengths in hours or days, such as 1h,24h,7d",
            found=",".join(windows) or "none",
            next_step="correct --windows",
        )
    return dict(sorted(hours.items(), key=lambda item: item[1]))


def _columns(project_dir: Path) -> dict[str, str]:
    """The columns of the activity model and what they mean."""
    document = yaml.safe_load((project_dir / ACTIVITY).read_text(encoding="utf-8"))
    listed = document["models"][0]["columns"]
    return {column["name"]: " ".join(str(column["description"]).split()) for column in listed}


def _require_among(name: str, option: str, given: Sequence[str], known: Sequence[str]) -> None:
    wrong = [column for column in given if column not in known]
    if wrong or not given or len(set(given)) < len(given):
        raise UsageError(
            f"feature view {name}",
            expected=f"{option} among {', '.join(known)}, each once",
            found=", ".join(wrong or given) or "none",
            next_step=f"correct {option}; CONTRIBUTING.md says how to add another measure",
        )


def _require_free(project_dir: Path, name: str) -> None:
    """Refuses the name of a model that stands elsewhere."""
    standing = [
        path
        for path in (project_dir / "models").rglob(f"{name}.sql")
        if path.parent != project_dir / "models" / "features"
    ]
    if standing:
        raise UsageError(
            f"feature view {name}",
            expected="a name that no model has",
            found=f"{standing[0].relative_to(project_dir)}",
            next_step="choose another name",
        )


def _expected(keys: int, counts: int, hours: Sequence[int]) -> list[list[str]]:
    """Rows of the unit test: two entities, one hour of activity each, which the windows let go of in turn."""
    rows = []
    for last_key, first_count in ((1, 2), (2, 5)):
        for left in (0, *hours):
            as_of = HOUR + timedelta(hours=1 + left)
            values = [
                0 if left >= window else (first_count if count == 0 else 2)
                for count in range(counts)
                for window in hours
            ]
            rows.append(
                [*["1"] * (keys - 1), str(last_key), _iso(as_of), *map(str, values), _iso(HOUR + SEEN)]
            )
    return rows


def _words(hours: int) -> str:
    """Hours as people say them."""
    number, unit = (hours // 24, "day") if hours % 24 == 0 and hours > 24 else (hours, "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
