"""A venue's limit of the moment is kept, not only that of the minute: who heals much at once is not refused."""

from __future__ import annotations

from faultgrid.ground import KRAKEN
from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, run_virtually

from bethna.twins.faults import Fault


def test_many_gaps_of_one_pair_are_healed_without_a_refusal() -> None:
    async def trial(clock: VirtualClock) -> tuple[set[str], int, int]:
        fault = Fault(kind="missing_trades", at_s=20.0, for_s=10.0, share=0.4, symbol=KRAKEN.symbols[0])
        async with house(Trial(4, (fault,), 90.0, ground=KRAKEN), clock) as found:
            await found.watch(90.0)
            await found.close()
            feed = found.desk.feeds.feed(KRAKEN.instrument(KRAKEN.listings()[0]))
            words = {event.message for event in found.desk.events(1000) if "asks to wait" in event.message}
            return words, feed.sequence.log.lost, sum(not gap.healed for gap in feed.sequence.log.gaps())

    clock = VirtualClock(START)
    words, lost, still = run_virtually(trial(clock), clock)
    assert words == set()
    assert lost >= 5, "too few to need many requests"
    assert still == 0
