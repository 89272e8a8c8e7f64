"""Projects of one declared source, for tests of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from headgate.settings import Settings

#: Contract of records {"id", "updated_at", "email", ...}.
PATHS = (
    {"path": "id", "type": "integer", "required": True},
    {"path": "updated_at", "type": "timestamp"},
    {"path": "email", "type": "string", "pii": "hmac"},
)


def declare(
    folder: Path,
    name: str,
    loader: Mapping[str, Any],
    *,
    paths: Sequence[Mapping[str, Any]] = PATHS,
    envelope: Mapping[str, Any] | None = None,
    rejected_lines: str | None = None,
) -> Path:
    """A project folder that declares the source `name`, table `records`; the folder."""
    contract = {
        "version": 1,
        "envelope": envelope or {"identity": "id", "kind": None, "time": "updated_at"},
        "time_tolerance_hours": None,
        "rejected_lines": rejected_lines,
        "paths": [dict(path) for path in paths],
    }
    meta = {"loader": dict(loader), "contract": contract}
    table = {"name": "records", "config": {"meta": meta}}
    source = {"name": name, "schema": f"staging_{name}", "tables": [table]}
    staging = folder / "models" / "staging" / name
    staging.mkdir(parents=True, exist_ok=True)
    (staging / f"_{name}__sources.yml").write_text(yaml.safe_dump({"sources": [source]}, sort_keys=False))
    (folder / "dbt_project.yml").touch()
    return folder


def settings_for(settings: Settings, folder: Path) -> Settings:
    """The settings of a test, in another project folder."""
    return replace(settings, project_dir=folder)
