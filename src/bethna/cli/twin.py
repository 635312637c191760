"""`bethna twin`: simulated venues, each on a port, until Ctrl-C; it simulates nothing itself."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from bethna.cli.boundary import DONE
from bethna.cli.completing import complete_twin
from bethna.cli.group import json_option
from bethna.core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from socket import socket

    from bethna.twins.faults import Plans
    from bethna.twins.market.facts import Listing

PORT = 9700
_FAULTS = "faults"
_ALL = "all"
_MOST_SEED = 2**32 - 1
_MOST_PORT = 65535
MOST_PAST_DAYS = 3_650


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


class PortsType(click.ParamType[tuple[int, ...]]):
    """`9700`: the first of as many ports as there are venues; `9700,9710`: one for each; 0 is any free one."""

    name = "port"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The numbers as they are given."""
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(word.isdecimal() and word.isascii() and int(word[:6]) <= _MOST_PORT for word in words):
            self.fail(
                f"{str(value)[:40]!r} is no port from 0 to {_MOST_PORT}, nor a list of such.", param, ctx
            )
        return tuple(int(word[:6]) for word in words)


def _pace(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if value != value:
        raise click.BadParameter("nan is not a number.")
    return value


@click.command(cls=TwinCommand, short_help="Simulate a venue that misbehaves on request.")
@click.argument("what", metavar="VENUE[,VENUE...]|all|faults", shell_complete=complete_twin)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; control calls are taken from this machine only.",
)
@click.option(
    "--port",
    "ports",
    type=PortsType(),
    default=str(PORT),
    show_default=True,
    metavar="N|LIST",
    help="The port for streams, requests and control calls, the next one for the second venue, and so on; "
    "or one for each, such as 9700,9710; 0 is any free one.",
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
    "--past-days",
    type=click.IntRange(0, MOST_PAST_DAYS),
    default=400,
    show_default=True,
    metavar="N",
    help="Candles and trades go back so many days before the start; 0: there was nothing before it.",
)
@click.option(
    "--symbols",
    metavar="N|LIST",
    help="The N liveliest symbols of each venue; of one venue also a list such as BTCUSDT,ETHUSDT (default: all).",
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
@click.option("--faults-of", "usual", metavar="VENUE", help="Whose the faults are that name no venue.")
@click.option("--attached", is_flag=True, hidden=True, help="End when stdin closes; says nothing at the end.")
@json_option
def twin(
    what: str,
    host: str,
    ports: tuple[int, ...],
    seed: int,
    pace: float,
    past_days: int,
    symbols: str | None,
    faults_file: Path | None,
    truth_file: Path | None,
    usual: str | None,
    attached: bool,
    as_json: bool,
) -> int:
    """Simulate VENUE on one port: its streams, its requests, and control calls under /twin. Ctrl-C ends it.

    Nothing that it says was ever traded. The same seed tells the same story. Several venues begin at one instant and
    agree on what an asset is worth.

    \b
    bethna twin VENUE --seed 7 --faults FILE --truth FILE
    bethna twin VENUE,VENUE --port 9700                       the second one is on 9701
    bethna twin all --json                                    every venue that there is
    bethna twin faults                                        what can go wrong, with every parameter
    curl -d '{"kind": "cut"}' http://127.0.0.1:9700/twin/faults   makes it go wrong now
    """
    if what == _FAULTS:
        _refuse_options()
        return _list_faults(as_json)
    venues = _venues(what)
    from bethna.cli.running import run
    from bethna.cli.simulate import Simulation, simulate

    listings = _listings(symbols, venues)
    plans = _plans(faults_file, listings, _usual(usual, venues))
    asked = Simulation(seed or _fresh_seed(), pace, past_days, listings, plans, truth_file, attached, as_json)
    failed: list[StoreError] = []
    with ExitStack() as stack:
        listeners = _listen(host, _ports(ports, venues), venues, stack)
        try:
            run(simulate(asked, listeners, failed))
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


def _venues(what: str) -> tuple[str, ...]:
    """The venues of the argument, each once."""
    from bethna.twins.registry import VENUES

    if what == _ALL:
        return tuple(VENUES)
    venues = tuple(dict.fromkeys(what.split(",")))
    for venue in venues:
        if venue not in VENUES:
            known = ", ".join([*VENUES, _ALL, _FAULTS])
            raise click.UsageError(f"expected one of {known}, found {venue[:40]!r}")
    return venues


def _usual(usual: str | None, venues: tuple[str, ...]) -> str:
    if usual is not None and usual not in venues:
        raise click.UsageError(f"--faults-of: expected one of {', '.join(venues)}, found {usual[:40]!r}")
    return usual or ""


def _ports(ports: tuple[int, ...], venues: tuple[str, ...]) -> tuple[int, ...]:
    """One for each venue."""
    if len(ports) == len(venues):
        return ports
    if len(ports) > 1:
        said = f"one port, or {len(venues)} for {', '.join(venues)}, found {len(ports)}"
        raise click.UsageError(f"--port: expected {said}")
    first = ports[0]
    if not first:
        return (0,) * len(venues)
    if first + len(venues) - 1 > _MOST_PORT:
        most = _MOST_PORT - len(venues) + 1
        raise click.UsageError(f"--port: expected at most {most} for {len(venues)} venues, found {first}")
    return tuple(range(first, first + len(venues)))


def _listen(
    host: str, ports: tuple[int, ...], venues: tuple[str, ...], stack: ExitStack
) -> dict[str, socket]:
    """A listening socket for each venue; the stack closes them."""
    from bethna.twins.serving import listen

    return {venue: stack.enter_context(listen(host, port)) for venue, port in zip(venues, ports, strict=True)}


def _listings(symbols: str | None, venues: tuple[str, ...]) -> dict[str, tuple[Listing, ...]]:
    from bethna.twins.registry import VENUES, chosen

    if symbols is None:
        return {venue: VENUES[venue].listings() for venue in venues}
    if len(venues) == 1:
        return {venue: chosen(symbols, venue) for venue in venues}
    if not (symbols.isdecimal() and symbols.isascii() and int(symbols[:9])):
        raise click.UsageError(
            f"--symbols: expected a number where several venues are simulated, found {symbols[:40]!r}"
        )
    return {venue: VENUES[venue].listings()[: int(symbols[:9])] for venue in venues}


def _plans(path: Path | None, listings: dict[str, tuple[Listing, ...]], usual: str) -> Plans:
    """The faults of a file by venue. A file that is wrong is a wrong setting, named with its line."""
    if path is None:
        return {}
    from bethna.twins.faults import FaultError, read_plans
    from bethna.twins.registry import VENUES

    said = {
        venue: ([each.symbol for each in found], VENUES[venue].words) for venue, found in listings.items()
    }
    try:
        return read_plans(path.read_text(encoding="utf-8-sig"), str(path), said, usual)
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
