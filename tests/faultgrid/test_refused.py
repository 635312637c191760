"""What a venue refuses and what it says of itself, on every venue, in virtual time: told as it is, until it is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from faultgrid.ground import GROUNDS, Ground
from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app.desk import Desk
from bethna.core.status import VenueHealth
from bethna.twins.faults import Fault

REFUSED_S = 200.0


def codes(desk: Desk) -> list[str]:
    return [event.code for event in desk.events(1000)]


def health(desk: Desk) -> VenueHealth:
    (found,) = desk.venues()
    return found


async def _alone(ground: Ground, clock: VirtualClock) -> None:
    symbol = ground.symbols[-1]
    fault = Fault(kind="refused_subscription", at_s=0.0, for_s=REFUSED_S, symbol=symbol)
    trial = Trial(3, (fault,), 0.0, ground=ground, spec={"url_streams": 0})
    async with house(trial, clock) as found:
        name, desk = ground.instrument(found.world.markets[symbol].listing), found.desk
        await pass_time(REFUSED_S - 10)
        assert desk.instrument_health(name).state == "refused"
        assert health(desk).state == "ok"
        assert health(desk).message.startswith(f"refused by name: {name} (")
        assert len(found.network.attempts) <= 4, "a socket a round at most"
        rejected = codes(desk).count("subscription_rejected")
        assert set(codes(desk)) == {"subscription_rejected"}
        await pass_time(500)
        assert codes(desk).count("subscription_rejected") == rejected, "each stream once"
        assert codes(desk).count("subscription_accepted") == 1
        assert desk.instrument_health(name).state == "live"
        assert (health(desk).state, health(desk).message) == ("ok", "")


@pytest.mark.parametrize("name", GROUNDS)
def test_a_venue_whose_only_symbol_is_refused_is_well_and_says_what_is_refused(name: str) -> None:
    ground = GROUNDS[name]
    ground = replace(ground, rates={ground.symbols[-1]: 2.0})
    clock = VirtualClock(START)
    run_virtually(_alone(ground, clock), clock)


async def _maintained(ground: Ground, clock: VirtualClock) -> None:
    fault = Fault(kind="maintenance", at_s=10.0, for_s=20.0, delay_s=5.0, retry_after_s=2.0)
    async with house(Trial(3, (fault,), 0.0, ground=ground), clock) as found:
        desk = found.desk
        await pass_time(12)
        before = codes(desk)
        await pass_time(120)
        assert (health(desk).state, health(desk).message) == ("ok", "")
        assert codes(desk).count("venue_not_trading") == codes(desk).count("venue_trading")
        if ground.venue == "deribit":
            assert "venue_not_trading" in before
        for instrument in desk.instruments():
            assert desk.instrument_health(instrument.id).state == "live"


@pytest.mark.parametrize(
    "name", [name for name, ground in GROUNDS.items() if ground.words.fits("maintenance")]
)
def test_after_its_maintenance_a_venue_is_not_said_to_be_under_it(name: str) -> None:
    ground = GROUNDS[name]
    clock = VirtualClock(START)
    run_virtually(_maintained(replace(ground, rates=dict.fromkeys(ground.rates, 2.0)), clock), clock)
