"""Reads one declaration of a model, strictly: unknown keys and bad values are refused with file and line."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from headgate.durations import duration
from headgate.errors import UsageError
from headgate.model.declared import ALERTS, CUSTOM, GONE, KEYS, Declaration
from headgate.model.deployment.policy import canary_policy
from headgate.model.evaluation.policy import APPROVALS

TASKS = ("binary", "multiclass", "regression", "custom")
FLAVOURS = ("lightgbm", "sklearn", "onnx", "pyfunc")
DIRECTIONS = ("increasing", "decreasing")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
SPLITS = {"test": "2h", "folds": 2, "candidates": 3}
#: No input: drift of the answers goes under this name.
SCORE = "score"
#: No threshold or limit is larger.
LARGEST = 1e300
_REF = re.compile(r"""ref\(\s*['"](\w+)['"]\s*\)""")

Path_ = tuple[str | int, ...]


class Reader:
    """Reads one declaration, strictly."""

    def __init__(
        self, file: Path, lines: Mapping[Path_, int], exposure: Mapping[str, Any], at: Path_, model: Any
    ) -> None:
        self._file, self._lines, self._exposure, self._at = file, lines, exposure, at
        if not isinstance(model, dict):
            raise self._wrong((), "a mapping", model)
        self._model: dict[str, Any] = model

    def declaration(self) -> Declaration:
        """The declaration that the file holds."""
        self._known(self._model, KEYS, ())
        splits = {**SPLITS, **self._mapping("splits")}
        self._known(splits, SPLITS, ("splits",))
        inputs = self._columns("inputs", required=True)
        self._splits_fit(splits)
        made = Declaration(
            name=self._named(self._exposure.get("name")),
            file=self._file,
            description=str(self._exposure.get("description") or "").strip(),
            owner=self._owner(),
            task=self._one_of("task", TASKS),
            flavour=self._one_of("flavour", FLAVOURS, self._usual_flavour()),
            spine=self._text("spine", r"\w+\.\w+", "schema.name"),
            label=self._text("label", r"\w+", "a column of the spine"),
            views=self._views(),
            inputs=inputs,
            horizon=self._span("horizon", required=True) or timedelta(),
            baseline=self._among("baseline", inputs) or inputs[:5],
            group=self._group(),
            test=duration(splits["test"]) or timedelta(),
            folds=splits["folds"],
            candidates=splits["candidates"],
            slices=self._mapping("slices", str, "the name of a column"),
            gates=self._mapping("gates", float, "a number"),
            invariant=self._among("invariant", inputs),
            directions=self._directions(inputs),
            forbidden=self._columns("forbidden"),
            feature_lag=self._span("feature_lag"),
            unknown_entity=self._one_of("unknown_entity", ("missing", "refuse"), "missing"),
            approval=self._one_of("approval", APPROVALS, "none"),
            canary=self._policy("canary", canary_policy),
            alerts=self._alerts(),
            custom=self._custom(),
        )
        self._require_allowed(made)
        self._require_dependencies(made)
        return made

    def _usual_flavour(self) -> str:
        return "pyfunc" if self._model.get("task") == "custom" else "lightgbm"

    def _owner(self) -> str:
        owner = self._exposure.get("owner") or {}
        if not isinstance(owner, dict):
            raise self._wrong_outside("owner", "a mapping with a name, such as {name: Sales}", owner)
        return str(owner.get("name") or "")

    def _named(self, name: Any) -> str:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise self._wrong((), "a name of lower case letters, digits and underscores, at most 40", name)
        return name

    def _known(self, values: Mapping[str, Any], known: Sequence[str] | Mapping[str, Any], at: Path_) -> None:
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), list(known), 1)
                mend = f"did you mean {near[0]}?" if near else "remove the key, or correct it"
                gone = GONE.get(key, mend) if not at else mend
                raise self._wrong((*at, key), f"one of {', '.join(known)}", key, gone)

    def _one_of(self, key: str, values: Sequence[str], default: str | None = None) -> str:
        value = self._model.get(key, default)
        if value not in values:
            raise self._wrong((key,), f"one of {', '.join(values)}", value)
        return str(value)

    def _text(self, key: str, pattern: str, form: str) -> str:
        value = self._model.get(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise self._wrong((key,), form, value)
        return value

    def _span(self, key: str, *, required: bool = False) -> timedelta | None:
        value = self._model.get(key)
        if value is None and not required:
            return None
        span = duration(value)
        if span is None:
            raise self._wrong((key,), "a duration such as 30m, 3h or 7d", value)
        return span

    def _columns(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        value = self._model.get(key, [])
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self._wrong((key,), "a list of names", value)
        if required and not value:
            raise self._wrong((key,), "one name or more", None)
        for place, name in enumerate(value):
            if name in value[:place]:
                raise self._wrong((key, place), "each name once", f"{name} twice")
        return tuple(value)

    def _group(self) -> tuple[str, ...]:
        """A column, or the several of a composite key."""
        if isinstance(self._model.get("group"), list):
            return self._columns("group", required=True)
        return (self._text("group", r"\w+", "a column of the spine, or a list of them"),)

    def _among(self, key: str, inputs: Sequence[str]) -> tuple[str, ...]:
        names = self._columns(key)
        for place, name in enumerate(names):
            if name not in inputs:
                raise self._wrong((key, place), "one of the model's inputs", name, _nearest(name, inputs))
        return names

    def _mapping(
        self, key: str, kind: Callable[[Any], Any] | None = None, form: str = "a mapping"
    ) -> dict[str, Any]:
        value = self._model.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong((key,), "a mapping", value)
        for name in value:
            if not isinstance(name, str):
                raise self._wrong((key, str(name)), "a name, in quotes where it is no text", name)
        for name, entry in value.items():
            is_wrong = not _is_number(entry) if kind is float else not isinstance(entry, str)
            if kind is not None and is_wrong:
                raise self._wrong((key, name), form, entry)
        return {name: kind(entry) if kind else entry for name, entry in value.items()}

    def _directions(self, inputs: Sequence[str]) -> dict[str, str]:
        found = self._mapping("directions", str, " or ".join(DIRECTIONS))
        if found and self._model.get("task") in ("multiclass", "custom"):
            raise self._wrong(
                ("directions",), f"nothing where the task is {self._model['task']}", list(found)
            )
        for name, way in found.items():
            if name not in inputs:
                raise self._wrong(
                    ("directions", name), "one of the model's inputs", name, _nearest(name, inputs)
                )
            if way not in DIRECTIONS:
                raise self._wrong(("directions", name), " or ".join(DIRECTIONS), way)
        return found

    def _policy(self, key: str, check: Callable[[Mapping[str, Any]], object]) -> dict[str, Any]:
        found = self._mapping(key)
        for name, value in found.items():
            try:
                check({key: {name: value}})
            except UsageError as error:
                raise self._wrong((key, name), error.expected, error.found) from error
        return found

    def _custom(self) -> dict[str, Any]:
        found = self._mapping("custom")
        self._known(found, CUSTOM, ("custom",))
        if (self._model.get("task") == "custom") != ("folder" in found):
            raise self._wrong(("custom",), "a folder where the task is custom, and nothing elsewhere", None)
        for key, value in found.items():
            is_count = key in ("rows", "timeout_seconds")
            if not (
                isinstance(value, int) and _is_number(value) and value > 0
                if is_count
                else isinstance(value, str)
            ):
                raise self._wrong(("custom", key), "a whole number from 1" if is_count else "a text", value)
        return found

    def _alerts(self) -> dict[str, float | None]:
        found = self._mapping("alerts")
        self._known(found, ALERTS, ("alerts",))
        for name, value in found.items():
            if value is not None and not (_is_number(value) and value >= 0):
                raise self._wrong(("alerts", name), "a number from 0, or null for no alarm", value)
        return found

    def _views(self) -> dict[str, int]:
        found = self._mapping("views")
        for name, version in found.items():
            if isinstance(version, bool) or not isinstance(version, int) or version < 1:
                raise self._wrong(("views", name), "the version of the view, from 1", version)
        return found

    def _splits_fit(self, splits: Mapping[str, Any]) -> None:
        if not duration(splits["test"]):
            raise self._wrong(("splits", "test"), "a duration such as 2h or 7d", splits["test"])
        for key in ("folds", "candidates"):
            number = splits[key]
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 20:
                raise self._wrong(("splits", key), "a whole number from 0 to 20", splits[key])

    def _require_allowed(self, made: Declaration) -> None:
        """No input is forbidden, is the label, or belongs to a view that is not declared."""
        for place, name in enumerate(made.inputs):
            pattern = next((p for p in made.forbidden if fnmatch.fnmatchcase(name, p)), None)
            if pattern or name == made.label:
                raise self._wrong(
                    ("inputs", place),
                    "nothing that is known only after the instant",
                    f"{name}, which is {f'forbidden ({pattern})' if pattern else 'the label'}",
                    "remove the input",
                )
            if name == SCORE:
                raise self._wrong(
                    ("inputs", place), f"another name than {SCORE}, which is the answer's", name
                )
            view = name.partition("__")[0] if "__" in name else None
            if view and view not in made.views:
                raise self._wrong(("inputs", place), "a column of a view under `views`", name)

    def _require_dependencies(self, made: Declaration) -> None:
        """`depends_on` names what the model rests on: lineage and docs follow from it."""
        named = self._exposure.get("depends_on") or []
        if not isinstance(named, list):
            raise self._wrong_outside("depends_on", "a list such as [ref('orders')]", named)
        missing = sorted(
            {*made.views, made.spine_name} - {name for text in named for name in _REF.findall(str(text))}
        )
        if missing:
            raise self._wrong_outside(
                "depends_on",
                "a ref() of each view and of the spine",
                f"none of {', '.join(missing)}",
                "add " + ", ".join(f"ref('{name}')" for name in missing),
            )

    def _wrong_outside(
        self, key: str, expected: str, found: Any, mend: str = "correct the value"
    ) -> UsageError:
        """Of what the exposure says beside `config.meta.model`."""
        line = self._lines.get((*self._at[:2], key), self._lines.get(self._at[:2], 1))
        said = found if isinstance(found, str) else repr(found)
        return UsageError(
            f"{self._file}:{line}, {key} of model {self._exposure.get('name')}",
            expected=expected,
            found=said,
            next_step=mend,
        )

    def _wrong(self, key: Path_, expected: str, found: Any, mend: str = "correct the value") -> UsageError:
        at = (*self._at, *key)
        while at and at not in self._lines:
            at = at[:-1]
        named = ".".join(map(str, ("config.meta.model", *key)))
        said = "nothing" if found is None else found if isinstance(found, str) else repr(found)
        return UsageError(
            f"{self._file}:{self._lines.get(at, 1)}, {named}", expected=expected, found=said, next_step=mend
        )


def _is_number(value: Any) -> bool:
    """Whether it can be a threshold: no NaN, which is on neither side of anything, and not endless."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else "add it to inputs, or remove it here"
