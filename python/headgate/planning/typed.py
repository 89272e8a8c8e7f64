"""Changes of the models between landing and the feature store, each told from its own SQL only."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.change import Change
from headgate.definitions import Definitions
from headgate.planning.declared import FEATURES, MONITORING, Declared, Model
from headgate.planning.deployed import BuiltModel, Deployed
from headgate.store.view_changes import column_list

LAYER = "typed"


def typed_changes(declared: Declared, deployed: Deployed) -> list[Change]:
    """What differs in the models that feature views are made from; feature views are the store's part."""
    changes: list[Change] = []
    for name in sorted(declared.models.keys() | deployed.models.keys()):
        model, built = declared.models.get(name), deployed.models.get(name)
        if model is None and built is not None and built.schema != FEATURES:
            changes.append(_change(name, "removed model", breaking=built.schema != MONITORING))
        elif model is not None and model.layer != FEATURES and not stands_empty(model, deployed):
            changes += _of_model(model, built, declared.definitions, deployed.definitions)
    return changes


def stands_empty(model: Model, deployed: Deployed) -> bool:
    """Whether dbt has made the model's relation as it is declared, and nothing has landed for it."""
    return deployed.empty.get(model.name) == frozenset(model.column_names)


def _of_model(
    model: Model, built: BuiltModel | None, declared: Definitions, deployed: Definitions
) -> Iterator[Change]:
    if built is None:
        yield _change(model.name, "added model", breaking=False)
        return
    is_read = model.layer != MONITORING
    for name in model.column_names:
        if name not in built.columns:
            yield _change(model.name, "added column", name, breaking=False)
    for name in built.columns:
        if name not in model.column_names:
            yield _change(model.name, "dropped column", name, breaking=is_read)
    kept = [name for name in model.column_names if name in built.columns]
    redefined = sorted(
        {
            name
            for key in built.built_from
            if key in deployed.by_key and deployed.text(key) != declared.text(model.name)
            for name in kept
            if deployed.own_digest(key, [name]) != declared.own_digest(model.name, [name])
        }
    )
    if redefined:
        found = declared.own_digest(model.name, redefined)
        subject = "all columns" if len(redefined) == len(kept) else column_list(redefined)
        yield _change(model.name, "redefined", subject, breaking=is_read, fingerprint=found)


def stale_models(declared: Declared, deployed: Deployed) -> set[str]:
    """Built models that hold something else than what is declared, by themselves or by what they read.

    A table keeps a dropped column until it is built from nothing, and a feature view that does cannot grow.
    """
    empty = {model.name for model in declared.models.values() if stands_empty(model, deployed)}
    # What reads them was built while they had no definition: what it reads besides is stale by itself.
    above = declared.downstream(empty)
    return {
        model.name
        for model in declared.models.values()
        if (built := deployed.models.get(model.name))
        and (
            set(built.columns) - set(model.column_names)
            or any(
                _differs(model, key, declared, deployed, alone=model.name in above)
                for key in built.built_from
            )
        )
    }


def _differs(model: Model, key: str, declared: Declared, deployed: Deployed, *, alone: bool) -> bool:
    """Whether a column is made otherwise: by the model alone, or also by what it reads."""
    then, now = deployed.definitions, declared.definitions
    if then.text(key) == now.text(model.name):
        return False
    if alone and key in then.by_key:
        return any(
            then.own_digest(key, [name]) != now.own_digest(model.name, [name]) for name in model.column_names
        )
    return any(then.digest(key, [name]) != now.digest(model.name, [name]) for name in model.column_names)


def _change(name: str, kind: str, subject: str = "", *, breaking: bool, fingerprint: str = "") -> Change:
    return Change(
        layer=LAYER, name=name, kind=kind, subject=subject, breaking=breaking, fingerprint=fingerprint
    )
