"""Versions that can be asked, and which of them answers what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headgate.landing.privacy import digest
from headgate.model import flavours, key_text
from headgate.model.encoding import Encoder
from headgate.model.output import Output
from headgate.model.package import Package
from headgate.model.personal import DROP, Personal
from headgate.model.split import in_canary
from headgate.serving import keytext
from headgate.serving.requests import Checker, Row
from headgate.serving.scoring import Scorer

Values = Mapping[str, Any]


class Loaded:
    """A version that can be asked; `predictor` is its own from now on.

    Args:
        version: its number.
        package: the model.
        predictor: it, loaded.
        pii_key: what personal data is hashed with before it is logged.
    """

    def __init__(
        self, version: int, package: Package, predictor: flavours.Predictor, pii_key: Callable[[], bytes]
    ) -> None:
        self.version = version
        self.package = package
        self.predictor = predictor
        self.scorer = Scorer(predictor, package.task, package.options)
        self.checker = Checker(package.signature)
        self.refuses_unknown = package.options.get("unknown_entity", "missing") == "refuse"
        self._personal = Personal.of(package.options)
        self._pii_key = pii_key
        names = package.options.get("spine_keys") or [name for name, _ in package.signature.keys]
        kinds = {
            **{given.name: given.type for given in package.signature.inputs},
            **dict(package.signature.keys),
        }
        self._key_parts = [(name, keytext.form(kinds.get(name, "text"))) for name in names]

    def key_text(self, row: Row, otherwise: str) -> str:
        """The key as text, as PostgreSQL writes it; a row without one is a unit of its own."""
        return key_text.joined(self._parts(row)) if row.key else otherwise

    def logged_key(self, row: Row, text: str) -> str:
        """The key as it is logged, personal parts hashed or left out."""
        if not self._personal.keys or not row.key:
            return text
        actions = [self._personal.keys.get(name) for name, _ in self._key_parts]
        return key_text.joined(list(map(self._minimised, self._parts(row), actions)))

    def logged(self, values: Values) -> Values:
        """Inputs as they are logged, personal ones hashed or left out."""
        if not self._personal.inputs:
            return values
        personal = {name: how for name, how in self._personal.inputs.items() if values.get(name) is not None}
        hidden = {name: self._minimised(str(values[name]), how) or None for name, how in personal.items()}
        return {**values, **hidden}

    def logged_answer(self, score: Any) -> str | None:
        """An answer that is no number as it is logged: a text, or JSON."""
        text = keytext.of_json(score)
        return text and (self._minimised(text, self._personal.answer) or None)

    def logged_chances(self, score: Output) -> Mapping[str, float] | None:
        """The chances of classes as they are logged: not at all where the class is personal."""
        return None if self._personal.answer else score.probabilities

    def _parts(self, row: Row) -> list[str]:
        key = row.key or {}
        return [form(key[name] if name in key else row.values.get(name)) for name, form in self._key_parts]

    def _minimised(self, text: str, how: str | None) -> str:
        if how is None:
            return text
        return "" if how == DROP else digest(self._pii_key(), text)


@dataclass(frozen=True, eq=False)
class Deployment:
    """What answers, until the next swap."""

    model: str
    champion: Loaded
    challenger: Loaded | None
    share: float
    release_id: int | None

    @property
    def versions(self) -> tuple[Loaded, ...]:
        """The champion, and the challenger if there is one."""
        return (self.champion, self.challenger) if self.challenger else (self.champion,)

    @property
    def explains(self) -> bool:
        """Whether a version tells what an input adds to its score."""
        return any(loaded.predictor.explains for loaded in self.versions)

    @cached_property
    def encoder(self) -> Encoder | None:
        """What encodes rows for both versions; None where there is but one, or they differ."""
        first, last = self.versions[0].predictor.encoder, self.versions[-1].predictor.encoder
        return first if self.challenger and first and last and first.equals(last) else None

    @cached_property
    def fetched(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """By view: the columns that are read, and the inputs that they are."""
        found: dict[str, dict[str, str]] = {}
        for loaded in self.versions:
            for given in loaded.package.signature.fetched:
                assert given.view is not None
                column = given.name.removeprefix(f"{given.view}__")
                found.setdefault(given.view, {})[column] = given.name
        return {view: (tuple(columns), tuple(columns.values())) for view, columns in found.items()}

    @cached_property
    def views(self) -> tuple[str, ...]:
        """The views that are read."""
        return tuple(self.fetched)

    @cached_property
    def unknown(self) -> dict[str, None]:
        """The inputs that are read, without a value."""
        return dict.fromkeys(name for _, names in self.fetched.values() for name in names)

    @cached_property
    def _takes_sent_features(self) -> bool:
        """Whether the challenger takes no feature that a request with the champion's features lacks."""
        names = [{given.name for given in loaded.package.signature.inputs} for loaded in self.versions]
        return names[-1] <= names[0]

    def asked(self, row: Row) -> tuple[Loaded, ...]:
        """The versions that can be asked for a row."""
        if row.is_by_key or self._takes_sent_features:
            return self.versions
        return (self.champion,)

    def answering(self, row: Row, key: str) -> Loaded:
        """The version that answers a row."""
        challenger = self.asked(row)[-1]
        if challenger is not self.champion and in_canary(self.model, challenger.version, key, self.share):
            return challenger
        return self.champion
