"""The group `bethna`: which verbs there are; a verb's file is imported when it is asked for, so that help is quick."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

from bethna.cli.boundary import stop_writing

# verb: file in this folder. Each holds a command of the verb's name and imports what is heavy inside it.
VERBS = {
    "up": "bethna.cli.up",
    "price": "bethna.cli.show",
    "trades": "bethna.cli.show",
    "book": "bethna.cli.show",
    "candles": "bethna.cli.history",
    "history": "bethna.cli.history",
    "best": "bethna.cli.best",
    "indices": "bethna.cli.references",
    "valuations": "bethna.cli.references",
    "alerts": "bethna.cli.alerts",
    "watch": "bethna.cli.watch",
    "status": "bethna.cli.status",
    "record": "bethna.cli.record",
    "audit": "bethna.cli.audit",
    "decode": "bethna.cli.decode",
    "twin": "bethna.cli.twin",
    "doctor": "bethna.cli.doctor",
    "completion": "bethna.cli.completion",
}

_EPILOG = """\
Exit codes: 0 done, 1 a check failed, 2 usage or settings, 3 unavailable, 4 damaged input, 130 Ctrl-C.

Settings come from a file (--config FILE, BETHNA_CONFIG, or bethna.toml in the platform's configuration folder) and
from variables BETHNA_*; `bethna doctor` shows each value and where it came from.
"""


class Verbs(click.Group):
    """Finds the verbs of VERBS, those whose file is there."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; one whose reader went away (`bethna decode | head`) ends quietly."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would call it a failure
            stop_writing()
            return 0

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of VERBS."""
        del ctx
        return [verb for verb, module in VERBS.items() if find_spec(module) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = getattr(import_module(VERBS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"bethna {version('bethna')}")
    ctx.exit()


@click.command(
    cls=Verbs,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
@click.option(
    "--config",
    "config_file",
    metavar="FILE",
    help="The settings file, instead of the one in its usual place.",
)
@click.pass_context
def bethna(ctx: click.Context, config_file: str | None) -> None:
    """A real-time crypto trading desk that says how complete every number is.

    \b
    Start with the live market:    bethna up
    or with a recording:           bethna up --source tape:FILE --speed 20
    If something does not work:    bethna doctor
    """
    ctx.obj = config_file


json_option = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, errors too.")
