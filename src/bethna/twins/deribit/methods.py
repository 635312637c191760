"""What can be asked of the venue without a connection's state: methods and what they answer; it counts no credits.

    public/get_time -> 1789344931553
    public/get_tradingview_chart_data?instrument_name=BTC-PERPETUAL&start_timestamp=..&end_timestamp=..&resolution=1
        -> {"status":"ok","ticks":[..],"open":[..],"high":[..],"low":[..],"close":[..],"volume":[..],"cost":[..]}

Rules
  1. Parameters come as JSON values or as texts of a query; both are read. What is missing or wrong is named.
  2. `get_order_book` states the book as it is; a fault may put an old one in its place.
  3. Trades come newest first, or ascending with `sorting=asc`; `has_more` says whether more would fit.
     `start_seq`, `end_seq`, `start_timestamp` and `end_timestamp` are inclusive; with a start and no sorting the oldest
     come, ascending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit import charts
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.deals import Deal
from bethna.twins.deribit.exchange import Exchange
from bethna.twins.deribit.option import Option
from bethna.twins.deribit.rpc import NO_METHOD, UNAUTHORIZED, Refused, invalid
from bethna.twins.deribit.streams import KINDS
from bethna.twins.deribit.text import NULL, flag, number, optional
from bethna.twins.deribit.words import RESOLUTIONS
from bethna.twins.line.stale import DelayedBook

DEPTHS = (1, 5, 10, 20, 50, 100, 1000, 10000)
MOST_TRADES = 1000
USUAL_TRADES = 10
VERSION = b'{"version":"1.2.26"}'
MAX_MS = 2**53
MOST_ROWS = 1000
VOLATILITY_STEPS = {"1": 1_000, "60": 60_000, "3600": 3_600_000, "43200": 43_200_000, "1D": 86_400_000}
_LONG = {"BTC": "Bitcoin", "ETH": "Ethereum"}
_encode = msgspec.json.encode


class Asked:
    """The parameters of a request, and what is needed to answer it.

    Args:
        past: (symbol) -> the book as it was, where a fault shows an old one.
        withheld: `trade_seq`s that a fault keeps from an instrument's history.
    """

    def __init__(
        self,
        exchange: Exchange,
        params: Mapping[str, Any],
        past: Callable[[str], DelayedBook | None],
        withheld: Callable[[str], Mapping[int, None]],
    ) -> None:
        self.exchange = exchange
        self.params = params
        self.past = past
        self.withheld = withheld

    def text(self, name: str, usual: str | None = None) -> str:
        """A text (rule 1)."""
        value = self.params.get(name, usual)
        if value is None:
            raise invalid(name, "value required")
        if not isinstance(value, str):
            raise invalid(name, "wrong format")
        return value

    def whole(self, name: str, usual: int | None = None, low: int = 0, high: int = MAX_MS) -> int:
        """A whole number (rule 1)."""
        value = self.params.get(name, usual)
        if value is None:
            raise invalid(name, "value required")
        if (
            isinstance(value, str)
            and value.removeprefix("-").isdecimal()
            and value.isascii()
            and len(value) < 20
        ):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(name, "wrong format")
        if value < low:
            raise invalid(name, f"value must be >= {low}")
        if value > high:
            raise invalid(name, f"value must be <= {high}")
        return value

    def choice(self, name: str, known: tuple[str, ...], usual: str | None = None) -> str:
        """One of some texts."""
        value = self.text(name, usual)
        if value not in known:
            raise invalid(name, f"value must be one of [{', '.join(known)}]")
        return value

    def contract(self) -> Contract:
        """That of `instrument_name`."""
        found = self.exchange.contracts.get(self.text("instrument_name"))
        if found is None:
            raise invalid("instrument_name", "instrument not found")
        return found


def answer(method: str, asked: Asked) -> bytes:
    """The result of a method, as JSON.

    Raises:
        Refused: it cannot be answered.
    """
    found = METHODS.get(method)
    if found is None:
        raise Refused(UNAUTHORIZED if method.startswith("private/") else NO_METHOD)
    return found(asked)


def _time(asked: Asked) -> bytes:
    return b"%d" % (asked.exchange.now // NS_PER_MS)


def _instruments(asked: Asked) -> bytes:
    currency = asked.choice("currency", (*asked.exchange.currencies, "USDC", "USDT", "EURR", "any"), "any")
    kind = asked.choice("kind", KINDS, "any")
    return _encode([each.facts() for each in asked.exchange.of(currency, kind)])


def _ticker(asked: Asked) -> bytes:
    return b"{%b}" % asked.contract().ticker(asked.exchange.now)


def _order_book(asked: Asked) -> bytes:
    """Rule 2."""
    contract = asked.contract()
    depth = asked.whole("depth", 5)
    if depth not in DEPTHS:
        raise invalid("depth", f"value must be one of [{', '.join(map(str, DEPTHS))}]")
    update, (bids, asks) = contract.update, contract.depth(depth)
    past = asked.past(contract.name)
    if past is not None:
        update, bids, asks = past.depth(depth)
    return b'{%b,"change_id":%d,"bids":[%b],"asks":[%b]}' % (
        contract.ticker(asked.exchange.now),
        contract.change_id(update),
        contract.levels(bids),
        contract.levels(asks),
    )


def _trades(asked: Asked) -> bytes:
    """Rule 3."""
    contract = asked.contract()
    count = asked.whole("count", USUAL_TRADES, 1, MOST_TRADES)
    first, last = asked.whole("start_seq", 0), asked.whole("end_seq", MAX_MS)
    start, end = asked.whole("start_timestamp", 0), asked.whole("end_timestamp", MAX_MS)
    from_start = "start_seq" in asked.params or "start_timestamp" in asked.params
    sorting = asked.choice("sorting", ("asc", "desc", "default"), "default")
    withheld = asked.withheld(contract.name)
    deals: list[Deal] = [
        deal
        for deal in contract.deals.newest()
        if first <= deal.seq <= last and start <= deal.ts // NS_PER_MS <= end and deal.seq not in withheld
    ]
    ascending = sorting == "asc" or (sorting == "default" and from_start)
    if not ascending:
        deals.reverse()
    shown = b",".join([deal.text for deal in deals[:count]])
    return b'{"trades":[%b],"has_more":%b}' % (shown, flag(len(deals) > count))


def _chart(asked: Asked) -> bytes:
    contract = asked.contract()
    start, end = asked.whole("start_timestamp"), asked.whole("end_timestamp")
    resolution = asked.choice("resolution", RESOLUTIONS)
    length_ns = charts.length_of(resolution)
    found = charts.candles(contract, length_ns, start * NS_PER_MS, end * NS_PER_MS, asked.exchange.now)
    columns = {
        "ticks": [b"%d" % (candle.opens // NS_PER_MS) for candle in found],
        **{
            name: [number(getattr(candle, name)) for candle in found]
            for name in ("open", "high", "low", "close", "volume", "cost")
        },
    }
    body = b",".join([b'"%b":[%b]' % (name.encode(), b",".join(column)) for name, column in columns.items()])
    return b'{"status":"%b",%b}' % (b"ok" if found else b"no_data", body)


def _index_price(asked: Asked) -> bytes:
    names = tuple(f"{currency.lower()}_usd" for currency in asked.exchange.currencies)
    name = asked.choice("index_name", names)
    price = asked.exchange.index_price(name.removesuffix("_usd").upper())
    return b'{"index_price":%b,"estimated_delivery_price":%b}' % (optional(price), optional(price))


def _summary(asked: Asked) -> bytes:
    currency = asked.choice("currency", asked.exchange.currencies)
    kind = asked.choice("kind", KINDS, "any")
    return b"[%b]" % b",".join([_summed(each, asked) for each in asked.exchange.of(currency, kind)])


def _summed(contract: Contract, asked: Asked) -> bytes:
    """A row of the whole chain: the ticker's fields by the names that it has there."""
    ticker = msgspec.json.decode(b"{%b}" % contract.ticker(asked.exchange.now))
    bid, ask = ticker["best_bid_price"] or None, ticker["best_ask_price"] or None
    row: dict[str, Any] = {
        "instrument_name": contract.name,
        "base_currency": contract.currency,
        "quote_currency": contract.currency if isinstance(contract, Option) else "USD",
        "creation_timestamp": asked.exchange.now // NS_PER_MS,
        "bid_price": bid,
        "ask_price": ask,
        "mid_price": round((bid + ask) / 2, 5) if bid and ask else None,
        "mark_price": ticker["mark_price"],
        "last": ticker["last_price"],
        "open_interest": ticker["open_interest"],
        "estimated_delivery_price": ticker["estimated_delivery_price"],
        **{name: ticker["stats"][name] for name in ("high", "low", "price_change", "volume", "volume_usd")},
    }
    if isinstance(contract, Option):
        row |= {
            name: ticker[name]
            for name in ("mark_iv", "underlying_price", "underlying_index", "interest_rate")
        }
    return _encode(row)


def _expirations(asked: Asked) -> bytes:
    currency = asked.choice("currency", asked.exchange.currencies)
    desk = asked.exchange.desks.get(currency)
    listed = desk.listed() if desk is not None else []
    days = dict.fromkeys(option.name.split("-")[1] for option in listed)
    return _encode({"future": ["PERPETUAL"], "option": list(days)})


def _volatilities(asked: Asked) -> bytes:
    """Rows `[ms, open, high, low, close]`, ascending; a resolution is seconds, or `1D`."""
    currency = asked.choice("currency", asked.exchange.currencies)
    start, end = asked.whole("start_timestamp"), asked.whole("end_timestamp")
    step = VOLATILITY_STEPS[asked.choice("resolution", tuple(VOLATILITY_STEPS))]
    desk = asked.exchange.desks.get(currency)
    rows: dict[int, list[float]] = {}
    for at, level in desk.levels if desk is not None else ():
        opens = at // NS_PER_MS // step * step
        if start <= opens <= end:
            row = rows.setdefault(opens, [level, level, level, level])
            row[1:] = max(row[1], level), min(row[2], level), level
    newest = list(rows.items())[-MOST_ROWS:]
    shown = [b"[%d,%b]" % (opens, b",".join(map(number, row))) for opens, row in newest]
    more = b"%d" % (newest[0][0] - 1) if len(rows) > MOST_ROWS else NULL
    return b'{"data":[%b],"continuation":%b}' % (b",".join(shown), more)


def _currencies(asked: Asked) -> bytes:
    return _encode(
        [
            {
                "decimals": 8 if currency == "BTC" else 6,
                "currency": currency,
                "min_withdrawal_fee": 0.001,
                "withdrawal_fee": 0.001,
                "coin_type": currency,
                "withdrawal_priorities": [],
                "apr": 0.0,
                "network_fee": 0.00001,
                "network_currency": currency,
                "min_confirmations": 1,
                "currency_long": _LONG.get(currency, currency),
                "in_cross_collateral_pool": True,
            }
            for currency in asked.exchange.currencies
        ]
    )


def _instrument(asked: Asked) -> bytes:
    return _encode(asked.contract().facts())


METHODS: dict[str, Callable[[Asked], bytes]] = {
    "public/test": lambda _asked: VERSION,
    "public/hello": lambda _asked: VERSION,
    "public/status": lambda _asked: b'{"locked":"false"}',
    "public/get_time": _time,
    "public/get_instruments": _instruments,
    "public/get_instrument": _instrument,
    "public/ticker": _ticker,
    "public/get_order_book": _order_book,
    "public/get_last_trades_by_instrument": _trades,
    "public/get_last_trades_by_instrument_and_time": _trades,
    "public/get_tradingview_chart_data": _chart,
    "public/get_index_price": _index_price,
    "public/get_book_summary_by_currency": _summary,
    "public/get_expirations": _expirations,
    "public/get_volatility_index_data": _volatilities,
    "public/get_currencies": _currencies,
}
