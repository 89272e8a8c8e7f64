"""A model as the project declares it: a dbt exposure of type ml, with `config.meta.model`."""

from __future__ import annotations

import re
from pathlib import Path

from headgate.errors import UsageError
from headgate.model.declaration_reader import Path_, Reader
from headgate.model.declared import Declaration
from headgate.yaml_files import read_yaml, yaml_files_below, yaml_lines

#: Files without it are not read: reading YAML takes its time.
_DECLARES = re.compile(r"""["']?exposures["']?\s*:.*["']?type["']?\s*:\s*["']?ml\b""", re.DOTALL)


def all_declarations(project_dir: Path) -> dict[str, Declaration]:
    """Every model that the project declares, by name.

    Raises:
        UsageError: a declaration is not one; the message names file and line.
    """
    found: dict[str, Declaration] = {}
    for file in yaml_files_below(project_dir / "models"):
        text = file.read_text(errors="replace")
        if not _DECLARES.search(text):
            continue
        for declaration in _of_file(file):
            if declaration.name in found:
                raise UsageError(
                    f"{file}, model {declaration.name}",
                    expected="each model declared once",
                    found=f"it also in {found[declaration.name].file}",
                    next_step="rename or remove one of them",
                )
            found[declaration.name] = declaration
    return found


def declaration(project_dir: Path, name: str) -> Declaration:
    """The declaration of a model.

    Raises:
        UsageError: there is none of this name, or a declaration is not one.
    """
    found = all_declarations(project_dir)
    if name not in found:
        raise UsageError(
            f"model {name}",
            expected="a model that the project declares: an exposure of type ml with config.meta.model",
            found=f"only {', '.join(found)}" if found else "none",
            next_step="write one with `headgate new model`, or correct the name",
        )
    return found[name]


def _of_file(file: Path) -> list[Declaration]:
    document = read_yaml(file)
    exposures = (document.get("exposures") if isinstance(document, dict) else None) or []
    lines = yaml_lines(file, strict=True)
    if not isinstance(exposures, list):
        raise UsageError(
            f"{file}:{lines.get(('exposures',), 1)}, exposures",
            expected="a list, each entry with a dash before its name",
            found="a mapping" if isinstance(exposures, dict) else repr(exposures),
            next_step="write `- name: ...`",
        )
    found = []
    for place, exposure in enumerate(exposures):
        if isinstance(exposure, dict) and exposure.get("type") == "ml":
            config = exposure.get("config")
            meta = config.get("meta") if isinstance(config, dict) else None
            if isinstance(meta, dict) and "model" in meta:
                at: Path_ = ("exposures", place, "config", "meta", "model")
                found.append(Reader(file, lines, exposure, at, meta["model"]).declaration())
    return found
