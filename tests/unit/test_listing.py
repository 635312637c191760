"""When the catalogue is asked anew and what is said of what it lacks; the numbers are those of app/listing."""

from __future__ import annotations

from collections.abc import Collection

from bethna.app.listing import LATER_S, SOONEST_S, Listing
from bethna.core.clock import seconds
from bethna.core.instrument import Instrument
from bethna.core.market import InstrumentId
from bethna.core.status import EventLevel
from bethna.runtime.clocks import ManualClock
from bethna.services.connections import Explained

OLD, OTHER = InstrumentId("OLD-USD@kraken"), InstrumentId("OTHER-USD@kraken")


class House:
    """A pool with doubts, a catalogue, and whoever hears of it."""

    def __init__(self) -> None:
        self.doubts: list[InstrumentId] = []
        self.said: dict[InstrumentId, Explained | None] = {}
        self.listed = {
            name: Instrument(name, "kraken", name.partition("-")[0], "USD", name.partition("@")[0])
            for name in (OLD, OTHER)
        }
        self.answers = True
        self.asked: list[float] = []
        self.told: list[tuple[str, str]] = []
        self.clock = ManualClock(0)
        self.listing = Listing(
            "kraken", self, self.listed, self._ask, lambda _: ["NEWUSD"], self._tell, self.clock
        )

    def doubtful(self) -> Collection[InstrumentId]:
        return self.doubts

    def explain(self, instrument: InstrumentId, explained: Explained | None) -> bool:
        known = self.said.get(instrument)
        self.said[instrument] = explained
        return known != explained

    async def _ask(self) -> bool:
        self.asked.append(self.clock.monotonic_ns() / seconds(1))
        return self.answers

    def _tell(self, _level: EventLevel, code: str, _message: str, subject: str) -> None:
        self.told.append((code, subject))

    async def wait(self, for_s: float) -> None:
        for _ in range(round(for_s / 10)):
            self.clock.advance(seconds(10))
            await self.listing.look()


async def test_rule_1_it_is_asked_soon_for_what_is_new_and_seldom_for_what_stays() -> None:
    house = House()
    await house.wait(1000)
    assert house.asked == []
    house.doubts = [OLD]
    await house.wait(2000)
    assert house.asked == [1010.0]
    house.doubts = [OLD, OTHER]
    await house.wait(100)
    assert house.asked == [1010.0, 3010.0]
    house.doubts = [OTHER]
    await house.wait(20)
    house.doubts = [OTHER, OLD]  # in doubt anew
    await house.wait(400)
    assert house.asked[2] - house.asked[1] == SOONEST_S
    await house.wait(2 * LATER_S)
    assert [later - at for at, later in zip(house.asked[2:], house.asked[3:], strict=False)] == [LATER_S] * 2


async def test_rules_2_and_3_each_turn_is_told_once() -> None:
    house = House()
    house.doubts = [OLD]
    known = house.listed.pop(OLD)
    await house.wait(2 * LATER_S)
    assert len(house.asked) == 2
    assert house.said[OLD] == Explained(
        listed=False, reason="kraken does not list OLD-USD any more. Nearest: NEWUSD"
    )
    house.listed[OLD] = Instrument(OLD, "kraken", "OLD", "USD", "OLDUSD", tradable=False)
    await house.wait(LATER_S)
    assert house.said[OLD] == Explained(listed=True, reason="kraken lists OLD-USD but does not trade it now")
    house.listed[OLD] = known
    await house.wait(2 * LATER_S)
    assert house.said[OLD] is None
    assert house.told == [("instrument_unlisted", OLD), ("not_trading", OLD), ("instrument_listed", OLD)]


async def test_rule_4_a_catalogue_that_cannot_be_had_changes_nothing() -> None:
    house = House()
    house.answers = False
    house.doubts = [OLD]
    del house.listed[OLD]
    await house.wait(SOONEST_S * 2)
    assert len(house.asked) == 2, "asked again as soon as may be"
    assert house.said == {}
    assert house.told == []
