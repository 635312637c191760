"""`bethna twin`: a simulated venue on a port, until Ctrl-C; nothing is simulated here, that is in `bethna.twins`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from bethna.cli.boundary import DONE
from bethna.cli.completing import complete_twin
from bethna.cli.group import json_option
from bethna.core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from bethna.twins.faults import Fault
    from bethna.twins.market.facts import Listing

PORT = 9700
_FAULTS = "faults"
_MOST_SEED = 2**32 - 1


class TwinCommand(click.Command):
    """A command whose help names the venues and the kinds of faults that there are."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both lists, as they are."""
        from bethna.twins.faults import NAMES
        from bethna.twins.registry import VENUES

        with formatter.section("Venues"):
            formatter.write_text(", ".join(VENUES))
        with formatter.section("Kinds of faults"):
            formatter.write_text(", ".join(NAMES))


def _pace(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if value != value:
        raise click.BadParameter("nan is not a number.")
    return value


@click.command(cls=TwinCommand, short_help="Simulate a venue that misbehaves on request.")
@click.argument("what", metavar="VENUE|faults", shell_complete=complete_twin)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; control calls are taken from this machine only.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="The port for streams, requests and control calls; 0 is any free one.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, _MOST_SEED),
    default=0,
    metavar="N",
    help="The seed of the market and of the faults' draws (default, and 0: a fresh one).",
)
@click.option(
    "--pace",
    type=click.FloatRange(0.01, 1000.0),
    default=1.0,
    callback=_pace,
    show_default=True,
    metavar="X",
    help="How many times as often orders arrive as on an ordinary day.",
)
@click.option(
    "--symbols",
    metavar="N|LIST",
    help="The N liveliest symbols, or those of a list such as BTCUSDT,ETHUSDT (default: all).",
)
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What goes wrong, and when (TOML).",
)
@click.option(
    "--truth",
    "truth_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write everything that happens in the market into FILE (JSON lines); what it held is replaced.",
)
@click.option("--attached", is_flag=True, hidden=True, help="End when stdin closes; says nothing at the end.")
@json_option
def twin(
    what: str,
    host: str,
    port: int,
    seed: int,
    pace: float,
    symbols: str | None,
    faults_file: Path | None,
    truth_file: Path | None,
    attached: bool,
    as_json: bool,
) -> int:
    """Simulate VENUE on one port: its streams, its requests, and control calls under /twin. Ctrl-C ends it.

    Nothing that it says was ever traded. The same seed tells the same story.

    \b
    bethna twin VENUE --seed 7 --faults FILE --truth FILE
    bethna twin faults                                        what can go wrong, with every parameter
    curl -d '{"kind": "cut"}' http://127.0.0.1:9700/twin/faults   makes it go wrong now
    """
    if what == _FAULTS:
        _refuse_options()
        return _list_faults(as_json)
    _check_venue(what)
    from bethna.cli.running import run
    from bethna.cli.simulate import Simulation, simulate
    from bethna.twins.serving import listen

    listings = _listings(symbols)
    plan = _plan(faults_file, [listing.symbol for listing in listings])
    asked = Simulation(what, seed or _fresh_seed(), pace, listings, plan, truth_file, attached, as_json)
    listener = listen(host, port)
    failed: list[StoreError] = []
    with listener:
        try:
            run(simulate(asked, listener, failed))
        finally:
            if failed:  # however it ended: the truth that was asked for is not whole
                raise failed[0] from None
    return DONE


def _refuse_options() -> None:
    """An option that would do nothing is refused, lest somebody relies on it."""
    context = click.get_current_context()
    for name in context.params:
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if given and name not in ("what", "as_json"):
            raise click.UsageError(
                f"`bethna twin {_FAULTS}` takes no option but --json, found one for {name}"
            )


def _check_venue(what: str) -> None:
    from bethna.twins.registry import VENUES

    if what not in VENUES:
        known = ", ".join([*VENUES, _FAULTS])
        raise click.UsageError(f"expected one of {known}, found {what[:40]!r}")


def _listings(symbols: str | None) -> tuple[Listing, ...]:
    from bethna.twins.market.catalogue import catalogue
    from bethna.twins.registry import chosen

    return catalogue() if symbols is None else chosen(symbols)


def _plan(path: Path | None, symbols: list[str]) -> tuple[Fault, ...]:
    """The faults of a file. A file that is wrong is a wrong setting, named with its line."""
    if path is None:
        return ()
    from bethna.twins.faults import FaultError, read_plan

    try:
        return read_plan(path.read_text(encoding="utf-8-sig"), str(path), symbols)
    except FaultError as error:
        _refuse(error.message, error.hint)
    except UnicodeDecodeError as error:
        _refuse(f"{path}: expected text in UTF-8, found: {error.reason} at byte {error.start}")
    except OSError as error:
        _refuse(f"{path}: expected a file of faults, found: {error.strerror}")


def _refuse(message: str, hint: str = "") -> NoReturn:
    refused = ConfigError(
        _FAULTS, message, origin="option --faults", hint=hint or "`bethna twin faults` lists what there is"
    )
    refused.code = "bad_fault_file"
    raise refused from None


def _fresh_seed() -> int:
    """A seed that nobody chose, never 0."""
    from secrets import randbelow

    return 1 + randbelow(_MOST_SEED)


def _list_faults(as_json: bool) -> int:
    """The kinds of faults with their parameters, as a table or as GET /twin/kinds has them."""
    from bethna.twins.control import fault_table, kinds
    from bethna.twins.faults import PARAMETERS

    if as_json:
        import msgspec

        said = {"kinds": kinds(), "parameters": PARAMETERS}
        click.echo(msgspec.json.encode(said).decode())
        return DONE
    for name, lasts, takes, meaning in fault_table():
        click.echo(f"{name} ({lasts})\n    {meaning}" + (f"\n    takes {takes}" if takes else ""))
    click.echo("\nParameters:")
    for name, allowed in PARAMETERS.items():
        click.echo(f"  {name:<14} {allowed}")
    click.echo(
        "\nEvery kind takes at_s (0 if not given: counted from the start, in a control call from the call),"
    )
    click.echo("and for_s unless it happens once.")
    return DONE
