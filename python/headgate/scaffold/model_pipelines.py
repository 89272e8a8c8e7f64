"""The Mage pipelines of a model: blocks of `custom/models` train, deploy, monitor and score it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import UsageError
from headgate.model.declaration import declaration
from headgate.pipelines.project import read_mapping
from headgate.scaffold.files import NewFiles
from headgate.scaffold.mage import MAGE
from headgate.scaffold.render import Templates
from headgate.scaffold.served_models import PROJECT, switched, with_label_spine

BLOCKS = "models/"


@dataclass(frozen=True)
class Job:
    """What one pipeline does for a model; `{model}` in texts is the model's name."""

    verb: str
    description: str
    blocks: tuple[str, ...]
    schedule: str
    #: When it runs, in words.
    due: str
    starts_training: bool = False


JOBS = (
    Job(
        "train",
        "Trains {model} on a dataset of the active release, registers what passed, deploys it.",
        ("train_model", "deploy_model"),
        "30 3 * * 1",
        "Mondays at 03:30; monitor_{model} starts it too, after an alarm that training helps against.",
    ),
    Job(
        "deploy",
        "Ends a canary of {model} when there is a verdict on it.",
        ("watch_canary",),
        "*/15 * * * *",
        "Every quarter of an hour; does nothing while no canary runs.",
    ),
    Job(
        "monitor",
        "Compares what {model} answered yesterday with training and history; trains where that helps.",
        ("monitor_model", "train_on_alarm"),
        "15 2 * * *",
        "Daily at 02:15, for the day before.",
        starts_training=True,
    ),
    Job(
        "score",
        "Scores the rows of the spine of {model} that have no score yet, into scores.{model}.",
        ("score_spine",),
        "40 * * * *",
        "Forty minutes after every full hour; does nothing while no version is deployed.",
    ),
)


def missing_pipelines(project_dir: Path, model: str, schedule: str | None, *, overwrite: bool) -> NewFiles:
    """The pipelines that a declared model lacks, whatever their names, and its place in dbt_project.yml.

    Args:
        project_dir: folder that holds dbt_project.yml.
        model: the model's name.
        schedule: cron expression of its training, UTC; without one that trigger is inactive.
        overwrite: whether all four are written, in place of those of their names.

    Raises:
        UsageError: it is not declared, or `schedule` is for a pipeline that stands.
    """
    declared = declaration(project_dir, model)
    standing = {block for blocks in _about(project_dir, model).values() for block in blocks}
    jobs = [job for job in JOBS if overwrite or BLOCKS + job.blocks[0] not in standing]
    if schedule and JOBS[0] not in jobs:
        raise UsageError(
            "--schedule",
            expected=f"no pipeline that trains {model}",
            found="one that has its own schedule",
            next_step="edit its triggers.yaml",
        )
    is_custom = declared.task == "custom"
    texts = model_files(project_dir, model, declared.spine_name, schedule, is_custom=is_custom, jobs=jobs)
    return NewFiles(project_dir, texts, frozenset({PROJECT}))


def model_files(
    project_dir: Path,
    model: str,
    spine: str,
    schedule: str | None,
    *,
    is_custom: bool,
    jobs: Sequence[Job] = JOBS,
) -> dict[str, str]:
    """What a declared model runs with, by path: its pipelines, and the project's file that names its spine.

    Args:
        project_dir: folder that holds dbt_project.yml.
        model: the model's name.
        spine: name of its spine.
        schedule: cron expression of its training, UTC; without one that trigger is inactive.
        is_custom: whether the model's own code answers; no label is compared with its texts.
        jobs: what its pipelines do.
    """
    project = switched((project_dir / PROJECT).read_text(encoding="utf-8"), on=True)
    return {
        **model_pipelines(project_dir, model, schedule, is_custom=is_custom, jobs=jobs),
        PROJECT: project if is_custom else with_label_spine(project, spine),
    }


def model_pipelines(
    project_dir: Path, model: str, schedule: str | None, *, is_custom: bool, jobs: Sequence[Job] = JOBS
) -> dict[str, str]:
    """The files of a model's pipelines, by path.

    Training by schedule is off unless one is given, for a new declaration has to be looked over first; the
    others do nothing before a version is deployed. Scoring by code of one's own is off: its answers may cost.
    """
    templates = Templates(project_dir)
    inactive = {"train", "score"} if is_custom else {"train"}
    texts = {}
    for job in jobs:
        name = f"{job.verb}_{model}"
        folder = f"{MAGE}/pipelines/{name}"
        is_given = job.verb == "train" and schedule
        is_active = is_given or job.verb not in inactive
        due = "On this schedule, UTC." if is_given else job.due.format(model=model)
        texts[f"{folder}/metadata.yaml"] = templates.render(
            "model/pipeline.yaml",
            name=name,
            description=job.description.format(model=model),
            model=model,
            blocks=job.blocks,
            training=f"train_{model}" if job.starts_training else "",
        )
        texts[f"{folder}/triggers.yaml"] = templates.render(
            "triggers.yaml",
            name=name,
            schedule=schedule if is_given else job.schedule,
            status="active" if is_active else "inactive",
            description=due,
        )
    return texts


def pipelines_of(project_dir: Path, model: str) -> list[str]:
    """Folders of pipelines that have nothing but blocks of `custom/models`, about this model."""
    about = _about(project_dir, model)
    return [folder for folder, blocks in about.items() if all(uuid.startswith(BLOCKS) for uuid in blocks)]


def _about(project_dir: Path, model: str) -> dict[str, list[str]]:
    """By folder, the blocks of pipelines whose variable `model` is this one."""
    found = {}
    for file in sorted((project_dir / MAGE / "pipelines").glob("*/metadata.yaml")):
        metadata = read_mapping(file)
        if (metadata.get("variables") or {}).get("model") == model:
            folder = str(file.parent.relative_to(project_dir))
            found[folder] = [str(block.get("uuid")) for block in metadata.get("blocks") or []]
    return found
