"""Kraken's frames, written from the protocol sheet, come back as what they were written from, however they are spelt.

A small venue keeps true books and speaks both versions. What the connection gives of them must make the venue's own
book wherever it is applied; what it gives with a proof must be the venue's to ten levels whatever was lost on the way;
and whatever bytes arrive, there are sound facts or WireError, and an unreadable frame leaves nothing behind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from zlib import crc32

from hypothesis import example, given
from hypothesis import strategies as st
from sound_facts import MAX_INT, Event, answer, assert_sound, outcome, places
from spelt_frames import any_bytes, few_bytes_else, json_values

from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    InstrumentId,
    LastTrade,
    Level,
    Quote,
    Ticker,
    Trade,
    TradePage,
    VenueCandle,
)
from bethna.core.wire import BookDoubt, WireEvent
from bethna.logic.book import OrderBook
from bethna.venues.kraken import KrakenCodec, KrakenV1Codec
from bethna.venues.kraken.spec import DEPTHS
from bethna.venues.spec import Connection

NOW = 1_790_000_000_000_000_001
BTC = InstrumentId("BTC-USD@kraken")
OPENED_S = 1_293_840_000
TIME = "2026-08-16T23:37:04.190019Z"


# --- JSON whose numbers keep their text


class Number(str):
    """The text of a JSON number."""

    __slots__ = ()


@dataclass(frozen=True)
class Spelling:
    """How a message is written: the order of keys, the space between things, and fields that nobody has heard of."""

    rng: Random | None = None
    space: str = ""
    news: bool = False

    def write(self, value: Any) -> str:
        gap = self.space
        if isinstance(value, Number):
            return str(value)
        if isinstance(value, dict):
            items = list(value.items())
            if self.news:
                items.insert(len(items) // 2, ("zz", [1, [None, "nan"], 2**70]))
            if self.rng is not None:
                self.rng.shuffle(items)
            inner = f",{gap}".join(f"{json.dumps(key)}{gap}:{gap}{self.write(each)}" for key, each in items)
            return f"{gap}{{{gap}{inner}{gap}}}"
        if isinstance(value, list | tuple):
            return f"[{gap}{f',{gap}'.join(map(self.write, value))}{gap}]"
        return json.dumps(value)

    def encode(self, value: Any) -> bytes:
        return self.write(value).encode()


PLAIN = Spelling()


def spellings(rng: Random) -> list[Spelling]:
    return [PLAIN, Spelling(space="\n\t "), Spelling(rng), Spelling(rng, " ", news=True), Spelling(news=True)]


# --- a venue


class Venue:
    """One pair's true book, in ticks and lots, and how both versions of the language speak of it."""

    def __init__(self, rng: Random, depth: int, price_decimals: int, quantity_decimals: int) -> None:
        self.rng = rng
        self.depth = depth
        self.price_decimals = price_decimals
        self.quantity_decimals = quantity_decimals
        self.sides: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
        self.shown: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
        for _ in range(rng.randrange(2 * depth + 5)):
            self._set(*self._place())
        self._publish()

    # what happens

    def _place(self) -> tuple[str, int, int]:
        side = self.rng.choice(("bids", "asks"))
        far = self.rng.randrange(1, self.depth + 15)
        price = 10_000 - far if side == "bids" else 10_000 + far
        return side, price, self.rng.choice((0, 1, 10, self.rng.randrange(1, 10**9)))

    def _set(self, side: str, price: int, quantity: int) -> None:
        if quantity:
            self.sides[side][price] = quantity
        else:
            self.sides[side].pop(price, None)

    def best(self, side: str) -> list[tuple[int, int]]:
        """The levels that the subscription shows, best first."""
        return sorted(self.sides[side].items(), reverse=side == "bids")[: self.depth]

    def _publish(self) -> None:
        self.shown = {side: dict(self.best(side)) for side in self.sides}

    def step(self) -> dict[str, list[tuple[int, int]]]:
        """Some changes, as the entries of one message.

        As the venue does it: a level that is pushed out is not mentioned, one that comes in is, nothing is sorted, and
        a price may stand there twice, the last word of it being the true one.
        """
        for _ in range(self.rng.choice((1, 1, 1, 2, 5, 40))):
            self._set(*self._place())
        before, said = self.shown, {}
        self._publish()
        for side, levels in self.shown.items():
            entries = [(price, 0) for price in before[side] if price not in self.sides[side]]
            entries += [each for each in levels.items() if before[side].get(each[0]) != each[1]]
            self.rng.shuffle(entries)
            twice = [each for each in entries if self.rng.random() < 0.1]
            said[side] = [(price, self.rng.choice((0, 1, 77))) for price, _ in twice] + entries
        return said

    # how it is said

    def texts(self, level: tuple[int, int]) -> tuple[str, str]:
        return self._text(level[0], self.price_decimals), self._text(level[1], self.quantity_decimals)

    @staticmethod
    def _text(units: int, decimals: int) -> str:
        whole, part = divmod(units, 10**decimals)
        return f"{whole}.{part:0{decimals}d}" if decimals else str(whole)

    def checksum(self) -> int:
        """From ticks and lots, with no text of a number but the digits of an integer."""
        digits = [f"{p}{q}" for side in ("asks", "bids") for p, q in self.best(side)[:10]]
        return crc32("".join(digits).encode())

    def message(self, kind: str, levels: dict[str, list[tuple[int, int]]]) -> dict[str, Any]:
        """A message of version 2."""
        data: dict[str, Any] = {"symbol": "BTC/USD"}
        for side in ("bids", "asks"):
            data[side] = [
                dict(zip(("price", "qty"), map(Number, self.texts(x)), strict=True)) for x in levels[side]
            ]
        data |= {"checksum": self.checksum(), "timestamp": TIME}
        return {"channel": "book", "type": kind, "data": [data]}

    def snapshot(self) -> dict[str, Any]:
        return self.message("snapshot", {side: self.best(side) for side in self.sides})

    def acknowledgement(self) -> dict[str, Any]:
        result = {"channel": "book", "depth": self.depth, "snapshot": True, "symbol": "BTC/USD"}
        return {"method": "subscribe", "result": result, "success": True}

    def array(self, levels: dict[str, list[tuple[int, int]]], *, begins: bool = False) -> list[Any]:
        """A message of version 1."""

        def rows(side: str) -> list[list[str]]:
            return [[*self.texts(level), "1618678142.557535"] for level in levels[side]]

        name = [f"book-{self.depth}", "XBT/USD"]
        if begins:
            return [7, {"as": rows("asks"), "bs": rows("bids")}, *name]
        check = {"c": str(self.checksum())}
        if self.rng.random() < 0.5:
            return [7, {"a": rows("asks")}, {"b": rows("bids"), **check}, *name]
        return [7, {"a": rows("asks"), "b": rows("bids"), **check}, *name]

    def floats(self) -> tuple[list[Level], list[Level]]:
        """What is shown, as prices and quantities."""
        sides = []
        for side in ("bids", "asks"):
            pairs = map(self.texts, sorted(self.shown[side].items(), reverse=side == "bids"))
            sides.append([(float(price), float(quantity)) for price, quantity in pairs])
        return sides[0], sides[1]


seeds = st.integers(0, 2**32).map(Random)  # drawing every choice of a long life would take minutes
venues = st.builds(Venue, seeds, st.sampled_from(DEPTHS[:3]), st.integers(0, 8), st.integers(0, 8))


class Reader:
    """Whoever applies what a connection says, and knows nothing of depths."""

    def __init__(self) -> None:
        self.book: OrderBook | None = None
        self.doubts = 0

    def take(self, events: Sequence[WireEvent]) -> None:
        for event in events:
            if isinstance(event, BookSnapshot):
                self.book = OrderBook(event)
            elif isinstance(event, BookDoubt):
                self.doubts += 1
                self.book = None
            elif isinstance(event, BookDelta):
                assert self.book is not None
                self.book.apply(event.bids, event.asks, 0)


@given(venues, st.integers(1, 60))
def test_whoever_applies_snapshot_and_deltas_has_the_venues_book(venue: Venue, steps: int) -> None:
    connection, reader = KrakenCodec().connection(1), Reader()
    connection.decode(PLAIN.encode(venue.acknowledgement()), NOW)
    reader.take(connection.decode(PLAIN.encode(venue.snapshot()), NOW))
    for _ in range(steps):
        reader.take(connection.decode(PLAIN.encode(venue.message("update", venue.step())), NOW))
        assert reader.book is not None
        assert reader.book.levels() == venue.floats()
        assert reader.book.top(venue.depth) == venue.floats()  # all of it is certified
    assert reader.doubts == 0


@given(venues, st.integers(1, 60))
def test_so_it_is_in_version_1(venue: Venue, steps: int) -> None:
    connection, reader = KrakenV1Codec().connection(1), Reader()
    begin = {side: venue.best(side) for side in venue.sides}
    reader.take(connection.decode(PLAIN.encode(venue.array(begin, begins=True)), NOW))
    for _ in range(steps):
        reader.take(connection.decode(PLAIN.encode(venue.array(venue.step())), NOW))
        assert reader.book is not None
        assert reader.book.levels() == venue.floats()
    assert reader.doubts == 0


@given(venues, seeds)
def test_what_is_proven_is_the_venues_to_ten_levels_whatever_was_lost(venue: Venue, rng: Random) -> None:
    connection, reader = KrakenCodec().connection(1), Reader()
    connection.decode(PLAIN.encode(venue.acknowledgement()), NOW)
    reader.take(connection.decode(PLAIN.encode(venue.snapshot()), NOW))
    for _ in range(60):
        message = venue.message("update", venue.step())
        if rng.random() < 0.1:
            continue  # lost
        events = connection.decode(PLAIN.encode(message), NOW)
        if reader.book is None:
            assert not events  # silence after a doubt
        reader.take(events)
        if reader.book is None and rng.random() < 0.2:
            reader.take(connection.decode(PLAIN.encode(venue.snapshot()), NOW))
        if reader.book is not None:
            bids, asks = venue.floats()
            assert reader.book.top(10) == (bids[:10], asks[:10])


@given(venues, seeds)
def test_every_spelling_gives_the_same_facts(venue: Venue, rng: Random) -> None:
    trades = [
        {
            "symbol": "BTC/USD", "side": rng.choice(("buy", "sell")), "price": Number("0.10"), "qty": Number("1e-05"),
            "ord_type": "limit", "trade_id": rng.randrange(MAX_INT), "timestamp": TIME,
        }
        for _ in range(rng.randrange(4))
    ]  # fmt: skip
    day = {
        key: Number("12.50") for key in ("bid", "bid_qty", "ask", "ask_qty", "last", "volume", "low", "high")
    }
    ticker = {"symbol": "BTC/USD", **day, "change_pct": Number("-0.17"), "timestamp": TIME}
    messages = [
        venue.acknowledgement(),
        venue.snapshot(),
        *(venue.message("update", venue.step()) for _ in range(5)),
        {"channel": "trade", "type": "update", "data": trades},
        {"channel": "ticker", "type": "snapshot", "data": [ticker]},
        {"channel": "heartbeat"},
    ]
    told = [
        [list(connection.decode(spelling.encode(message), NOW)) for message in messages]
        for spelling in spellings(rng)
        for connection in [KrakenCodec().connection(1)]
    ]
    assert all(each == told[0] for each in told)
    assert [len(events) for events in told[0]] == [1, 1, 1, 1, 1, 1, 1, len(trades), 1, 0]
    ids = [event.trade_id for event in told[0][7] if isinstance(event, Trade)]
    assert ids == sorted(each["trade_id"] for each in trades)


# --- any bytes at all


def promise(event: Event) -> None:
    """Sound; books have no numbers here, trades not always, and no time is before the venue opened."""
    assert_sound(event, unnumbered=(Trade, TradePage, BookDelta, BookSnapshot))
    if isinstance(event, Trade | Quote | BookDelta | VenueCandle | Ticker | LastTrade):
        assert event.ts_event is None or event.ts_event >= OPENED_S * 10**9 or event.ts_event == event.ts_recv


def told(connection: Connection, raw: bytes) -> list[WireEvent] | None:
    return outcome(connection, raw, NOW, promise)


any_json = json_values(
    st.sampled_from(
        ["nan", "inf", "-1", "0", "1e999", "BTC/USD", "XBT/USD", "book-10", "book", "trade", 2**63, -1, TIME]
    ),
    st.sampled_from(
        [
            *("channel", "type", "data", "method", "result", "success", "error", "symbol", "req_id", "event"),
            *("price", "qty", "bids", "asks", "checksum", "timestamp", "a", "b", "c", "as", "bs", "status"),
        ]
    ),
)
json_bytes = any_json.map(json.dumps).map(str.encode)


def sample_frames(version: int) -> list[Any]:
    """A frame of every kind, of a connection's life in order."""
    venue = Venue(Random(version), 10, 1, 8)
    if version == 1:
        day = {key: ["1.0", "2.0"] for key in "cvplho"} | {
            "a": ["1.0", 1, "1.0"],
            "b": ["1.0", 1, "1.0"],
            "t": [1, 2],
        }
        name = "XBT/USD"
        return [
            {"connectionID": 2**63 + 5, "event": "systemStatus", "status": "online", "version": "1.8.3"},
            {
                "channelID": 1, "channelName": "trade", "event": "subscriptionStatus", "pair": name, "reqid": 5,
                "status": "subscribed", "subscription": {"name": "trade"},
            },
            {"event": "heartbeat"},
            venue.array({side: venue.best(side) for side in venue.sides}, begins=True),
            *(venue.array(venue.step()) for _ in range(6)),
            [1, [["354.1", "0.8", "1618678142.557535", "s", "l", ""]], "trade", name],
            [1, day, "ticker", name],
            [1, ["1.0", "1.1", "1618678142.557535", "2.0", "3.0"], "spread", name],
            [1, ["1542057314.748456", "1542057360.0", "1", "1", "1", "1", "1", "0.5", 2], "ohlc-1", name],
        ]  # fmt: skip
    prices = {key: Number("1.50") for key in ("open", "high", "low", "close", "volume", "bid", "ask", "last")}
    both = {**prices, "symbol": "BTC/USD", "timestamp": TIME}
    return [
        {"channel": "status", "type": "update", "data": [{"system": "online", "connection_id": 2**63 + 5}]},
        venue.acknowledgement(),
        {"error": "Currency pair not supported A/B", "method": "subscribe", "success": False, "symbol": "A/B"},
        {"channel": "heartbeat"},
        {
            "channel": "instrument", "type": "snapshot",
            "data": {"assets": [], "pairs": [{
                "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "status": "online",
                "qty_increment": Number("1e-08"), "price_increment": Number("0.1"),
            }]},
        },
        venue.snapshot(),
        *(venue.message("update", venue.step()) for _ in range(6)),
        {"channel": "trade", "type": "update", "data": [{
            "symbol": "BTC/USD", "side": "buy", "price": Number("1.5"), "qty": Number("2"), "trade_id": 7,
            "timestamp": TIME,
        }]},
        {"channel": "ticker", "type": "update", "data": [{
            **both, "bid_qty": Number("1"), "ask_qty": Number("1"), "change_pct": Number("-1.5"),
        }]},
        {"channel": "ohlc", "type": "update", "timestamp": TIME, "data": [{
            **both, "trades": 5, "interval": 1, "interval_begin": "2026-08-16T23:37:00.000000000Z",
        }]},
    ]  # fmt: skip


FRAMES = {version: [PLAIN.encode(frame) for frame in sample_frames(version)] for version in (1, 2)}
CODECS = {1: KrakenV1Codec, 2: KrakenCodec}
versions = st.sampled_from((1, 2))


@st.composite
def damaged(draw: st.DrawFn, version: int) -> bytes:
    """A frame that was good before one value or a few bytes of it were exchanged."""
    raw = draw(st.sampled_from(FRAMES[version]))
    if draw(st.booleans()):
        value: Any = json.loads(raw)
        container, key = draw(st.sampled_from(places(value)))
        container[key] = draw(any_json)
        raw = json.dumps(value).encode()
    return draw(few_bytes_else(raw))


@given(versions, st.data())
@example(2, None)
def test_any_bytes_give_sound_facts_or_a_wire_error(version: int, data: st.DataObject | None) -> None:
    connection = CODECS[version]().connection(1)
    if data is None:
        deep = (
            b"",
            b"[" * 100_000,
            b'{"channel":"book","data":' * 50_000,
            b'{"channel":"book","type":"update",',
        )
        assert [told(connection, raw) for raw in deep] == [None] * 4
        return
    frames = any_bytes(json_bytes, damaged(version), st.sampled_from(FRAMES[version]))
    for raw in data.draw(st.lists(frames, max_size=8)):
        told(connection, raw)


@given(versions, st.data())
def test_an_unreadable_frame_leaves_nothing_behind(version: int, data: st.DataObject) -> None:
    disturbed, calm = (CODECS[version]().connection(1) for _ in range(2))
    for raw in FRAMES[version]:
        bad = data.draw(damaged(version))
        if told(CODECS[version]().connection(1), bad) is None:
            assert told(disturbed, bad) is None
        assert told(disturbed, raw) == told(calm, raw) is not None


@given(
    st.sampled_from(("Depth", "Trades", "OHLC", "Time", "SystemStatus", "AssetPairs", "Ticker", "")),
    st.sampled_from(("", "?pair=XBTUSD", "?pair=XXBTZUSD&interval=60&count=5", "?pair=&count=", "?pair=%FF")),
    st.one_of(
        st.binary(),
        json_bytes,
        st.builds(
            lambda key, inner, last, error: json.dumps({"error": error, "result": {key: inner, "last": last}}).encode(),
            st.sampled_from(("XXBTZUSD", "unixtime", "status", "timestamp", "asks")),
            any_json
            | st.just([["1.5", "2.0", 1385579841.7774, "s", "l", "", 5]])
            | st.just([[1502445540, "1", "1", "1", "1", "1", "0.1", 3]])
            | st.just({"altname": "XBTUSD", "wsname": "XBT/USD", "pair_decimals": 1, "lot_decimals": 8}),
            st.integers(0, 2**33) | st.text(max_size=3),
            st.lists(st.sampled_from(("EGeneral:Too many requests", "WGeneral:x", "")), max_size=1),
        ),
    ),
)  # fmt: skip
def test_any_body_gives_sound_facts_or_an_error_of_its_own(endpoint: str, query: str, raw: bytes) -> None:
    answer(KrakenCodec(), f"/0/public/{endpoint}{query}", raw, NOW, promise)
