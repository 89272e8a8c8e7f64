"""How feature views differ from those of a release, and which differences break whoever reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from headgate.change import Change
from headgate.definitions import Definitions
from headgate.store.views import AS_OF, Column, FeatureView

LAYER = "feature_store"
#: Lists of columns are cut after so many.
NAMED = 4


def view_changes(
    before: Mapping[str, FeatureView], after: Mapping[str, FeatureView], definitions: Definitions
) -> list[Change]:
    """What differs, by feature view and column.

    Args:
        before: the feature views of a release; none when nothing was published, and nothing can break.
        after: those that are to take their place, built or only declared.
        definitions: what both are built from, by the views' `definition`.
    """
    changes: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None:
            changes.append(Change(layer=LAYER, name=name, kind="added view", breaking=False))
        elif new is None:
            changes.append(Change(layer=LAYER, name=name, kind="removed view", breaking=True))
        else:
            changes += [*_shape(old, new), *_meaning(old, new, definitions)]
    return changes


def changed_keys(
    held: Mapping[str, tuple[tuple[str, str], ...]], views: Mapping[str, FeatureView]
) -> list[Change]:
    """Views with another key than releases hold of them, also of those that only older releases have."""
    return [
        Change(
            layer=LAYER,
            name=name,
            kind="changed keys",
            before=_typed(held[name]),
            after=_typed(view.keys),
            breaking=True,
        )
        for name, view in sorted(views.items())
        if held.get(name, view.keys) != view.keys
    ]


def with_meaning(new: FeatureView, old: FeatureView | None, changes: Iterable[Change]) -> FeatureView:
    """A view that is published, with the meaning of the one before it where nothing broke in between."""
    broke = any(change.name == new.name and change.breaking for change in changes)
    is_same = old is not None and old.version == new.version and old.meaning is not None and not broke
    return replace(new, meaning=old.meaning if old and is_same else new.definition)


def _shape(old: FeatureView, new: FeatureView) -> Iterator[Change]:
    """Keys, columns and types."""
    yield from changed_keys({new.name: old.keys}, {new.name: new})
    was = {column.name: column.type for column in old.columns}
    now = {column.name: column.type for column in new.columns}
    renamed = _renamed(old.columns, new.columns)
    for name, other in renamed.items():
        yield _column(new, "renamed column", name, name, other, breaking=True)
    for name in was.keys() - now.keys() - renamed.keys():
        yield _column(new, "dropped column", name, "", "", breaking=True)
    for name in now.keys() - was.keys() - set(renamed.values()):
        yield _column(new, "added column", name, "", "", breaking=False)
    for name in was.keys() & now.keys():
        if was[name] != now[name]:
            yield _column(new, "retyped column", name, was[name], now[name], breaking=True)


def _renamed(old: tuple[Column, ...], new: tuple[Column, ...]) -> dict[str, str]:
    """Columns that went where another of the same type came, at the same place: most likely renamed.

    Only words: for a consumer a column is gone, and another is there.
    """
    was, now = {column.name for column in old}, {column.name for column in new}
    if len(old) != len(new):
        return {}
    return {
        one.name: other.name
        for one, other in zip(old, new, strict=True)
        if one.name not in now and other.name not in was and one.type == other.type
    }


def _meaning(old: FeatureView, new: FeatureView, definitions: Definitions) -> Iterator[Change]:
    """Columns of the same name and type that are computed in another way."""
    if old.definition is None or new.definition is None or old.definition == new.definition:
        return
    one, other = definitions.by_key.get(old.definition), definitions.by_key.get(new.definition)
    if one is None or other is None or definitions.text(old.definition) == definitions.text(new.definition):
        return
    kept = _kept(old, new)
    redefined = [
        name
        for name in kept
        if definitions.digest(old.definition, [name]) != definitions.digest(new.definition, [name])
    ]
    if not redefined:
        return
    found = _fingerprint(definitions.digest(new.definition, [name]) for name in redefined)
    yield Change(
        layer=LAYER,
        name=new.name,
        kind="redefined",
        subject="all columns" if len(redefined) == len(kept) else column_list(redefined),
        breaking=True,
        fingerprint=found,
    )


def _kept(old: FeatureView, new: FeatureView) -> list[str]:
    """Names of the columns, key and as_of among them, that both have with the same type."""
    was = dict([*old.keys, (AS_OF, ""), *((column.name, column.type) for column in old.columns)])
    now = [*new.keys, (AS_OF, ""), *((column.name, column.type) for column in new.columns)]
    return [name for name, kind in now if was.get(name) == kind]


def _column(view: FeatureView, kind: str, name: str, before: str, after: str, *, breaking: bool) -> Change:
    return Change(
        layer=LAYER,
        name=view.name,
        kind=kind,
        subject=name,
        before=before,
        after=after,
        breaking=breaking,
    )


def _typed(keys: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in keys)


def column_list(names: list[str]) -> str:
    """Columns in words, the first few by name."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ("columns " if len(names) > 1 else "column ") + ", ".join(names[:NAMED]) + more


def _fingerprint(digests: Iterator[str]) -> str:
    return hashlib.sha256("/".join(digests).encode()).hexdigest()[:16]
