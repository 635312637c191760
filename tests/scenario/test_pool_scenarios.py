"""The pool against a real server on loopback, with time moved by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from scenario.local_venue import LocalConnection
from scenario.pool_world import BTC, ETH, SOL, flowing, world

from bethna.core.status import StreamState
from bethna.logic.session_types import ConnectionSettings

BOTH_LOOPS = True


async def test_first_streams_travel_in_the_url_and_data_reaches_the_sink() -> None:
    async with world() as w:
        w.pool.want([BTC, ETH])
        await w.bell.until(lambda: w.venue.live)
        assert w.venue.live[0].path.startswith("/stream?streams=btcusdt@trade/")
        assert not w.venue.live[0].said
        await w.trade("BTCUSDT")
        await w.bell.until(lambda: w.desk.trades() == [1])
        await w.pass_time(2)
        assert w.desk.state(BTC) == "live"
        assert w.desk.state(ETH) == "waiting"
        health = w.pool.health()
        assert (health.state, health.connections, health.attempts, health.messages) == ("ok", 1, 1, 1)


async def test_later_wants_are_subscribed_and_unwanted_ones_leave() -> None:
    async with world() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        w.pool.want([ETH])
        await w.bell.until(lambda: "ethusdt@trade" in w.venue.live[0].streams)
        w.pool.unwant([BTC.id])
        await w.bell.until(lambda: "btcusdt@trade" not in w.venue.live[0].streams)
        assert w.pool.instruments == (ETH,)
        w.pool.unwant([ETH.id])
        await w.bell.until(lambda: not w.venue.live)
        assert w.venue.connections[0].close_code == 1000
        assert w.pool.health().connections == 0


async def test_a_cut_is_told_and_mended() -> None:
    async with world() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await w.trade()
        await w.bell.until(lambda: w.desk.trades() == [1])
        await w.pass_time(2)
        await w.venue.live[0].cut()
        await w.bell.until(lambda: w.desk.state(BTC) == "stale")
        assert "reconnecting" in w.desk.states[BTC.id][-1][1]
        assert not w.desk.connected[BTC.id]
        assert w.pool.health().state == "reconnecting"
        await w.pass_time(2, 0.1)
        await w.bell.until(lambda: w.venue.live)
        await w.trade()
        await w.bell.until(lambda: w.desk.trades() == [1, 2])
        await w.pass_time(2)
        assert w.desk.state(BTC) == "live"
        assert w.desk.connected[BTC.id]
        assert w.desk.codes() == ["connection_lost", "connection_restored"]
        assert w.pool.health().reconnects == 1


# --- subscriptions


@pytest.mark.parametrize("form", ["flat", "nested"])
async def test_a_refused_symbol_is_named_and_the_others_live(form: str) -> None:
    async with world() as w:
        await flowing(w)
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), form)
        w.pool.want([SOL, ETH])
        for _ in range(8):
            await w.pass_time(2)
        await w.bell.until(lambda: w.desk.state(SOL) == "refused")
        await w.bell.until(lambda: set(w.codec.streams(ETH)) <= set(w.venue.live[0].streams))
        assert "invalid stream" in w.desk.states[SOL.id][-1][1]
        assert {e.subject for e in w.desk.told if e.code == "subscription_rejected"} == {SOL.id}
        assert w.desk.state(BTC) == "live"
        w.venue.refuse = {}  # wanted anew, it is asked for anew
        w.pool.want([SOL])
        await w.pass_time(2)
        await w.bell.until(lambda: set(w.codec.streams(SOL)) <= set(w.venue.live[0].streams))
        assert w.desk.state(SOL) == "waiting"
        assert len(w.venue.connections) == 1


async def test_one_refused_stream_does_not_refuse_its_symbol() -> None:
    async with world() as w:
        await flowing(w)
        w.venue.refuse = {"ethusdt@ticker": "flat"}
        w.pool.want([ETH])
        for _ in range(5):
            await w.pass_time(2)
        await w.bell.until(lambda: "ethusdt@trade" in w.venue.live[0].streams)
        await w.trade("ETHUSDT")
        await w.bell.until(lambda: len(w.desk.trades()) == 2)
        await w.pass_time(1)
        assert w.desk.state(ETH) == "live"
        assert "ethusdt@ticker is refused" in w.desk.states[ETH.id][-1][1]


async def test_a_missing_ack_is_told_and_a_late_one_counts() -> None:
    async with world() as w:
        await flowing(w)
        w.venue.answers = False
        w.pool.want([ETH])
        await w.bell.until(lambda: len(w.venue.held_answers) == 1)
        await w.pass_time(6)
        await w.bell.until(lambda: len(w.venue.held_answers) == 2)
        assert w.desk.codes() == ["ack_missing"]
        await w.venue.held_answers[0][0].send(w.venue.held_answers[0][1])
        before = w.pool.health().messages
        await w.bell.until(lambda: w.desk.tape[-1][0] == "rx")
        await w.pass_time(60)
        assert w.pool.health().messages > before
        assert len(w.venue.held_answers) == 2, "asked again although it was answered"
        assert w.pool.health().connections == 1


async def test_data_confirms_a_subscription() -> None:
    async with world() as w:
        await flowing(w)
        w.venue.answers = False
        w.pool.want([ETH])
        await w.bell.until(lambda: w.venue.held_answers)
        await w.trade("ETHUSDT")
        await w.bell.until(lambda: len(w.desk.trades()) == 2)
        await w.pass_time(8)
        assert w.desk.codes() == []
        assert len(w.venue.held_answers) == 1


async def test_streams_beyond_the_url_are_subscribed_and_beyond_the_cap_get_a_socket_of_their_own() -> None:
    async with world(url_streams=3, max_streams=8) as w:
        w.pool.want([BTC, ETH, SOL])
        await w.pass_time(2)
        await w.bell.until(lambda: len(w.venue.live) == 2)
        wanted = {name for one in (BTC, ETH, SOL) for name in w.codec.streams(one)}
        await w.bell.until(lambda: {name for c in w.venue.live for name in c.streams} == wanted)
        assert all(len(c.streams) <= 8 for c in w.venue.live)
        assert all(len(c.path.split("/")) <= 2 + 3 for c in w.venue.live)
        assert sorted(len(c.streams) for c in w.venue.live) == [4, 8]


async def test_a_url_that_the_venue_will_not_take_is_replaced_by_subscriptions() -> None:
    async with world() as w:
        w.venue.deny = lambda _number, path: 400 if "streams=" in path else None
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "flat")
        w.pool.want([BTC, SOL])
        await w.bell.until(lambda: w.venue.attempts == 1)
        for _ in range(10):
            await w.pass_time(2)
        await w.bell.until(lambda: w.desk.state(SOL) == "refused")
        assert w.venue.live[0].path == "/stream"
        assert set(w.venue.live[0].streams) == set(w.codec.streams(BTC))


# --- ends and beginnings


async def test_a_socket_that_is_silent_from_the_start_is_replaced_and_given_more_time() -> None:
    async with world() as w:
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        for number, patience_s in ((1, 30), (2, 60)):
            for _ in range(patience_s // 5 - 1):
                await w.bell.wait_for(await w.venue.live[0].ping())
                await w.pass_time(5)
            assert len(w.venue.connections) == number
            await w.pass_time(8, 0.5)
            await w.bell.until(lambda n=number: len(w.venue.connections) == n + 1)  # type: ignore[misc]  # a bound default
        assert w.pool.health().failing_attempts == 2
        assert w.desk.state(BTC) == "waiting"


async def test_a_dead_line_is_noticed_by_its_silence() -> None:
    async with world() as w:
        await flowing(w)
        w.venue.live[0].freeze()
        w.loose = True
        await w.pass_time(45)
        await w.bell.until(lambda: w.desk.codes() == ["connection_lost"])
        assert "our ping not answered" in w.desk.told[0].message
        closed = [entry for entry in w.desk.tape if entry[0] == "close"]
        assert "nothing heard" in closed[0][2]


async def test_pings_are_answered_with_their_own_payload_and_keep_the_line() -> None:
    async with world() as w:
        await flowing(w)
        for number in range(6):
            await w.bell.wait_for(await w.venue.live[0].ping(f"178760296{number}"))
            await w.pass_time(20)
        assert len(w.venue.connections) == 1
        assert w.pool.health().connections == 1


async def test_accept_and_cut_meets_growing_delays_and_is_called_failing() -> None:
    async with world() as w:

        async def cut(connection: LocalConnection) -> None:
            await connection.cut()

        w.venue.greet = cut
        w.pool.want([BTC])
        for _ in range(60):
            await w.pass_time(10, 0.5)
            if "venue_failing" in w.desk.codes():
                break
        assert w.desk.codes().count("venue_failing") == 1
        assert w.pool.health().state == "failing"
        assert w.pool.health().failing_attempts >= 5
        attempts = w.venue.attempts
        await w.pass_time(600, 2)
        assert attempts + 600 / 65 <= w.venue.attempts <= attempts + 80, (
            "attempts go on, spread by the backoff"
        )
        w.venue.greet = None
        await w.pass_time(70)
        await w.bell.until(lambda: w.venue.live)
        for _ in range(70):
            await w.trade()
            await w.pass_time(1)
        assert w.desk.codes()[-1] == "venue_recovered"
        assert w.pool.health().state == "ok"
        assert w.pool.health().failing_attempts == 0


async def test_attempts_never_exceed_the_window() -> None:
    async with world(connects_per_window=5, connect_window_s=300.0) as w:
        w.venue.deny = lambda _number, _path: 503
        w.pool.want([BTC])
        await w.pass_time(299, 0.5)
        assert w.venue.attempts <= 5
        await w.pass_time(299, 0.5)
        assert 6 <= w.venue.attempts <= 10


async def test_a_venue_that_says_wait_is_left_alone_for_that_long() -> None:
    async with world() as w:
        w.venue.deny = lambda number, _path: 429 if number == 1 else None
        w.venue.deny_headers = {"Retry-After": "120"}
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.attempts == 1)
        await w.pass_time(119, 0.5)
        assert w.venue.attempts == 1
        await w.pass_time(2, 0.5)
        await w.bell.until(lambda: w.venue.live)


async def test_a_blocked_host_is_left_for_the_next_at_once() -> None:
    async with world(extra_hosts=1) as w:
        w.venue.deny = lambda _number, path: None if path.startswith("/0/") else 451
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.attempts == 1)
        await w.pass_time(0.1, 0.1)
        await w.bell.until(lambda: w.venue.live)
        assert w.venue.live[0].path.startswith("/0/stream")
        assert w.desk.codes() == ["host_changed"]
        await w.venue.live[0].cut()
        await w.pass_time(3, 0.1)
        await w.bell.until(lambda: w.venue.live)
        assert w.venue.live[0].path.startswith("/0/stream"), "the blocked host is not tried again so soon"


async def test_an_unreachable_host_is_left_after_two_tries_and_comes_back() -> None:
    async with world(extra_hosts=1) as w:
        w.venue.deny = lambda _number, path: None if path.startswith("/0/") else 502
        w.pool.want([BTC])
        await w.pass_time(10, 0.1)
        await w.bell.until(lambda: w.venue.live)
        assert w.venue.attempts == 3
        w.venue.deny = lambda _number, _path: None
        await w.pass_time(120)
        await w.venue.live[0].cut()
        await w.pass_time(10, 0.1)
        await w.bell.until(lambda: w.venue.live)
        assert w.venue.live[0].path.startswith("/stream")


async def test_too_many_unreadable_frames_replace_the_socket_and_a_few_do_not() -> None:
    async with world(ConnectionSettings(wire_errors=5, wire_errors_s=60.0)) as w:
        await flowing(w)
        old = w.venue.live[0]
        for _ in range(4):
            await old.send("{ this is no JSON")
        await w.bell.until(lambda: w.pool.health().wire_errors == 4)
        for _ in range(7):
            await w.trade()
            await w.pass_time(9)
        await old.send("[]]")
        await old.send('{"e":"somethingNew","E":1}')
        await w.bell.until(lambda: w.pool.health().unknown_messages == 1)
        assert w.pool.health().connections == 1
        for _ in range(4):
            await old.send("{ this is no JSON")
        await w.bell.until(lambda: len(w.venue.live) == 2)
        await w.trade(only=[old])
        assert old.open, "what can be read goes on while the replacement shows nothing"
        for _ in range(5):
            await w.trade()
            await w.pass_time(1)
        await w.bell.until(lambda: not old.open)
        first, counted, begun, done = w.desk.told
        assert [each.code for each in w.desk.told] == [
            "wire_error", "wire_error", "rotation_begun", "connection_rotated",
        ]  # fmt: skip
        assert "JSON is malformed" in first.message
        assert counted.message == "3 more frames were left out"
        assert counted.ts - first.ts >= 60 * 10**9
        assert "5 unreadable frames" in begun.message
        assert "without a break" in done.message
        assert w.pool.health().reconnects == 0
        assert w.pool.excerpts() == ["{ this is no JSON"] * 4 + ["[]]"] + ["{ this is no JSON"] * 4


async def test_frames_that_stay_unreadable_replace_the_socket_less_and_less() -> None:
    async with world(ConnectionSettings(wire_errors=5, wire_errors_s=60.0)) as w:
        await flowing(w)
        for _ in range(600):
            for connection in w.venue.live:
                await connection.send("{ this is no JSON")
            await w.trade()
            await w.pass_time(1)
        assert 2 <= w.pool.health().rotations <= 4, "after two minutes, four, eight"
        assert w.pool.health().reconnects == 0


# --- nothing is left behind


async def test_two_hundred_reconnects_leave_no_task_behind() -> None:
    async with world(connects_per_window=10_000) as w:
        w.pool.want([BTC])
        tasks = set[str]()
        for number in range(200):
            await w.bell.until(lambda n=number: len(w.venue.connections) > n)  # type: ignore[misc]  # a bound default
            await w.venue.connections[-1].cut()
            await w.bell.until(lambda: not w.venue.live)
            await w.pass_time(61, 20)
            tasks = {task.get_name() for task in asyncio.all_tasks() if "socket" in task.get_name()}
            assert len(tasks) <= 1
        assert len(w.timers.pending) <= 3
        assert w.pool.health().attempts >= 200
        assert sum(entry[0] == "close" for entry in w.desk.tape) >= 199


async def test_ending_the_pool_closes_everything_and_it_can_run_again() -> None:
    async with world() as w:
        await flowing(w)
        assert w.task is not None
        w.task.cancel()
        await w.bell.until(lambda: not w.venue.live)
        with pytest.raises(asyncio.CancelledError):
            await w.task
        assert not w.timers.pending
        assert w.pool.health().connections == 0
        again = asyncio.get_running_loop().create_task(w.pool.run())
        await w.bell.until(lambda: w.venue.live)
        with pytest.raises(RuntimeError, match="runs already"):
            await w.pool.run()
        again.cancel()
        with pytest.raises(asyncio.CancelledError):
            await again


async def test_a_bug_in_the_sink_ends_the_pool_loudly_and_leaves_nothing_behind() -> None:
    async with world(supervised=False) as w:

        def broken(*_: Any) -> None:
            raise ZeroDivisionError("a bug of ours")

        w.desk.apply = broken  # type: ignore[method-assign,assignment]  # a bug is what this is about
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await w.venue.trade()
        assert w.task is not None
        with pytest.raises(ExceptionGroup) as caught:
            await w.task
        assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
        assert not w.timers.pending


async def test_the_tape_hears_both_directions() -> None:
    async with world() as w:
        await flowing(w)
        w.pool.want([ETH])
        await w.bell.until(lambda: any(b'"result"' in entry[2] for entry in w.desk.tape if entry[0] == "rx"))
        w.pool.unwant([BTC.id, ETH.id])
        await w.bell.until(lambda: w.desk.tape[-1][0] == "close")
        assert [entry[0] for entry in w.desk.tape] == ["open", "rx", "tx", "rx", "close"]
        assert w.desk.tape[0][2] == w.venue.ws_url + w.venue.connections[0].path
        assert json.loads(w.desk.tape[2][2])["method"] == "SUBSCRIBE"
        assert {entry[1] for entry in w.desk.tape} == {1}


async def test_states_are_told_once() -> None:
    async with world() as w:
        await flowing(w)
        for _ in range(20):
            await w.trade()
            await w.pass_time(1)
        told: list[StreamState] = [state for state, _ in w.desk.states[BTC.id]]
        assert told == ["waiting", "live"]
