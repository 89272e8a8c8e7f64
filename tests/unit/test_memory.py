"""Room for a text is asked for before it is parsed, and what is asked for is at least what orjson takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headgate.landing.memory import room_needed

#: What takes much memory for its size: objects, lists, short texts, wide letters, numbers.
DENSE = [
    '{"":{}}',
    '{"":0}',
    '{"":{"":{"":{}}}}',
    "[]",
    "[[1]]",
    '"é"',
    '"a"',
    '"日"',
    '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa😀"',
    "1",
    "-9",
    "1.5",
    '{"a":1,"b":"c"}',
]
#: Parses under a limit of what is in use and what is needed; orjson ends the process where it is too low.
SCRIPT = """
import orjson, resource, sys
from headgate.landing.memory import require_room, room_needed
text = ("[" + ",".join([sys.argv[1]] * (4_000_000 // (len(sys.argv[1]) + 1))) + "]").encode()
(pages,) = [int(line.split()[0]) for line in open("/proc/self/statm")]
room = pages * resource.getpagesize() + int(room_needed(text) * float(sys.argv[2])) + (1 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
try:
    require_room(text)
except MemoryError:
    sys.exit("no room")
orjson.loads(text)
"""


def run(element: str, share: float) -> subprocess.CompletedProcess[str]:
    """Parses elements with a share of the room that is asked for."""
    command = [sys.executable, "-c", SCRIPT, element, str(share)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("element", DENSE)
def test_what_is_given_room_can_be_parsed(element: str) -> None:
    """With no more than what is asked for."""
    done = run(element, 1.0)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_has_no_room_is_not_parsed() -> None:
    """It raises; orjson itself would end the process."""
    assert run('{"":{}}', 0.7).stderr == "no room\n"


def test_the_room_is_bounded() -> None:
    """By some 60 times the text's size, as the docs say."""
    assert max(room_needed(text.encode() * 1000) / len(text.encode() * 1000) for text in DENSE) < 65
