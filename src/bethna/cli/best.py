"""`bethna best`: one best price of a pair across venues, once or as it goes on; it tells nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bethna.cli.boundary import DONE
from bethna.cli.completing import complete_symbol
from bethna.cli.group import json_option
from bethna.cli.options import desk_options, follow_option, timeout_option

if TYPE_CHECKING:
    from bethna.cli.attach import Choice
    from bethna.config import Settings
    from bethna.core.instrument import Feature


@click.command(short_help="Show one best price across venues.")
@click.argument("pair", metavar="BASE-QUOTE", shell_complete=complete_symbol)
@follow_option
@click.option(
    "--convert",
    default="",
    metavar="CURRENCIES",
    help="Currencies whose pairs take part, converted by a live rate, such as USDT or USDT,USDC.",
)
@timeout_option
@desk_options
@json_option
def best(**options: Any) -> int:
    """Show the best bid and ask of BASE-QUOTE across venues, and who is out and why.

    \b
    bethna best BTC-USD
    bethna best BTC-USD --convert USDT,USDC --follow
    """
    from bethna.cli.running import run
    from bethna.cli.show import choice_of
    from bethna.logic.best_price import currencies_of, pair_of

    base, quote, _ = pair_of(options["pair"])
    convert = currencies_of(options["convert"].split(","), quote)
    run(_ask(choice_of(options), options, (base, quote), convert))
    return DONE


async def _ask(
    choice: Choice, options: dict[str, Any], pair: tuple[str, str], convert: tuple[str, ...]
) -> None:
    from bethna.cli.attach import chosen_desk
    from bethna.cli.best_telling import AskedBest, BestTelling, tell_best
    from bethna.cli.desk_time import DeskTime
    from bethna.cli.output import Output

    out = Output()
    symbols = wanted_symbols(choice.settings, *pair, convert)
    books: tuple[Feature, ...] = ("books",)
    async with chosen_desk(choice, symbols, books) as desk:
        asked = AskedBest(
            "-".join(pair), convert, follow=options["follow"], as_json=options["as_json"],
            timeout_s=options["timeout_s"],
        )  # fmt: skip
        await tell_best(desk, asked, BestTelling(out, DeskTime(desk).now_ns, asked))
        await out.drained()


def wanted_symbols(settings: Settings, base: str, quote: str, convert: tuple[str, ...]) -> tuple[str, ...]:
    """What a desk of the command's own is to follow."""
    from bethna.core.errors import UnknownInstrument
    from bethna.core.instrument import parse_name
    from bethna.venues.registry import VENUES

    pairs = [f"{base}-{each}" for each in (quote, *convert)]
    rates = [f"{each}-{quote}" for each in convert]
    inverses = [f"{quote}-{each}" for each in convert]
    named: dict[str, str] = {}
    for text in settings.symbols:
        try:
            named[text] = parse_name(text, settings.preferred_venue).symbol
        except UnknownInstrument:
            continue
    found = tuple(text for text, symbol in named.items() if symbol in (*pairs, *rates, *inverses))
    if any(named[text] in pairs for text in found):
        return found
    if settings.source == "live":
        return tuple(f"{each}@{venue}" for venue in VENUES for each in (*pairs, *rates))
    return (pairs[0],)
