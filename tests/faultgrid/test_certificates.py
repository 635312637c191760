"""Certificates under ten thousand losses, duplicates and swaps: what is damaged says so, what is whole does not.

The twin's ledger says frame by frame what was done to the streams that carry an oracle (trade ids, update ids); its
truth says which figures are right. Recall is asked for each frame of the ledger and for each candle, book and quote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from conftest import Campaign
from faultgrid.heard import Listener
from faultgrid.trial import START, House, Trial, VirtualHouse, house
from virtual_time import VirtualClock, run_virtually

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.market import InstrumentId
from bethna.logic.gaplog import GapLog
from bethna.twins.binance import Damage
from bethna.twins.faults import Fault
from bethna.twins.faults.kinds import Kind

DAMAGED_S = 300.0
SETTLED_S = 40.0
FALSE_ALARMS = 0.001
LANDING_NS = NS_PER_S // 2
"""More than a frame is on its way, swapped ones included."""


def faults() -> tuple[Fault, ...]:
    """Every stream with ids loses, repeats and swaps some of its frames; some trades are lost to history as well."""

    def fault(kind: Kind, stream: str, share: float, *, history: bool = True, delay_s: float = 0.0) -> Fault:
        return Fault(
            kind=kind,
            at_s=20.0,
            for_s=DAMAGED_S,
            stream=stream,
            share=share,
            history=history,
            delay_s=delay_s,
        )

    return (
        fault("missing_trades", "trade", 0.08),
        fault("missing_trades", "trade", 0.002, history=False),
        fault("missing_diff", "depth@100ms", 0.04),
        *(fault("duplicate", stream, 0.06) for stream in ("trade", "depth@100ms")),
        *(fault("reorder", stream, 0.05, delay_s=0.4) for stream in ("trade", "depth@100ms")),
    )


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_every_damage_is_named_and_what_is_whole_is_not(campaign: Campaign) -> None:
    wanted = campaign.count(1_000, 10_000)
    damage: Counter[str] = Counter()
    outputs: Counter[str] = Counter()
    flagged: Counter[str] = Counter()
    for seed in campaign.seeds(10_000, 10_000):
        clock = VirtualClock(START)

        async def endure(clock: VirtualClock = clock, seed: int = seed) -> House:
            async with house(Trial(seed, faults(), 0.0), clock) as found:
                overlaps = Overlaps(found)
                await found.watch(20.0 + DAMAGED_S + SETTLED_S)
                findings = await found.close()
                assert findings.lost == [], seed
                assert findings.doubled == [], seed
                _named(found, overlaps, damage, seed)
                outputs.update(findings.compared)
                flagged.update(findings.flagged)
            return found

        run_virtually(endure(), clock)
        if damage.total() >= wanted:
            break
    whole = (
        sum(outputs[each] for each in ("trades", "candles", "quotes", "books")) - flagged["damaged candles"]
    )
    print(f"damage {dict(damage)}, outputs {dict(outputs)}, flagged {dict(flagged)} of {whole} whole")
    assert damage.total() >= wanted
    assert flagged["causeless candles"] == 0, "a mark without a lost trade beside it"
    if campaign.soak:
        assert flagged["damaged candles"] > 0, "some trades were lost to history as well"
        assert flagged["whole candles"] < FALSE_ALARMS * whole


class Overlaps:
    """When two sockets of the desk carried an instrument: what one of them lost or doubled, the other one told."""

    def __init__(self, found: VirtualHouse) -> None:
        self._spans: dict[InstrumentId, list[list[int]]] = {}
        self._now = found.clock.true_ns
        self._tell = found.desk.feeds.set_overlapping
        found.desk.feeds.set_overlapping = self._heard  # type: ignore[method-assign]  # the same call

    def _heard(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        known = list(instruments)
        for each in known:
            spans = self._spans.setdefault(each, [])
            if overlapping:
                spans.append([self._now(), 2**63])
            elif spans:
                spans[-1][1] = self._now()
        self._tell(known, overlapping)

    def hold(self, instrument: InstrumentId, at: int) -> bool:
        """Whether that was so at an instant, frames on their way included."""
        return any(
            start - LANDING_NS <= at <= end + LANDING_NS for start, end in self._spans.get(instrument, ())
        )


def _named(found: House, overlaps: Overlaps, damage: Counter[str], seed: int) -> None:
    """Each frame that was touched stands in the desk's book of losses."""
    for instrument, listener in found.judge.listeners.items():
        feed = found.desk.feeds.feed(instrument)
        symbol = found.judge.listings[instrument].symbol.lower()
        for stream, log in (
            (f"{symbol}@trade", feed.sequence.log),
            (f"{symbol}@depth@100ms", feed.booksync.log),
        ):
            ledger = found.twin.ledger
            named = {"doubled": _ids(log.doubles), "lost": _ids(log.doubles) | _ids_of_holes(log)}
            named["swapped"] = named["lost"]
            for what, frames in (
                ("lost", ledger.lost),
                ("swapped", ledger.swapped),
                ("doubled", ledger.doubled),
            ):
                for each in (each for each in frames if each.stream == stream):
                    damage[what] += 1
                    assert each.first is not None
                    assert each.last is not None
                    known = not named[what].isdisjoint(range(each.first, each.last + 1))
                    known = known or _covered(listener, stream, each) or overlaps.hold(instrument, each.at)
                    assert known, f"seed {seed}: {what} {each} has no name"


def _ids(gaps: Iterable[Gap]) -> set[int]:
    return {
        each
        for gap in gaps
        if gap.first_id is not None and gap.last_id is not None
        for each in range(gap.first_id, gap.last_id + 1)
    }


def _ids_of_holes(log: GapLog) -> set[int]:
    """All that was ever missing, also what came late while another part of its gap did not."""
    return {each for hole in log.holes for each in range(hole.first, hole.last + 1)}


def _covered(listener: Listener, stream: str, damage: Damage) -> bool:
    """A snapshot that came for another reason told the same before the next update could show the hole: no loss."""
    if "depth" not in stream:
        return False
    last = damage.last
    assert last is not None
    shown = min((ts_recv for first_id, ts_recv in listener.deltas if first_id > last), default=None)
    return any(
        snapshot.last_id >= last and (shown is None or snapshot.ts_recv <= shown)
        for snapshot in listener.snapshots
    )
