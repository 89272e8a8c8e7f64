"""Any records at all, as hypothesis makes them up."""

from __future__ import annotations

from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.scaffold.infer import Inferred, infer
from tests import odd_samples

PLAIN = ["id", "type", "created_at", "user", "lines", "email", "order", "x-y", "value", "payload"]
#: Plain ones mostly: records whose keys are all odd have no envelope.
KEYS = st.one_of(
    st.sampled_from(PLAIN),
    st.sampled_from(PLAIN),
    st.sampled_from(odd_samples.KEYS),
    st.text(max_size=8),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "a", "b", "2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "ann@example.org", "it's {{ x }}"]
    ),
    st.sampled_from(odd_samples.TEXTS),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4))
)
RECORDS = st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=6), min_size=1, max_size=25)


def inferred_from(records: list[dict[str, Any]]) -> Inferred:
    """What is inferred; a sample with nothing to declare is no example."""
    try:
        return infer(records)
    except UsageError:
        reject()
