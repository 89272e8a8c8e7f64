"""The docs site: everything is described, the site opens from a file, and the lineage is drawn."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import Database

# What the site shows does not depend on the server.
pytestmark = [pytest.mark.costly, pytest.mark.parametrize("server", ["embedded"], indirect=True)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
    "--virtual-time-budget=20000",
]

SOURCE = "source.headgate.gharchive.events"
VIEW = "model.headgate.repository_activity"

#: The arguments of a macro, and the default of one of them.
SIGNATURE = re.compile(r"\{%-?\s*(?:macro|test)\s+\w+\((.*?)\)\s*-?%\}", re.DOTALL)
DEFAULT = re.compile(r"=\s*(\[[^\]]*\]|'[^']*'|[^,]+)")

#: The graph is drawn on a canvas: this writes what is on it into the page, where --dump-dom shows it.
PROBE = """
<script>
setInterval(() => {
    const holder = [...document.querySelectorAll("*")].find(element => element._cyreg && element._cyreg.cy);
    if (!holder) return;
    const graph = holder._cyreg.cy;
    const pixels = canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    document.body.dataset.drawn = JSON.stringify({
        painted: [...holder.querySelectorAll("canvas")].some(canvas => pixels(canvas).some(Boolean)),
        edges: graph.edges(":visible").map(edge => [edge.data("source"), edge.data("target")]),
    });
}, 200);
</script>
"""


@pytest.fixture(scope="module")
def site(module_database: Database) -> Path:
    """The folder with the docs site of a database whose models were built from nothing."""
    module_database.dbt("build", "--exclude-resource-type", "test", "unit_test")
    module_database.dbt("docs", "generate", "--static")
    return module_database.folder / "target"


def read(site: Path, artifact: str) -> dict[str, Any]:
    """An artifact that dbt wrote."""
    found: dict[str, Any] = json.loads((site / artifact).read_text())
    return found


def described(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """What has columns and belongs into the docs: models, seeds and sources."""
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    return nodes + list(manifest["sources"].values())


def own_macros(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The project's macros, its generic tests among them."""
    return [macro for macro in manifest["macros"].values() if macro["package_name"] == "headgate"]


def dump(page: Path, route: str, profile: Path) -> str:
    """The page as Chromium shows it at a route, as HTML."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", f"{page.as_uri()}#!{route}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_everything_is_described(site: Path) -> None:
    """Models, seeds, sources, exposures and macros have a description."""
    manifest = read(site, "manifest.json")
    things = [*described(manifest), *own_macros(manifest), *manifest["exposures"].values()]

    assert [thing["unique_id"] for thing in things if not thing["description"].strip()] == []


def test_every_column_is_described(site: Path) -> None:
    """The columns that the database has are those that are documented, each with a description."""
    relations = read(site, "catalog.json")
    in_database = {**relations["nodes"], **relations["sources"]}

    for thing in described(read(site, "manifest.json")):
        columns = {name: column["description"].strip() for name, column in thing["columns"].items()}
        found = set(in_database[thing["unique_id"]]["columns"])
        assert [name for name, text in columns.items() if not text] == [], thing["name"]
        # Of the ledger only what models read is documented here; migrations describe the rest.
        assert set(columns) <= found if thing["schema"] == "ops" else set(columns) == found, thing["name"]


def test_every_model_says_its_grain(site: Path) -> None:
    """A model's or seed's description ends with what one row stands for."""
    for thing in described(read(site, "manifest.json")):
        if thing["resource_type"] != "source":
            assert re.search(r"One row per [^.]+\.$", thing["description"].strip()), thing["name"]


def test_every_macro_argument_is_described(site: Path) -> None:
    """The documented arguments of a macro are those of its signature, in order, each with a description."""
    for macro in own_macros(read(site, "manifest.json")):
        if macro["name"].startswith("materialization_"):
            continue  # Takes no arguments.
        signature = SIGNATURE.search(macro["macro_sql"])
        assert signature, macro["name"]
        names = re.findall(r"\w+", DEFAULT.sub("", signature.group(1)))
        assert [argument["name"] for argument in macro["arguments"]] == names, macro["name"]
        assert all(argument["description"].strip() for argument in macro["arguments"]), macro["name"]


@pytest.mark.browser
def test_site_opens_on_the_overview(site: Path, tmp_path: Path) -> None:
    """The site needs no server: opened as a file it shows the overview with layers and glossary."""
    shown = dump(site / "static_index.html", "/overview", tmp_path)

    assert "nothing flows downstream unless it opens" in shown
    assert "Glossary" in shown


@pytest.mark.browser
def test_lineage_is_drawn_from_source_to_feature_view(site: Path, tmp_path: Path) -> None:
    """The lineage graph of a feature view is painted, with a way from the landing table to it."""
    page = site / "probed.html"
    page.write_text((site / "static_index.html").read_text().replace("</body>", PROBE + "</body>"))

    shown = dump(page, "/overview?g_v=1&g_i=%2Brepository_activity&g_e=resource_type:unit_test", tmp_path)

    found = re.search(r'data-drawn="([^"]*)"', shown)
    assert found, "no graph on the page"
    drawn = json.loads(html.unescape(found.group(1)))
    reached = {SOURCE}
    for _ in drawn["edges"]:
        reached |= {target for origin, target in drawn["edges"] if origin in reached}
    assert drawn["painted"]
    assert VIEW in reached
