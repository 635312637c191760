"""Answers as a function of an index, a request and an instant: it counts no requests, knows no faults and no sockets.

    /coins/bitcoin/ohlc?vs_currency=usd&days=1  ->  200 [[1790002800000,61942,62211,61721,61845],...]
    /coins/nobody/ohlc?vs_currency=usd&days=1   ->  404 {"error":"coin not found"}

Rules
  1. The free host shows `free_days` and no more: 401, code 10012. `interval` and other days than those of `OHLC_DAYS`
     are for paid plans: 401, code 10005.
  2. Ids that are not known are missing from prices, with 200.
  3. Whole numbers are written as such.
  4. What a query says besides is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.twins.coingecko import charts, errors, words
from bethna.twins.coingecko.errors import Refused, Reply
from bethna.twins.coingecko.index import Index, Point
from bethna.twins.coingecko.listings import COINS, COPIES, Coin, dollars_of, symbol_of
from bethna.twins.market.world import World

OHLC_DAYS = (1, 7, 14, 30, 90, 180, 365)
CANDLES_S, DAY_S = 900.0, 86_400
CACHE_S = {charts.FIVE_MINUTES: 30.0, charts.HOUR: 1_800.0, charts.DAY: 43_200.0}
COINS_THERE_ARE = 19_700_000
TURNOVER = 250_000
_LATEST_S = 10_000_000_000
_encode = msgspec.json.encode


class Place(Struct, frozen=True):
    """Where a request goes: which host (`pro` or not), its endpoint ("" of none), the coin, and its query."""

    pro: bool
    endpoint: str
    coin: str
    query: dict[str, str]


def place(target: str) -> Place:
    """`/api/v3/coins/bitcoin/ohlc?days=1` is `/coins/ID/ohlc` of `bitcoin` at the free host."""
    path, _, query = target.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    pro = path.startswith(f"{words.PRO_ROOT}/")
    root = words.PRO_ROOT if pro else words.FREE_ROOT
    if not path.startswith(f"{root}/"):
        return Place(pro, "", "", options)
    endpoint, coin = unquote(path.removeprefix(root)), ""
    parts = endpoint.strip("/").split("/")
    if parts[0] == "coins" and len(parts) > 2:
        coin = parts[1]
        endpoint = "/".join(("/coins/ID", *parts[2:]))
    return Place(pro, endpoint if endpoint in words.ENDPOINTS else "", coin, options)


class Ask(Struct, frozen=True):
    """A request.

    Attributes:
        now: the venue's time, ns UTC. offset: how far that is ahead of the index's time.
        free_days: how far back may be asked, 0 for all the way.
    """

    world: World
    index: Index
    place: Place
    now: int
    offset: int
    free_days: int

    def coin(self) -> str:
        """The market of the coin."""
        found = market_of(self.world, self.place.coin)
        if found is None:
            raise Refused(errors.plain(404, "coin not found"))
        return found

    def text(self, name: str) -> str:
        """A word of the query."""
        found = self.place.query.get(name)
        if not found:
            raise Refused(errors.plain(400, f"Missing parameter {name}"))
        return found

    def rate(self) -> float:
        """What one of the currency of the answer is worth in dollars."""
        found = dollars_of(self.text("vs_currency"))
        if found is None:
            raise Refused(errors.plain(400, "invalid vs_currency"))
        return found

    def whole(self, name: str, most: int) -> int:
        """A number of the query."""
        text = self.text(name)
        if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) <= most):
            raise Refused(errors.plain(400, f"invalid {name}"))
        return int(text)

    def check_start(self, start: int) -> None:
        """Rule 1."""
        if self.free_days and start < self.now - self.free_days * charts.DAY:
            raise Refused(errors.nested(401, 10012, errors.PAST_SAID, self.now))

    def check_plan(self) -> None:
        """Rule 1."""
        if self.free_days and "interval" in self.place.query:
            raise Refused(errors.nested(401, 10005, errors.PAID_SAID, self.now))

    def points(self, symbol: str, start: int, end: int) -> list[Point]:
        """Points of the index in `start <= time < end`, venue time."""
        found = self.index.between(symbol, start - self.offset, end - self.offset)
        return [(ts + self.offset, price) for ts, price in found]

    def price_at(self, symbol: str, ts: int) -> float | None:
        """The index at an instant of the venue's time."""
        return self.index.at(symbol, ts - self.offset)


class Served(Struct, frozen=True):
    """A good answer, and how many seconds it stays the same."""

    body: Any
    cache_s: float = 0.0


def answer(ask: Ask) -> tuple[Reply, float]:
    """The answer, and how many seconds it stays the same."""
    serve = _ENDPOINTS.get(ask.place.endpoint)
    if serve is None:
        return errors.plain(404, "Incorrect path. Please check https://docs.coingecko.com/"), 0.0
    try:
        served = serve(ask)
    except Refused as refused:
        return refused.reply, 0.0
    return Reply(200, _encode(served.body)), served.cache_s


def market_of(world: World, coin: str) -> str | None:
    """The symbol of a coin's market, None of one that is not listed."""
    found = COINS.get(coin)
    return symbol_of(found) if found is not None and symbol_of(found) in world.markets else None


def number(value: float) -> float | int:
    """Rule 3."""
    return int(value) if value.is_integer() else value


def rounded(value: float) -> float | int:
    """A price as prices and candles have it: two digits, of small ones eight."""
    return number(round(value, 2 if value >= 10 else 8))


# --- endpoints


def ping(_ask: Ask) -> Served:
    """`{"gecko_says":"(V3) To the Moon!"}`"""
    return Served({"gecko_says": "(V3) To the Moon!"})


def coins(ask: Ask) -> Served:
    """`[{"id":"bitcoin","symbol":"btc","name":"Bitcoin"},...]`; symbols stand there twice."""

    def row(coin: Coin) -> dict[str, str]:
        return {"id": coin.id, "symbol": coin.symbol, "name": coin.name}

    listed = [coin for coin in COINS.values() if market_of(ask.world, coin.id)]
    return Served([row(coin) for coin in sorted((*listed, *COPIES), key=lambda coin: coin.id)])


def prices(ask: Ask) -> Served:
    """`{"bitcoin":{"usd":67187.33,"usd_24h_change":3.63,"last_updated_at":1711356300}}` (rule 2)."""
    quotes = ask.text("vs_currencies").split(",")
    found: dict[str, dict[str, float | int]] = {}
    for coin in ask.text("ids").split(","):
        symbol = market_of(ask.world, coin)
        last = None if symbol is None else ask.index.last(symbol, ask.now - ask.offset)
        if symbol is None or last is None:
            continue
        ts, price = last
        row = found[coin] = {}
        for vs in quotes:
            rate = dollars_of(vs)
            if rate is None:
                continue
            row[vs] = rounded(price / rate)
            before = ask.price_at(symbol, ask.now - charts.DAY)
            if ask.place.query.get("include_24hr_change") == "true" and before:
                row[f"{vs}_24h_change"] = (price / before - 1) * 100
        if ask.place.query.get("include_last_updated_at") == "true":
            row["last_updated_at"] = (ts + ask.offset) // NS_PER_S
    return Served(found)


def ohlc(ask: Ask) -> Served:
    """`[[1709395200000,61942,62211,61721,61845],...]`"""
    symbol, rate = ask.coin(), ask.rate()
    ask.check_plan()
    days = ask.whole("days", 100_000)
    start = ask.now - days * charts.DAY
    ask.check_start(start)
    if days not in OHLC_DAYS:
        raise Refused(errors.plain(400, "invalid days"))
    points = ask.points(symbol, start, ask.now + 1)
    rows = charts.candles(points, charts.candle_width(days), start, ask.now)
    return Served([(ts, *(rounded(price / rate) for price in figures)) for ts, *figures in rows], CANDLES_S)


def chart(ask: Ask) -> Served:
    """`{"prices":[[1711843200000,69702.3087473573],...],"market_caps":[...],"total_volumes":[...]}`"""
    symbol, rate = ask.coin(), ask.rate()
    ask.check_plan()
    days = 100_000 if ask.place.query.get("days") == "max" else ask.whole("days", 100_000)
    start = max(0, ask.now - days * charts.DAY)
    ask.check_start(start)
    return _charts(ask, symbol, rate, start, ask.now)


def chart_range(ask: Ask) -> Served:
    """The same from second to second."""
    symbol, rate = ask.coin(), ask.rate()
    ask.check_plan()
    start, end = (ask.whole(name, _LATEST_S) * NS_PER_S for name in ("from", "to"))
    if end <= start:
        raise Refused(errors.plain(400, "invalid time range"))
    ask.check_start(start)
    return _charts(ask, symbol, rate, start, end)


def _charts(ask: Ask, symbol: str, rate: float, start: int, end: int) -> Served:
    step = charts.sample_step(min(end, ask.now) - start, ask.now - start)
    first = max(start, ask.world.start + ask.offset - 400 * charts.DAY)  # nothing is older than that
    found = charts.samples(
        lambda ts: ask.price_at(symbol, ts), step, first, end, ask.now, f"{ask.world.seed}/samples/{symbol}"
    )
    body = {
        "prices": [(ts, number(price / rate)) for ts, price in found],
        "market_caps": [(ts, number(price / rate * COINS_THERE_ARE)) for ts, price in found],
        "total_volumes": [(ts, number(price / rate * TURNOVER)) for ts, price in found],
    }
    return Served(body, CACHE_S[step])


_ENDPOINTS: Mapping[str, Callable[[Ask], Served]] = {
    words.PING: ping,
    words.LIST: coins,
    words.PRICE: prices,
    words.OHLC: ohlc,
    words.CHART: chart,
    words.RANGE: chart_range,
}
