"""The best price over real sockets, as docs/reference/http.md writes it; one bad venue leaves the others untouched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _doors import Frame, Open, opened
from _memorydesk import START, MemoryDesk

from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.errors import UnknownInstrument
from bethna.core.market import InstrumentId
from bethna.core.status import Trust

ONE, TWO, THREE = (InstrumentId(f"BTC-USD@{venue}") for venue in ("one", "two", "three"))
TETHER, RATE = InstrumentId("BTC-USDT@one"), InstrumentId("USDT-USD@two")
PAIR = "/api/v1/best/BTC-USD"


def three_venues(*more: InstrumentId) -> MemoryDesk:
    """Bids of 99, 99.5 and 98, asks of 101, 102 and 100.5."""
    desk = MemoryDesk([ONE, TWO, THREE, *more])
    for name, bid, ask in ((ONE, 99.0, 101.0), (TWO, 99.5, 102.0), (THREE, 98.0, 100.5)):
        desk.move(name, [(bid, 1.0), (bid - 1, 2.0)], [(ask, 1.0), (ask + 1, 2.0)])
    return desk


async def asked(served: Open, path: str = PAIR) -> Any:
    answer = await served.http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def outs(answer: Any) -> dict[str, str | None]:
    return {row["venue"]: row["out"] for row in answer["venues"]}


async def test_the_best_of_three_venues_with_ages() -> None:
    desk = three_venues()
    async with opened(desk) as served:
        answer = await asked(served)
        assert (answer["bid"], answer["bid_at"], answer["ask"], answer["ask_at"]) == (99.5, TWO, 100.5, THREE)
        assert (answer["symbol"], answer["ts_recv"], answer["age_ms"]) == ("BTC-USD", START // NS_PER_US, 0)
        assert outs(answer) == {"one": None, "two": None, "three": None}
        assert answer["coverage"]["sources"] == ["one", "two", "three"]
        assert "notice" not in answer
        for spelled in ("btcusd", "XBT-USD", "BTC%2FUSD", "btc_usd"):
            assert await asked(served, f"/api/v1/best/{spelled}") == answer


async def test_conversion_only_when_it_is_asked_for_and_its_rate_is_named() -> None:
    desk = three_venues(TETHER, RATE)
    desk.move(TETHER, [(100.0, 3.0)], [(100.25, 3.0)])
    async with opened(desk) as served:
        assert set(outs(await asked(served))) == {"one", "two", "three"}
        without = await asked(served, f"{PAIR}?convert=USDT")
        assert [(row["instrument"], row["out"]) for row in without["venues"]][-1] == (TETHER, "no live rate")
        assert without["bid"] == 99.5
        desk.move(RATE, [(0.998, 1.0)], [(0.999, 1.0)])
        found = await asked(served, f"{PAIR}?convert=usdt")
        slashed = await asked(served, "/api/v1/best/BTC%2FUSD?convert=USDT")
    assert found == slashed
    row = found["venues"][-1]
    assert (row["bid"], row["ask"], row["own_bid"], row["own_ask"]) == (
        100.0 * 0.998,
        100.25 * 0.999,
        100.0,
        100.25,
    )
    assert (row["rate"]["pair"], row["rate"]["bid_at"], row["rate"]["age_ms"]) == ("USDT-USD", RATE, 0)
    assert (found["bid"], found["bid_at"], found["ask_at"]) == (99.8, TETHER, TETHER)


@pytest.mark.parametrize(
    ("path", "status", "code", "said"),
    [
        (f"{PAIR}?convert=A-B", 400, "bad_request", "convert: expected at most 8 currencies"),
        (f"{PAIR}?convert={'X' * 101}", 400, "bad_request", "convert: expected str of length <= 100"),
        ("/api/v1/best/BTC-EUR", 404, "unknown_instrument", "of BTC-EUR nothing is followed"),
        ("/api/v1/best/BTC-USD@one", 404, "unknown_instrument", "expected a pair such as BTC-USD"),
        ("/api/v1/best/BTC-PERPETUAL", 404, "unknown_instrument", "expected a pair such as BTC-USD"),
        ("/api/v1/best/%00", 404, "unknown_instrument", "is not an instrument"),
        (f"{PAIR}/book?depth=0", 400, "bad_request", "depth: expected int >= 1"),
        ("/api/v1/best/ETH-USD/book", 404, "unknown_instrument", "of ETH-USD nothing is followed"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_what_to_do(
    path: str, status: int, code: str, said: str
) -> None:
    async with opened(three_venues()) as served:
        answer = await served.http.get(path)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code)
        assert said in error["message"]
        assert error["hint"]
    if said.startswith("of BTC"):
        assert error["hint"] == "nearest: BTC-USD"


async def test_the_merged_book_ends_where_the_first_book_ends() -> None:
    desk = three_venues()
    desk.move(TWO, [(99.0, 0.5)])
    async with opened(desk) as served:
        whole = await asked(served, f"{PAIR}/book")
        top = await asked(served, f"{PAIR}/book?depth=1")
        assert await asked(served, "/api/v1/best/btc%2Fusd/book?depth=1") == top
    assert whole["bids"] == [
        [99.5, 1.0, {"two": 1.0}],
        [99.0, 1.5, {"one": 1.0, "two": 0.5}],
        [98.5, 2.0, {"two": 2.0}],
    ]
    assert [level[0] for level in whole["asks"]] == [100.5, 101.0, 101.5]
    assert (whole["bids_end_at"], whole["asks_end_at"], whole["certified_depth"]) == (TWO, THREE, 3)
    assert (top["bids"], top["bids_end_at"]) == (whole["bids"][:1], None)


# --- the four bad neighbours: everything else is untouched, and the price is right


async def bad_symbol(desk: MemoryDesk) -> None:
    desk.turn(TWO, "refused", "the venue does not list BTC-USD", connected=False)


async def dead_venue(desk: MemoryDesk) -> None:
    desk.turn(TWO, "stale", "reconnecting", connected=False)


async def maintenance(desk: MemoryDesk) -> None:
    desk.turn(TWO, "stale", "the venue is in maintenance")


async def no_trust(desk: MemoryDesk) -> None:
    desk.trusts[TWO] = Trust.SYNCING
    desk.move(TWO)


async def crossed_venue(desk: MemoryDesk) -> None:
    desk.move(TWO, [(103.0, 7.0)])


@pytest.mark.parametrize(
    ("happens", "out"),
    [
        (bad_symbol, "refused"), (dead_venue, "stale"), (maintenance, "stale"), (no_trust, "untrusted"),
        (crossed_venue, "crossed"),
    ],
)  # fmt: skip
async def test_one_bad_venue_leaves_the_others_untouched(
    happens: Callable[[MemoryDesk], Any], out: str
) -> None:
    desk = three_venues()
    async with opened(desk) as served, served.socket() as socket:
        topics = ("best:BTC-USD", f"book:{ONE}", f"book:{THREE}")
        await socket.subscribe(*topics, rate="every")
        for _ in topics:
            assert (await socket.frame())["type"] == "snapshot"
        before = await asked(served)
        await happens(desk)
        frame = await socket.until(lambda each: each["topic"] == "best:BTC-USD")
        answer = await asked(served)
        assert frame["data"] == answer
        assert outs(answer) == {"one": None, "two": out, "three": None}
        assert (answer["bid"], answer["bid_at"], answer["ask"], answer["ask_at"]) == (99.0, ONE, 100.5, THREE)
        assert answer["coverage"]["sources"] == ["one", "three"]
        assert [row for row in answer["venues"] if row["venue"] != "two"] == [
            row for row in before["venues"] if row["venue"] != "two"
        ]
        assert [frame["topic"] for frame in await socket.quiet()] == []
        desk.move(ONE, [(99.25, 1.0)])
        frames = [await socket.frame() for _ in range(2)]
        assert {each["topic"] for each in frames} == {"best:BTC-USD", f"book:{ONE}"}
        [best] = [each["data"] for each in frames if each["topic"] == "best:BTC-USD"]
        assert (best["bid"], best["bid_at"]) == (99.25, ONE)


# --- the topic


def best_frame(frame: Frame) -> bool:
    return str(frame["topic"]).startswith("best:")


@pytest.mark.parametrize("rate", ["ui", "every"])
async def test_the_topic_begins_with_what_the_route_answers_and_says_what_changes(rate: str) -> None:
    desk = three_venues(TETHER, RATE)
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("best:btc/usd:usdt", rate=rate)
        first = await socket.frame()
        assert (first["topic"], first["type"], first["seq"]) == ("best:BTC-USD:USDT", "snapshot", 1)
        assert first["data"] == await asked(served, f"{PAIR}?convert=USDT")
        desk.move(ONE, [(99.75, 2.0)])
        delta = await socket.frame()
        assert (delta["type"], delta["data"]["bid"], delta["data"]["bid_at"]) == ("delta", 99.75, ONE)
        desk.move(TETHER, [(100.0, 1.0)], [(100.5, 1.0)])
        desk.move(RATE, [(0.999, 1.0)], [(1.0, 1.0)])
        last = await socket.until(lambda each: each["data"]["venues"][-1]["out"] is None)
        assert (last["data"]["bid"], last["data"]["bid_at"]) == (99.9, TETHER)


async def test_a_frame_for_people_stands_for_all_that_moved_and_silence_says_nothing() -> None:
    desk = three_venues()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("best:BTC-USD")
        await socket.frame()
        for step in range(50):
            desk.move(ONE, [(99.5 + step / 1000, 1.0)])
        frame = await socket.frame()
        assert (frame["seq"], frame["data"]["bid"]) == (2, 99.549)
        await socket.subscribe(f"book:{ONE}")
        await socket.frame()
        desk.move(ONE, [(90.0, 1.0)])  # not the top, at the same instant: nothing that is shown is another
        assert (await socket.frame())["topic"] == f"book:{ONE}"  # the hub asked both in one breath
        assert await socket.quiet() == []


async def test_a_venue_that_comes_or_goes_is_seen_and_the_last_one_ends_the_topic() -> None:
    desk = three_venues()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("best:BTC-USD", "best:ETH-USD")
        frames = [await socket.frame() for _ in range(2)]
        [refused] = [frame for frame in frames if frame["topic"] == "best:ETH-USD"]
        assert refused["data"]["error"]["code"] == "unknown_instrument"
        await desk.unfollow(TWO)
        frame = await socket.until(best_frame)
        assert [row["venue"] for row in frame["data"]["venues"]] == ["one", "three"]
        desk.clock.advance(NS_PER_S)
        desk.move(ONE, [(99.1, 1.0)])
        assert (await socket.until(best_frame))["data"]["bid"] == 99.1
        desk.followed = [each for each in desk.listed if each.id.endswith("@binance")]
        ended = await socket.until(lambda each: best_frame(each) and each["type"] == "status")
        assert ended["data"]["error"]["code"] == "unknown_instrument"


async def test_a_topic_that_is_none_is_refused() -> None:
    async with opened(three_venues()) as served, served.socket() as socket:
        for topic, code in (
            ("best", "unknown_topic"),
            ("best:BTC-USD:A-B", "unknown_topic"),
            ("best:BTC-USD@one", "unknown_instrument"),
        ):
            await socket.subscribe(topic)
            assert (await socket.error())["code"] == code


async def test_a_renamed_coin_is_found_by_its_old_name() -> None:
    desk = MemoryDesk([InstrumentId("POL-USD@one")])
    async with opened(desk) as served:
        answer = await asked(served, "/api/v1/best/MATIC-USD")
        book = await asked(served, "/api/v1/best/MATIC-USD/book")
    assert (answer["symbol"], answer["bid"], outs(answer)) == ("POL-USD", None, {"one": "waiting"})
    assert answer["notice"] == book["notice"] == "MATIC was renamed to POL on 2024-09-13"
    assert answer["coverage"]["state"] == "unknown"


def test_the_desk_itself_refuses_what_it_does_not_follow() -> None:
    with pytest.raises(UnknownInstrument):
        three_venues().best("BTC", "EUR")
