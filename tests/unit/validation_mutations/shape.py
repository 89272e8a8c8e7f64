"""What breaks a file as YAML, or the shape of what it holds."""

from __future__ import annotations

from tests.unit.validation_mutations.mutation import (
    ANY_PIPELINE,
    ANY_TRIGGERS,
    LAND,
    STREAM,
    TRIGGERS,
    mutation,
)

BLOCK = r"(?m)^- uuid: (?!notes)\S+\n"
MUTATIONS = (
    mutation("bracket left open", "HG001", ANY_PIPELINE, r"^uuid: (\w+)", r"uuid: ]\1"),
    mutation("tab as indentation", "HG001", ANY_TRIGGERS, r"(?m)^  schedule_type", "\tschedule_type"),
    mutation(
        "template without quotes", "HG001", LAND, r"(?m)^description: .*", "description: {{ env_var('X') }}"
    ),
    mutation("python object", "HG001", LAND, r"(?m)^description: .*", "description: !!python/name:os.system"),
    mutation(
        "time that does not exist",
        "HG001",
        TRIGGERS,
        r"(?m)^  start_time: 2026.*",
        "  start_time: 2026-13-01 00:00:00",
    ),
    mutation("list instead of a mapping", "HG001", ANY_TRIGGERS, r"^triggers:\n", "", offset=0),
    mutation(
        "io_config that is no YAML", "HG001", "io_config.yaml", r"(?m)^  (POSTGRES_PORT): .*", r"  \1: ]"
    ),
    mutation("pipeline without metadata", "HG001", LAND, r"(?s)\A.+\Z", "", also="HG060"),
    mutation("key twice", "HG027", LAND, r"(?m)^(tags: .*\n)", r"\1\1", offset=1),
    mutation("key twice in a block", "HG027", ANY_PIPELINE, r"(?m)^(  language: \w+\n)", r"\1\1", offset=1),
    mutation(
        "blocks as a mapping", "HG004", STREAM, r"blocks:\n(?:.*\n)*", "blocks: {}\n", also="HG017 HG040"
    ),
    mutation(
        "block without a type",
        "HG004",
        ANY_PIPELINE,
        r"(?m)^(- uuid: .*\n(?:  name: .*\n)?)  type: .*\n",
        r"\1",
        also="HG017 HG040 HG041 HG042 HG044 HG014 HG070",
    ),
    mutation(
        "block without a uuid", "HG004", LAND, r"(?m)^- uuid: on_weekdays\n  type", "- type", also="HG017"
    ),
    mutation(
        "upstream as a text",
        "HG004",
        ANY_PIPELINE,
        r"(?m)^  upstream_blocks: \[.+\]",
        "  upstream_blocks: one",
        also="HG007 HG042 HG041 HG040 HG013 HG014 HG070",
    ),
    mutation("retries as a word", "HG004", LAND, r"(?m)^  retries: 2", "  retries: twice"),
    mutation("timeout as a text", "HG004", LAND, r"timeout: 1800", "timeout: 30 minutes"),
    mutation(
        "io profile without settings",
        "HG004",
        "io_config.yaml",
        r"(?m)^archive:\n(?:  .*\n)*",
        "archive: here\n",
    ),
    mutation(
        "product without a target",
        "HG004",
        "global_data_products.yaml",
        r"  object_uuid: .*\n",
        "",
        offset=-1,
    ),
    mutation(
        "unknown key of a block", "HG009", ANY_PIPELINE, BLOCK + r"", r"\g<0>  owner_of_it: me\n", offset=1
    ),
    mutation("unknown key of a pipeline", "HG009", ANY_PIPELINE, r"^uuid: .*\n", r"\g<0>zzz: 1\n", offset=1),
    mutation(
        "unknown key of the project",
        "HG009",
        "metadata.yaml",
        r"project_uuid: .*\n",
        r"\g<0>zzz: 1\n",
        offset=1,
    ),
    mutation(
        "misspelt key of a block",
        "HG015",
        ANY_PIPELINE,
        r"upstream_blocks: \[.+\]",
        "upstream_block: []",
        also="HG007 HG042 HG041 HG040 HG013 HG014 HG070",
    ),
    mutation("misspelt key of a pipeline", "HG015", LAND, r"(?m)^description:", "descripton:"),
    mutation("misspelt key of io_config", "HG015", "io_config.yaml", "POSTGRES_PASSWORD", "POSTGRES_PASWORD"),
    mutation(
        "key that drops a trigger",
        "HG015",
        ANY_TRIGGERS,
        r"(?m)^  (schedule_interval: .*\n)",
        r"  \1  event_matchers: []\n",
        offset=1,
    ),
    mutation(
        "misspelt setting of a trigger", "HG015", TRIGGERS, "skip_if_previous_running", "skip_if_running"
    ),
    mutation("misspelt retry key", "HG015", ANY_PIPELINE, r"retries:", "retrys:"),
)
