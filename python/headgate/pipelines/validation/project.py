"""The files of a Mage project, read without Mage, each once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from headgate.pipelines.validation.dbt_project import DbtProject
from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.mage_lists import MageLists, mage_lists
from headgate.pipelines.validation.python_file import PythonFile
from headgate.pipelines.validation.settings import Settings
from headgate.pipelines.validation.settings import read as read_settings
from headgate.pipelines.validation.yaml_lines import Document, Lines, YamlError


class Project:
    """A Mage project's folder. Files are read once, whichever pipelines use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lists: MageLists = mage_lists()
        self.settings: Settings = read_settings(folder)
        #: Findings of reading, by path: each file is reported once.
        self.unreadable: dict[Path, Finding] = {}
        self._documents: dict[Path, Document | None] = {}
        self._texts: dict[Path, str | None] = {}
        self._python: dict[Path, PythonFile] = {}
        self._dbt: dict[Path, DbtProject] = {}
        self._folders: dict[str, frozenset[str]] = {}

    def is_file(self, path: Path) -> bool:
        """Whether a file exists; a folder is listed once for all its files."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            try:
                self._folders[folder] = frozenset(
                    entry.name for entry in os.scandir(folder) if entry.is_file()
                )
            except OSError:
                self._folders[folder] = frozenset()
        return name in self._folders[folder]

    def text(self, path: Path) -> str | None:
        """A file's text; None, and a finding, where it cannot be read."""
        if path not in self._texts:
            try:
                self._texts[path] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                self._texts[path] = None
                reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
                self._report(path, 1, reason)
        return self._texts[path]

    def document(self, path: Path, *, templated: bool = False) -> Document | None:
        """A YAML file; None, and a finding, where it is not YAML."""
        if path not in self._documents:
            self._documents[path] = None
            text = self.text(path)
            if text is not None:
                try:
                    self._documents[path] = Document(path, text, templated=templated)
                except YamlError as error:
                    self._report(path, error.line, str(error))
        return self._documents[path]

    def mapping(self, path: Path, *, templated: bool = False) -> Lines | None:
        """The mapping that a YAML file holds; None, and a finding, where it holds something else."""
        document = self.document(path, templated=templated)
        if document is None or isinstance(document.value, Lines):
            return None if document is None else document.value
        self._report(path, 1, f"a mapping is missing: found {type(document.value).__name__}")
        return None

    def python(self, path: Path) -> PythonFile | None:
        """A Python file, parsed; None where it cannot be read."""
        if path not in self._python:
            text = self.text(path)
            if text is None:
                return None
            self._python[path] = PythonFile(text)
        return self._python[path]

    def dbt(self, folder: Path) -> DbtProject:
        """A dbt project."""
        folder = Path(os.path.normpath(folder))
        if folder not in self._dbt:
            self._dbt[folder] = DbtProject(folder)
        return self._dbt[folder]

    def documents(self) -> Iterator[Document]:
        """Every YAML file that was read so far."""
        yield from (document for document in self._documents.values() if document is not None)

    def python_files(self) -> Iterator[tuple[Path, PythonFile]]:
        """Every Python file that was read so far."""
        yield from self._python.items()

    def known_text(self, path: Path) -> str | None:
        """A file's text, if it was read."""
        return self._texts.get(path)

    def read_texts(self) -> Iterator[tuple[Path, str]]:
        """Every file that was read so far, and its text."""
        yield from ((path, text) for path, text in self._texts.items() if text is not None)

    @cached_property
    def products(self) -> Lines | None:
        """The global data products; None without a readable file of them."""
        path = self.folder / "global_data_products.yaml"
        return self.mapping(path) if self.is_file(path) else None

    def _report(self, path: Path, line: int, problem: str) -> None:
        self.unreadable[path] = Finding(
            code="HG001",
            path=path,
            line=line,
            message=" ".join(problem.split()),
            expected="a readable YAML mapping"
            if path.suffix in {".yaml", ".yml"}
            else "a readable text file",
            mend="correct this line",
        )
