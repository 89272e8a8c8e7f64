"""Files that are to be written: all of them or, when one stands in the way, none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from headgate.errors import ConfirmationRequired
from headgate.scaffold.staging import Check, put


@dataclass(frozen=True)
class Written:
    """What was written, and which checks it passed."""

    paths: tuple[str, ...]
    passed: tuple[str, ...]


@dataclass(frozen=True)
class NewFiles:
    """Texts by path, seen from the project's folder."""

    project_dir: Path
    texts: dict[str, str]
    #: Paths whose present content is a part of the text: changing them is what was asked for.
    edits: frozenset[str] = field(default_factory=frozenset)
    #: Files and folders that go before these come.
    removed: tuple[str, ...] = ()

    def in_the_way(self) -> list[str]:
        """Files that stand already and hold something else."""
        return [
            path
            for path in self.changed()
            if path not in self.edits and (self.project_dir / path).exists() and not self._goes(path)
        ]

    def changed(self) -> list[str]:
        """Files that writing adds or changes."""
        return [
            path
            for path, text in self.texts.items()
            if self._goes(path) or _read(self.project_dir / path) != text
        ]

    def write(
        self,
        *,
        overwrite: bool = False,
        check: Check | None = None,
        commit: Callable[[], None] | None = None,
    ) -> Written:
        """Writes them all, once they passed a check of the project with them; `commit`: see `put`.

        Raises:
            ConfirmationRequired: files stand in the way and `overwrite` is false; nothing is written then.
            HeadgateError: the check failed; nothing is written then.
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
        passed = put(
            self.project_dir,
            {path: self.texts[path] for path in changed},
            self._all(check),
            self.removed,
            commit,
        )
        return Written(tuple(changed), tuple(passed))

    def _all(self, check: Check | None) -> Check | None:
        """The check of all files, also of those that stand already as they are to be."""
        return (lambda project_dir, _: check(project_dir, list(self.texts))) if check else None

    def _goes(self, path: str) -> bool:
        return any(path == gone or path.startswith(f"{gone}/") for gone in self.removed)

    def instead_of(self, removed: Sequence[str]) -> NewFiles:
        """These files in place of others."""
        return replace(self, removed=tuple(removed))

    def joined(self, other: Mapping[str, str]) -> NewFiles:
        """These files and others."""
        return NewFiles(self.project_dir, {**self.texts, **other}, self.edits)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
