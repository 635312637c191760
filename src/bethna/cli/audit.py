"""`bethna audit`: a recording, or a minute of the live venue, through the feed path and against its oracles."""

from __future__ import annotations

from pathlib import Path

import click

from bethna.api.audit import Audit, audit_lines, audit_symbol
from bethna.app import RealTimeTrading
from bethna.core.clock import NS_PER_S
from bethna.core.market import Interval


def audit_desk(desk: RealTimeTrading, interval: Interval | None, *, list_gaps: bool) -> Audit:
    """The audit of a desk whose tape has been played."""
    player = desk.player
    assert player is not None
    venues = [health.venue for health in desk.venues()]
    offset = desk.feeds.clock_offset_ns(venues[0]) if venues else None
    span = (player.position or 0) - (player.start or 0)
    return Audit(
        venue=venues[0] if venues else None,
        span_s=round(span / NS_PER_S, 6),
        frames=player.frames,
        unknown_messages=player.unknown_messages,
        wire_errors=player.wire_errors,
        clock_offset_s=None if offset is None else round(offset / NS_PER_S, 6),
        state_hash=desk.state_hash() or desk.feeds.state_hash(),
        symbols={
            found.id: audit_symbol(desk.feeds.feed(found.id), interval, list_gaps=list_gaps)
            for found in desk.feeds.instruments()
        },
        damage=player.damage.message if player.damage else None,
    )
