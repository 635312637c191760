"""Frames written from the protocol sheet come back as the facts they were written from, however they are spelt.

A book whose updates name their predecessors is the book that they describe. And whatever bytes arrive, the codec gives
sound facts or WireError, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sound_facts import MAX_INT, Event, answer, assert_sound, outcome, places, says_it_once
from spelt_frames import any_bytes, compact, few_bytes_else, json_values, shuffled, spaced, with_news

from bethna.core.coverage import Gap
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    IndexPrice,
    InstrumentId,
    Quote,
    Ticker,
    Trade,
    TradePage,
    Valuation,
)
from bethna.core.status import Trust
from bethna.core.wire import Ack, MarketEvent, WireEvent
from bethna.logic.booksync import BookSync
from bethna.venues.deribit import DeribitCodec

NOW = 1_789_400_000_000_000_001
MS = 1_000_000

names = st.sampled_from([
    ("BTC-PERPETUAL", "BTC-PERPETUAL@deribit"),
    ("ETH-5AUG26", "ETH-5AUG26@deribit"),
    ("BTC-25DEC26-76000-C", "BTC-25DEC26-76000-C@deribit"),
    ("XRP_USDC-30JUN26-0d625-P", "XRP_USDC-30JUN26-0d625-P@deribit"),
    ("BTC_USDC", "BTC-USDC@deribit"),
])  # fmt: skip
ids = st.integers(0, MAX_INT)
times = st.integers(0, MAX_INT // MS)
prices = st.floats(1e-9, 1e9)
amounts = st.floats(0, 1e12)
positive = st.floats(1e-9, 1e12)
intervals = st.sampled_from(["raw", "100ms", "agg2"])


@dataclass(frozen=True)
class Said:
    """A notification as the venue would say it, and what it means."""

    channel: str
    data: Any
    facts: list[MarketEvent]

    @property
    def frame(self) -> dict[str, Any]:
        params = {"channel": self.channel, "data": self.data}
        return {"jsonrpc": "2.0", "method": "subscription", "params": params}


@st.composite
def trades(draw: st.DrawFn) -> Said:
    name, instrument = draw(names)
    rows, facts = [], []
    for seq in sorted(draw(st.sets(ids, max_size=4))):
        price, amount, time = draw(prices), draw(amounts), draw(times)
        side = draw(st.sampled_from(["buy", "sell"]))
        rows.append({
            "timestamp": time, "price": price, "amount": amount, "direction": side, "instrument_name": name,
            "trade_seq": seq, "trade_id": f"ETH-{seq}", "iv": 38.1, "starbase_match_id": 225046781992378368,
        })  # fmt: skip
        facts.append(Trade(InstrumentId(instrument), price, amount, side, seq, time * MS, NOW))  # type: ignore[arg-type]  # drawn
    order = draw(st.sampled_from([1, -1]))
    return Said(f"trades.{name}.{draw(intervals)}", rows[::order], list(facts))


def sides() -> st.SearchStrategy[list[float]]:
    return st.lists(prices, max_size=5, unique=True)


@st.composite
def books(draw: st.DrawFn) -> Said:
    name, instrument = draw(names)
    last, time = draw(st.integers(2, MAX_INT)), draw(times)
    common = {"timestamp": time, "instrument_name": name, "change_id": last}
    bids = [(price, draw(positive)) for price in draw(sides())]
    asks = [(price, draw(positive)) for price in draw(sides())]
    who = InstrumentId(instrument)
    best = (sorted(bids, reverse=True), sorted(asks))
    kind = draw(st.sampled_from(["snapshot", "change", "grouped"]))
    if kind == "grouped":
        fact = BookSnapshot(who, last, *best, NOW, 20, partial=True, ts_event=time * MS)
        return Said(f"book.{name}.none.20.100ms", {**common, "bids": bids, "asks": asks}, [fact])
    channel = f"book.{name}.{draw(intervals)}"
    if kind == "snapshot":
        rows = {
            side: [["new", *level] for level in found] for side, found in (("bids", bids), ("asks", asks))
        }
        whole = BookSnapshot(who, last, *best, NOW, max(len(bids), len(asks)) + 1, ts_event=time * MS)
        return Said(channel, {**common, "type": kind, **rows}, [whole])
    before = draw(st.integers(1, last - 1))
    gone = draw(st.booleans())
    rows = {
        "bids": [["new", *level] for level in bids],
        "asks": [["delete", price, 0.0] for price, _ in asks],
    }
    if not gone:
        rows["asks"] = [["change", *level] for level in asks]
    delta = BookDelta(who, before + 1, last, bids, [(p, 0.0 if gone else q) for p, q in asks], time * MS, NOW)
    return Said(channel, {**common, "type": kind, "prev_change_id": before, **rows}, [delta])


@st.composite
def tickers(draw: st.DrawFn) -> Said:
    name, instrument = draw(names)
    who, time = InstrumentId(instrument), draw(times)
    maybe = st.none() | st.just(0.0) | prices
    bid, bid_amount, ask, ask_amount, last, high, low = (draw(maybe) for _ in range(7))
    change = draw(st.none() | st.floats(-1e6, 1e6))
    volume, dollars = draw(st.none() | amounts), draw(st.none() | amounts)
    data = {
        "timestamp": time, "instrument_name": name, "state": "open", "best_bid_price": bid, "best_ask_price": ask,
        "best_bid_amount": bid_amount, "best_ask_amount": ask_amount, "last_price": last, "mark_price": 0.25,
        "stats": {"high": high, "low": low, "price_change": change, "volume": volume, "volume_usd": dollars},
    }  # fmt: skip
    by_quote = name in ("BTC-PERPETUAL", "ETH-5AUG26")
    facts: list[MarketEvent] = []
    if last:
        traded, turnover = (dollars if by_quote else volume), (None if "_USDC" in name else dollars)
        facts.append(
            Ticker(
                who, last, None, high or None, low or None, traded, turnover, change, bid or None, ask or None, None,
                time * MS, NOW,
            )
        )  # fmt: skip
    if bid and bid_amount and ask and ask_amount:
        facts.append(Quote(who, bid, bid_amount, ask, ask_amount, None, time * MS, NOW))
    if name != "BTC_USDC":
        facts.append(Valuation(who, 0.25, None, time * MS, NOW))
    return Said(f"ticker.{name}.{draw(intervals)}", data, facts)


@st.composite
def indices(draw: st.DrawFn) -> Said:
    value, time = draw(prices), draw(times)
    if draw(st.booleans()):
        data = {"timestamp": time, "price": value, "index_name": "eth_usd"}
        fact = IndexPrice(InstrumentId("ETH-USD-INDEX@deribit"), value, time * MS, NOW)
        return Said("deribit_price_index.eth_usd", data, [fact])
    data = {"timestamp": time, "volatility": value, "index_name": "eth_usd"}
    fact = IndexPrice(InstrumentId("ETH-DVOL@deribit"), value, time * MS, NOW)
    return Said("deribit_volatility_index.eth_usd", data, [fact])


def states_a_fact(said: Said) -> bool:
    return bool(said.facts) or said.channel.startswith("trades")


notifications = st.one_of(trades(), books(), tickers().filter(states_a_fact), indices())


@given(notifications, st.randoms(use_true_random=False))
def test_every_spelling_gives_the_same_facts(said: Said, rng: Random) -> None:
    codec = DeribitCodec()
    frame = said.frame
    news = {**frame, "params": {**frame["params"], "data": with_news(said.data, rng)}}
    spellings = [
        compact(frame),
        compact(frame),  # now by the short way
        spaced(frame),
        compact(shuffled(frame, rng)),
        spaced(shuffled(frame, rng)),
        compact(with_news(frame, rng)),
        compact(news),
    ]
    rng.shuffle(spellings)
    for raw in spellings:
        assert list(codec.decode(raw, NOW)) == said.facts, raw


# --- books


class Told:
    """What a book's machine tells."""

    def __init__(self) -> None:
        self.trust: list[Trust] = []

    def book_gap(self, gap: Gap, ts: int) -> None:
        raise AssertionError("nothing was missing")

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        self.trust.append(trust)

    def want_snapshot(self, reason: str, ts: int) -> None:
        raise AssertionError("nothing is wanted")


ticks = st.integers(1, 8)
steps = st.lists(
    st.tuples(
        st.integers(1, 10**9),  # how far the ids jump: other instruments' changes lie between
        st.lists(st.tuples(ticks, st.integers(0, 5)), max_size=4, unique_by=lambda level: level[0]),
        st.lists(st.tuples(ticks, st.integers(0, 5)), max_size=4, unique_by=lambda level: level[0]),
        st.sampled_from(["change", "change", "change", "snapshot"]),
    ),
    max_size=12,
)


@given(steps)
def test_a_healthy_book_is_trusted_from_its_first_word_and_is_what_was_said(
    several: list[tuple[int, list[tuple[int, int]], list[tuple[int, int]], str]],
) -> None:
    """Bids below 10 and asks above it, so that no order of them crosses."""
    told = Told()
    sync = BookSync(lambda _: None, told, patience_ns=10**10, max_held=10)
    codec = DeribitCodec()
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    change_id = 0
    for number, (jump, bid_steps, ask_steps, kind) in enumerate([(1, [], [], "snapshot"), *several]):
        before, change_id = change_id, change_id + jump
        new: dict[str, list[list[object]]] = {}
        for name, side, offset, found in (("bids", bids, 0, bid_steps), ("asks", asks, 10, ask_steps)):
            new[name] = []
            for tick, quantity in found:
                price = float(offset + tick)
                action = "delete" if not quantity else "change" if price in side else "new"
                new[name].append([action, price, float(quantity)])
                side[price] = float(quantity)
                if not quantity:
                    del side[price]
            if kind == "snapshot":
                new[name] = [["new", price, quantity] for price, quantity in side.items()]
        data = {
            "type": kind, "timestamp": number, "instrument_name": "BTC_USDC", "change_id": change_id,
            "prev_change_id": before, **new,
        }  # fmt: skip
        (event,) = codec.decode(compact(Said("book.BTC_USDC.100ms", data, []).frame), number)
        took = sync.snapshot(event) if isinstance(event, BookSnapshot) else apply(sync.apply, event)
        assert took
        assert sync.book is not None
        assert sync.book.levels() == (sorted(bids.items(), reverse=True), sorted(asks.items()))
        assert sync.book.update_id == change_id
    assert told.trust == [Trust.TRUSTED]


def apply(take: Callable[[BookDelta], bool], event: WireEvent) -> bool:
    assert isinstance(event, BookDelta)
    return take(event)


# --- any bytes at all


def promise(event: Event) -> None:
    """Sound; a quote has something on both sides, and a change says what came before it."""
    assert_sound(event)
    match event:
        case Quote():
            assert min(event.bid_quantity, event.ask_quantity) > 0
        case BookDelta():
            assert event.first_id > 1
        case _:
            pass


def told(codec: DeribitCodec, raw: bytes) -> list[WireEvent] | None:
    return outcome(codec, raw, NOW, promise)


keys = st.sampled_from([
    "jsonrpc", "method", "params", "channel", "data", "id", "result", "error", "code", "message", "reason", "type",
    "usOut", "timestamp", "instrument_name", "change_id", "prev_change_id", "bids", "asks", "price", "index_name",
    "maintenance", "trades", "stats", "greeks", "kind",
])  # fmt: skip
any_json = json_values(
    st.sampled_from([
        "nan", "1e999", "BTC-PERPETUAL", "subscription", "heartbeat", "test_request", "ok", "snapshot", "new",
        "trades.BTC-PERPETUAL.100ms", "ticker.BTC_USDC.raw", "platform_state", 10028, 10040, 2**63, -1, 1e-320,
    ]),
    keys,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A frame that was good before one value or a few bytes of it were exchanged."""
    frame = json.loads(compact(draw(notifications).frame))
    if draw(st.booleans()):
        container, key = draw(st.sampled_from(places(frame)))
        container[key] = draw(any_json)
    return draw(few_bytes_else(compact(frame)))


BEGINNING = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"'


@given(any_bytes(any_json.map(compact), damaged()))
@example(b"")
@example(b"[" * 100_000)
@example(BEGINNING)
@example(BEGINNING + b'trades.BTC-PERPETUAL.100ms","data":' + b"[" * 100_000)
@example(b'{"error":' * 100_000)
@example(b'{"method":"\\ud800"}')
def test_any_bytes_give_sound_facts_or_a_wire_error(raw: bytes) -> None:
    told(DeribitCodec(), raw)


@given(st.lists(notifications, min_size=1, max_size=3), st.lists(damaged(), min_size=1, max_size=3))
def test_what_a_codec_has_seen_before_changes_nothing(before: list[Said], frames: list[bytes]) -> None:
    """The short way, which is there only after a frame of the same channel, gives what the long way gives."""
    seasoned = DeribitCodec()
    for said in before:
        seasoned.decode(compact(said.frame), NOW)
        other = {**said.frame, "params": {"channel": said.channel, "data": before[0].data}}
        assert told(seasoned, compact(other)) == told(DeribitCodec(), compact(other))
    for raw in frames:
        for _ in range(2):
            if says_it_once(raw):
                assert told(seasoned, raw) == told(DeribitCodec(), raw)


@given(st.floats(0, 1e300), st.floats(0, 1e300), st.floats(0, 1e300))
@example(1e-320, 4e-11, 38.25)
def test_a_volatility_is_a_fraction_above_zero_or_not_said(mark: float, bid: float, ask: float) -> None:
    """However small the percent is that the venue writes: what no digit is left of is nothing, not zero."""
    data = {
        "timestamp": 1, "instrument_name": "BTC-25DEC26-76000-C", "state": "open", "mark_price": 0.25,
        "stats": {"high": None, "low": None, "price_change": None, "volume": 0.0}, "mark_iv": mark, "bid_iv": bid,
        "ask_iv": ask,
    }  # fmt: skip
    events = told(DeribitCodec(), compact(Said("ticker.BTC-25DEC26-76000-C.100ms", data, []).frame))
    assert events is not None
    (valuation,) = [event for event in events if isinstance(event, Valuation)]
    for percent, fraction in ((mark, valuation.mark_iv), (bid, valuation.bid_iv), (ask, valuation.ask_iv)):
        assert (fraction or 0.0) == pytest.approx(percent / 100, abs=1e-12)
        assert fraction != 0.0


@given(st.integers(0, MAX_INT), st.lists(st.text(max_size=20), max_size=5))
def test_an_answer_lists_what_it_lists(request_id: int, channels: list[str]) -> None:
    raw = spaced({"jsonrpc": "2.0", "id": request_id, "result": channels, "usIn": 1})
    (ack,) = DeribitCodec().decode(raw, NOW)
    assert ack == Ack(request_id, tuple(channels), "request")


# --- REST

METHODS = (
    "get_order_book", "get_last_trades_by_instrument", "get_tradingview_chart_data", "get_time", "get_instruments",
    "get_currencies", "",
)  # fmt: skip
paths = st.one_of(
    st.builds("/api/v2/public/{}?{}".format, st.sampled_from(METHODS), st.text(max_size=30)),
    st.builds(
        "/api/v2/public/{}?instrument_name=BTC-PERPETUAL&resolution={}&depth={}".format,
        st.sampled_from(METHODS),
        st.sampled_from(["1", "60", "1D", "7"]),
        st.integers(0, 9999),
    ),
    st.text(max_size=40),
)
number_values = st.sampled_from([1, 2.5, 3, 0, -1, 1e400, 2**63, "1", None, True])
columns = st.lists(number_values, max_size=3)
rows = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["option", "future", "spot", "option_combo", "x", 5]),
        "instrument_name": st.sampled_from(["BTC-PERPETUAL", "BTC_USDC", "BTC-25DEC26", "BTC-CS-1", 5]),
        "is_active": st.sampled_from([True, False, None]),
        "tick_size": number_values,
        "min_trade_amount": number_values,
        "expiration_timestamp": st.sampled_from([1789459200000, 32503708800000, -1, 2**63, None]),
    },
    optional={
        "contract_size": number_values,
        "strike": number_values,
        "price_index": st.sampled_from(["btc_usd", "x", 5]),
    },
)
results = st.one_of(
    any_json,
    st.lists(rows, max_size=3),
    st.fixed_dictionaries({
        "timestamp": number_values, "change_id": number_values, "instrument_name": st.just("BTC-PERPETUAL"),
        "bids": st.lists(st.lists(number_values, min_size=2, max_size=2), max_size=3),
        "asks": st.lists(st.lists(number_values, min_size=2, max_size=2), max_size=3),
    }),
    st.fixed_dictionaries({
        "status": st.sampled_from(["ok", "no_data", 5]),
        **dict.fromkeys(("ticks", "open", "high", "low", "close", "volume", "cost"), columns),
    }),
    trades().map(lambda said: {"trades": said.data, "has_more": False}),
)  # fmt: skip
bodies = st.builds(lambda result: {"jsonrpc": "2.0", "result": result}, results) | any_json


@given(paths, st.one_of(st.binary(), bodies.map(compact)), st.integers(0, MAX_INT))
@example("/api/v2/public/get_time", b"[" * 100_000, 0)
@example("/api/v2/public/get_time", b'{"error":' * 100_000, 0)
@example("/api/v2/public/get_time", b'{"error":{"code":1,"message":"","data":' + b"[" * 100_000, 0)
@example("//[/get_time", b"{}", 0)
def test_any_body_to_any_path_gives_sound_facts_or_an_error(path: str, raw: bytes, now: int) -> None:
    answer(DeribitCodec(), path, raw, now, promise)


@given(trades(), st.randoms(use_true_random=False))
def test_a_page_of_trades_is_what_the_stream_says(said: Said, rng: Random) -> None:
    """History in any order is the stream's trades in theirs."""
    rows = list(said.data)
    rng.shuffle(rows)
    name = said.channel.split(".")[1]
    path = f"/api/v2/public/get_last_trades_by_instrument?instrument_name={name}&count=10"
    (page,) = DeribitCodec().decode_http(path, compact({"result": {"trades": rows, "has_more": False}}), NOW)
    assert isinstance(page, TradePage)
    assert page.trades == said.facts
