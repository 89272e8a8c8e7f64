"""A mutation: one breakage of a valid Mage project, and the finding that it has to give."""

from __future__ import annotations

from dataclasses import dataclass

ANY_PIPELINE = "pipelines/*/metadata.yaml"
LAND, BUILD, STREAM = (f"pipelines/{name}_orders/metadata.yaml" for name in ("land", "build", "stream"))
TRIGGERS = "pipelines/land_orders/triggers.yaml"
ANY_TRIGGERS = "pipelines/*/triggers.yaml"


@dataclass(frozen=True)
class Mutation:
    """A regular expression whose match, one of all that there are, is replaced."""

    name: str
    code: str
    #: Where, as a pattern of files from the Mage project.
    files: str
    pattern: str
    replacement: str
    #: The line of the finding, counted from the line where the replaced text begins.
    offset: int = 0
    #: The finding stands elsewhere: pattern of files, and what its line matches afterwards.
    at: tuple[str, str] | None = None
    #: The line of the finding, where it does not depend on the place.
    line: int | None = None
    #: Codes that follow from the breakage.
    also: frozenset[str] = frozenset()


def mutation(name: str, code: str, files: str, pattern: str, replacement: str, **more: object) -> Mutation:
    """A mutation; `also` is given as one text."""
    also = more.pop("also", "")
    return Mutation(name, code, files, pattern, replacement, also=frozenset(str(also).split()), **more)  # type: ignore[arg-type]
