"""A venue that does not let us in, by place (451) or by access (403): named, with what to do, and not stormed."""

from __future__ import annotations

import pytest
from scenario.pool_world import BTC, ETH, world

from bethna.core.status import SystemEvent
from bethna.logic.access import refusal_words

REFUSALS = [(451, "place_refused"), (403, "access_refused")]


def told(events: list[SystemEvent], code: str) -> list[str]:
    return [event.message for event in events if event.code == code]


@pytest.mark.parametrize(("status", "code"), REFUSALS)
async def test_a_refusal_is_named_at_once_with_what_to_do_and_its_end_is_told(status: int, code: str) -> None:
    async with world() as w:
        w.venue.deny = lambda _number, _path: status
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.attempts == 1)
        await w.pass_time(1, 0.5)
        health = w.pool.health()
        assert health.state == "failing"
        assert health.message.startswith(f"{refusal_words('binance', status)}: ")
        assert "`proxy`" in health.message
        assert "another host" not in health.message, "there is only one"
        assert w.desk.states[BTC.id][-1] == ("waiting", f"connecting: {refusal_words('binance', status)}")
        await w.pass_time(100, 1)
        assert told(w.desk.told, code) == [health.message]
        assert [event.level for event in w.desk.told] == ["error"]
        w.venue.deny = lambda _number, _path: None
        await w.pass_time(65, 1)
        await w.bell.until(lambda: w.venue.live)
        for _ in range(65):
            await w.trade()
            await w.pass_time(1)
        assert w.pool.health().state == "ok"
        assert w.desk.codes() == [code, "venue_recovered"]


@pytest.mark.parametrize("status", [403, 451])
async def test_who_is_refused_does_not_storm_the_venue(status: int) -> None:
    async with world() as w:
        w.venue.deny = lambda _number, _path: status
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.attempts == 1)
        await w.pass_time(2.4, 0.2)
        assert w.venue.attempts == 1
        await w.pass_time(12, 0.2)
        assert 2 <= w.venue.attempts <= 3
        await w.pass_time(600, 2)
        assert w.venue.attempts <= 3 + 600 / 30 + 2, "half of the longest pause is waited in any case"


async def test_every_host_that_refuses_is_said_when_the_last_one_has() -> None:
    async with world(extra_hosts=1) as w:
        w.venue.deny = lambda _number, _path: 451
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.attempts == 1)
        await w.pass_time(1, 0.1)
        await w.bell.until(lambda: w.venue.attempts == 2)
        assert w.desk.codes() == ["host_changed", "place_refused"]
        assert "another host of binance" in w.desk.told[-1].message


async def test_what_is_wanted_while_nothing_can_be_connected_says_why_it_waits() -> None:
    async with world() as w:
        w.venue.deny = lambda _number, _path: 403
        w.pool.want([BTC])
        assert w.desk.states[BTC.id] == [("waiting", "subscribing")]
        await w.bell.until(lambda: w.venue.attempts == 1)
        await w.pass_time(1, 0.5)
        w.pool.want([ETH])
        assert w.desk.states[ETH.id] == [("waiting", "connecting: binance refused access (HTTP 403)")]
        w.venue.deny = lambda _number, _path: 503
        await w.pass_time(20, 0.5)
        w.pool.want([BTC])
        assert "found 503" in w.desk.states[ETH.id][-1][1]
