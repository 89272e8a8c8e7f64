"""Files that are to be written: all of them or, when one stands in the way, none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headgate.errors import ConfirmationRequired


@dataclass(frozen=True)
class NewFiles:
    """Texts by path, seen from the project's folder."""

    project_dir: Path
    texts: dict[str, str]
    #: Paths whose present content is a part of the text: changing them is what was asked for.
    edits: frozenset[str] = field(default_factory=frozenset)

    def in_the_way(self) -> list[str]:
        """Files that stand already and hold something else."""
        return [
            path for path in self.changed() if path not in self.edits and (self.project_dir / path).exists()
        ]

    def changed(self) -> list[str]:
        """Files that writing adds or changes."""
        return [path for path, text in self.texts.items() if _read(self.project_dir / path) != text]

    def write(self, *, overwrite: bool = False) -> list[str]:
        """Writes them; the paths that were added or changed.

        Raises:
            ConfirmationRequired: files stand in the way and `overwrite` is false; nothing is written then.
        """
        standing = self.in_the_way()
        if standing and not overwrite:
            raise ConfirmationRequired(
                "new files",
                expected="no files of these names, or leave to overwrite them",
                found=", ".join(standing),
                next_step="choose another name, or add --overwrite: what these files hold is lost then",
            )
        changed = self.changed()
        for path in changed:
            file = self.project_dir / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.texts[path], encoding="utf-8")
        return changed

    def joined(self, other: Mapping[str, str]) -> NewFiles:
        """These files and others."""
        return NewFiles(self.project_dir, {**self.texts, **other}, self.edits)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
