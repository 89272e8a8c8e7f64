"""`headgate completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes `headgate` in SHELL.

    Write it where the shell looks for completions, or evaluate it in the shell's start-up file.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    # Not `source()`: it asks bash for its version, and fails where bash is not installed.
    script = kind(context.find_root().command, {}, "headgate", "_HEADGATE_COMPLETE")
    click.echo(script.source_template % script.source_vars())
