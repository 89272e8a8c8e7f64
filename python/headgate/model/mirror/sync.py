"""Brings the mirror up to `ops`: a run for each version, a registered one for what passed, the aliases."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import HeadgateError
from headgate.model import promotions, versions
from headgate.model.mirror import entries, store
from headgate.model.promotions import Promotion
from headgate.model.versions import ModelVersion
from headgate.postgres import locks
from headgate.postgres.connection import Connection
from headgate.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

#: Held while the mirror is written.
LOCK = "mlflow mirror"
#: Of a run: it has its number among MLflow's versions too. Numbers are the same as Headgate's.
NUMBERED = "headgate.numbered"
VERSION, SHA256 = "headgate.version", "headgate.model_sha256"
#: Below a run's artifacts.
FOLDER = "model"
DESCRIPTION = "Mirrored from Headgate's registry, which decides: `headgate model list`."
#: Most runs of a model that are looked at; MLflow's own limit of one page.
MOST_RUNS = 50_000


@dataclass
class Report:
    """What was written to the mirror."""

    models: int = 0
    runs: int = 0
    versions: int = 0
    tags: int = 0
    aliases: int = 0

    def as_dict(self) -> dict[str, int]:
        """The report for programs (`--json`)."""
        return asdict(self)


async def sync(connection: Connection, settings: Settings, *, rebuild: bool = False) -> Report:
    """Writes what the mirror lacks; a second time in a row it writes nothing.

    Args:
        connection: to Headgate's own database.
        settings: name the database that MLflow's lies beside, and the home that its files lie in.
        rebuild: removes the mirror first; before any other sync of a process, in which MLflow remembers that
            it made its tables.

    Raises:
        HeadgateError: the mirror is of another history than `ops`, or cannot be reached.
    """
    async with locks.held(connection, LOCK):
        if rebuild:
            store.forget(settings)
        client = store.client(settings)
        report = Report()
        by_model: dict[str, list[ModelVersion]] = {}
        for version in reversed(await versions.all_versions(connection)):
            by_model.setdefault(version.model, []).append(version)
        for model, found in by_model.items():
            mirror = _Mirror(client, settings, model, report)
            mirror.require_same_history(found)
            for version in found:
                await mirror.bring(connection, version)
            mirror.move_aliases(await promotions.current(connection, model))
            report.models += 1
        return report


class _Mirror:
    """One model's part of the mirror."""

    def __init__(self, client: MlflowClient, settings: Settings, model: str, report: Report) -> None:
        self.client = client
        self.model = model
        self.report = report
        self.experiment = self._experiment(settings)
        self.runs = self._runs()
        self.numbers = self._registered()

    def require_same_history(self, found: list[ModelVersion]) -> None:
        """Refuses a mirror of versions that `ops` does not hold, or that somebody removed versions from."""
        held = {version.version: version for version in found}
        for number, run in self.runs.items():
            version = held.get(number)
            tags = run.data.tags
            if version is None or version.model_sha256 != tags[SHA256]:
                raise self._other(f"a run of version {number} that Headgate does not hold")
            if version.passed and NUMBERED in tags and number not in self.numbers:
                raise self._other(f"no version {number}: it was deleted there")

    async def bring(self, connection: Connection, version: ModelVersion) -> None:
        """Makes what is missing of a version, and corrects its tags."""
        run = self.runs.get(version.version)
        tags = entries.tags(version)
        if run is None:
            files = (await versions.load(connection, self.model, version.version)).files
            run = self._make_run(version, {**tags, **entries.run_tags(version, files)}, files)
            self.report.runs += 1
        for name, value in _missing(tags, run.data.tags):
            self.client.set_tag(run.info.run_id, name, value)
            self.report.tags += 1
        if NUMBERED not in run.data.tags:
            self._make_version(version, run)
        elif version.passed:
            for name, value in _missing(tags, self.numbers[version.version]):
                self.client.set_model_version_tag(self.model, str(version.version), name, value)
                self.report.tags += 1

    def move_aliases(self, deployed: Promotion | None) -> None:
        """Points `champion` and `challenger` to what is deployed; removes one that nothing has."""
        held = {
            alias: int(number)
            for alias, number in self.client.get_registered_model(self.model).aliases.items()
        }
        wanted = {
            "champion": deployed.champion if deployed else None,
            "challenger": deployed.challenger if deployed else None,
        }
        for alias, number in wanted.items():
            if number == held.get(alias):
                continue
            if number is None:
                self.client.delete_registered_model_alias(self.model, alias)
            else:
                self.client.set_registered_model_alias(self.model, alias, str(number))
            self.report.aliases += 1

    def _make_run(self, version: ModelVersion, tags: dict[str, str], files: Mapping[str, bytes]) -> Run:
        """A run with all of a version; one that is not ended was left by a sync that was killed."""
        from mlflow.entities import Metric, Param, RunTag

        ended = round(version.trained_at.timestamp() * 1000)
        started = ended - round((version.seconds or 0) * 1000)
        run_id = self.client.create_run(self.experiment, start_time=started, tags=tags).info.run_id
        metrics = [Metric(name, value, ended, 0) for name, value in entries.metrics(version).items()]
        parameters = [Param(name, value) for name, value in entries.parameters(version).items()]
        for part in range(0, max(len(metrics), len(parameters)), 100):
            those = slice(part, part + 100)
            self.client.log_batch(run_id, metrics[those], parameters[those], list[RunTag]())
        with tempfile.TemporaryDirectory() as folder:
            self._write_files(version, files, Path(folder))
            self.client.log_artifacts(run_id, folder, FOLDER)
        self.client.set_terminated(run_id, "FINISHED" if version.passed else "FAILED", ended)
        return self.client.get_run(run_id)

    def _write_files(self, version: ModelVersion, files: Mapping[str, bytes], folder: Path) -> None:
        import mlflow

        described = entries.mlmodel(version, mlflow.__version__)
        extra = {"MLmodel": described.encode()} if described else {}
        for path, content in {**files, **extra}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def _make_version(self, version: ModelVersion, run: Run) -> None:
        """MLflow counts by itself: a version that failed takes its number and is deleted again."""
        if version.version not in self.numbers:
            made = self.client.create_model_version(
                self.model,
                f"{run.info.artifact_uri}/{FOLDER}",
                run.info.run_id,
                tags=entries.tags(version),
                await_creation_for=0,
            )
            if int(made.version) != version.version:
                raise self._other(f"{made.version} as the number of version {version.version}")
            self.report.versions += version.passed
        if not version.passed:
            self.client.delete_model_version(self.model, str(version.version))
        self.client.set_tag(run.info.run_id, NUMBERED, "yes")

    def _experiment(self, settings: Settings) -> str:
        found = self.client.get_experiment_by_name(self.model)
        if found is None:
            place = store.artifacts(settings) / self.model
            return self.client.create_experiment(self.model, artifact_location=place.as_uri())
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _runs(self) -> dict[int, Run]:
        """The whole runs by version; deletes what a killed sync left, restores what somebody deleted."""
        from mlflow.entities import ViewType

        whole: dict[int, Run] = {}
        every = self.client.search_runs([self.experiment], "", ViewType.ALL, MOST_RUNS)
        for run in (run for run in every if VERSION in run.data.tags):
            deleted = run.info.lifecycle_stage == "deleted"
            if run.info.status == "RUNNING":
                if not deleted:
                    self.client.delete_run(run.info.run_id)
                continue
            if deleted:
                self.client.restore_run(run.info.run_id)
            whole[int(run.data.tags[VERSION])] = run
        return whole

    def _registered(self) -> dict[int, dict[str, str]]:
        """The tags of the registered versions by number; makes the registered model."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_registered_model(self.model)
        except MlflowException:
            self.client.create_registered_model(self.model, description=DESCRIPTION)
        found = self.client.search_model_versions(f"name = '{self.model}'", max_results=10_000)
        return {int(version.version): dict(version.tags) for version in found}

    def _other(self, found: str) -> HeadgateError:
        return HeadgateError(
            f"MLflow's mirror of model {self.model}",
            expected="the versions that Headgate holds",
            found=found,
            next_step="build it anew: headgate mlflow sync --rebuild",
        )


def _missing(wanted: dict[str, str], held: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in wanted.items() if held.get(name) != value]
