"""`bethna price`, `trades`, `book`: one instrument, once or as it goes on; it tells nothing by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import desk_options, follow_option, symbol_argument, timeout_option
from bethna.cli.surroundings import log_to_stderr, read_settings

if TYPE_CHECKING:
    from bethna.app.trading import RealTimeTrading
    from bethna.cli.attach import Choice
    from bethna.cli.following import Asked, Telling
    from bethna.cli.tellers import Teller
    from bethna.core.instrument import Feature

MOST_TRADES, MOST_LEVELS = 1000, 5000


@click.command(short_help="Show an instrument's price.")
@symbol_argument
@follow_option
@timeout_option
@desk_options
@json_option
def price(**options: Any) -> int:
    """Show the price of SYMBOL: the last trade, change, bid, ask, age and how complete it is.

    \b
    bethna price ETH-USDT
    bethna price ETH-USDT --follow --json
    """
    from bethna.cli.following import tell_price
    from bethna.cli.tellers import PriceTeller

    return show(options, "prices", PriceTeller, tell_price)


@click.command(short_help="Show an instrument's trades.")
@symbol_argument
@follow_option
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_TRADES),
    default=20,
    show_default=True,
    metavar="N",
    help="How many; with --follow these come first.",
)
@timeout_option
@desk_options
@json_option
def trades(**options: Any) -> int:
    """Show the newest trades of SYMBOL, newest last; with --follow each one from then on, and each gap.

    \b
    bethna trades ETH-USDT --limit 50
    bethna trades ETH-USDT --follow --json | jq .price
    """
    from bethna.cli.following import tell_trades
    from bethna.cli.tellers import TradeTeller

    return show(options, "trades", TradeTeller, tell_trades)


@click.command(short_help="Show an instrument's order book.")
@symbol_argument
@follow_option
@click.option(
    "--depth",
    type=click.IntRange(1, MOST_LEVELS),
    default=10,
    show_default=True,
    metavar="N",
    help="Levels of each side; never deeper than certified.",
)
@timeout_option
@desk_options
@json_option
def book(**options: Any) -> int:
    """Show the order book of SYMBOL, best first, and whether it can be trusted.

    \b
    bethna book ETH-USDT --depth 5
    """
    from bethna.cli.following import tell_book
    from bethna.cli.tellers import BookTeller

    return show(options, "books", BookTeller, tell_book)


Tell = Callable[["RealTimeTrading", "Asked", "Telling[Any]"], Awaitable[None]]


def show(options: dict[str, Any], feature: Feature, teller: type[Teller[Any]], tell: Tell) -> int:
    """Find the desk, tell what was asked for."""
    from bethna.cli.running import run

    choice = choice_of(options)
    run(_ask(choice, options, feature, teller, tell))
    return DONE


async def _ask(
    choice: Choice, options: dict[str, Any], feature: Feature, teller: type[Teller[Any]], tell: Tell
) -> None:
    from bethna.cli.attach import AttachedDesk, chosen_desk, follow
    from bethna.cli.desk_time import DeskTime
    from bethna.cli.following import Asked, Telling
    from bethna.cli.output import Output

    out = Output()
    symbol: str = options["symbol"]
    async with chosen_desk(choice, (symbol,), (feature,)) as desk:
        instrument, described = await follow(desk, symbol, choice.settings)
        asked = Asked(
            instrument,
            follow=options["follow"],
            as_json=options["as_json"],
            timeout_s=options["timeout_s"],
            limit=options.get("limit", 1),
            depth=options.get("depth", 1),
            interval=options.get("interval", "1m"),
            whole_book=desk.whole_book if isinstance(desk, AttachedDesk) else None,
        )
        await tell(desk, asked, Telling(out, teller(described, DeskTime(desk).now_ns), asked))
        await out.drained()


def choice_of(options: dict[str, Any]) -> Choice:
    """Which desk the options name. Raises UsageError where they contradict each other."""
    url, token, source, seed = (options.get(name) for name in ("url", "token", "source", "twin_seed"))
    own = source is not None or seed is not None
    if own and (url is not None or token is not None):
        raise click.UsageError(
            "--url and --token name a desk that runs, --source and --seed start one: give the one"
        )
    if seed is not None and source not in (None, "auto", "twin"):
        raise click.UsageError(f"--seed needs --source twin: {source} is not simulated")
    if seed is not None and source is None:
        source = "twin"
    settings = read_settings(source=source, twin_seed=seed)
    log_to_stderr(settings, quiet=True)

    from bethna.cli.attach import Choice

    return Choice(settings, url=url, token=token, own=own)
