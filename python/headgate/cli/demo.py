"""`headgate demo`: the main job on twelve hours, told as it goes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from headgate import postgres
from headgate.cli.pipelines import ProgressView
from headgate.demo.account import print_account, read_account
from headgate.demo.hours import FIRST, LAST, find_hours
from headgate.errors import HeadgateError
from headgate.pipelines import runner
from headgate.pipelines.environment import ensure_profiles
from headgate.settings import Settings, load_settings

NEXT_STEPS = """\
headgate mage                      Mage's UI and scheduler, at http://127.0.0.1:6789
psql -d "$(headgate dsn)"          look around: typed.*, features.*, ops.*
headgate land gharchive --from 2016-01-01T13, then headgate run build_features
                                   one more hour
headgate gates list                what every gate said last
headgate status                    server, schemas, newest loads
headgate down                      stop PostgreSQL; its data stays in .headgate/"""


@click.command()
def demo() -> None:
    """Run the main job on twelve hours and tell what came out."""
    console = Console()
    seconds: dict[str, float] = {}
    settings = load_settings()
    with _timed(seconds, "PostgreSQL"):
        postgres.start(settings)
        postgres.migrate(postgres.dsn(settings))
    with _timed(seconds, "finding hours"):
        hours = find_hours(settings)
    console.print(f"Twelve hours from {FIRST:%Y-%m-%dT%H} on: {hours.origin}", highlight=False)
    with ProgressView() as view:
        runs = runner.run(
            hours.settings,
            ("ingest_gharchive", "build_features"),
            {"hour_from": f"{FIRST:%Y-%m-%dT%H}", "hour_to": f"{LAST:%Y-%m-%dT%H}", "wait_minutes": 0},
            view.listen,
        )
    for run in runs:
        seconds |= {name.split("/")[-1].replace("_", " "): taken for name, taken in run.done.items()}
    console.print("docs site", style="bold")
    with _timed(seconds, "docs site"):
        site = build_docs(settings)
    print_account(console, asyncio.run(read_account(settings)), hours.origin, seconds)
    console.print(f"\nThe lineage, in a browser: {site}", highlight=False, soft_wrap=True)
    console.print("\nCommands to try next, after `source .venv/bin/activate`", style="bold")
    console.print(NEXT_STEPS, highlight=False, soft_wrap=True)


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
