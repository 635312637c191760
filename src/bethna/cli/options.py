"""Options that several verbs share, named as the settings they stand for; their values are checked by `config`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bethna.cli.completing import complete_source, complete_symbol
from bethna.core.intervals import Interval

F = TypeVar("F", bound=Callable[..., Any])

INTERVALS = tuple(map(str, Interval))


class Duration(click.ParamType[float]):
    """A time such as `60s`, `5m` or `1h`, in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(s|m|h)?", str(value), re.ASCII)
        if found is None or float(found[1]) <= 0:
            self.fail(f"expected a duration such as 60s, 5m or 1h, found {str(value)[:40]!r}", param, ctx)
        return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


def _symbols(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    return value or None


def symbol_option(command: F) -> F:
    """`--symbol S`, as often as wanted."""
    return click.option(
        "--symbol",
        "-s",
        "symbols",
        multiple=True,
        callback=_symbols,
        metavar="SYMBOL",
        shell_complete=complete_symbol,
        help="An instrument to follow, such as BTC-USDT; repeat for more. Default: those of the settings.",
    )(command)


def source_options(command: F) -> F:
    """Where data comes from, and how a tape plays."""
    for option in (
        symbol_option,
        click.option("--loop/--no-loop", default=None, help="Start the tape over at its end."),
        click.option(
            "--speed", metavar="N|max", help="How fast a tape plays: 1 is as recorded, max is flat out."
        ),
        click.option(
            "--faults",
            "twin_faults",
            metavar="FILE",
            help="What the simulated venue does wrong, and when (TOML; `bethna twin faults` lists what there is).",
        ),
        click.option(
            "--seed",
            "twin_seed",
            type=int,
            metavar="N",
            help="The seed of the simulated market (default: a fresh one).",
        ),
        click.option(
            "--source",
            metavar="auto|live|twin|tape:PATH",
            shell_complete=complete_source,
            help="Where market data comes from; auto (the default) is the live market, or a simulated one when no "
            "host answers.",
        ),
    ):
        command = option(command)
    return command


symbol_argument = click.argument("symbol", metavar="SYMBOL", shell_complete=complete_symbol)
symbols_argument = click.argument("symbols", metavar="[SYMBOL]...", nargs=-1, shell_complete=complete_symbol)

follow_option = click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=Duration(),
    default="20s",
    show_default=True,
    metavar="DURATION",
    help="How long to wait for the first data.",
)


def address_options(command: F) -> F:
    """Which running desk to attach to."""
    for option in (
        click.option("--token", metavar="TOKEN", help="The token of the desk to attach to."),
        click.option(
            "--url", metavar="URL", help="The desk to attach to (default: the one that runs on this machine)."
        ),
    ):
        command = option(command)
    return command


def desk_options(command: F) -> F:
    """Which desk to ask: one that runs, or one of one's own."""
    for option in (
        click.option(
            "--seed",
            "twin_seed",
            type=int,
            metavar="N",
            help="Never attach: start a desk on the simulated market of this seed.",
        ),
        click.option(
            "--source",
            metavar="auto|live|twin|tape:PATH",
            shell_complete=complete_source,
            help="Never attach: start a desk of one's own on this source.",
        ),
        address_options,
    ):
        command = option(command)
    return command
