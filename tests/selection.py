"""Which tests a run has, in which order its processes get them, what its end says of those it did not have.

`--quick`, that is `make test`, leaves out what is marked `costly` or `slow`, and the system's PostgreSQL.
`--budget MINUTES` begins no test after that time, and counts what it skipped. Tests
of one file on one server stay together, because they share what a fixture built; what is marked comes
first, so that no process is left alone with it at the end. What runs once more on the system's server comes
last, so that a budget cuts it before anything else.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import examples
from tests.trial_servers import KINDS

QUICK = "--quick"
BUDGET = "--budget"
STARTED = time.monotonic()
LEFT_OUT = pytest.StashKey[Counter[str]]()
MARKS = ("costly", "slow")
SYSTEM = "on the system's PostgreSQL"
#: Seconds from which on a test should have one of the marks; more than they say, as others are at work too.
LONG = 20
#: How many of their examples property tests draw in a quick run.
QUICK_SHARE = 0.2


def pytest_addoption(parser: pytest.Parser) -> None:
    """Takes --quick and --budget."""
    parser.addoption(
        QUICK, action="store_true", help="leave out what is slow, and PostgreSQL as the system installs it"
    )
    parser.addoption(BUDGET, type=float, metavar="MINUTES", help="skip tests that have not begun by then")


def pytest_configure(config: pytest.Config) -> None:
    """Property tests of a quick run draw fewer examples."""
    if config.getoption(QUICK):
        examples.share = QUICK_SHARE


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begins no test when the time is up; the end of the run counts those."""
    minutes = item.config.getoption(BUDGET)
    if minutes is not None and time.monotonic() - STARTED > 60 * minutes:
        pytest.skip(f"no time left in a run of {minutes:g} minutes (make test-all has no limit)")


def group(nodeid: str) -> str:
    """What a test stays together with: its file, on its server."""
    file, _, name = nodeid.partition("::")
    words = re.findall(r"\w+", name.partition("[")[2])
    return " ".join([file, *(kind for kind in KINDS if kind in words)])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out and orders."""
    left_out = config.stash.setdefault(LEFT_OUT, Counter())
    if config.getoption(QUICK):
        reasons = {item: why_left_out(item) for item in items}
        config.hook.pytest_deselected(items=[item for item, reason in reasons.items() if reason])
        left_out.update(reason for reason in reasons.values() if reason)
        items[:] = [item for item, reason in reasons.items() if not reason]
    weights: dict[str, int] = {}
    for item in items:
        name = group(item.nodeid)
        weights[name] = max(weights.get(name, 0), weight(item))
    places = {name: place for place, name in enumerate(weights)}
    items.sort(key=lambda item: (-weights[group(item.nodeid)], places[group(item.nodeid)]))


def why_left_out(item: pytest.Item) -> str:
    """Why a quick run does without a test; empty when it has it."""
    for mark in MARKS:
        if item.get_closest_marker(mark):
            return f"marked {mark}"
    return SYSTEM if group(item.nodeid).endswith(" system") else ""


def weight(item: pytest.Item) -> int:
    """How early a test should begin."""
    if item.get_closest_marker("slow"):
        return 5
    costly = int(item.get_closest_marker("costly") is not None)
    if group(item.nodeid).endswith(" system"):
        return costly
    return 2 if "/unit/" in item.nodeid else 3 + costly


class ByFileAndServer(LoadScopeScheduling):
    """Hands out what stays together, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """The order for `--dist loadscope`."""
    if config.getvalue("dist") != "loadscope":
        return None
    config.option.loadscopereorder = False
    return ByFileAndServer(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One process of several tells the first what it left out; all of them leave out the same."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = dict(session.config.stash.get(LEFT_OUT, Counter()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The first process listens."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[LEFT_OUT] = Counter(output.get("left_out", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What was left out, what was skipped and what would bring it, what should be marked."""
    left_out = config.stash.get(LEFT_OUT, Counter())
    lines = [
        *(f"{count:>5} left to `make test-all`: {why}" for why, count in left_out.items()),
        *skipped(terminalreporter.stats.get("skipped", [])),
        *(long(terminalreporter.stats) if config.getoption(QUICK) else ()),
    ]
    if lines:
        terminalreporter.section("not run")
        terminalreporter.write_line("\n".join(lines))


def skipped(reports: Iterable[pytest.TestReport]) -> list[str]:
    """A line for each reason, which says what would bring the tests back."""
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)
    return [f"{count:>5} skipped: {reason}" for reason, count in reasons.most_common()]


def long(stats: dict[str, list[Any]]) -> list[str]:
    """A line for each test that took long and has no mark that says so."""
    seconds: Counter[str] = Counter()
    for report in itertools.chain(*stats.values()):
        if isinstance(report, pytest.TestReport) and not {*MARKS} & {*report.keywords}:
            seconds[report.nodeid] += report.duration
    return [
        f"{taken:>4.0f}s and not marked costly: {name}"
        for name, taken in seconds.most_common()
        if taken > LONG
    ]
