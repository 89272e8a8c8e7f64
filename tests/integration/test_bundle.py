"""The offline bundle, brought to life in an empty environment without network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.bundle.build import Bundle, build
from headgate.model.flavours import load
from headgate.model.package import Package
from headgate.postgres.connection import Connection
from tests.integration.test_models import in_database, made
from tests.support import Database

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)

#: Takes `size`, bigint or null, and `shop__orders_7d`, bigint.
ROWS: list[dict[str, Any]] = [
    {"size": size, "shop__orders_7d": orders} for size in (None, -3, 0, 7, 1 << 40) for orders in range(5)
]
#: No index, and no proxy that leads to one.
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_CONFIG_FILE": os.devnull,
    "PATH": os.defpath,
    "http_proxy": "http://[::1]:9",
}


def registered(package: Package, out: Path, version: int | None = None) -> Any:
    """Registers a package and writes its bundle."""

    async def work(connection: Connection) -> Bundle:
        kept = await versions.add(connection, package, passed=True)
        await versions.register(connection, package.name, kept.version)
        return await build(connection, package.name, version, out)

    return work


def trained() -> tuple[Package, Any]:
    """A LightGBM model of the two inputs, and its booster."""
    import lightgbm
    import numpy

    draws = numpy.random.default_rng(7)
    rows = draws.normal(size=(500, 2)) * 9
    data = lightgbm.Dataset(
        rows, (rows.sum(axis=1) > 0).astype(float), feature_name=["size", "shop__orders_7d"]
    )
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 7}, data, 20)
    return made(content=booster.model_to_string().encode()), booster


def installed(bundle: Path, folder: Path) -> Path:
    """An empty environment with what the bundle's lock names; the folder of its programs."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    words = ("install", "--quiet", "--no-index", "--find-links", "wheels", "--require-hashes")
    subprocess.run(
        [folder / "bin/pip", *words, "-r", "requirements.txt"], check=True, cwd=bundle, env=OFFLINE
    )
    return folder / "bin"


def asked(programs: Path, bundle: Path, lines: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What the bundle's program answers, far from any project."""
    return subprocess.run(
        [programs / "headgate-predict", bundle / "model", *options],
        input=lines,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.defpath},
        check=False,
    )


def lines_of(rows: list[dict[str, Any]]) -> str:
    """Rows as lines of JSON."""
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.costly
def test_a_bundle_answers_without_network_as_the_server_does(database: Database, tmp_path: Path) -> None:
    """Bit for bit, with contributions, from two small wheels; what is no row is refused by line and input."""
    package, booster = trained()
    bundle: Bundle = in_database(database, registered(package, tmp_path / "bundle"))
    assert bundle.bytes < 6e6
    assert {path.name for path in bundle.folder.iterdir()} == {
        *("README.md", "card.md", "model", "requirements.txt", "wheels")
    }

    programs = installed(bundle.folder, tmp_path / "environment")
    answered = asked(programs, bundle.folder, lines_of(ROWS))
    predictor = load(package)
    scores = [json.loads(line)["score"] for line in answered.stdout.splitlines()]
    assert scores == [predictor.predict_one(row) for row in ROWS]
    matrix = [[float("nan") if row["size"] is None else row["size"], row["shop__orders_7d"]] for row in ROWS]
    assert scores == booster.predict(matrix).tolist()

    explained = json.loads(asked(programs, bundle.folder, lines_of(ROWS[:1]), "--explain").stdout)
    assert explained["contributions"] == predictor.contributions(ROWS[0])

    for spoilt, found in (
        ({"size": 1}, "line 2, input shop__orders_7d: expected bigint; found no value"),
        ({**ROWS[0], "more": 1}, "line 2, more: expected inputs of the model's signature only"),
        ({**ROWS[0], "shop__orders_7d": None}, "input shop__orders_7d: expected bigint; found null"),
        ({**ROWS[0], "size": 1.5}, "input size: expected bigint or null; found another type, float"),
        ({**ROWS[0], "size": True}, "input size: expected bigint or null; found another type, bool"),
        ({**ROWS[0], "size": float("nan")}, "line 2: expected a JSON object"),
    ):
        refused = asked(programs, bundle.folder, lines_of([ROWS[0], spoilt]))
        assert refused.returncode == 2
        assert found in refused.stderr
        assert len(refused.stdout.splitlines()) == 1

    main = bundle.folder / "model/model.lgb"
    main.write_bytes(main.read_bytes() + b"\n")
    assert "file model.lgb: expected SHA-256" in asked(programs, bundle.folder, "").stderr


@pytest.mark.costly
def test_the_same_version_is_the_same_bundle(database: Database, tmp_path: Path) -> None:
    """Wheels and lock do not depend on when they were written; a forged wheel is not installed."""
    work = registered(made(), tmp_path / "first")
    first: Bundle = in_database(database, work)
    second: Bundle = in_database(database, registered(made(), tmp_path / "second", version=1))
    assert first.wheels == second.wheels
    lock = (first.folder / "requirements.txt").read_text()
    assert lock == (second.folder / "requirements.txt").read_text()

    with zipfile.ZipFile(next((second.folder / "wheels").glob("headgate_predict*")), "a") as archive:
        archive.writestr("headgate/more.py", "")
    with pytest.raises(subprocess.CalledProcessError):
        installed(second.folder, tmp_path / "environment")


@pytest.mark.slow
def test_a_pyfunc_and_a_logistic_regression_are_bundled_too(database: Database, tmp_path: Path) -> None:
    """Each with what its flavour needs, and no more."""
    import numpy
    import skops.io
    from sklearn.linear_model import LogisticRegression

    draws = numpy.random.default_rng(7).normal(size=(200, 2))
    fitted = LogisticRegression().fit(draws, draws[:, 0] > 0)
    scoring = b"def predict(rows):\n    return [(row['size'] or 0) / 7 for row in rows]\n"
    packages = [
        replace(
            made("by_code"),
            flavour="pyfunc",
            task="custom",
            files={"model.json": b'{"module": "scoring"}', "scoring.py": scoring},
        ),
        replace(made("by_line"), flavour="sklearn", files={"model.skops": skops.io.dumps(fitted)}),
    ]
    rows = [row for row in ROWS if row["size"] is not None]
    for package in packages:
        bundle: Bundle = in_database(database, registered(package, tmp_path / package.name))
        assert any("scipy" in wheel.file for wheel in bundle.wheels) == (package.flavour == "sklearn")
        programs = installed(bundle.folder, tmp_path / f"{package.name}_environment")
        answered = asked(programs, bundle.folder, lines_of(rows))
        assert answered.returncode == 0, answered.stderr
        predictor = load(package)
        scores = [json.loads(line)["score"] for line in answered.stdout.splitlines()]
        assert scores == [predictor.predict_one(row) for row in rows]
        predictor.close()


def test_only_what_is_registered_is_bundled(database: Database, tmp_path: Path) -> None:
    """By default the champion, else the newest registered; a folder with files is refused."""

    async def work(connection: Connection) -> None:
        for content in (b"1", b"2", b"3"):
            await versions.add(connection, made(content=content), passed=True)
        with pytest.raises(UsageError, match="expected a version that is registered"):
            await build(connection, "will_ship", 3, tmp_path / "unregistered")
        for version in (1, 2):
            await versions.register(connection, "will_ship", version)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "file").touch()
        with pytest.raises(UsageError, match="expected a new or an empty folder"):
            await build(connection, "will_ship", None, tmp_path / "full")
        assert (await build(connection, "will_ship", None, tmp_path / "newest")).version == 2
        state: dict[str, Any] = {"champion": 1, "challenger": None, "canary_share": 0.0}
        await promotions.append(connection, "will_ship", "promote", 1, **state, reason="trial")
        assert (await build(connection, "will_ship", None, tmp_path / "champion")).version == 1

    in_database(database, work)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["champion", "full", "newest"]
