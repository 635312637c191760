"""Frames written from the protocol sheet come back as the facts they were written from, however they are spelt.

And whatever bytes arrive, the codec gives sound facts or WireError, nothing else.
"""

from __future__ import annotations

from random import Random
from typing import Any

from binance_sheet import MAX_INT, NOW, Said, ids, said_frames, trades
from hypothesis import example, given
from hypothesis import strategies as st
from sound_facts import Event, answer, assert_sound, outcome, says_it_once
from spelt_frames import any_bytes, compact, few_bytes_else, json_values, shuffled, spaced, with_news

from bethna.core.market import BookSnapshot, Ticker, Trade, TradePage
from bethna.core.wire import WireEvent
from bethna.venues.binance import BinanceCodec


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


def promise(event: Event) -> None:
    """Sound, with a number for all that has one here, and a day that always says where it began."""
    assert_sound(event)
    if isinstance(event, Ticker):
        assert None not in (event.open, event.high, event.low, event.volume)


def told(codec: BinanceCodec, raw: bytes) -> list[WireEvent] | None:
    return outcome(codec, raw, NOW, promise)


any_json = json_values(
    st.sampled_from(["nan", "inf", "-1", "0", "1e999", "BTCUSDT", "trade", 2**63, -1, 1e400]),
    st.sampled_from([*"esESpqtTmbBaAuUklL", "stream", "data", "result", "id", "error", "code", "msg"]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A frame that was good before one value or a few bytes of it were exchanged."""
    said = draw(said_frames)
    frame: Any = {"stream": said.stream, "data": dict(said.payload)}
    if draw(st.booleans()):
        key = draw(st.sampled_from([*said.payload]))
        frame["data"][key] = draw(any_json)
    return draw(few_bytes_else(compact(frame if draw(st.booleans()) else frame["data"])))


@given(any_bytes(any_json.map(compact), damaged()))
@example(b"")
@example(b"[" * 100_000)
@example(b'{"stream":"btcusdt@trade","data":' + b'{"e":' * 100_000)
def test_any_bytes_give_sound_facts_or_a_wire_error(raw: bytes) -> None:
    told(BinanceCodec(), raw)


@given(st.lists(said_frames, min_size=1, max_size=3), st.lists(damaged(), min_size=1, max_size=3))
def test_what_a_codec_has_seen_before_changes_nothing(before: list[Said], frames: list[bytes]) -> None:
    """The short way, which is there only after a frame of the same stream, gives what the long way gives."""
    seasoned = BinanceCodec()
    for said in before:
        seasoned.decode(compact({"stream": said.stream, "data": said.payload}), NOW)
        target = {"stream": said.stream, "data": {**said.payload, "e": "aggTrade"}}
        assert told(seasoned, compact(target)) == told(BinanceCodec(), compact(target))
    for raw in frames:
        for _ in range(2):
            if says_it_once(raw):
                assert told(seasoned, raw) == told(BinanceCodec(), raw)


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
    any_json,
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
    st.fixed_dictionaries({"symbols": st.lists(any_json, max_size=3), "rateLimits": any_json}),
    st.fixed_dictionaries({"code": any_json, "msg": any_json}),
)


@given(paths, st.one_of(st.binary(), bodies.map(compact)), st.integers(0, MAX_INT))
@example("/api/v3/time", b"[" * 100_000, 0)
@example("/api/v3/time", b'{"code":' * 100_000, 0)
@example("//[/time", b"{}", 0)
def test_any_body_to_any_path_gives_sound_facts_or_an_error(path: str, raw: bytes, now: int) -> None:
    answer(BinanceCodec(), path, raw, now, promise)


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
