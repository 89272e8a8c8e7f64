"""What Prometheus reads of a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as generated
from prometheus_client.multiprocess import MultiProcessCollector

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Set before the workers start; each then writes files that any of them reads.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

PREDICTIONS = Counter(
    "headgate_predictions", "Rows by what became of them.", ["model", "version", "role", "status"]
)
SECONDS = Histogram("headgate_prediction_seconds", "Time to answer a request.", ["model"], buckets=BUCKETS)
EXPLANATION_SECONDS = Histogram(
    "headgate_explanation_seconds", "Time to answer a request with explanations.", ["model"], buckets=BUCKETS
)
REFUSED = Counter("headgate_requests_refused", "Requests refused, by status of HTTP.", ["model", "status"])
STALENESS = Gauge(
    "headgate_feature_staleness_seconds",
    "Age of the features that were read last.",
    ["model"],
    multiprocess_mode="livemax",
)
PENDING = Gauge(
    "headgate_prediction_log_pending_bytes",
    "Answers on local disk that are not landed yet.",
    ["model"],
    multiprocess_mode="livemax",
)
READY = Gauge(
    "headgate_ready", "1 while requests by key can be answered.", ["model"], multiprocess_mode="livemin"
)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Counters:
    """Series of one model; labels are looked up once."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._children: dict[tuple[int, str, str], Any] = {}
        self._seconds = SECONDS.labels(model)
        self._explanation_seconds = EXPLANATION_SECONDS.labels(model)
        self._staleness = STALENESS.labels(model)

    def count(self, version: int, role: str, status: str) -> None:
        """Counts a row."""
        key = (version, role, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = PREDICTIONS.labels(self._model, str(version), role, status)
        child.inc()

    def observe(self, seconds: float, staleness: float | None, *, explained: bool) -> None:
        """Counts a request: how long it took, and how old its features were."""
        (self._explanation_seconds if explained else self._seconds).observe(seconds)
        if staleness is not None:
            self._staleness.set(staleness)


def exposition() -> bytes:
    """All metrics in Prometheus' text format, of all workers together."""
    if FOLDER not in os.environ:
        return generated(REGISTRY)
    _forget_the_dead(Path(os.environ[FOLDER]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generated(registry)


def _forget_the_dead(folder: Path) -> None:
    """Gauges are of processes that live."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)
