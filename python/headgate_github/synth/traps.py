"""Every trap by name. Each belongs to a fact about real archives or to a way real JSON goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from headgate.errors import UsageError
from headgate_github.synth import traps_contract, traps_delivery, traps_json
from headgate_github.synth.randomness import stream
from headgate_github.synth.trap_kit import Kit, TrapLine
from headgate_github.synth.world import Generation, World

#: The order is part of what is generated: append only.
TRAPS: dict[str, Callable[[Kit], Iterator[TrapLine]]] = {
    "nul_escape": traps_json.nul_escape,
    "line_separator": traps_json.line_separator,
    "long_line": traps_json.long_line,
    "huge_string": traps_json.huge_string,
    "duplicate_in_hour": traps_delivery.duplicate_in_hour,
    "duplicate_across_hours": traps_delivery.duplicate_across_hours,
    "missing_id": traps_contract.missing_id,
    "wrong_type": traps_contract.wrong_type,
    "nested_null": traps_contract.nested_null,
    "future_date": traps_contract.future_date,
    "epoch_date": traps_contract.epoch_date,
    "clock_skew": traps_contract.clock_skew,
    "unknown_type": traps_contract.unknown_type,
    "not_an_object": traps_json.not_an_object,
    "malformed": traps_json.malformed,
    "truncated_line": traps_json.truncated_line,
    "invalid_utf8": traps_json.invalid_utf8,
    "control_character": traps_json.control_character,
    "deep_nesting": traps_json.deep_nesting,
    "huge_number": traps_json.huge_number,
    "lone_surrogate": traps_json.lone_surrogate,
    "blank_line": traps_json.blank_line,
    "concatenated": traps_json.concatenated,
}
_NUMBERS = {name: number for number, name in enumerate(TRAPS)}


class Placed(NamedTuple):
    """A line of a trap, and how many ordinary lines come before it."""

    position: int
    trap: str
    line: TrapLine


def parse(text: str) -> tuple[str, ...]:
    """The traps that `all`, `none` or a list of names separated by commas stand for.

    Raises:
        UsageError: no trap has one of the names.
    """
    if text in ("all", "none"):
        return tuple(TRAPS) if text == "all" else ()
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(names - TRAPS.keys())
    if unknown:
        raise UsageError(
            "--traps",
            expected=f"all, none or some of {', '.join(TRAPS)}",
            found=", ".join(unknown),
            next_step="choose among these names, separated by commas",
        )
    return tuple(name for name in TRAPS if name in names)


def place(world: World, generation: Generation, hour: int, names: Iterable[str]) -> list[Placed]:
    """The lines of some traps in an hour, by position. A trap's own lines keep their order."""
    placed = []
    for name in names:
        lines = list(TRAPS[name](Kit(world, generation, hour, name, _NUMBERS[name])))
        rng = stream(world.seed, "places", name, hour)
        places = sorted(int(rng.random() * (world.events_per_hour + 1)) for _ in lines)
        placed += [Placed(position, name, line) for position, line in zip(places, lines, strict=True)]
    return sorted(placed, key=lambda item: item.position)
