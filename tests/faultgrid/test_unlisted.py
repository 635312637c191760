"""A symbol that is renamed under a running desk, on every venue, in virtual time: the desk says the same of each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from faultgrid.ground import GROUNDS, Ground
from faultgrid.trial import START, Trial, house
from virtual_time import VirtualClock, pass_time, run_virtually

from bethna.app.desk import Desk
from bethna.twins.faults import Fault

RENAMED_AT_S = 10.0


def codes(desk: Desk, subject: str) -> list[str]:
    return [event.code for event in desk.events(1000) if event.subject == subject]


async def _renamed(ground: Ground, clock: VirtualClock, *, cut: bool) -> None:
    old = ground.symbols[-1]
    faults = [Fault(kind="rename", at_s=RENAMED_AT_S, for_s=0.0, symbol=old, to=f"NEW{old}")]
    faults += [Fault(kind="cut", at_s=RENAMED_AT_S + 1.0, for_s=0.0)] if cut else []
    async with house(Trial(7, tuple(faults), 0.0, ground=ground), clock) as found:
        name = ground.instrument(found.world.markets[old].listing)
        bystander = ground.instrument(found.world.markets[ground.symbols[0]].listing)
        desk = found.desk
        await pass_time(RENAMED_AT_S - 1)
        assert desk.instrument_health(name).state == "live"
        await pass_time(90)
        health = desk.instrument_health(name)
        assert health.state == "refused"
        symbol = name.partition("@")[0]
        assert health.message.startswith(f"{ground.venue} does not list {symbol} any more")
        assert codes(desk, name).count("instrument_unlisted") == 1
        said, sockets = len(codes(desk, name)), len(found.network.attempts)
        await pass_time(240)
        assert len(codes(desk, name)) == said, "said once"
        assert len(found.network.attempts) == sockets, "no socket is replaced for it"
        assert desk.instrument_health(bystander).state == "live"
        assert [venue.state for venue in desk.venues()] == ["ok"]


@pytest.mark.parametrize("cut", [False, True], ids=["still connected", "connected anew"])
@pytest.mark.parametrize("name", [name for name, ground in GROUNDS.items() if ground.words.fits("rename")])
def test_a_renamed_symbol_is_explained_by_the_catalogue_on_every_venue(name: str, *, cut: bool) -> None:
    ground = GROUNDS[name]
    quiet = replace(ground, rates=dict.fromkeys(ground.rates, 2.0))
    clock = VirtualClock(START)
    run_virtually(_renamed(quiet, clock, cut=cut), clock)
