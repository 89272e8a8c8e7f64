"""A trained model as files: what is registered, packed for another machine, and loaded by a server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from headgate.errors import HeadgateError
from headgate.model.signature import Signature

MANIFEST = "manifest.json"
#: The file that predicts, by flavour. Its hash is the model's.
MAIN_FILES = {
    "lightgbm": "model.lgb",
    "sklearn": "model.skops",
    "onnx": "model.onnx",
    "pyfunc": "model.json",
}
#: Files of a package that tell of the model, and take no part in what it answers.
CARDS = ("card.md", "card.html")


@dataclass(frozen=True, kw_only=True)
class BoundView:
    """A feature view that a model reads, as its release held it."""

    version: int
    #: The view's meaning (`FeatureView.meaning`); a release where it has another one does not fit.
    definition: str | None


@dataclass(frozen=True, kw_only=True)
class Package:
    """One trained model with everything that is needed to predict with it."""

    name: str
    task: str
    flavour: str
    signature: Signature
    views: Mapping[str, BoundView]
    #: Contents by path, without the manifest.
    files: Mapping[str, bytes]
    #: What else the declaration says that serving and monitoring need: unknown entities, alerts, slices.
    options: Mapping[str, Any]

    @property
    def model_sha256(self) -> str:
        """The hash of the file that predicts."""
        return sha256(self.files[MAIN_FILES[self.flavour]])

    @property
    def manifest(self) -> dict[str, Any]:
        """All but the files' contents, as JSON can hold it."""
        return {
            "name": self.name,
            "task": self.task,
            "flavour": self.flavour,
            "signature": self.signature.as_dict(),
            "views": {
                name: {"version": view.version, "definition": view.definition}
                for name, view in self.views.items()
            },
            "options": dict(self.options),
            "files": {path: sha256(content) for path, content in sorted(self.files.items())},
        }

    def write(self, folder: Path) -> None:
        """Writes the files and the manifest into a folder."""
        for path, content in self.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (folder / MANIFEST).write_text(json.dumps(self.manifest, indent=2) + "\n")


def unpack(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Package:
    """The package of a manifest and its files.

    Raises:
        HeadgateError: a file is missing, or is not the one that was packed.
    """
    for path, expected in manifest["files"].items():
        _require_inside(manifest["name"], path)
        found = sha256(files[path]) if path in files else None
        if found != expected:
            raise HeadgateError(
                f"model {manifest['name']}, file {path}",
                expected=f"SHA-256 {expected[:12]}",
                found=found[:12] if found else "no such file",
                next_step="copy the folder again, or make it anew: `headgate model bundle`",
            )
    return Package(
        name=manifest["name"],
        task=manifest["task"],
        flavour=manifest["flavour"],
        signature=Signature.from_dict(manifest["signature"]),
        views={name: BoundView(**view) for name, view in manifest["views"].items()},
        files={path: files[path] for path in manifest["files"]},
        options=manifest["options"],
    )


def read(folder: Path) -> Package:
    """The package that `Package.write` has left in a folder.

    Raises:
        HeadgateError: the folder holds none, or a file is not the one that was packed.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files = {path: (folder / path).read_bytes() for path in manifest["files"]}
    except (OSError, ValueError, KeyError) as error:
        raise HeadgateError(
            f"model package {folder}",
            expected=f"a folder with {MANIFEST} and the files that it names",
            found=str(error),
            next_step="name the folder that the bundle was unpacked into",
        ) from error
    return unpack(manifest, files)


def _require_inside(name: str, path: str) -> None:
    """A file of a package is written below its folder, and nowhere else."""
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts:
        raise HeadgateError(
            f"model {name}, file {path}",
            expected="a path inside the package",
            found="one that leads out of it",
            next_step="do not use this package: somebody has changed its manifest",
        )


def sha256(content: bytes) -> str:
    """The hash of a file's content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
