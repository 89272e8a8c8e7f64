"""Commands that serve models and manage the keys of those who ask them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from headgate.cli.ports import port_option
from headgate.postgres.working import with_connection
from headgate.settings import load_settings

SCOPES = ("predict", "explain", "read", "metrics")


@click.command()
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@port_option(8766, "Port to listen on.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--keys", "keys_file", type=click.Path(exists=True, dir_okay=False), help="File with more API keys."
)
@click.option("--require-key", is_flag=True, help="Require API keys on loopback, too.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second, by key.")
@click.option("--tls-certificate", type=click.Path(exists=True, dir_okay=False), help="Serve HTTPS with it.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its private key.")
def serve(
    model: str,
    host: str,
    port: int,
    workers: int,
    keys_file: str | None,
    require_key: bool,
    rate: float | None,
    tls_certificate: str | None,
    tls_key: str | None,
) -> None:
    """Serve the deployed version of MODEL until Ctrl-C or SIGTERM.

    Follows `headgate model deploy | promote | rollback` without a restart. Every answer is logged before
    it is given. API keys are required unless only this machine reaches the server.
    """
    from headgate.serving.access import is_loopback
    from headgate.serving.serve import serve as run
    from headgate.serving.worker import Options

    is_open = is_loopback(host) and not require_key
    file = str(Path(keys_file).resolve()) if keys_file else None
    run(host, port, workers, Options(model, is_open, file, rate), tls_certificate, tls_key)


@click.group()
def keys() -> None:
    """Manage the API keys of `headgate serve`."""


@keys.command("add")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Default: predict and explain."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def add(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Create a key called NAME and print it, once: only its hash is kept."""
    from headgate.serving import keys as store

    chosen = scopes or ("predict", "explain")
    key = with_connection(load_settings(), lambda connection: store.add(connection, name, chosen))
    click.echo(json.dumps({"name": name, "scopes": list(chosen), "key": key}) if as_json else key)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(as_json: bool) -> None:
    """List the keys; revoked ones, too."""
    from headgate.serving import keys as store

    found = with_connection(load_settings(), store.all_keys)
    if as_json:
        click.echo(json.dumps([key.as_dict() for key in found]))
        return
    for key in found:
        state = "revoked" if key.revoked_at else "in use"
        click.echo(f"{key.name:30} {state:8} {', '.join(sorted(key.scopes))}")
    if not found:
        click.echo("no keys; `headgate keys add NAME` creates one")


@keys.command("revoke")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def revoke(name: str, as_json: bool) -> None:
    """Revoke the key NAME; servers follow within seconds."""
    from headgate.serving import keys as store

    with_connection(load_settings(), lambda connection: store.revoke(connection, name))
    click.echo(json.dumps({"name": name, "revoked": True}) if as_json else f"{name} is revoked")
