"""Public REST as a function of a world and an instant: method and parameters go in, a result or a refusal comes out.

    /0/public/OHLC?pair=XBTUSD      -> {"error":[],"result":{"XXBTZUSD":[[1790000040,"61250.0",...]],"last":1790000040}}
    /0/public/OHLC?pair=NOSUCH      -> {"error":["EQuery:Unknown asset pair"]}

It counts no requests and knows no faults, but that trades may be withheld and a book be old.

Rules
  1. The status is 200, also of errors. Results are keyed by the venue's own name of the pair, whichever was asked for:
     altname, wsname and that name itself are understood.
  2. At most 720 candles, the newest, whatever `since`; minutes without trades are filled with the close before them,
     `"0.0"` for their vwap. The last row is unfinished; `last` is the row before it, which `since` can take over.
  3. A trade's place in history is its time and, within a millisecond, its order, in ns; `last` is that of the last row,
     and `since` gives what is newer. Without `since` the newest come.
  4. Prices have at least five decimals where they are not candles; a book's quantities have three, rounded up.
  5. There is no history of spreads: the one of now is all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.kraken import reference
from bethna.twins.kraken.names import pair_altname, pair_key, pair_wsname
from bethna.twins.kraken.publishers import order_type
from bethna.twins.kraken.text import Precision, decimal, quotient
from bethna.twins.kraken.words import INTERVALS
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.facts import Bar, Execution, Listing
from bethna.twins.market.market import Level, Market
from bethna.twins.market.world import World

ROWS = 720
LEVELS = (100, 500)
TRADES = (1000, 1000)
"""Usual and most."""
EVERY_TRADE = 1_000_000
LATEST = 2**63 - 1
_FIVE = 5
_BOOK_DECIMALS = 3
_UNKNOWN = "EQuery:Unknown asset pair"


class Refused(Exception):
    """The text of an `error`."""


class Query:
    """A request's parameters, read with the venue's refusals.

    Args:
        now: venue time, ns UTC. withheld: by symbol, ids of trades that history lacks. past: an old book to show.
    """

    def __init__(
        self,
        words: str,
        world: World,
        now: int,
        withheld: Mapping[str, Mapping[int, None]],
        past: DelayedBook | None = None,
    ) -> None:
        self.world = world
        self.now = now
        self.withheld = withheld
        self.past = past
        self._said = dict(parse_qsl(words, keep_blank_values=True))

    def market(self) -> Market:
        """The one pair."""
        if "pair" not in self._said:
            raise Refused("EGeneral:Invalid arguments")
        found = find(self.world, self._said["pair"])
        if found is None:
            raise Refused(_UNKNOWN)
        return found

    def markets(self) -> list[Market]:
        """Pairs with commas between them; all when none is named."""
        if "pair" not in self._said:
            return list(self.world.markets.values())
        found = [find(self.world, name) for name in self._said["pair"].split(",")]
        if None in found:
            raise Refused(_UNKNOWN)
        return [market for market in found if market is not None]

    def names(self, key: str) -> list[str]:
        """Words with commas between them; empty when it was not sent."""
        return list(filter(None, self._said.get(key, "").split(",")))

    def number(self, key: str, usual: int | None, least: int, most: int) -> int | None:
        """A whole number, or what is usual when it was not sent."""
        said = self._said.get(key)
        if said is None:
            return usual
        if not (said.isascii() and said.isdecimal() and len(said) < 20 and least <= int(said) <= most):
            raise Refused(f"EGeneral:Invalid arguments:{key}")
        return int(said)


def find(world: World, name: str) -> Market | None:
    """The market of a pair in any of the spellings that REST understands (rule 1)."""
    for symbol, market in world.markets.items():
        if name in (pair_altname(symbol), pair_key(symbol), pair_wsname(symbol)):
            return market
    return None


def result(method: str, query: Query) -> dict[str, object]:
    """What a method gives.

    Raises:
        Refused: what the venue says instead.
    """
    serve = _METHODS.get(method)
    if serve is None:
        raise Refused("EGeneral:Unknown method")
    return serve(query)


# --- the venue


def server_time(query: Query) -> dict[str, object]:
    """`{"unixtime":1391835876,"rfc1123":"Sat,  8 Feb 14 05:04:36 +0000"}`"""
    second = query.now // NS_PER_S
    moment = datetime.fromtimestamp(second, UTC)
    return {"unixtime": second, "rfc1123": f"{moment:%a}, {moment.day:>2} {moment:%b %y %H:%M:%S} +0000"}


def system_status(query: Query) -> dict[str, object]:
    """`{"status":"online","timestamp":"2026-09-10T17:35:52Z"}`"""
    return status_of("online", query.now)


def status_of(system: str, now: int) -> dict[str, object]:
    """What SystemStatus says of a state."""
    moment = datetime.fromtimestamp(now // NS_PER_S, UTC)
    return {"status": system, "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}


def assets(query: Query) -> dict[str, object]:
    """Of all, or of `asset`, by code or by name."""
    found = reference.rest_assets(_listings(query.world.markets.values()))
    asked = query.names("asset")
    if not asked:
        return dict(found)
    by_name = {each["altname"]: code for code, each in found.items()}
    codes = [name if name in found else by_name.get(name, "") for name in asked]
    if "" in codes:
        raise Refused("EQuery:Unknown asset")
    return {code: found[code] for code in codes}


def asset_pairs(query: Query) -> dict[str, object]:
    """Of all, or of `pair`."""
    return {pair_key(each.symbol): reference.rest_pair(each) for each in _listings(query.markets())}


def _listings(markets: Iterable[Market]) -> list[Listing]:
    return [market.listing for market in markets]


# --- book and trades


def depth(query: Query) -> dict[str, object]:
    """`{"XXBTZEUR":{"asks":[["530.75513","0.248",1391825343]],"bids":[...]}}` (rule 4)"""
    market = query.market()
    count = query.number("count", LEVELS[0], 1, LEVELS[1]) or LEVELS[0]
    bids, asks = market.depth(count)
    if query.past is not None:
        _, bids, asks = query.past.depth(count)
    precision, second = Precision(market.listing), query.now // NS_PER_S

    def row(level: Level) -> list[object]:
        return [_price(level[0], precision), _rough(level[1], precision), second]

    return {pair_key(market.listing.symbol): {"asks": list(map(row, asks)), "bids": list(map(row, bids))}}


def trades(query: Query) -> dict[str, object]:
    """`{"XXBTZUSD":[["61250.10000","0.00435995",1790000001.123,"b","l","",86881079]],"last":"1790000001123000000"}`"""
    market = query.market()
    since = query.number("since", None, 0, LATEST)
    count = query.number("count", TRADES[0], 1, TRADES[1]) or TRADES[0]
    if since is None:
        first = market.recent_trades(count)[:1]
        start = first[0].ts if first else 0
        found = list(_placed(market.trades_between(start, LATEST, EVERY_TRADE)))[-count:]
    else:
        found = _after(market, since, count)
    last = found[-1][0] if found else since or 0
    withheld = query.withheld.get(market.listing.symbol, {})
    precision = Precision(market.listing)
    rows = [_trade(each, precision) for _, each in found if each.trade_id not in withheld]
    return {pair_key(market.listing.symbol): rows, "last": str(last)}


def _after(market: Market, since: int, count: int) -> list[tuple[int, Execution]]:
    """The oldest `count` trades whose place is after `since`: a millisecond may hold many that are not."""
    start, asked = since - since % NS_PER_MS, count + TRADES[1]
    while True:
        later = market.trades_between(start, LATEST, asked)
        found = [(place, each) for place, each in _placed(later) if place > since][:count]
        if len(found) == count or len(later) < asked:
            return found
        asked *= 4


def _placed(found: Iterable[Execution]) -> Iterator[tuple[int, Execution]]:
    """Rule 3."""
    before, place = -1, 0
    for each in found:
        place = place + 1 if each.ts == before else each.ts
        before = each.ts
        yield place, each


def _trade(each: Execution, precision: Precision) -> list[object]:
    return [
        _price(each.price, precision),
        precision.quantity(each.quantity).decode(),
        each.ts // NS_PER_MS / 1000,
        "s" if each.buyer_is_maker else "b",
        order_type(each).decode()[0],
        "",
        each.trade_id,
    ]


def spread(query: Query) -> dict[str, object]:
    """`{"XXBTZUSD":[[1391836639,"709.17169","720.00000"]],"last":1391836639}` (rule 5)"""
    market = query.market()
    since = query.number("since", 0, 0, LATEST) or 0
    second = query.now // NS_PER_S
    bid, ask = market.best()
    rows: list[object] = []
    if bid is not None and ask is not None and second >= since:
        precision = Precision(market.listing)
        rows = [[second, _price(bid[0], precision), _price(ask[0], precision)]]
    return {pair_key(market.listing.symbol): rows, "last": second}


# --- candles and tickers


def candles(query: Query) -> dict[str, object]:
    """`{"XXBTZUSD":[[1502402520,"3449.9","3449.9","3449.9","3449.9","3449.9","1.01200000",7]],"last":1502402520}`

    Rule 2.
    """
    market = query.market()
    minutes = query.number("interval", 1, 0, LATEST)
    if minutes not in INTERVALS:
        raise Refused("EGeneral:Invalid arguments")
    since = query.number("since", 0, 0, LATEST) or 0
    length_ns = minutes * MINUTE
    bars = market.candles(length_ns, None, None, ROWS, query.now)
    precision = Precision(market.listing)
    unit = market.listing.tick * market.listing.lot
    rows = [_candle(bar, precision, unit) for bar in bars if bar.open_time // NS_PER_S > since]
    last = bars[-1].open_time - length_ns if bars else query.now - query.now % length_ns - length_ns
    return {pair_key(market.listing.symbol): rows, "last": last // NS_PER_S}


def _candle(bar: Bar, precision: Precision, unit: int) -> list[object]:
    prices = [precision.price(each).decode() for each in (bar.open, bar.high, bar.low, bar.close)]
    average = (
        precision.price(quotient(bar.quote_volume // unit, bar.volume)).decode() if bar.trades else "0.0"
    )
    volume = precision.quantity(bar.volume).decode()
    return [bar.open_time // NS_PER_S, *prices, average, volume, bar.trades]


def ticker(query: Query) -> dict[str, object]:
    """Of all, or of `pair`: of each `_ticker`."""
    return {pair_key(each.listing.symbol): _ticker(each, query.now) for each in query.markets()}


def _ticker(market: Market, now: int) -> dict[str, object]:
    """The day so far and the last 24 hours.

    {"a":["562.26651","1","1.000"],"b":["560.46600","1","1.000"],"c":["560.87711","0.01447739"],
     "v":["84.23095922","600.91850325"],"p":["562.19735","576.77284"],"t":[305,2783],"l":["560.00000","560.00000"],
     "h":["570.00000","591.11000"],"o":"568.98910"}
    """
    precision = Precision(market.listing)
    unit = market.listing.tick * market.listing.lot
    rolling = market.day(now)
    midnight = now - now % DAY
    hours = [bar for bar in market.candles(HOUR, midnight, None, DAY // HOUR, now) if bar.trades]
    volume = sum(bar.volume for bar in hours)
    turnover = sum(bar.quote_volume for bar in hours) // unit
    last = rolling.last or 0
    newest = market.recent_trades(1)
    bid, ask = market.best()

    def both(today: int, whole: int) -> list[str]:
        return [_price(today, precision), _price(whole, precision)]

    return {
        "a": _touch(ask, precision),
        "b": _touch(bid, precision),
        "c": [_price(last, precision), precision.quantity(newest[0].quantity if newest else 0).decode()],
        "v": [precision.quantity(each).decode() for each in (volume, rolling.volume)],
        "p": both(quotient(turnover, volume), quotient(rolling.quote_volume // unit, rolling.volume)),
        "t": [sum(bar.trades for bar in hours), rolling.trades],
        "l": both(min((bar.low for bar in hours), default=last), rolling.low or 0),
        "h": both(max((bar.high for bar in hours), default=last), rolling.high or 0),
        "o": _price(hours[0].open if hours else last, precision),
    }


def _touch(level: Level | None, precision: Precision) -> list[str]:
    """Price, whole lots, quantity."""
    price, lots = level or (0, 0)
    whole = lots * precision.lots // 10**precision.quantity_decimals
    return [_price(price, precision), str(max(1, whole) if lots else 0), _rough(lots, precision)]


def _price(ticks: int, precision: Precision) -> str:
    """Rule 4."""
    more = max(0, _FIVE - precision.price_decimals)
    return decimal(ticks * 10**more, precision.price_decimals + more).decode()


def _rough(lots: int, precision: Precision) -> str:
    """Rule 4."""
    step = 10 ** (precision.quantity_decimals - _BOOK_DECIMALS)
    return decimal(-(-lots * precision.lots // step), _BOOK_DECIMALS).decode()


_METHODS: dict[str, Callable[[Query], dict[str, object]]] = {
    "Time": server_time,
    "SystemStatus": system_status,
    "Assets": assets,
    "AssetPairs": asset_pairs,
    "Ticker": ticker,
    "OHLC": candles,
    "Depth": depth,
    "Trades": trades,
    "Spread": spread,
}
