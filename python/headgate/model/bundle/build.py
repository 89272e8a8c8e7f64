"""Puts a bundle together: wheels, a lock with their hashes, the model, its card, and how to use them."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.bundle import runtime
from headgate.model.bundle.wheels import Wheel
from headgate.model.package import CARDS, MAIN_FILES, Package
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection

LOCK = "requirements.txt"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What was written."""

    folder: Path
    model: str
    version: int
    wheels: list[Wheel]

    @property
    def bytes(self) -> int:
        """Size of the wheels."""
        return sum(wheel.bytes for wheel in self.wheels)

    def as_dict(self) -> dict[str, Any]:
        """The bundle for programs (`--json`)."""
        return {
            "folder": str(self.folder),
            "model": self.model,
            "version": self.version,
            "bytes": self.bytes,
            "wheels": [wheel.file for wheel in self.wheels],
        }


async def build(connection: Connection, model: str, version: int | None, folder: Path) -> Bundle:
    """Writes the bundle of a registered version.

    Args:
        connection: to the registry.
        model: its name.
        version: by default the champion, or the newest that is registered where none is deployed.
        folder: a new one, or an empty one; whole or not there afterwards.

    Raises:
        UsageError: no such version, one that is not registered, or the folder is not empty.
        HeadgateError: what the flavour needs is not installed here.
    """
    found = await _chosen(connection, model, version)
    package = await versions.load(connection, model, found.version)
    return Bundle(folder=folder, model=model, version=found.version, wheels=_write(folder, found, package))


def _write(folder: Path, version: ModelVersion, package: Package) -> list[Wheel]:
    """Fills a folder beside the one that is asked for, then moves it there."""
    _require_free(folder)
    _require_packable(package)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        made = _fill(draft, version, package)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return made


def _fill(folder: Path, version: ModelVersion, package: Package) -> list[Wheel]:
    (folder / "wheels").mkdir()
    made = runtime.write(folder / "wheels", package.flavour)
    (folder / LOCK).write_text("".join(f"{wheel.requirement}\n" for wheel in made))
    package.write(folder / "model")
    for name in CARDS:
        if name in package.files:
            (folder / name).write_bytes(package.files[name])
    (folder / "README.md").write_text(_readme(version, package))
    return made


def _readme(version: ModelVersion, package: Package) -> str:
    inputs = "\n".join(
        f"| `{given.name}` | {given.type} | {'yes' if given.nullable else 'no'} | {given.unit or ''} |"
        for given in package.signature.inputs
    )
    return f"""# {version.model}, version {version.version}

- task {package.task}, flavour {package.flavour}; dataset {version.dataset_id}, release {version.release_id}
- trained at {version.trained_at:%Y-%m-%d %H:%M} UTC
- SHA-256 of `model/{MAIN_FILES[package.flavour]}`: {version.model_sha256}

Needs Python 3.11 or newer and no network:

    python3 -m venv environment
    environment/bin/pip install --no-index --find-links wheels --require-hashes -r {LOCK}
    environment/bin/headgate-predict model < rows.jsonl > scores.jsonl

A line of JSON for each row: an object with a value for each input. `--explain` adds what each input
contributes, if the model tells it. LightGBM needs `libgomp.so.1` of the system (Debian: libgomp1).

| input | type | nullable | unit |
|---|---|---|---|
{inputs}
"""


async def _chosen(connection: Connection, model: str, version: int | None) -> ModelVersion:
    if version is None:
        deployed = await promotions.current(connection, model)
        registered = [
            found.version for found in await versions.all_versions(connection, model) if found.registered_at
        ]
        version = deployed.champion if deployed and deployed.champion else next(iter(registered), None)
    found = await versions.find(connection, model, version)
    if found.registered_at is None:
        raise UsageError(
            f"model {model} version {found.version}",
            expected="a version that is registered",
            found="one that is not",
            next_step=f"register it (`headgate model register {model} {found.version}`), or name another with"
            " --version; `headgate model list` has all",
        )
    return found


def _require_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"folder {folder}",
            expected="a new or an empty folder",
            found="one with files" if folder.is_dir() else "a file",
            next_step="name another with --out",
        )


def _require_packable(package: Package) -> None:
    if package.flavour == "pyfunc" and json.loads(package.files[MAIN_FILES["pyfunc"]]).get("lock"):
        raise UsageError(
            f"model {package.name}",
            expected="a model whose packages are installed here",
            found="a pyfunc with a lock of its own",
            next_step="take the wheels of its lock along yourself: pip download --require-hashes -r LOCK",
        )
