"""A perpetual on a market of the model: its prices, trades, ticker and what it is; it draws nothing.

Rules
  1. The index is the fair value that the market model keeps to itself, in cents; the mark price lies half way between
     it and the middle of the book.
  2. Of a day are stated: the exact USD, and the coins as these by the mean price (candles state them exactly).
  3. Coins of the past are those of the legs that its minutes traded in, each cut to 1e-8, and add up exactly. Single
     trades of the past are not told.
  4. The band of prices is 1.5 % about the mark. Funding is the premium of the mark over the index.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.deals import SPREAD, Deals, coins_for
from bethna.twins.deribit.past_coins import PastCoins
from bethna.twins.deribit.text import number, optional
from bethna.twins.market.facts import UNIT, Step
from bethna.twins.market.market import Level, Market

BAND = 0.015
FOREVER_MS = 32_503_708_800_000
_COMMISSIONS = {"maker_commission": 0.0, "taker_commission": 0.0005}


class Perpetual(Contract):
    """One perpetual.

    Args:
        index_price: the price of its coin now, USD. started: ns UTC, when the venue lists it.
    """

    kind = "future"

    def __init__(self, market: Market, index_price: Callable[[], float], started: int) -> None:
        self.market = market
        self.index = market.index
        self.currency = market.listing.base
        prefix = "" if self.currency == "BTC" else f"{self.currency}-"
        self.deals = Deals(self.name, prefix, market.index % SPREAD, market.last_trade_id)
        self._index_price = index_price
        self._started = started
        self._tick = market.listing.tick
        self._contract = market.listing.lot // UNIT
        self._settled = round(market.listing.price, 2)
        past = market.past
        self._past_coins = None if past is None else PastCoins(past, market.listing.tick, self._contract)
        self._interest = 300_000_000 + market.update_id % 400_000_000

    @property
    def name(self) -> str:
        """`BTC-PERPETUAL`"""
        return self.market.listing.symbol

    @property
    def update(self) -> int:
        """The market's update id."""
        return self.market.update_id

    def depth(self, limit: int) -> tuple[list[Level], list[Level]]:
        """The best bids and asks, best first, in ticks and lots."""
        return self.market.depth(limit)

    def best(self) -> tuple[Level | None, Level | None]:
        """The best bid and the best ask."""
        return self.market.best()

    def price(self, ticks: int) -> bytes:
        """A price as text."""
        return _price(ticks * self._tick)

    def amount(self, lots: int) -> bytes:
        """An amount as text, USD."""
        return _amount(lots * self._contract)

    def index_price(self) -> float:
        """Rule 1."""
        return round(self._index_price(), 2)

    def mark_price(self) -> float:
        """Rule 1."""
        index = self._index_price()
        bid, ask = self.market.best()
        if bid is None or ask is None:
            return round(index, 2)
        middle = (bid[0] + ask[0]) * self._tick / (2 * UNIT)
        return round((index + middle) / 2, 2)

    def trade(self, step: Step) -> None:
        """Take the executions of a step."""
        mark, index = number(self.mark_price()), number(self.index_price())
        for each in step.executions:
            units = each.price * self._tick
            amount = each.quantity * self._contract
            self.deals.add(
                each.ts,
                units / UNIT,
                float(amount),
                float(each.quantity),
                buy=not each.buyer_is_maker,
                mark=mark,
                index=index,
                coins=coins_for(amount, units),
            )

    def coins(self, start: int, length_ns: int) -> int:
        """Moved in `start <= ts < start + length_ns`, whole minutes, in units of 1e-8 (rule 3)."""
        end, past = start + length_ns, self.market.past
        if past is None or self._past_coins is None:
            return self.deals.coins(start, length_ns)
        before = self._past_coins.between(start, end)
        since = max(start, past.end)
        return before + (self.deals.coins(since, end - since) if since < end else 0)

    def ticker(self, now: int) -> bytes:
        """The ticker's fields without braces (rules 1, 2 and 4)."""
        mark, index = self.mark_price(), self.index_price()
        premium = round((mark - index) / index, 8)
        return (
            b'"timestamp":%d,"stats":{%b},"state":"open","settlement_price":%b,"open_interest":%d,"min_price":%b,'
            b'"max_price":%b,"mark_price":%b,"last_price":%b,"interest_value":%b,"instrument_name":"%b",'
            b'"index_price":%b,"funding_8h":%b,"estimated_delivery_price":%b,"current_funding":%b,%b'
        ) % (
            now // NS_PER_MS,
            self._stats(now),
            number(self._settled),
            (self._interest // 10 + self.deals.seq % 1000) * self._contract,
            number(round(mark * (1 - BAND), 2)),
            number(round(mark * (1 + BAND), 2)),
            number(mark),
            optional(self.deals.last),
            number(round(premium * 100, 8)),
            self.name.encode(),
            number(index),
            number(round(premium / 8, 8)),
            number(index),
            number(premium),
            self.touch(),
        )

    def facts(self) -> dict[str, object]:
        """As `public/get_instruments` states it."""
        return {
            "state": "open",
            "price_index": f"{self.currency.lower()}_usd",
            "kind": self.kind,
            "instrument_name": self.name,
            **_COMMISSIONS,
            "instrument_type": "reversed",
            "future_type": "reversed",
            "expiration_timestamp": FOREVER_MS,
            "instrument_id": 210_838 + self.index,
            "creation_timestamp": self._started // NS_PER_MS,
            "is_active": True,
            "contract_size": float(self._contract),
            "tick_size": self._tick / UNIT,
            "counter_currency": "USD",
            "min_trade_amount": float(self._contract),
            "max_leverage": 50,
            "settlement_currency": self.currency,
            "settlement_period": "perpetual",
            "base_currency": self.currency,
            "quote_currency": "USD",
            "tick_size_steps": [],
        }

    def _stats(self, now: int) -> bytes:
        """Rule 2."""
        day = self.market.day(now)
        if day.open is None or day.last is None or not day.volume:
            return b'"volume_usd":0.0,"volume":0.0,"price_change":null,"low":null,"high":null'
        usd = day.volume * self._contract
        mean = day.quote_volume / (day.volume * self.market.listing.lot * UNIT)
        return b'"volume_usd":%b,"volume":%b,"price_change":%b,"low":%b,"high":%b' % (
            number(float(usd)),
            number(round(usd / mean, 8)),
            number(round(100.0 * (day.last - day.open) / day.open, 4)),
            self.price(day.low or day.last),
            self.price(day.high or day.last),
        )


@lru_cache(maxsize=1 << 16)
def _price(units: int) -> bytes:
    return number(units / UNIT)


@lru_cache(maxsize=1 << 16)
def _amount(usd: int) -> bytes:
    return number(float(usd))
