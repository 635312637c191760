"""Sockets that are replaced without a break, and streams that fall silent, against a real server."""

from __future__ import annotations

from scenario.pool_world import BTC, ETH, SOL, flowing, world

from bethna.logic.session_types import ConnectionSettings

BOTH_LOOPS = True

# --- make before break


async def test_server_shutdown_replaces_the_socket_without_a_break() -> None:
    async with world() as w:
        await flowing(w, trades=3)
        old = w.venue.live[0]
        await old.send({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}})
        await w.bell.until(lambda: len(w.venue.live) == 2)
        new = w.venue.live[1]
        assert new.path == old.path
        await w.bell.until(lambda: w.desk.overlaps == [((BTC.id,), True)])
        for _ in range(5):  # the old one goes on alone: the new one has shown nothing
            await w.trade(only=[old])
            await w.pass_time(1)
        assert old.open
        for _ in range(5):
            await w.trade()
            await w.pass_time(1)
        await w.bell.until(lambda: not old.open)
        assert old.close_code == 1000
        await w.bell.until(lambda: w.desk.overlaps[-1] == ((BTC.id,), False))
        await w.trade()
        await w.bell.until(lambda: w.desk.trades()[-1] == w.venue.trade_id)
        assert sorted(set(w.desk.trades())) == list(range(1, w.venue.trade_id + 1)), "nothing is lost"
        assert w.pool.health().rotations == 1
        assert w.pool.health().reconnects == 0
        assert [state for state, _ in w.desk.states[BTC.id]] == ["waiting", "live"]
        assert w.desk.codes() == ["rotation_begun", "connection_rotated"]


async def test_a_replacement_must_show_every_stream_that_the_old_one_shows() -> None:
    async with world() as w:
        w.pool.want([BTC, ETH])
        await w.bell.until(lambda: w.venue.live)
        await w.trade("BTCUSDT")
        await w.trade("ETHUSDT")
        await w.pass_time(1)
        old = w.venue.live[0]
        await old.send({"e": "serverShutdown", "E": 1})
        await w.bell.until(lambda: len(w.venue.live) == 2)
        await w.pass_time(3)
        await w.trade("ETHUSDT", only=[old])
        for _ in range(10):
            await w.trade("BTCUSDT")
            await w.pass_time(1)
        assert old.open, "ETH has not been seen on the new socket"
        await w.trade("ETHUSDT")
        await w.pass_time(2)
        await w.bell.until(lambda: not old.open)
        assert w.pool.health().rotations == 1


async def test_the_old_socket_dies_before_the_new_one_is_proven() -> None:
    async with world() as w:
        await flowing(w)
        old = w.venue.live[0]
        await old.send({"e": "serverShutdown", "E": 1})
        await w.bell.until(lambda: len(w.venue.live) == 2)
        await old.cut()
        await w.bell.until(lambda: w.desk.state(BTC) == "stale")
        await w.trade()
        await w.bell.until(lambda: w.desk.trades() == [1, 2])
        await w.pass_time(2)
        assert w.desk.state(BTC) == "live"
        assert w.venue.attempts == 2


async def test_sockets_are_replaced_before_the_venue_cuts_them() -> None:
    async with world(max_life_s=3600.0, rotate_before_s=600.0) as w:
        await flowing(w)
        first = w.venue.live[0]
        for _ in range(3600 // 20):
            await w.trade()
            await w.pass_time(20, 5)
            if not first.open:
                break
        assert not first.open
        assert first.close_code == 1000
        rotation = next(event for event in w.desk.told if event.code == "rotation_begun")
        assert 3600 - 900 - 5 <= (rotation.ts - w.began) / 1e9 <= 3600 - 600
        assert sorted(set(w.desk.trades())) == list(range(1, w.venue.trade_id + 1))


async def test_a_replacement_that_shows_nothing_is_given_up_while_the_old_one_serves() -> None:
    async with world() as w:
        await flowing(w, trades=20)
        old = w.venue.live[0]
        await old.send({"e": "serverShutdown", "E": 1})
        await w.bell.until(lambda: len(w.venue.live) == 2)
        for _ in range(31):
            await w.trade(only=[old])
            await w.pass_time(1)
        await w.bell.until(lambda: not w.venue.connections[1].open)
        assert old.open
        assert w.desk.state(BTC) == "live"
        assert w.pool.health().rotations == 0


async def test_a_lively_stream_that_dies_is_told_and_its_socket_replaced() -> None:
    async with world() as w:
        await flowing(w)
        w.pool.want([ETH])
        await w.bell.until(lambda: "ethusdt@trade" in w.venue.live[0].streams)
        for _ in range(30):
            await w.trade("BTCUSDT")
            await w.trade("ETHUSDT")
            await w.pass_time(1)
        assert w.desk.state(ETH) == "live"
        for _ in range(25):  # ETH is silent, BTC is not
            await w.trade("BTCUSDT")
            await w.pass_time(1)
        assert w.desk.state(ETH) == "stale"
        assert w.desk.state(BTC) == "live"
        assert [e.subject for e in w.desk.told if e.code == "stream_stale"] == [ETH.id]
        assert w.desk.connected == {BTC.id: True, ETH.id: True}, "silent is not disconnected"
        await w.bell.until(lambda: len(w.venue.connections) == 2)
        for _ in range(20):
            await w.trade("BTCUSDT")
            await w.trade("ETHUSDT", only=[w.venue.connections[1]])
            await w.pass_time(1)
        assert w.desk.state(ETH) == "live"
        assert not w.venue.connections[0].open
        assert w.pool.health().rotations == 1


async def test_a_quick_stream_is_held_to_its_own_pace_and_not_to_that_of_the_ticks() -> None:
    async with world(ConnectionSettings(stale_min_s=3.0)) as w:
        await flowing(w)
        for _ in range(20):
            for _ in range(10):
                await w.trade()
            await w.pass_time(1)
        await w.pass_time(3)
        assert w.desk.state(BTC) == "live"
        await w.pass_time(2)
        assert w.desk.states[BTC.id][-1] == ("stale", "nothing for longer than 3 s")


async def test_a_symbol_that_never_speaks_is_told_without_touching_the_others() -> None:
    async with world() as w:
        await flowing(w)
        w.pool.want([SOL])  # as for a delisted symbol: taken, and silent
        for _ in range(70):
            await w.trade("BTCUSDT")
            await w.pass_time(1)
        assert w.desk.state(SOL) == "stale"
        assert w.desk.state(BTC) == "live"
        assert len(w.venue.connections) == 1
