"""What a venue refuses is asked for again, what it says of itself can end unsaid: against a server on loopback."""

from __future__ import annotations

from scenario.apart_venue import ApartCodec, ApartVenue
from scenario.local_venue import LocalConnection
from scenario.pool_world import BTC, ETH, SOL, World, flowing, world

from bethna.services.connections import Explained

BOTH_LOOPS = True
WORDS = "Currency pair not supported"


def told(w: World, code: str) -> list[str]:
    return [event.message for event in w.desk.told if event.code == code]


async def wait(w: World, seconds: int) -> None:
    """Hand-moved time in steps long enough for few of them, and short enough for heartbeats."""
    await w.pass_time(seconds, 4.0)


async def test_a_refused_symbol_is_asked_for_again_and_its_acceptance_is_told_once() -> None:
    async with world() as w:
        await flowing(w)
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "flat")
        w.pool.want([SOL])
        for _ in range(8):
            await w.pass_time(2)
        assert w.desk.state(SOL) == "refused"
        assert len(told(w, "subscription_rejected")) == 4
        states = list(w.desk.states[SOL.id])
        for _ in range(2):  # after a minute, and two more
            said = len(w.venue.live[0].said)
            for _ in range(40):
                await w.trade()
                await wait(w, 4)
            assert said < len(w.venue.live[0].said) <= said + 7 + 7, (
                "halved once a round, not a stream a second"
            )
        assert len(told(w, "subscription_rejected")) == 4, "the same words are no news"
        assert w.desk.states[SOL.id] == states, "it is refused all the while"
        w.venue.refuse = {}
        for _ in range(85):
            await w.trade()
            await wait(w, 4)
        assert set(w.codec.streams(SOL)) <= set(w.venue.live[0].streams)
        assert told(w, "subscription_accepted") == [
            f"what was refused is served now: {', '.join(w.codec.streams(SOL))}"
        ]
        await w.trade("SOLUSDT")
        await w.pass_time(2)
        assert w.desk.state(SOL) == "live"
        assert w.pool.health().message == ""
        assert w.venue.attempts == 1


async def test_a_new_socket_does_not_ask_for_what_is_refused_but_the_next_round_does() -> None:
    async with world(speech=(ApartCodec, ApartVenue), url_streams=0, pushed_books=True) as w:
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "")
        w.pool.want([BTC, SOL])
        await w.bell.until(lambda: w.venue.live)
        await w.pass_time(8)
        await w.trade()
        await w.pass_time(2)
        assert w.pool.health().message == f"refused by name: {SOL.id} ({WORDS})"
        await w.venue.live[0].cut()
        await w.pass_time(3, 0.1)
        await w.bell.until(lambda: w.venue.live)
        await w.pass_time(8)
        asked = {name for said in w.venue.live[0].said for name in said["params"]}
        assert not asked & set(w.codec.streams(SOL))
        w.venue.refuse = {}
        for _ in range(15):
            await w.trade()
            await wait(w, 4)
        assert set(w.codec.streams(SOL)) <= set(w.venue.live[0].streams)
        assert len(told(w, "subscription_accepted")) == 1


class ImpatientVenue(ApartVenue):
    """Cuts whoever has no subscription once it has answered, as venues do within seconds."""

    async def _answer(self, connection: LocalConnection) -> None:
        await super()._answer(connection)
        if not connection.streams and len(connection.said) > 4:
            await connection.cut()


async def test_a_venue_whose_only_symbol_is_refused_is_well_and_is_not_asked_to_connect_all_the_time() -> (
    None
):
    async with world(speech=(ApartCodec, ImpatientVenue), url_streams=0, pushed_books=True) as w:
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "")
        w.pool.want([SOL])
        await w.bell.until(lambda: w.venue.live)
        await w.pass_time(8)
        await w.bell.until(lambda: not w.venue.live)
        await wait(w, 40)
        assert (w.pool.health().state, w.pool.health().message) == (
            "ok",
            f"refused by name: {SOL.id} ({WORDS})",
        )
        assert w.desk.state(SOL) == "refused"
        assert w.venue.attempts == 1
        await wait(w, 1800)
        assert 3 <= w.venue.attempts <= 6, "once a round"
        assert w.pool.health().failing_attempts == 0
        assert set(w.desk.codes()) == {"subscription_rejected"}
        w.venue.refuse = {}
        await wait(w, 700)
        await w.bell.until(lambda: w.venue.live)
        await w.pass_time(4)
        assert set(w.codec.streams(SOL)) <= set(w.venue.live[0].streams)
        await w.trade("SOLUSDT")
        await w.pass_time(2)
        assert w.desk.state(SOL) == "live"
        assert len(told(w, "subscription_accepted")) == 1
        assert not {"connection_lost", "venue_failing"} & set(w.desk.codes())


async def test_another_symbol_wakes_a_socket_that_had_nothing_to_carry() -> None:
    async with world(speech=(ApartCodec, ImpatientVenue), url_streams=0, pushed_books=True) as w:
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "")
        w.pool.want([SOL])
        await w.bell.until(lambda: w.venue.live)
        await w.pass_time(8)
        await w.bell.until(lambda: not w.venue.live)
        w.pool.want([BTC])
        await w.bell.until(lambda: w.venue.live)
        await w.pass_time(8)
        assert set(w.venue.live[0].streams) == set(w.codec.streams(BTC))


async def test_what_a_url_asks_for_in_vain_is_asked_for_by_message_and_refused_by_name() -> None:
    async with world() as w:
        w.venue.refuse = dict.fromkeys(w.codec.streams(SOL), "flat")
        w.pool.want([SOL])
        await w.bell.until(lambda: w.venue.live)
        await wait(w, 180)
        assert w.desk.state(SOL) == "refused"
        assert w.pool.health().state == "ok"
        assert w.pool.health().message.startswith(f"refused by name: {SOL.id} (Invalid request")


async def test_what_the_venue_does_not_list_is_refused_until_data_comes() -> None:
    async with world() as w:
        await flowing(w)
        w.pool.want([ETH])
        await w.pass_time(2)
        await w.trade("ETHUSDT")
        await w.pass_time(2)
        for _ in range(20):
            await w.trade()
            await wait(w, 4)
        assert w.desk.state(ETH) == "stale"
        assert w.pool.doubtful() == [ETH.id]
        assert w.pool.explain(ETH.id, Explained(listed=True, reason="it does not trade"))
        assert w.desk.states[ETH.id][-1][0] == "stale"
        assert w.desk.states[ETH.id][-1][1].startswith("it does not trade; nothing for longer")
        assert w.pool.explain(ETH.id, Explained(listed=False, reason="not listed"))
        assert not w.pool.explain(ETH.id, Explained(listed=False, reason="not listed"))
        assert w.desk.states[ETH.id][-1] == ("refused", "not listed")
        await w.trade("ETHUSDT")
        await w.pass_time(2)
        assert w.desk.state(ETH) == "live"
        assert w.pool.doubtful() == [ETH.id], "until the catalogue takes it back"
        assert w.pool.explain(ETH.id, None)
        assert not w.pool.explain(SOL.id, None)
        assert w.pool.doubtful() == []


# --- what the venue says of itself


async def maintained(w: World) -> None:
    """BTC flows, the venue says that it does not trade, and the socket is cut."""
    w.pool.want([BTC])
    await w.bell.until(lambda: w.venue.live)
    await w.pass_time(8)
    await w.trade()
    await w.venue.live[0].send({"system": "maintenance"})
    await w.pass_time(2)
    assert w.pool.health().message == "not trading: maintenance"
    await w.venue.live[0].cut()
    await w.pass_time(3, 0.1)
    await w.bell.until(lambda: w.venue.live)


async def test_a_new_connection_that_works_takes_back_that_the_venue_does_not_trade() -> None:
    async with world(speech=(ApartCodec, ApartVenue), url_streams=0, pushed_books=True) as w:
        await maintained(w)
        await w.pass_time(8)
        assert w.pool.health().message == ""
        assert told(w, "venue_trading") == [
            "a new connection works, on which it does not say any more that it does not trade"
        ]


async def test_a_venue_that_says_it_again_on_the_new_connection_still_does_not_trade() -> None:
    async with world(speech=(ApartCodec, ApartVenue), url_streams=0, pushed_books=True) as w:
        w.venue.greet = lambda connection: connection.send({"system": "maintenance"})
        await maintained(w)
        await w.pass_time(8)
        await w.trade()
        await w.pass_time(8)
        assert w.pool.health().message == "not trading: maintenance"
        assert told(w, "venue_trading") == []
        assert len(told(w, "venue_not_trading")) == 1
