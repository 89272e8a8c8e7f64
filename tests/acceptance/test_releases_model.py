"""Random sequences of publish, correct, rollback, publish again and compact, against a model in memory."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support import Databases
from tests.toy_store import Rows, ToyStore, newest

KEYS = st.one_of(
    st.tuples(st.just("toy_activity"), st.tuples(st.integers(1, 4))),
    st.tuples(st.just("pair_activity"), st.tuples(st.integers(1, 3), st.integers(1, 2))),
)
CHANGES = st.dictionaries(
    st.tuples(KEYS, st.integers(1, 5)).map(lambda drawn: (*drawn[0], drawn[1])),
    st.one_of(
        st.none(), st.tuples(st.integers(0, 3), st.one_of(st.none(), st.sampled_from([0.0, 0.5, 1.0])))
    ),
    max_size=6,
)


class Releases(RuleBasedStateMachine):
    """What every release holds, as a dictionary, beside the real feature store."""

    databases: ClassVar[Databases]

    def __init__(self) -> None:
        super().__init__()
        self.context = self.databases.new()
        self.store = ToyStore(self.context.__enter__())
        self.releases: dict[int, Rows] = {}
        self.parents: dict[int, int | None] = {}
        self.movable: set[int] = set()
        self.active: int | None = None

    def teardown(self) -> None:
        """Drops the database."""
        self.context.__exit__(None, None, None)

    @initialize(changes=CHANGES)
    def start(self, changes: Rows) -> None:
        """A first release."""
        self.store.create()
        self.store.write(changes)
        self.publish(compare_all=False)

    @rule(changes=CHANGES)
    def correct(self, changes: Rows) -> None:
        """Other rows are built."""
        self.store.write(changes)
        self.store.certify()

    @rule(compare_all=st.booleans())
    def publish(self, compare_all: bool) -> None:
        """Publishes, or finds nothing new."""
        published = self.store.publish(compare_all=compare_all)
        newest_number = max(self.releases, default=0)
        if self.releases and self.store.rows == self.releases[newest_number]:
            assert published is None
            return
        assert published is not None
        assert published.release_id == newest_number + 1
        assert published.parent_release == self.active
        left = {number for number in self.movable if self.active and number > self.active}
        assert set(published.abandoned) == left
        self.movable -= left
        self.releases[published.release_id] = dict(self.store.rows)
        self.parents[published.release_id] = self.active
        self.movable.add(published.release_id)
        self.active = published.release_id

    @precondition(lambda self: len(self.movable) > 1)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """Rolls back or forward."""
        target = data.draw(st.sampled_from(sorted(self.movable - {self.active})))
        self.store.roll(target)
        self.active = target

    @precondition(lambda self: len(self.releases) > 2)
    @rule(keep=st.integers(1, 3))
    def compact(self, keep: int) -> None:
        """Keeps a few releases."""
        usable = sorted(self.movable, reverse=True)
        kept = {self.active, max(self.releases), *usable[:keep]}
        compaction = self.store.compact(keep)
        assert set(compaction.kept) == kept
        self.movable &= kept
        self.releases = {number: rows for number, rows in self.releases.items() if number in kept}

    @invariant()
    def every_release_is_as_remembered(self) -> None:
        """The history holds every release."""
        for number, rows in self.releases.items():
            assert self.store.seen(number) == rows, f"release {number}"

    @invariant()
    def consumers_see_the_active_release(self) -> None:
        """The plain view and the online table agree."""
        if self.active is not None:
            assert self.store.active() == self.active
            assert self.store.seen() == self.releases[self.active]
            assert self.store.online() == newest(self.releases[self.active])


@pytest.mark.slow
def test_every_release_equals_a_model_in_memory(databases: Databases) -> None:
    """Every release keeps its rows, whatever happens after it; consumers see the active one."""
    run_state_machine_as_test(
        type("ReleasesOnThisServer", (Releases,), {"databases": databases}),
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
