"""What breaks a trigger."""

from __future__ import annotations

from tests.unit.validation_mutations.mutation import ANY_TRIGGERS, TRIGGERS, mutation

MUTATIONS = (
    *(
        mutation(
            f"trigger without {key}",
            "HG020",
            ANY_TRIGGERS,
            rf"(?m)^(- name: .*\n(?:  .*\n)*?)(?:- |  ){key}: .*\n",
            r"\1",
            also="HG022 HG026",
        )
        for key in ("schedule_type", "schedule_interval", "start_time", "status")
    ),
    mutation("trigger without a name", "HG020", ANY_TRIGGERS, r"(?m)^- name: hourly\n  ", "- "),
    mutation("unknown schedule type", "HG021", ANY_TRIGGERS, r"schedule_type: time", "schedule_type: cron"),
    mutation(
        "unknown trigger status", "HG021", ANY_TRIGGERS, r"status: active", "status: running", also="HG026"
    ),
    mutation("unknown environment", "HG021", TRIGGERS, r"- prod\n", "- production\n"),
    mutation(
        "interval in words",
        "HG022",
        ANY_TRIGGERS,
        r"schedule_interval: \d.*",
        "schedule_interval: every hour",
    ),
    mutation(
        "interval that Mage lacks",
        "HG022",
        ANY_TRIGGERS,
        r"schedule_interval: \d.*",
        "schedule_interval: '@yearly'",
    ),
    mutation("minute 61", "HG022", ANY_TRIGGERS, r"schedule_interval: \d+ ", "schedule_interval: 61 "),
    mutation(
        "30 February", "HG022", ANY_TRIGGERS, r"schedule_interval: \d.*", "schedule_interval: 0 0 30 2 *"
    ),
    mutation("start time as a text", "HG023", ANY_TRIGGERS, r"start_time: 2026.*", "start_time: soon"),
    mutation("two triggers with one name", "HG024", TRIGGERS, "name: by hand", "name: hourly"),
    mutation(
        "trigger of another pipeline", "HG025", ANY_TRIGGERS, r"pipeline_uuid: (\w+)", r"pipeline_uuid: \1_2"
    ),
    mutation(
        "trigger that Mage rewrites",
        "HG026",
        ANY_TRIGGERS,
        # Inactive triggers are left alone.
        r"  status: active\n(?:  #.*\n)*  last_enabled_at: .*\n",
        "  status: active\n",
    ),
)
