"""`bethna history`: bars of a span, history and live as one, to the terminal or into a file; it asks nobody itself."""

from __future__ import annotations

from typing import Any

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import INTERVALS, desk_options, symbol_argument
from bethna.cli.spans import Instant, Length

FORMATS = ("table", "csv", "json", "parquet")
DEFAULT_LIMIT = 100


@click.command(short_help="Show or save an instrument's bars of any span.")
@symbol_argument
@click.option(
    "--interval", type=click.Choice(INTERVALS), default="1h", show_default=True, help="The length of a bar."
)
@click.option(
    "--last", "last_ns", type=Length(), metavar="LENGTH", help="So far back from now, such as 30d or 12h."
)
@click.option(
    "--from", "start_ns", type=Instant(), metavar="WHEN", help="From here on; UTC unless it says a zone."
)
@click.option("--to", "end_ns", type=Instant(), metavar="WHEN", help="Up to here, exclusive (default: now).")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help=f"So many bars up to --to (default {DEFAULT_LIMIT}, where no span is said).",
)
@click.option(
    "--indicator",
    "indicators",
    multiple=True,
    metavar="NAME",
    help="With an indicator such as ema(20) or macd(12,26,9); several times for several.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="VENUE",
    help="Lend this venue's bars of the same pair where its own has none; several times for several.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="table (the default), csv, json (one object a line) or parquet, which needs --output.",
)
@click.option(
    "--output", "-o", "output", type=click.Path(dir_okay=False), metavar="FILE", help="Into a file instead."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@desk_options
@json_option
def history(**options: Any) -> int:
    """Show the bars of SYMBOL: the venue's history and what the desk has seen, one for each interval, none left out.

    What had no trade is quiet, what nobody knows is unknown, and stderr says why.

    \b
    bethna history ETH-USDT --interval 1h --last 30d
    bethna history BTC-USD@kraken --interval 1d --from 2026-01-01 -o btc.csv
    bethna history BTC-USDT --interval 4h --indicator "rsi(14)" --indicator "ema(20)"
    """
    from bethna.cli.history_telling import asked_of, tell_history
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    asked = asked_of(options)
    run(tell_history(choice_of(options), asked))
    return DONE
