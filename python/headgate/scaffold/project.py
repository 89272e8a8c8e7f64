"""A project without the parts of a package: a new one, or this one after they were taken out.

What belongs to a package: its Python package; files and folders of the dbt and Mage projects with names that
it gives (`Extension.parts`); in other files, the lines between `# NAME: begin` and `# NAME: end`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from headgate.errors import UsageError
from headgate.extensions import Extension, extensions, package_names
from headgate.model.declaration import all_declarations
from headgate.scaffold.render import FOLDER
from headgate.scaffold.served_models import PROJECT, switched

#: What a new project has of the checkout that Headgate runs from.
COPIED = (
    *(".ci/empty_models", ".ci/get_uv.py", ".gitignore", ".sqlfluff", "LICENSE"),
    *("dbt_project.yml", "selectors.yml", "profiles.example.yml", "pyproject.toml", "uv.lock"),
    *("macros", "mage_pipelines", "models", "python/headgate", "seeds", "tests/gates"),
)
#: Where parts of a package stand.
PLACES = ("macros", "mage_pipelines", "models", "seeds", "tests/gates")
#: Files with lines that belong to packages.
MARKED = ("dbt_project.yml", "pyproject.toml", "mage_pipelines/.headgate-validate.yaml")
#: What is the new project's own, and the template that it comes from.
OWN = {
    "Makefile": "project/Makefile",
    "README.md": "project/README.md",
    "models/docs/overview.md": "project/overview.md",
}
_WRITTEN_BY_RUNS = (
    *("__pycache__", ".profiles_interpolated_temp_*", "*.egg-info", ".file_versions", ".variables", ".cache"),
    *(".ssh_tunnel", ".logs", ".mage_data", "mage-ai.db", ".preferences.yaml", "interactions"),
)


def checkout() -> Path:
    """The folder that this Headgate runs from.

    Raises:
        UsageError: it was installed without its dbt project.
    """
    folder = Path(__file__).resolve().parents[3]
    if (folder / PROJECT).is_file():
        return folder
    raise UsageError(
        "headgate new project",
        expected="a checkout of Headgate, with dbt_project.yml and macros/",
        found=f"none at {folder}",
        next_step="call the `headgate` of a checkout: .venv/bin/headgate after `make setup`",
    )


def named_extension(project_dir: Path, name: str) -> Extension:
    """The extension of a package that a project names.

    Raises:
        UsageError: it names no such package.
    """
    brought = dict(zip(package_names(project_dir), extensions(project_dir), strict=True))
    if name in brought:
        return brought[name]
    raise UsageError(
        f"package {name}",
        expected=f"one of headgate_packages in dbt_project.yml: {', '.join(brought) or 'there is none'}",
        found="another name",
        next_step="correct the name",
    )


def new_project(target: Path, source: Path) -> None:
    """Writes a project that has nothing of the packages of `source`, with a git repository of its own.

    Raises:
        UsageError: `target` holds something already.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"folder {target}",
            expected="no such folder, or an empty one",
            found="one with files in it" if target.is_dir() else "a file",
            next_step="name another folder",
        )
    for part in COPIED:
        _copy(source / part, target / part)
    for name, extension in zip(package_names(source), extensions(source), strict=True):
        take_out(target, name, extension)
    for file, template in OWN.items():
        (target / file).write_text((source / FOLDER / template).read_text())
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=target, check=True)


def parts_of(project_dir: Path, name: str, extension: Extension) -> list[Path]:
    """Files and folders that belong to a package, the outermost ones, seen from the project's folder."""
    own = [Path("python") / name] if (project_dir / "python" / name).is_dir() else []
    return [*own, *(part for place in PLACES for part in _named(project_dir, Path(place), extension.parts))]


def take_out(project_dir: Path, name: str, extension: Extension) -> list[str]:
    """Deletes the parts of a package and the lines that belong to it; what was deleted or changed.

    A folder that is left empty is kept for git: configuration and selectors name it.
    """
    changed = []
    for part in parts_of(project_dir, name, extension):
        path = project_dir / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not any(path.parent.iterdir()):
            (path.parent / ".gitkeep").touch()
        changed.append(str(part))
    for file in MARKED:
        path = project_dir / file
        text = path.read_text()
        if (left := without_lines(text, name)) != text:
            path.write_text(left)
            changed.append(file)
    if not all_declarations(project_dir):
        project = project_dir / PROJECT
        project.write_text(switched(project.read_text(), on=False))
    return changed


def without_lines(text: str, name: str) -> str:
    """A text without what stands between the marks of a package."""
    marked = rf"^[ \t]*# {re.escape(name)}: begin\n.*?^[ \t]*# {re.escape(name)}: end\n"
    return re.sub(marked, "", text, flags=re.MULTILINE | re.DOTALL)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_WRITTEN_BY_RUNS))
    else:
        shutil.copy2(source, target)


def _named(project_dir: Path, folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """The outermost files and folders below one whose name a pattern fits."""
    for path in sorted((project_dir / folder).iterdir()):
        below = folder / path.name
        if any(fnmatch(path.name, pattern) for pattern in patterns):
            yield below
        elif path.is_dir():
            yield from _named(project_dir, below, patterns)
