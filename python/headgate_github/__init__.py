"""The example: public events of GitHub, from hours of the archive, the Events API, streams and webhooks."""

from headgate.extensions import Extension

EXTENSION = Extension(
    sources={
        "gharchive": "headgate_github.archive:GHARCHIVE",
        "github_events": "headgate_github.events_api:GITHUB_EVENTS",
        "github_webhooks": "headgate_github.webhooks:GITHUB_WEBHOOKS",
    },
    commands={
        "feed": (
            "headgate_github.cli.feed:feed",
            "Publish events from files to the stream, for demos and tests.",
        ),
        "synth": ("headgate_github.cli.synth:synth", "Generate archive hours, seeded and deterministic."),
        "demo": ("headgate_github.cli.demo:demo", "Run the main job on twelve hours and show the results."),
    },
    examples={
        "feed": ("headgate feed hours/2016-01-01-1.json.gz", "headgate feed hours/*.json.gz --rate 500"),
        "synth": (
            "headgate synth --from 2016-01-01T01 --to 2016-01-01T12 --out hours",
            "headgate synth --from 2025-11-01T00 --traps all --out hours",
        ),
        "demo": ("headgate demo", "HEADGATE_DATA=hours headgate demo"),
    },
    parts=("*github*", "*gharchive*", "*pull_request*"),
)
