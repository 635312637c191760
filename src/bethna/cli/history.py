"""`bethna candles` and `bethna history`: bars of a span, to the terminal or into a file; it asks nobody itself.

Rules
  1. `candles SYMBOL INTERVAL` and `history` are one: history and live as one series. So is `candles` with whatever
     belongs to the past alone.
  2. `candles` with `--follow`, and without anything of the past, is the desk's own candles since it began to watch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bethna.cli.boundary import DONE
from bethna.cli.group import json_option
from bethna.cli.options import INTERVALS, desk_options, follow_option, symbol_argument, timeout_option
from bethna.cli.spans import Instant, Length
from bethna.cli.zones import ZoneName

FORMATS = ("table", "csv", "json", "parquet")
DEFAULT_LIMIT, MOST_BARS = 100, 5_000_000
LIVE_LIMIT, MOST_LIVE = 20, 1500
_OF_THE_PAST = {
    "last_ns": "--last", "start": "--from", "end": "--to", "form": "--format", "output": "--output", "force": "--force",
    "indicators": "--indicator", "also": "--also", "day_starts": "--day-starts", "zone": "--zone",
}  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


_OF_THE_ANSWER = (
    desk_options,
    click.option("--force", is_flag=True, help="Replace the file if it is there."),
    click.option(
        "--output",
        "-o",
        "output",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Into a file instead.",
    ),
    click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        help="table (the default), csv, json (one object a line) or parquet, which needs --output.",
    ),
    click.option(
        "--zone",
        type=ZoneName(),
        metavar="ZONE",
        help="Read times without an offset in this zone, and show the table in it: Europe/Berlin, local, +02:00 "
        "(default: UTC).",
    ),
    click.option(
        "--day-starts",
        "day_starts",
        metavar="HH:MM",
        help="When days begin, UTC, of 1d and 1w (default: 00:00).",
    ),
    click.option(
        "--also",
        multiple=True,
        metavar="VENUE",
        help="Lend this venue's bars of the same pair where its own has none; several times for several.",
    ),
)
_OF_THE_SPAN = (
    click.option(
        "--indicator",
        "indicators",
        multiple=True,
        metavar="NAME",
        help="With an indicator such as ema(20) or macd(12,26,9); several times for several.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(1, MOST_BARS),
        metavar="N",
        help=f"So many bars up to --to (default {DEFAULT_LIMIT}, where no span is said).",
    ),
    click.option("--to", "end", type=Instant(), metavar="WHEN", help="Up to here, exclusive (default: now)."),
    click.option(
        "--from",
        "start",
        type=Instant(),
        metavar="WHEN",
        help="From here on; in --zone unless it says an offset.",
    ),
    click.option(
        "--last",
        "last_ns",
        type=Length(),
        metavar="LENGTH",
        help="So far back from now, such as 30d or 12h.",
    ),
    click.option("--interval", type=click.Choice(INTERVALS), help="The same as INTERVAL."),
    click.argument("length", metavar="[INTERVAL]", type=click.Choice(INTERVALS), required=False),
    symbol_argument,
)


def past_options(command: F) -> F:
    """What a question for the past may say."""
    for option in (*_OF_THE_ANSWER, *_OF_THE_SPAN):
        command = option(command)
    return command


@click.command(short_help="Show or save an instrument's bars of any span.")
@past_options
@json_option
def history(**options: Any) -> int:
    """Show the bars of SYMBOL: the venue's history and what the desk has seen, one for each interval, none left out.

    What had no trade is quiet, what nobody knows is unknown, and stderr says why. INTERVAL is 1h where it is left out.
    `bethna candles SYMBOL INTERVAL` is the same.

    \b
    bethna history ETH-USDT 1h --last 30d
    bethna history BTC-USD@kraken 1d --from 2026-01-01 -o btc.csv
    bethna history BTC-USDT 4h --indicator "rsi(14)" --indicator "ema(20)"
    """
    return _tell_past(options, _interval(options) or "1h")


@click.command(short_help="Show an instrument's candles, past or as they come.")
@past_options
@follow_option
@timeout_option
@json_option
def candles(**options: Any) -> int:
    """Show the candles of SYMBOL: with INTERVAL the past, one for each interval, none left out, the open one last.

    With --follow each one as it closes from now on, and the open one. Without INTERVAL the newest that the desk has
    seen since it began to watch, of --interval (default 1m).

    \b
    bethna candles ETH-USDT 1h --last 30d
    bethna candles ETH-USDT 1d --day-starts 08:00 --zone Europe/Berlin
    bethna candles ETH-USDT 1m --from 2026-11-01 --to 2026-11-02 -o november.parquet
    bethna candles ETH-USDT 5m --follow
    """
    interval = _interval(options)
    said = [
        name
        for key, name in _OF_THE_PAST.items()
        if options[key] is not None and options[key] not in ((), False)
    ]
    if options["follow"] and said:
        raise click.UsageError(
            f"--follow goes on from now, and {said[0]} is of the past: leave one of them out"
        )
    if not options["follow"] and (said or options["length"]):  # rule 1
        if interval is None:
            raise click.UsageError(
                f"{said[0]} needs an INTERVAL: bethna candles {options['symbol']} 1h {said[0]} ..."
            )
        return _tell_past(options, interval)
    return _show_live(options, interval or "1m")


def _interval(options: dict[str, Any]) -> str | None:
    """INTERVAL, in its place or as an option."""
    length, interval = options["length"], options["interval"]
    if length is not None and interval is not None and length != interval:
        raise click.UsageError(f"INTERVAL is {length} and --interval {interval}: give the one")
    found: str | None = length or interval
    return found


def _tell_past(options: dict[str, Any], interval: str) -> int:
    from bethna.cli.history_telling import asked_of, tell_history
    from bethna.cli.running import run
    from bethna.cli.show import choice_of

    asked = asked_of({**options, "interval": interval})
    run(tell_history(choice_of(options), asked))
    return DONE


def _show_live(options: dict[str, Any], interval: str) -> int:
    """Rule 2."""
    from bethna.cli.following import tell_candles
    from bethna.cli.show import show
    from bethna.cli.tellers import CandleTeller

    limit = options["limit"] or LIVE_LIMIT
    if limit > MOST_LIVE:
        raise click.UsageError(
            f"expected --limit up to {MOST_LIVE} of what the desk has seen, found {limit}: with INTERVAL, as in"
            f" `bethna candles {options['symbol']} {interval} --limit {limit}`, there is the past"
        )
    done = show({**options, "interval": interval, "limit": limit}, "candles", CandleTeller, tell_candles)
    if not options["follow"] and sys.stderr.isatty():
        more = f"bethna candles {options['symbol']} {interval}"
        click.echo(f"this is what the desk has seen since it began to watch; with the past: {more}", err=True)
    return done
