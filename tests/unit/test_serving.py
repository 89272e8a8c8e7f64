"""Parts of `headgate serve` that need no server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.model.split import in_canary
from headgate.serving.access import Access
from headgate.serving.log import PredictionLog
from headgate.serving.refusals import Refusal


@pytest.mark.parametrize("found", ["disk", "limit"])
def test_a_full_log_refuses_answers(found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 503, and what was written before stays whole."""
    log = PredictionLog(tmp_path)
    log.append(b'{"prediction_id": "1"}\n')
    if found == "disk":
        os.close(log._file)
        log._file = os.open("/dev/full", os.O_WRONLY)
        monkeypatch.setattr(os, "ftruncate", lambda *_: None)
    else:
        log.pending = 3 << 30
    with pytest.raises(Refusal) as refused:
        log.append(b'{"prediction_id": "2"}\n')
    assert refused.value.status == 503
    (segment,) = tmp_path.iterdir()
    assert segment.read_bytes() == b'{"prediction_id": "1"}\n'


def test_a_key_keeps_its_version_and_a_larger_share_adds_keys() -> None:
    """The share is met, what was in it stays, and another challenger draws other keys."""
    keys = [str(number) for number in range(10_000)]
    small, large = ({key for key in keys if in_canary("m", 2, key, share)} for share in (0.1, 0.3))
    assert small < large
    assert 900 < len(small) < 1_100
    assert not any(in_canary("m", 2, key, 0) for key in keys)
    assert all(in_canary("m", 2, key, 1) for key in keys)
    assert small != {key for key in keys if in_canary("m", 3, key, 0.1)}


def test_more_requests_than_the_rate_are_refused() -> None:
    """With 429; a bucket holds one second's requests."""
    access = Access(is_open=True, fixed={}, rate=3)
    for _ in range(3):
        access.require({}, "predict")
    with pytest.raises(Refusal) as refused:
        access.require({}, "predict")
    assert refused.value.status == 429
