"""`bethna completion`: the script by which a shell asks us for what may come next; it installs nothing."""

from __future__ import annotations

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option

_VARIABLE = "_BETHNA_COMPLETE"


@click.command(short_help="Print completion for bash or zsh.")
@click.argument("shell", metavar="bash|zsh", type=click.Choice(["bash", "zsh"]))
@json_option
def completion(shell: str, as_json: bool) -> int:
    """Print a script that completes verbs, options, venues and the symbols of the running desk.

    \b
    eval "$(bethna completion bash)"      in ~/.bashrc
    eval "$(bethna completion zsh)"       in ~/.zshrc
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    maker = kind(root, {}, "bethna", _VARIABLE)
    script = maker.source_template % maker.source_vars()  # `source()` would start a bash to ask its version
    if as_json:
        import msgspec

        script = msgspec.json.encode({"shell": shell, "script": script}).decode()
    click.echo(script)
    return DONE
