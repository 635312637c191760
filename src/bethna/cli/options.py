"""Options that several verbs share, named as the settings they stand for; their values are checked by `config`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


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
            help="Where market data comes from; auto (the default) is the live market, or a simulated one when no "
            "host answers.",
        ),
    ):
        command = option(command)
    return command
