"""The mutations that tests inject into valid Mage projects, by family."""

from __future__ import annotations

from tests.unit.validation_mutations import blocks, dbt, project, python, shape, streaming, triggers
from tests.unit.validation_mutations.mutation import Mutation

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS = (
    *shape.MUTATIONS,
    *blocks.MUTATIONS,
    *python.MUTATIONS,
    *triggers.MUTATIONS,
    *dbt.MUTATIONS,
    *streaming.MUTATIONS,
    *project.MUTATIONS,
)
