"""`headgate demo`: the main job on twelve hours, told as it goes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from headgate import postgres
from headgate.cli.pipelines import ProgressView
from headgate.errors import HeadgateError
from headgate.landing import land_files
from headgate.pipelines import runner
from headgate.pipelines.environment import ensure_profiles
from headgate.settings import Settings, load_settings
from headgate.sources.hour_names import HOUR
from headgate_github.archive import GHARCHIVE
from headgate_github.demo.account import has_landed, print_account, read_account
from headgate_github.demo.cut import SHARE, cut_last_hour
from headgate_github.demo.hours import FIRST, LAST, find_hours, next_hour
from headgate_github.demo.merging import print_merging, tell_merging
from headgate_github.demo.releases import print_releases, tell_releases

NEXT_STEPS = """\
headgate mage                      Mage's UI and scheduler, at http://127.0.0.1:6789
psql -d "$(headgate dsn)"          look around: feature_store.*, typed.*, features.*, ops.*
headgate gates list                what every gate said last
headgate releases                  every release; then `headgate releases show N`, `headgate diff N M`
headgate rollback                  what going back would do, before it is done
headgate model status pull_request_merge    what serves; then `show`, `at TIME`, `monitor`
headgate serve pull_request_merge  answers POST /predict at http://127.0.0.1:8766
headgate status                    pipelines, sources, what waits and what is late
headgate down                      stop PostgreSQL; its data stays in .headgate/"""


@click.command()
def demo() -> None:
    """Run the main job on twelve hours and show the results."""
    console = Console()
    seconds: dict[str, float] = {}
    settings = load_settings()
    with _timed(seconds, "PostgreSQL"):
        postgres.start(settings)
        postgres.migrate(postgres.dsn(settings))
    with _timed(seconds, "finding hours"):
        hours = find_hours(settings)
        cut = cut_last_hour(hours.settings)
    console.print(f"Twelve hours from {FIRST:%Y-%m-%dT%H} on: {hours.origin}", highlight=False)
    console.print(f"The last one arrives cut short: {SHARE:.0%} of its lines", highlight=False)
    _land(hours.settings, cut)
    _run(hours.settings, FIRST, LAST - HOUR, seconds)
    console.print(f"{LAST:%Y-%m-%dT%H} is delivered again, whole", highlight=False)
    _run(hours.settings, LAST, LAST, seconds)
    with _timed(seconds, "rollback and forward again"):
        story = asyncio.run(tell_releases(settings))
    console.print("model of merges: train, serve, two canaries", style="bold")
    with _timed(seconds, "model, trained and served"):
        merging = tell_merging(settings)
    console.print("docs site", style="bold")
    with _timed(seconds, "docs site"):
        site = build_docs(settings)
    print_account(console, asyncio.run(read_account(settings)), hours.origin, seconds)
    print_releases(console, story)
    print_merging(console, merging)
    console.print(f"\nThe lineage, in a browser: {site}", highlight=False, soft_wrap=True)
    console.print("\nCommands to try next, after `source .venv/bin/activate`", style="bold")
    console.print(NEXT_STEPS, highlight=False, soft_wrap=True)
    console.print("\nOne more hour", style="bold")
    console.print(f"{next_hour(settings)}\nheadgate run build_features", highlight=False, soft_wrap=True)


def _land(settings: Settings, file: Path) -> None:
    """Lands one file, unless its hour has landed whole: a second demonstration changes nothing."""
    if not asyncio.run(has_landed(settings, LAST)):
        land_files(settings, GHARCHIVE.name, [GHARCHIVE.delivery(file)])


def _run(settings: Settings, first: datetime, last: datetime, seconds: dict[str, float]) -> None:
    """Runs both pipelines over some hours and adds up the time of their blocks."""
    variables = {"hour_from": f"{first:%Y-%m-%dT%H}", "hour_to": f"{last:%Y-%m-%dT%H}", "wait_minutes": 0}
    with ProgressView() as view:
        runs = runner.run(settings, ("ingest_gharchive", "build_features"), variables, view.listen)
    for run in runs:
        for block, taken in run.done.items():
            name = block.split("/")[-1].replace("_", " ")
            seconds[name] = seconds.get(name, 0.0) + taken


def build_docs(settings: Settings) -> Path:
    """Builds the dbt docs site as one file that a browser opens without a server."""
    ensure_profiles(settings)
    target = settings.project_dir / "target"
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [dbt, "--quiet", "docs", "generate", "--static", "--target-path", target],
        cwd=settings.project_dir,
        env={**os.environ, **postgres.libpq_env(settings), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise HeadgateError(
            "dbt docs site",
            expected="dbt docs generate to succeed",
            found=(done.stdout + done.stderr).strip()[-400:] or f"exit code {done.returncode}",
            next_step="run `dbt docs generate --static` and read its output",
        )
    return target / "static_index.html"


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - started
