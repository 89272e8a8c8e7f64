"""The rules of a project's own: `.headgate-validate.yaml` beside the Mage project's metadata.yaml.

Not in metadata.yaml: Mage rewrites that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.pipelines.validation.codes import CODES
from headgate.pipelines.validation.suggestions import nearest
from headgate.pipelines.validation.yaml_lines import Document, Items, YamlError

FILE = ".headgate-validate.yaml"


@dataclass(frozen=True)
class Settings:
    """What a project demands beyond what Mage needs. Without a file: nothing."""

    #: Every path from a loader to an exporter of a batch pipeline passes a gate.
    gates_on_every_path: bool = False
    #: Blocks that are gates, besides dbt's build and test, tests in blocks and extensions.
    gates: frozenset[str] = frozenset()
    #: The longest block file, in lines; None: any.
    longest_block: int | None = None
    #: A dbt YAML block that uses --selector is named after it.
    dbt_blocks_named_after_selector: bool = False
    #: Code -> patterns of files, from the Mage project, about which it is not reported.
    ignore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def ignores(self, code: str, path: str) -> bool:
        """Whether findings of a code are not wanted for a file."""
        return any(fnmatch(path, pattern) for pattern in self.ignore.get(code, ()))


def read(folder: Path) -> Settings:
    """The settings of a Mage project.

    Raises:
        UsageError: The file holds something that is no setting.
    """
    path = folder / FILE
    if not path.is_file():
        return Settings()
    try:
        value = Document(path, path.read_text(encoding="utf-8")).value or {}
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise _wrong("YAML", str(error)) from error
    if not isinstance(value, dict):
        raise _wrong("a mapping", repr(value))
    known = [setting.name for setting in fields(Settings)]
    for name in value:
        if name not in known:
            raise _wrong(f"settings among {', '.join(known)}", name, nearest(name, known))
    return Settings(**{name: _setting(name, given) for name, given in value.items()})


def _setting(name: str, value: Any) -> Any:
    match name:
        case "gates" if _texts(value):
            return frozenset(value)
        case "longest_block" if isinstance(value, int) and value > 0:
            return value
        case "gates_on_every_path" | "dbt_blocks_named_after_selector" if isinstance(value, bool):
            return value
        case "ignore" if isinstance(value, dict) and all(map(_texts, value.values())):
            for code in value:
                if code not in CODES:
                    raise _wrong("codes of findings under ignore", code, nearest(code, CODES))
            return {code: tuple(patterns) for code, patterns in value.items()}
    raise _wrong(f"a usable value of {name}", repr(value))


def _texts(value: Any) -> bool:
    return isinstance(value, Items) and all(isinstance(item, str) for item in value)


def _wrong(expected: str, found: str, match: str | None = None) -> UsageError:
    return UsageError(
        FILE,
        expected=expected,
        found=found,
        next_step=f"write {match}" if match else "see docs/validator.md, The rules of a project's own",
    )
