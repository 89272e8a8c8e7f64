"""Gates that stop builds now, and waivers that let builds past them: asked of PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.pipelines.waiting import query
from headgate.report import number_of

#: A gate that the project has no more, or that lacks no verdict, stops nothing; before dbt has told which
#: gates there are, one whose model passed all of its gates since.
STOPPING = """
    select gate, model, failures, ran_at
    from (select distinct on (gate) * from ops.gate_results order by gate, ran_at desc) as newest
    where
        status in ('fail', 'error')
        and case
            when exists (select from ops.gates where gates.gate = newest.gate)
                then exists (select from ops.missing_verdicts as missing where missing.gate = newest.gate)
                    or not exists (select from ops.model_gates where newest.gate = any(gates))
            else not exists (select from ops.gates)
                and not exists (
                    select from ops.certified_partitions as certified
                    where certified.model = newest.model and certified.certified_at > newest.ran_at
                )
        end
    order by ran_at, gate
"""
WAIVED = """
    select waivers.gate, waivers.load_id, decisions.reason
    from ops.gate_waivers as waivers
    inner join ops.decisions using (decision_id)
    inner join ops.loads on loads.load_id = waivers.load_id and loads.status = 'landed'
    order by waivers.gate, waivers.load_id
"""


@dataclass(frozen=True)
class StoppingGate:
    """A gate whose newest result stopped what is downstream."""

    gate: str
    model: str | None
    #: None where the gate itself could not run.
    failures: int | None
    ran_at: datetime

    def sentence(self) -> str:
        """What it found, and the next step."""
        rows = "could not run" if self.failures is None else number_of(self.failures, "row")
        model = f" on {self.model}" if self.model else ""
        return f"{rows}{model}; see what helps: headgate gates show {self.gate}"


@dataclass(frozen=True)
class WaivedGate:
    """A gate that does not stop for one load."""

    gate: str
    load_id: int
    reason: str


def stopping_gates(connection: Psycopg2Connection) -> list[StoppingGate]:
    """Gates that stop now, the one that has stopped longest first."""
    return [StoppingGate(*row) for row in query(connection, STOPPING)]


def waived_gates(connection: Psycopg2Connection) -> list[WaivedGate]:
    """Waivers that are in force."""
    return [WaivedGate(*row) for row in query(connection, WAIVED)]
