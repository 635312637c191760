"""When the desk itself is not well, by what its health says; it asks nobody and knows no clock.

Rules
  1. A venue is down when it has been anything but connected for longer than PATIENCE_NS by a monotonic clock; a short
     reconnect is none. One whose source has ended is not down.
  2. An instrument is stale when its health says so, at once; one that waits for its streams, or that the venue refuses,
     when it has done so for longer than PATIENCE_NS.
  3. A gap is open while trades of an instrument are missing: those that are being fetched, and those that were given
     up, for GIVEN_UP_NS from the gap's end on. A gap of unknown end is open.
  4. A quota is nearly used from NEARLY of its limit on. A clock is off beyond OFF_NS, either way.
  5. Of what the health does not speak (another venue, no limit, an offset not measured) nobody knows. Any: one that is
     so is enough, and where nothing is known of anybody, nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from bethna.core.alerts import Trouble
from bethna.core.clock import NS_PER_S
from bethna.core.status import InstrumentHealth, VenueHealth

PATIENCE_NS = 5 * NS_PER_S
GIVEN_UP_NS = 3600 * NS_PER_S
NEARLY = 0.9
OFF_NS = NS_PER_S


class Troubles:
    """What is wrong now, and since when what is wrong only after a while."""

    def __init__(self) -> None:
        self._since: dict[tuple[Trouble, str], int] = {}
        self._found: dict[Trouble, dict[str, bool]] = {}

    def look(
        self,
        venues: Iterable[VenueHealth],
        instruments: Iterable[InstrumentHealth],
        now: int,
        monotonic: int,
    ) -> None:
        """How all are now. `now`: ns UTC by the desk's clock; `monotonic`: ns that never run backwards."""
        found: dict[Trouble, dict[str, bool]] = {trouble: {} for trouble in Trouble}
        for venue in venues:
            name = venue.venue
            well = venue.state in ("ok", "ended")
            found[Trouble.VENUE_DOWN][name] = self._lasts(Trouble.VENUE_DOWN, name, monotonic, well=well)
            if venue.quota_limit is not None:
                found[Trouble.QUOTA][name] = venue.quota_used >= NEARLY * venue.quota_limit
            if venue.clock_offset_ns is not None:
                found[Trouble.CLOCK_OFF][name] = abs(venue.clock_offset_ns) > OFF_NS
        for each in instruments:
            well = each.state not in ("waiting", "refused")
            lasts = self._lasts(Trouble.STALE, each.instrument, monotonic, well=well)
            found[Trouble.STALE][each.instrument] = lasts or each.state == "stale"
            found[Trouble.GAP_OPEN][each.instrument] = _has_gap(each, now)
        self._found = found
        self._since = {key: since for key, since in self._since.items() if key[1] in found[key[0]]}

    def is_so(self, trouble: Trouble, about: str) -> bool | None:
        """Whether it is, None where nobody knows (rule 5)."""
        found = self._found.get(trouble, {})
        if about:
            return found.get(about)
        return any(found.values()) if found else None

    def _lasts(self, trouble: Trouble, name: str, monotonic: int, *, well: bool) -> bool:
        """Whether it has not been well for longer than PATIENCE_NS."""
        if well:
            self._since.pop((trouble, name), None)
            return False
        return monotonic - self._since.setdefault((trouble, name), monotonic) > PATIENCE_NS


def trouble_words(trouble: Trouble) -> str:
    """What is said of it when it has begun."""
    match trouble:
        case Trouble.VENUE_DOWN:
            return "is down"
        case Trouble.STALE:
            return "is stale"
        case Trouble.GAP_OPEN:
            return "has a gap"
        case Trouble.QUOTA:
            return "quota is nearly used"
        case Trouble.CLOCK_OFF:
            return "clock is off"
        case _:
            assert_never(trouble)


def _has_gap(health: InstrumentHealth, now: int) -> bool:
    """Rule 3."""
    return any(
        gap.stream == "trades" and not gap.healed and (gap.end is None or now - gap.end < GIVEN_UP_NS)
        for gap in health.coverage.gaps
    )
