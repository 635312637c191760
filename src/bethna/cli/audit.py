"""`bethna audit`: a recording, or a minute of the live venue, through the feed path and against its oracles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from bethna.cli.boundary import CHECK_FAILED, DAMAGED, DONE, UNAVAILABLE
from bethna.cli.group import json_option
from bethna.cli.options import INTERVALS, Duration
from bethna.cli.surroundings import log_to_stderr, read_settings
from bethna.core.errors import TapeError

if TYPE_CHECKING:
    from bethna.api.audit import Audit
    from bethna.app import Desk
    from bethna.core.intervals import Interval


@click.command()
@click.argument("tape", required=False, type=click.Path())
@click.option(
    "--live",
    metavar="SYMBOL",
    help="Audit the live venue instead: record it, then compare with its REST answers.",
)
@click.option(
    "--for",
    "duration_s",
    type=Duration(),
    default="60s",
    show_default=True,
    help="How long to listen with --live.",
)
@click.option(
    "--candles", "interval", type=click.Choice(INTERVALS), help="List the candles of this interval."
)
@click.option(
    "--gaps", "list_gaps", is_flag=True, help="List every gap, duplicate and reordering with ids and times."
)
@json_option
def audit(
    tape: str | None,
    live: str | None,
    duration_s: float,
    interval: str | None,
    list_gaps: bool,
    as_json: bool,
) -> int:
    """Play a recording through the desk's own feed path and say how complete it is.

    Counts trades, gaps, duplicates and book updates, compares the rebuilt book with the venue's quotes, and prints a
    hash of the final state: the same tape gives the same hash every time. Gaps are no failure of the audit: exit
    code 0. Updates that never made a book are one: exit code 1. A damaged tape is audited up to the damage, and one
    that is not a recording as it was made (its lines in another order, twice, of several recordings) is said to be
    so: exit code 4.
    """
    if (tape is None) == (live is None):
        raise click.UsageError("name one recording, or --live SYMBOL")
    if tape == "":
        raise click.UsageError("expected the name of a recording, found an empty one")
    if live is not None:
        return _audit_live(live, duration_s, interval, as_json)
    import msgspec

    from bethna.api.audit import audit_lines
    from bethna.app import Desk
    from bethna.core.intervals import Interval

    settings = read_settings(source=f"tape:{tape}", speed="max")
    log_to_stderr(settings)
    desk = Desk(settings)
    desk.play_through()
    found = audit_desk(desk, Interval(interval) if interval else None, list_gaps=list_gaps)
    if not found.frames and not found.damage:
        raise TapeError(
            str(tape), 1, "expected a recording, found no frame in it", hint="bethna record --help makes one"
        )
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo("\n".join(audit_lines(found)))
    return code_of(found)


def code_of(found: Audit) -> int:
    """The exit code that an audit means."""
    if found.damaged:
        return DAMAGED
    return CHECK_FAILED if found.bookless else DONE


def _audit_live(symbol: str, duration_s: float, interval: str | None, as_json: bool) -> int:
    """Record, compare, then audit the recording like any other."""
    settings = read_settings(source="live", symbols=(symbol,))
    log_to_stderr(settings)

    import asyncio
    from datetime import UTC, datetime
    from functools import partial
    from pathlib import Path

    import msgspec

    from bethna.api.audit import audit_lines
    from bethna.app import Desk
    from bethna.app.live_audit import listen
    from bethna.core.intervals import Interval
    from bethna.runtime.clocks import SystemClock

    moment = datetime.fromtimestamp(SystemClock().now_ns() // 1_000_000_000, UTC)
    name = re.sub(r"[^A-Za-z0-9]+", "-", symbol).strip("-").lower()
    tape = Path(f"bethna-audit-{name}-{moment:%Y%m%dT%H%M%SZ}.jsonl.zst").resolve()
    comparisons = asyncio.run(listen(settings, symbol, duration_s, tape, partial(click.echo, err=True)))
    replay = Desk(read_settings(source=f"tape:{tape}", speed="max"))
    replay.play_through()
    found = audit_desk(replay, Interval(interval) if interval else None, list_gaps=True)
    if as_json:
        body = {
            **msgspec.to_builtins(found),
            "tape": str(tape),
            "comparisons": msgspec.to_builtins(comparisons),
        }
        click.echo(msgspec.json.encode(body).decode())
    else:
        click.echo("\n".join(audit_lines(found)))
        for each in comparisons:
            verdict = "equal" if each.compared and not each.differences else each.note or "DIFFERENT"
            if found.damaged and verdict == "equal":
                verdict = "as far as it was heard; its recording above is not read back as a whole"
            click.echo(f"{each.what}: {each.compared:,} compared with the venue's own, {verdict}")
            for difference in each.differences:
                click.echo(f"  {difference}")
        click.echo(f"tape for a bug report: {tape}")
    if any(each.differences for each in comparisons):
        return CHECK_FAILED
    return code_of(found) if any(each.compared for each in comparisons) else UNAVAILABLE


def audit_desk(desk: Desk, interval: Interval | None, *, list_gaps: bool) -> Audit:
    """The audit of a desk whose tape has been played."""
    from bethna.api.audit import Audit, audit_symbol, fault_rows
    from bethna.core.clock import NS_PER_S

    player = desk.player
    assert player is not None
    venues = [health.venue for health in desk.venues()]
    offset = desk.feeds.clock_offset_ns(venues[0]) if len(venues) == 1 else None
    span = (player.position or 0) - (player.start or 0)
    faults = desk.tape_check.faults()
    return Audit(
        venue=", ".join(venues) or None,
        span_s=round(span / NS_PER_S, 6),
        frames=player.frames,
        unknown_messages=player.unknown_messages,
        wire_errors=player.wire_errors,
        clock_offset_s=None if offset is None else round(offset / NS_PER_S, 6),
        state_hash=desk.state_hash() or desk.feeds.state_hash(),
        symbols={
            found.id: audit_symbol(
                desk.feeds.feed(found.id),
                interval,
                list_gaps=list_gaps,
                updates=player.updates[found.id],
                faults=faults,
            )
            for found in desk.feeds.instruments()
        },
        faults=fault_rows(faults),
        damage=player.damage.message if player.damage else None,
    )
