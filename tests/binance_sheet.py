"""Frames of Binance as its protocol sheet describes them, drawn together with the facts that they state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from bethna.core.instrument import instrument_id
from bethna.core.market import BookDelta, BookSnapshot, Level, Quote, Ticker, Trade, VenueCandle
from bethna.core.wire import MarketEvent

NOW = 1_700_000_000_000_000_001
MAX_INT = 2**63 - 1
Payload = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """A frame as the venue would say it, and what it means."""

    stream: str
    payload: Payload
    fact: MarketEvent


pairs = st.tuples(
    st.sampled_from(["BTC", "ETH", "1INCH", "币安", "A"]), st.sampled_from(["USDT", "FDUSD", "BTC", "TRY"])
)
ids = st.integers(0, MAX_INT)
ids_or_none = st.integers(-1, 10**12)
times = st.integers(0, MAX_INT // 1_000_000)


@st.composite
def numbers(draw: st.DrawFn, least: int) -> tuple[str, float]:
    """A number of at least `least` hundred-millionths, padded to eight decimals as the venue pads it."""
    units = draw(st.integers(least, 10**18))
    text = f"{units // 10**8}.{units % 10**8:08d}"
    return text, float(text)


prices, amounts = numbers(1), numbers(0)
levels = st.lists(st.tuples(prices, amounts), max_size=6)


def texts(side: list[tuple[tuple[str, float], tuple[str, float]]]) -> list[list[str]]:
    return [[price[0], amount[0]] for price, amount in side]


def floats(side: list[tuple[tuple[str, float], tuple[str, float]]]) -> list[Level]:
    return [(price[1], amount[1]) for price, amount in side]


@st.composite
def trades(draw: st.DrawFn) -> Said:
    base, quote = draw(pairs)
    price, amount, number, time, sold = (
        draw(prices),
        draw(amounts),
        draw(ids),
        draw(times),
        draw(st.booleans()),
    )
    symbol = base + quote
    payload = {
        "e": "trade",
        "E": time,
        "s": symbol,
        "t": number,
        "p": price[0],
        "q": amount[0],
        "T": time,
        "m": sold,
        "M": True,
    }
    name = instrument_id(f"{base}-{quote}", "binance")
    fact = Trade(name, price[1], amount[1], "sell" if sold else "buy", number, time * 1_000_000, NOW)
    return Said(f"{symbol.lower()}@trade", payload, fact)


@st.composite
def aggregates(draw: st.DrawFn) -> Said:
    said = draw(trades())
    first, inside = draw(ids_or_none), draw(st.integers(1, 1000))
    payload = {k: v for k, v in said.payload.items() if k != "t"}
    payload |= {"e": "aggTrade", "a": said.payload["t"], "f": first, "l": first + inside - 1}
    return Said(f"{payload['s'].lower()}@aggTrade", payload, replace(said.fact, count=inside))


@st.composite
def quotes(draw: st.DrawFn) -> Said:
    base, quote = draw(pairs)
    bid, bid_amount, ask, ask_amount = draw(prices), draw(amounts), draw(prices), draw(amounts)
    update = draw(ids)
    payload = {
        "u": update,
        "s": base + quote,
        "b": bid[0],
        "B": bid_amount[0],
        "a": ask[0],
        "A": ask_amount[0],
    }
    name = instrument_id(f"{base}-{quote}", "binance")
    fact = Quote(name, bid[1], bid_amount[1], ask[1], ask_amount[1], update, None, NOW)
    return Said(f"{(base + quote).lower()}@bookTicker", payload, fact)


@st.composite
def deltas(draw: st.DrawFn) -> Said:
    base, quote = draw(pairs)
    bids, asks, time = draw(levels), draw(levels), draw(times)
    first, last = sorted((draw(ids), draw(ids)))
    payload = {
        "e": "depthUpdate",
        "E": time,
        "s": base + quote,
        "U": first,
        "u": last,
        "b": texts(bids),
        "a": texts(asks),
    }
    name = instrument_id(f"{base}-{quote}", "binance")
    fact = BookDelta(name, first, last, floats(bids), floats(asks), time * 1_000_000, NOW)
    return Said(f"{(base + quote).lower()}@depth@100ms", payload, fact)


@st.composite
def tops(draw: st.DrawFn) -> Said:
    base, quote = draw(pairs)
    ordered = st.lists(st.tuples(prices, amounts), max_size=6, unique_by=lambda level: level[0][1])
    bids = sorted(draw(ordered), key=lambda level: -level[0][1])
    asks = sorted(draw(ordered), key=lambda level: level[0][1])
    depth, last = draw(st.sampled_from([5, 10, 20])), draw(ids)
    payload = {"lastUpdateId": last, "bids": texts(bids), "asks": texts(asks)}
    name = instrument_id(f"{base}-{quote}", "binance")
    fact = BookSnapshot(name, last, floats(bids), floats(asks), NOW, depth, partial=True)
    return Said(f"{(base + quote).lower()}@depth{depth}@100ms", payload, fact)


@st.composite
def candles(draw: st.DrawFn) -> Said:
    base, quote = draw(pairs)
    o, h, low, c, v = draw(prices), draw(prices), draw(prices), draw(prices), draw(amounts)
    first, last, count, time, opened = (
        draw(ids_or_none),
        draw(ids_or_none),
        draw(ids),
        draw(times),
        draw(times),
    )
    closed, interval = draw(st.booleans()), draw(st.sampled_from(["1s", "1m", "3d", "1M"]))
    body = {
        "t": opened,
        "T": opened,
        "s": base + quote,
        "i": interval,
        "f": first,
        "L": last,
        "o": o[0],
        "c": c[0],
        "h": h[0],
        "l": low[0],
        "v": v[0],
        "n": count,
        "x": closed,
        "q": "0",
        "V": "0",
        "Q": "0",
        "B": "0",
    }
    fact = VenueCandle(
        instrument_id(f"{base}-{quote}", "binance"),
        interval,
        opened * 1_000_000,
        o[1],
        h[1],
        low[1],
        c[1],
        v[1],
        count,
        closed,
        None if first < 0 else first,
        None if last < 0 else last,
        time * 1_000_000,
        NOW,
    )
    payload = {"e": "kline", "E": time, "s": base + quote, "k": body}
    return Said(f"{(base + quote).lower()}@kline_{interval}", payload, fact)


@st.composite
def tickers(draw: st.DrawFn) -> Said:
    base, quote = draw(pairs)
    c, o, h, low = draw(prices), draw(prices), draw(prices), draw(prices)
    v, q, bid, ask = draw(amounts), draw(amounts), draw(amounts), draw(amounts)
    time, count, full = draw(times), draw(ids), draw(st.booleans())
    change = draw(st.floats(-100, 1e9).map(lambda x: f"{x:.3f}"))
    payload = {
        "e": "24hrTicker" if full else "24hrMiniTicker",
        "E": time,
        "s": base + quote,
        "c": c[0],
        "o": o[0],
        "h": h[0],
        "l": low[0],
        "v": v[0],
        "q": q[0],
    }
    if full:
        payload |= {"P": change, "b": bid[0], "a": ask[0], "n": count, "B": "1", "A": "1", "u": 1, "L": count}
    fact = Ticker(
        instrument_id(f"{base}-{quote}", "binance"),
        c[1],
        o[1],
        h[1],
        low[1],
        v[1],
        q[1],
        float(change) if full else None,
        (bid[1] or None) if full else None,
        (ask[1] or None) if full else None,
        count if full else None,
        time * 1_000_000,
        NOW,
        count if full else None,
    )
    return Said(f"{(base + quote).lower()}@{'ticker' if full else 'miniTicker'}", payload, fact)


said_frames = st.one_of(trades(), aggregates(), quotes(), deltas(), tops(), candles(), tickers())
