"""Puts uv into a folder, without root: get_uv.py FOLDER makes FOLDER/bin/uv. Needs Python 3.8, nothing else.

Tries, in this order, what a machine may have: venv and pip, pip alone, neither (Debian without python3-venv).
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path


def with_venv(folder: Path) -> None:
    """An environment of its own, with pip in it."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "uv"], check=True, capture_output=True)


def with_pip(folder: Path) -> None:
    """The interpreter's own pip, into a folder."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "uv"]
    subprocess.run(command, check=True, capture_output=True)


def with_wheel(folder: Path) -> None:
    """The wheel itself, from the index that pip or uv would use."""
    default = "https://pypi.org/simple"
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    index = next((os.environ[name] for name in names if os.environ.get(name)), default)
    page_url = index.rstrip("/") + "/uv/"
    with urllib.request.urlopen(page_url) as answer:
        links = re.findall(r'href="([^"]+\.whl[^"]*)"', answer.read().decode())
    machine = platform.machine()
    system = f"manylinux_2_17_{machine}." if platform.system() == "Linux" else f"macosx_11_0_{machine}"
    fitting = [link for link in links if f"-py3-none-{system}" in link and re.search(r"/uv-[\d.]+-py3", link)]
    newest = max(fitting, key=lambda link: [int(n) for n in re.search(r"/uv-([\d.]+)-", link)[1].split(".")])
    wheel = folder / "uv.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(urllib.parse.urljoin(page_url, newest)) as answer, wheel.open("wb") as out:
        shutil.copyfileobj(answer, out)
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        (folder / "bin").mkdir(exist_ok=True)
        (folder / "bin" / "uv").write_bytes(archive.read(name))
    (folder / "bin" / "uv").chmod(0o755)
    wheel.unlink()


def main() -> None:
    """Tries one way after the other."""
    folder = Path(sys.argv[1])
    problems = []
    for way in (with_venv, with_pip, with_wheel):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            way(folder)
            if (folder / "bin" / "uv").exists():
                return
            problems.append(f"{way.__name__}: no uv in {folder}")
        except (OSError, subprocess.CalledProcessError, ValueError, StopIteration) as error:
            output = getattr(error, "stderr", None) or b""
            problems.append(f"{way.__name__}: {error} {output.decode(errors='replace')[-300:]}")
    sys.exit("\n".join(["uv could not be installed; install it: https://docs.astral.sh/uv", *problems]))


if __name__ == "__main__":
    main()
