"""Two examples for the end of each command's help, in one place so that they are read and tested together."""

from __future__ import annotations

import click

from headgate.extensions import extensions

EXAMPLES: dict[str, tuple[str, str]] = {
    "up": ("headgate up", "HEADGATE_DSN=postgresql://me@db.example.org/features headgate up"),
    "down": ("headgate down", "headgate down --yes"),
    "status": ("headgate status", "headgate status --json"),
    "dsn": ('psql -d "$(headgate dsn)"', 'pg_dump -d "$(headgate dsn)" -n ops'),
    "env": ('eval "$(headgate env)"; dbt build', 'eval "$(headgate env)"; dbt source freshness'),
    "migrate": ("headgate migrate --plan", "headgate migrate 0009 --yes"),
    "land": (
        "headgate land orders exports/orders-*.jsonl.gz",
        "headgate land orders --poll --every 300",
    ),
    "state list": ("headgate state list", "headgate state list --json"),
    "state show": ("headgate state show orders", "headgate state show orders --json"),
    "state reset": ("headgate state reset orders", "headgate state reset orders --yes"),
    "state keep": ("headgate state keep orders", "headgate state keep orders --yes"),
    "state undo": ("headgate state undo orders", "headgate state undo orders --yes"),
    "receive": (
        "HEADGATE_WEBHOOK_SECRET=... headgate receive",
        "headgate receive --host 0.0.0.0 --port 8443 --processes 4",
    ),
    "serve": (
        "headgate serve order_returns",
        "headgate serve order_returns --host 0.0.0.0 --workers 2 --tls-certificate tls.crt --tls-key tls.key",
    ),
    "keys add": ("headgate keys add checkout", "headgate keys add prometheus --scope metrics"),
    "keys list": ("headgate keys list", "headgate keys list --json"),
    "keys revoke": ("headgate keys revoke checkout", "headgate keys revoke checkout --json"),
    "replay": ("headgate replay orders", "headgate replay orders --from 2026-01-01T01 --to 2026-01-01T03"),
    "run": (
        "headgate run build_features",
        "headgate run ingest_orders build_features",
    ),
    "backfill": (
        "headgate backfill build_features --from 2026-06-01T00 --to 2026-06-07T23 --plan",
        "headgate backfill build_features --from 2026-06-01T00 --to 2026-06-07T23 --chunk-hours 6",
    ),
    "check": ("headgate check", "headgate check --json || echo something is late"),
    "mage": ("headgate mage", "headgate mage --port 6790"),
    "new project": ("headgate new project ../shop", "headgate new project ~/features"),
    "new source": (
        "headgate new source orders --sample orders.jsonl --dry-run",
        "headgate new source orders --sample orders.csv --identity order_id --time created_at",
    ),
    "new feature-view": (
        "headgate new feature-view customer_orders --events stg_orders__records --key customer_id"
        " --measure 'total=sum,mean:total'",
        "headgate new feature-view sensor_state --events stg_greenhouse__records --key sensor"
        " --windows 5m,1h --resolution 5m --measure 'humidity=mean,last:humidity' --dry-run",
    ),
    "new model": (
        "headgate new model reorder --dataset 1",
        "headgate new model reorder --dataset 1 --horizon 2d --schedule '30 3 * * 1' --dry-run",
    ),
    "new spine": (
        "headgate new spine returning_customers --events stg_orders__records --key customer_id"
        " --label 'again=count(*) > 0' --horizon 7d",
        "headgate new spine late_orders --events stg_orders__records --key customer_id"
        " --label 'is_late=delivered_at > promised_at' --input total --input currency",
    ),
    "new pipeline": (
        "headgate new pipeline export_features --schedule '15 * * * *'",
        "headgate new pipeline follow_orders --type streaming --nats",
    ),
    "new block": (
        "headgate new block transformer clean_orders --pipeline ingest_orders --after land_orders",
        "headgate new block dbt build_orders --pipeline build_orders --select +stg_orders__records",
    ),
    "new ui-templates": ("headgate new ui-templates", "headgate new ui-templates --dry-run"),
    "remove package": (
        "headgate remove package shop_events",
        "headgate remove package shop_events --yes",
    ),
    "remove feature-view": (
        "headgate remove feature-view customer_orders",
        "headgate remove feature-view customer_orders --yes",
    ),
    "remove model": ("headgate remove model reorder", "headgate remove model reorder --yes"),
    "remove source": ("headgate remove source orders", "headgate remove source orders --yes"),
    "pipelines validate": (
        "headgate pipelines validate",
        "headgate pipelines validate ../other_project --strict",
    ),
    "gates list": ("headgate gates", "headgate gates list --json"),
    "gates show": (
        "headgate gates show assert_no_event_is_outside_its_partition",
        "headgate gates show assert_no_event_is_outside_its_partition --limit 50 --json",
    ),
    "gates waive": (
        "headgate gates waive assert_quarantine_stays_small --load 7 --reason 'a one-off'",
        "headgate gates waive assert_quarantine_stays_small --load 7 --reason 'a one-off' --yes",
    ),
    "gates unwaive": (
        "headgate gates unwaive assert_quarantine_stays_small --load 7 --reason 'no one-off'",
        "headgate gates unwaive assert_quarantine_stays_small --load 7 --reason 'no one-off' --yes",
    ),
    "gates waivers": ("headgate gates waivers", "headgate gates waivers --json"),
    "quarantine list": (
        "headgate quarantine list",
        "headgate quarantine list orders --load 7 --matching 'outside the partition'",
    ),
    "quarantine show": (
        "headgate quarantine show --load 7 --line 12",
        "headgate quarantine show --load 7 --line 12 --json",
    ),
    "quarantine accept": (
        "headgate quarantine accept --load 7 --reason 'one sender has no clock'",
        "headgate quarantine accept --load 7 --type order_paid --reason 'one sender has no clock' --yes",
    ),
    "quarantine discard": (
        "headgate quarantine discard --load 7 --line 12 --reason 'a test message'",
        "headgate quarantine discard --load 7 --line 12 --line 13 --reason 'test messages' --yes",
    ),
    "quarantine reopen": (
        "headgate quarantine reopen --load 7 --reason 'accepted by mistake'",
        "headgate quarantine reopen --load 7 --line 12 --reason 'accepted by mistake' --yes",
    ),
    "rejects list": ("headgate rejects list orders", "headgate rejects list --load 12 --json"),
    "rejects show": ("headgate rejects show 12 3071", "headgate rejects show 12 3071 > line.json"),
    "rejects minimise": ("headgate rejects minimise", "headgate rejects minimise --yes"),
    "loads list": ("headgate loads list orders", "headgate loads list --status discarded --json"),
    "loads show": ("headgate loads show 7", "headgate loads show 7 --json"),
    "loads discard": (
        "headgate loads discard 7 --reason 'half of the hour is missing'",
        "headgate loads discard 7 --reason 'half of the hour is missing' --yes",
    ),
    "loads restore": (
        "headgate loads restore 7 --reason 'the hour is whole after all'",
        "headgate loads restore 7 --reason 'the hour is whole after all' --yes",
    ),
    "loads expire": ("headgate loads expire", "headgate loads expire --yes"),
    "plan": ("headgate plan", "headgate plan --json"),
    "approve": (
        "headgate approve 3f9c2a71",
        "headgate plan && headgate approve 3f9c2a71 && headgate apply --yes",
    ),
    "apply": ("headgate apply", "headgate apply --yes"),
    "publish": ("headgate publish", "headgate publish --compare-all"),
    "rollback": ("headgate rollback", "headgate rollback --to 3 --yes"),
    "releases": ("headgate releases", "headgate releases --json"),
    "releases show": ("headgate releases show 3", "headgate releases show 3 --json"),
    "diff": ("headgate diff 1 2", "headgate diff 1 2 --json"),
    "compact": ("headgate compact --keep 30", "headgate compact --keep 30 --yes"),
    "dataset create": (
        "headgate dataset create returns --spine training.order_returns",
        "headgate dataset create returns --spine training.order_returns --release 3 --out data",
    ),
    "dataset list": ("headgate dataset list", "headgate dataset list --json"),
    "dataset show": ("headgate dataset show 1", "headgate dataset show 1 --json"),
    "dataset verify": ("headgate dataset verify 1", "headgate dataset verify 1 --json"),
    "mlflow": ("headgate mlflow", "headgate mlflow --port 5501"),
    "mlflow sync": ("headgate mlflow sync", "headgate mlflow sync --rebuild --json"),
    "model list": (
        "headgate model list",
        "headgate model list order_returns --json",
    ),
    "model show": (
        "headgate model show order_returns",
        "headgate model show order_returns 2 --card card.html",
    ),
    "model at": (
        "headgate model at 2026-03-01T12:30:00Z",
        "headgate model at 2026-03-01T12:30:00+02:00 order_returns --json",
    ),
    "model diff": (
        "headgate model diff order_returns 1 2",
        "headgate model diff order_returns 1 2 --json",
    ),
    "model register": (
        "headgate model register order_returns 2",
        "headgate model register order_returns 2 --why 'weekly training'",
    ),
    "model approve": (
        "headgate model approve order_returns 2 --why 'card read'",
        "headgate model approve order_returns 2 --why 'card read' --json",
    ),
    "model deploy": (
        "headgate model deploy order_returns 2 --share 0.1",
        "headgate model deploy order_returns 2 --share 0 --why 'shadow first'",
    ),
    "model promote": (
        "headgate model promote order_returns",
        "headgate model promote order_returns 2 --force --why 'the champion fails'",
    ),
    "model undeploy": (
        "headgate model undeploy order_returns --why 'nobody asks it any more'",
        "headgate model undeploy order_returns --why 'replaced by order_refunds' --json",
    ),
    "model rollback": (
        "headgate model rollback order_returns --why 'complaints'",
        "headgate model rollback order_returns --to 1 --with-release 7",
    ),
    "model watch": (
        "headgate model watch order_returns --once",
        "headgate model watch order_returns --every 30",
    ),
    "model monitor": (
        "headgate model monitor order_returns",
        "headgate model monitor order_returns --day 2026-03-01 --json",
    ),
    "model bundle": (
        "headgate model bundle order_returns --out bundle",
        "headgate model bundle order_returns --version 2 --out bundle --json",
    ),
    "model status": (
        "headgate model status order_returns",
        "headgate model status order_returns --json",
    ),
    "score": ("headgate score reorder", "headgate score reorder --version 3 --json"),
    "train": ("headgate train reorder", "headgate train reorder --dataset 1 --json"),
    "completion": (
        "headgate completion bash > ~/.local/share/bash-completion/completions/headgate",
        "headgate completion fish > ~/.config/fish/completions/headgate.fish",
    ),
}


def all_examples() -> dict[str, tuple[str, str]]:
    """Headgate's examples, and those of the commands of the project's packages."""
    return {**EXAMPLES, **{path: lines for found in extensions() for path, lines in found.examples.items()}}


def add_examples(command: click.Command, path: str) -> click.Command:
    """Ends the help of a command, and of those below it, with its examples; `path` is `gates show`."""
    if lines := EXAMPLES.get(path) or (() if isinstance(command, click.Group) else all_examples().get(path)):
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            add_examples(below, f"{path} {name}")
    return command
