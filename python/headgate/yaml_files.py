"""Reads YAML that people write."""

from __future__ import annotations

from pathlib import Path

from headgate.errors import UsageError


def read_yaml(file: Path) -> object:
    """What a file of YAML holds.

    Raises:
        UsageError: it cannot be read, is not UTF-8, or not YAML; the message names file and line.
    """
    # Imported here: landing processes get what was read already.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=loader)
    except OSError as error:
        found, next_step = error.strerror or type(error).__name__, "see that it is a file that can be read"
    except UnicodeDecodeError as error:
        found, next_step = f"a byte that is not UTF-8, at offset {error.start}", "save the file as UTF-8"
    except yaml.YAMLError as error:
        found, next_step = " ".join(str(error).split()), "correct the file"
    except RecursionError:
        found, next_step = "values nested too deeply", "correct the file"
    except ValueError as error:  # a date or a number that is none, such as 2026-13-01
        found, next_step = str(error), "correct the value, or put it in quotes"
    raise UsageError(str(file), expected="YAML in UTF-8", found=found, next_step=next_step)
