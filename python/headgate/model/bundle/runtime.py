"""The part of Headgate that predicts, as a wheel: no database, no dbt, no Mage."""

from __future__ import annotations

from pathlib import Path

import headgate
from headgate.errors import UsageError
from headgate.model.bundle import installed, wheels
from headgate.model.bundle.wheels import Wheel

NAME = "headgate-predict"
#: Below the package `headgate`; the flavours import each other and these only.
MODULES = (
    "__init__.py",
    *(f"{name}.py" for name in ("environments", "errors", "private", "settings")),
    *(f"model/{name}.py" for name in ("__init__", "signature", "package", "encoding", "output", "predict")),
    "model/flavours/*.py",
)
#: LightGBM's C library alone: its Python package would bring NumPy and SciPy, 60 MB that nothing here calls.
LIBRARY = "headgate-lightgbm-library"
#: By flavour, what has to be installed beside the wheel, by its name here.
REQUIRED = {
    "lightgbm": [LIBRARY],
    "sklearn": ["scikit-learn", "skops"],
    "onnx": ["onnxruntime", "numpy"],
    "pyfunc": ["orjson"],
}


def write(folder: Path, flavour: str) -> list[Wheel]:
    """Writes Headgate's wheel and those that it requires for a flavour.

    Raises:
        UsageError: an unknown flavour.
        HeadgateError: what the flavour requires is not installed here, or was changed.
    """
    if flavour not in REQUIRED:
        known = ", ".join(REQUIRED)
        raise UsageError(
            "flavour", expected=f"one of {known}", found=flavour, next_step="train with one of these"
        )
    required = REQUIRED[flavour]
    library = [_library(folder)] if LIBRARY in required else []
    repacked = [installed.repack(name, folder) for name in installed.closure(set(required) - {LIBRARY})]
    return [
        _headgate(folder, [*library, *(made for made in repacked if made.name in required)]),
        *library,
        *repacked,
    ]


def _headgate(folder: Path, required: list[Wheel]) -> Wheel:
    root = Path(headgate.__file__).parent
    info = f"headgate_predict-{headgate.__version__}.dist-info"
    pinned = [f"{made.name}=={made.version}" for made in required]
    modules = [path for pattern in MODULES for path in sorted(root.glob(pattern))]
    files = {
        **{f"headgate/{path.relative_to(root)}": path.read_bytes() for path in modules},
        f"{info}/METADATA": wheels.metadata(NAME, headgate.__version__, "Predicts with a model.", pinned),
        f"{info}/WHEEL": wheels.tag_line(["py3-none-any"]),
        f"{info}/entry_points.txt": b"[console_scripts]\nheadgate-predict = headgate.model.predict:main\n",
    }
    return wheels.write(folder, NAME, headgate.__version__, ["py3-none-any"], files)


def _library(folder: Path) -> Wheel:
    """LightGBM's library and licence, at the place where its own wheel has them."""
    tags, version = installed.tags("lightgbm"), installed.version("lightgbm")
    info = f"headgate_lightgbm_library-{version}.dist-info"
    summary = f"The C library of LightGBM {version}, without its Python package."
    files = {
        "lightgbm/__init__.py": f'"""{summary}"""\n'.encode(),
        "lightgbm/lib/lib_lightgbm.so": installed.file("lightgbm", "lib_lightgbm.so"),
        f"{info}/licenses/LICENSE": installed.file("lightgbm", "LICENSE"),
        f"{info}/METADATA": wheels.metadata(LIBRARY, version, summary),
        f"{info}/WHEEL": wheels.tag_line(tags),
    }
    return wheels.write(folder, LIBRARY, version, tags, files)
