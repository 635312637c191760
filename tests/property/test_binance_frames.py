"""Frames written from the protocol sheet come back as the facts they were written from, however they are spelt.

And whatever bytes arrive, the codec gives sound facts or WireError, nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

from binance_sheet import MAX_INT, NOW, Said, ids, said_frames, trades
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from bethna.api.decoded import describe
from bethna.core.errors import VenueAnswer, WireError
from bethna.core.market import BookDelta, BookSnapshot, Quote, Ticker, Trade, TradePage
from bethna.core.wire import Ack, Refusal, RestEvent, WireEvent
from bethna.venues.binance import BinanceCodec

# --- the many ways to spell a frame


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def spaced(value: object) -> bytes:
    return b"\r\n " + json.dumps(value, indent="\t", ensure_ascii=True).encode() + b" \n"


def shuffled(value: Any, rng: Random) -> Any:
    """The same JSON value with the keys of every object in another order."""
    if isinstance(value, list):
        return [shuffled(each, rng) for each in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    rng.shuffle(keys)
    return {key: shuffled(value[key], rng) for key in keys}


def with_news(value: Any, rng: Random) -> Any:
    """The same with fields that nobody has heard of."""
    extra = {"zz": [1, {"p": "nan"}], "Y": None, "newField": "x"}
    return {**extra, **value} if rng.random() < 0.5 else {**value, **extra}


@given(said_frames, st.randoms(use_true_random=False))
def test_every_spelling_gives_the_same_fact(said: Said, rng: Random) -> None:
    codec = BinanceCodec()
    frame = {"stream": said.stream, "data": said.payload}
    spellings = [
        compact(frame),
        compact(frame),  # now by the short way
        spaced(frame),
        compact(shuffled(frame, rng)),
        spaced(shuffled(frame, rng)),
        compact({"data": said.payload, "stream": said.stream}),
        compact(with_news(frame, rng)),
        compact({**frame, "data": with_news(said.payload, rng)}),
    ]
    rng.shuffle(spellings)
    for raw in spellings:
        assert list(codec.decode(raw, NOW)) == [said.fact], raw
    if not isinstance(said.fact, BookSnapshot):
        for raw in (compact(said.payload), spaced(shuffled(said.payload, rng))):
            assert list(codec.decode(raw, NOW)) == [said.fact], raw


@given(st.lists(said_frames, max_size=5))
def test_an_array_is_its_elements_in_order(several: list[Said]) -> None:
    several = [each for each in several if not isinstance(each.fact, BookSnapshot)]
    codec = BinanceCodec()
    facts = [each.fact for each in several]
    payloads = [each.payload for each in several]
    assert list(codec.decode(compact({"stream": "!all@arr", "data": payloads}), NOW)) == facts
    assert list(codec.decode(compact(payloads), NOW)) == facts


@given(trades(), st.integers(0, MAX_INT // 1_000))
def test_the_unit_of_time_is_the_configured_one(said: Said, time: int) -> None:
    (trade,) = BinanceCodec("us").decode(compact(said.payload | {"T": time}), NOW)
    assert isinstance(trade, Trade)
    assert trade.ts_event == time * 1_000


# --- any bytes at all


def numbers_of(value: object) -> Iterator[float | int]:
    """Every number inside a fact."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, float | int):
        yield value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from numbers_of(getattr(value, name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers_of(each)


def assert_sound(event: WireEvent | RestEvent) -> None:
    """Finite, never negative but for a change in percent, inside 64 bits, and ready for JSON."""
    for number in numbers_of(event):
        assert math.isfinite(number)
        assert isinstance(number, float) or -MAX_INT - 1 <= number <= MAX_INT
        if not isinstance(event, Ticker | Ack | Refusal):
            assert number >= 0
    match event:
        case Trade():
            assert event.price > 0
            assert event.count >= 1
        case Quote():
            assert event.bid > 0
            assert event.ask > 0
        case BookDelta():
            assert event.first_id <= event.last_id
            assert all(price > 0 for price, _ in event.bids + event.asks)
        case BookSnapshot():
            assert [p for p, _ in event.bids] == sorted({p for p, _ in event.bids}, reverse=True)
            assert [p for p, _ in event.asks] == sorted({p for p, _ in event.asks})
        case Ticker():
            assert min(event.last, event.open, event.high, event.low) > 0
        case _:
            pass
    json.dumps(describe(event), allow_nan=False)


def outcome(codec: BinanceCodec, raw: bytes) -> list[WireEvent] | None:
    """The facts of a message, None when it is refused; any other exception fails the test."""
    try:
        events = list(codec.decode(raw, NOW))
    except WireError:
        return None
    for event in events:
        assert_sound(event)
    return events


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["nan", "inf", "-1", "0", "1e999", "BTCUSDT", "trade", 2**63, -1, 1e400]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [*"esESpqtTmbBaAuUklL", "stream", "data", "result", "id", "error", "code", "msg"]
            ),
            inner,
            max_size=8,
        )
    ),
    max_leaves=20,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A frame that was good before one value or a few bytes of it were exchanged."""
    said = draw(said_frames)
    frame: Any = {"stream": said.stream, "data": dict(said.payload)}
    if draw(st.booleans()):
        key = draw(st.sampled_from([*said.payload]))
        frame["data"][key] = draw(json_values)
    raw = bytearray(compact(frame if draw(st.booleans()) else frame["data"]))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        raw = raw or bytearray(b"x")
    return bytes(raw)


@given(st.one_of(st.binary(), st.text().map(str.encode), json_values.map(compact), damaged()))
@example(b"")
@example(b"[" * 100_000)
@example(b'{"stream":"btcusdt@trade","data":' + b'{"e":' * 100_000)
def test_any_bytes_give_sound_facts_or_a_wire_error(raw: bytes) -> None:
    outcome(BinanceCodec(), raw)


def pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def says_it_once(raw: bytes) -> bool:
    """Whether no key stands twice in one object; where one does, JSON leaves the meaning open."""
    try:
        json.loads(raw, object_pairs_hook=pairs_once)
    except (ValueError, RecursionError):
        return False
    return True


@given(st.lists(said_frames, min_size=1, max_size=3), st.lists(damaged(), min_size=1, max_size=3))
def test_what_a_codec_has_seen_before_changes_nothing(before: list[Said], frames: list[bytes]) -> None:
    """The short way, which is there only after a frame of the same stream, gives what the long way gives."""
    seasoned = BinanceCodec()
    for said in before:
        seasoned.decode(compact({"stream": said.stream, "data": said.payload}), NOW)
        target = {"stream": said.stream, "data": {**said.payload, "e": "aggTrade"}}
        assert outcome(seasoned, compact(target)) == outcome(BinanceCodec(), compact(target))
    for raw in frames:
        for _ in range(2):
            if says_it_once(raw):
                assert outcome(seasoned, raw) == outcome(BinanceCodec(), raw)


# --- REST

ENDPOINTS = (
    "depth",
    "trades",
    "historicalTrades",
    "aggTrades",
    "klines",
    "uiKlines",
    "time",
    "exchangeInfo",
    "ping",
    "",
)
paths = st.one_of(
    st.builds("/api/v3/{}?{}".format, st.sampled_from(ENDPOINTS), st.text(max_size=30)),
    st.builds(
        "/api/v3/{}?symbol=BTCUSDT&interval=1m&limit={}".format,
        st.sampled_from(ENDPOINTS),
        st.integers(0, 9999),
    ),
    st.text(max_size=40),
)

levels_json = st.lists(
    st.lists(st.sampled_from(["1", "2.5", "3", "0", "nan", 7, None]), min_size=2, max_size=2), max_size=4
)
row_values = st.sampled_from(["1", "2.5", "0", "-1", "inf", 5, 6, 2**63, True, False, None])
bodies = st.one_of(
    json_values,
    st.fixed_dictionaries({"lastUpdateId": ids, "bids": levels_json, "asks": levels_json}),
    st.lists(st.lists(row_values, min_size=8, max_size=12), max_size=3),
    st.lists(
        st.dictionaries(st.sampled_from(["a", "p", "q", "f", "l", "T", "m"]), row_values, min_size=6),
        max_size=3,
    ),
    st.lists(
        st.dictionaries(
            st.sampled_from(["id", "price", "qty", "time", "isBuyerMaker"]), row_values, min_size=5
        ),
        max_size=3,
    ),
    st.fixed_dictionaries({"symbols": st.lists(json_values, max_size=3), "rateLimits": json_values}),
    st.fixed_dictionaries({"code": json_values, "msg": json_values}),
)


@given(paths, st.one_of(st.binary(), bodies.map(compact)), st.integers(0, MAX_INT))
@example("/api/v3/time", b"[" * 100_000, 0)
@example("/api/v3/time", b'{"code":' * 100_000, 0)
@example("//[/time", b"{}", 0)
def test_any_body_to_any_path_gives_sound_facts_or_an_error(path: str, raw: bytes, now: int) -> None:
    try:
        events = BinanceCodec().decode_http(path, raw, now)
    except (WireError, VenueAnswer):
        return
    for event in events:
        assert_sound(event)


@given(st.lists(trades(), max_size=6), st.sampled_from(["trades", "historicalTrades"]))
def test_a_page_of_trades_is_what_was_traded(several: list[Said], endpoint: str) -> None:
    by_id = {each.payload["t"]: each for each in several}
    rows = []
    facts = []
    for number, said in sorted(by_id.items()):
        p = said.payload
        rows.append({"id": number, "price": p["p"], "qty": p["q"], "time": p["T"], "isBuyerMaker": p["m"]})
        assert isinstance(said.fact, Trade)
        f = said.fact
        facts.append((f.price, f.quantity, f.side, f.trade_id, f.ts_event))
    (page,) = BinanceCodec().decode_http(f"/api/v3/{endpoint}?symbol=BTCUSDT", compact(rows), NOW)
    assert [(t.price, t.quantity, t.side, t.trade_id, t.ts_event) for t in trades_of(page)] == facts


def trades_of(page: object) -> list[Trade]:
    assert isinstance(page, TradePage)
    assert page.instrument == "BTC-USDT@binance"
    return page.trades
