"""One option: its mark by Black-76 on the smile, a book of its own dice about that mark, trades now and then.

Rules
  1. Prices are coins for one coin, in ticks of 0.0001; from 0.005 on only each fifth.
  2. Bids stand below the mark and asks above it. What the mark has run over is taken away; what fell too far behind
     gets a better neighbour. A mark below a tick has no bids.
  3. A trade takes from the best level, at its price.
  4. Implied volatilities are those of the stated prices; 0.0 where there is no price or none fits it.
  5. The theta that is stated takes no more in a day than there is: it is at least minus the value, as in the recordings
     of 2021 (0.39 days before an expiry the venue stated -0.00146 for a value of 0.00146 and a theta of -0.032).
"""

from __future__ import annotations

from math import ceil, floor
from random import Random

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit.black76 import Priced, black76, implied
from bethna.twins.deribit.calendar import YEAR_NS, Terms, day_of
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.deals import SPREAD, Deals
from bethna.twins.deribit.smile import at_the_money, forward, volatility
from bethna.twins.deribit.text import number, optional
from bethna.twins.market.bars import DAY
from bethna.twins.market.market import Level

TICKS = 10_000
COARSE, COARSE_FROM = 5, 50
MOST_LEVELS = 8
LEAST_LEVELS = 3
WIDE = 0.02
TRADES = 0.04  # a second
RESTS = 0.25  # likewise
SETTLEMENTS = {"day": 2 * DAY, "week": 21 * DAY}
_LOTS = {"BTC": 10, "ETH": 1}  # in one coin


class Option(Contract):
    """One option.

    Args:
        index: tells its ids from those of others. created: ns UTC.

    Attributes:
        mark: coins. volatility: of the mark, a fraction. future: the forward, USD. priced: in USD.
        moved: venue time of the last change of book or mark, ns.
    """

    kind = "option"

    def __init__(self, terms: Terms, index: int, rng: Random, created: int) -> None:
        self.terms = terms
        self.currency = terms.currency
        self.index = index
        self.created = created
        self.moved = created
        self.mark = self.volatility = self.future = self.usd = 0.0
        self.priced = Priced(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        self._years = 0.0
        self._lots = _LOTS.get(terms.currency, 1)
        self._update = rng.randrange(1_000_000_000, 9_000_000_000)
        self._rng = rng
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._interest = rng.randrange(10, 5_000)
        self._range: tuple[float, float, float] | None = None
        self._volume = 0
        self._volume_usd = 0.0
        self._settled = 0.0
        self._ticker = b""
        prefix = "" if terms.currency == "BTC" else f"{terms.currency}-"
        self.deals = Deals(self.name, prefix, index % SPREAD, rng.randrange(100, 90_000))

    @property
    def name(self) -> str:
        """`BTC-5DEC26-76000-C`"""
        return self.terms.name

    @property
    def update(self) -> int:
        """The number of the last change of its book."""
        return self._update

    def depth(self, limit: int) -> tuple[list[Level], list[Level]]:
        """The best bids and asks, best first, in ticks and lots."""
        bids, asks = self._sides
        return sorted(bids.items(), reverse=True)[:limit], sorted(asks.items())[:limit]

    def price(self, ticks: int) -> bytes:
        """A price as text, coins (rule 1)."""
        return number(ticks / TICKS)

    def amount(self, lots: int) -> bytes:
        """An amount as text, coins."""
        return number(lots / self._lots)

    # --- what happens

    def reprice(self, now: int, usd: float, heat: float) -> None:
        """Mark it anew.

        Args:
            usd: the index. heat: of the smile.
        """
        terms = self.terms
        years = max(0, terms.expiry - now) / YEAR_NS
        self._years, self.usd = years, usd
        self.future = forward(usd, years)
        at = at_the_money(terms.currency, heat, years)
        self.volatility = volatility(at, self.future, terms.strike, years)
        self.priced = black76(self.future, terms.strike, years, self.volatility, call=terms.call)
        self.mark = round(self.priced.value / self.future, 4)
        self._settled = self._settled or self.mark
        self.moved = now
        self._ticker = b""

    def live_on(self, now: int) -> None:
        """A second of its market (rules 2 and 3)."""
        rng = self._rng
        bids, asks = self._sides
        before = dict(bids), dict(asks)
        mark = self.priced.value / self.future * TICKS
        spread = max(1.0, WIDE * mark)
        for bid, side in ((True, bids), (False, asks)):
            for ticks in [each for each in side if (each >= mark if bid else each <= mark)]:
                del side[ticks]
            best = _snapped(mark - spread if bid else mark + spread, up=not bid)
            near = max(side, default=0) if bid else min(side, default=1 << 60)
            if best > 0 and (near < best if bid else near > best):
                side[best] = self._size()
            if rng.random() < RESTS:
                self._rest(side, best, bid=bid)
            while best > 0 and len(side) < LEAST_LEVELS and self._rest(side, best, bid=bid):
                pass
            while len(side) > MOST_LEVELS:
                del side[min(side) if bid else max(side)]
        if rng.random() < TRADES:
            self._trade(now)
        if (bids, asks) != before:
            self._update += 1
        self._ticker = b""

    def _rest(self, side: dict[int, int], best: int, *, bid: bool) -> bool:
        """One more level behind the best, or another size of one that stands."""
        away = self._rng.randrange(1, 2 + max(4, best // 4)) * (COARSE if best >= COARSE_FROM else 1)
        ticks = _snapped(best - away if bid else best + away, up=not bid)
        if best <= 0 or ticks <= 0:
            return False
        side[ticks] = self._size()
        return True

    def _size(self) -> int:
        return 1 + int(self._rng.expovariate(1 / 12) * (self._lots if self._lots > 1 else 10))

    def _trade(self, now: int) -> None:
        """Rule 3."""
        buy = self._rng.random() < 0.5
        side = self._sides[1 if buy else 0]
        if not side:
            return
        ticks = min(side) if buy else max(side)
        lots = min(side[ticks], self._size())
        side[ticks] -= lots
        if not side[ticks]:
            del side[ticks]
        price, amount = ticks / TICKS, lots / self._lots
        low, high, first = self._range or (price, price, price)
        self._range = (min(low, price), max(high, price), first)
        self._volume += lots
        self._volume_usd += price * amount * self.usd
        self.deals.add(
            now - now % NS_PER_MS,
            price,
            amount,
            amount,
            buy=buy,
            mark=number(self.mark),
            index=number(self.usd),
            iv=self._implied(ticks),
            coins=round(price * amount * 1e8),
        )

    # --- what it says

    def ticker(self, now: int) -> bytes:
        """The ticker's fields without braces (rule 4); they change when a second has been lived."""
        if not self._ticker:
            self._ticker = self._stated()
        return self._ticker

    def _stated(self) -> bytes:
        bid, ask = self.best()
        return (
            b'"timestamp":%d,"state":"%b","stats":{%b},"greeks":{%b},'
            b'"index_price":%b,"instrument_name":"%b","last_price":%b,"settlement_price":%b,"min_price":%b,'
            b'"max_price":%b,"open_interest":%b,"mark_price":%b,"interest_rate":0.0,"estimated_delivery_price":%b,%b,'
            b'"mark_iv":%b,"bid_iv":%b,"ask_iv":%b,"underlying_price":%b,"underlying_index":"SYN.%b"'
        ) % (
            self.moved // NS_PER_MS,
            b"open" if self.live else b"closed",
            self._stats(),
            self._greeks(),
            number(self.usd),
            self.name.encode(),
            optional(self.deals.last),
            number(self._settled),
            number(max(0.0001, round(self.mark - max(0.01, 0.4 * self.mark), 4))),
            number(round(self.mark + max(0.01, 0.4 * self.mark), 4)),
            number(self._interest / self._lots),
            number(self.mark),
            number(self.usd),
            self.touch(),
            number(round(100.0 * self.volatility, 2)),
            self._implied(bid[0] if bid else 0),
            self._implied(ask[0] if ask else 0),
            number(round(self.future, 2)),
            f"{self.currency}-{day_of(self.terms.expiry)}".encode(),
        )

    def marked(self) -> bytes:
        """An element of `markprice.options`: `iv` is a fraction here."""
        return b'{"instrument_name":"%b","mark_price":%b,"iv":%b,"timestamp":%d}' % (
            self.name.encode(),
            number(self.mark),
            number(round(self.volatility, 4)),
            self.moved // NS_PER_MS,
        )

    def facts(self) -> dict[str, object]:
        """As `public/get_instruments` states it."""
        terms = self.terms
        left = terms.expiry - self.created
        period = next((name for name, most in SETTLEMENTS.items() if left <= most), "month")
        return {
            "state": "open" if self.live else "closed",
            "price_index": f"{self.currency.lower()}_usd",
            "kind": self.kind,
            "instrument_name": self.name,
            "maker_commission": 0.0003,
            "taker_commission": 0.0003,
            "instrument_type": "reversed",
            "expiration_timestamp": terms.expiry // NS_PER_MS,
            "instrument_id": 600_000 + self.index,
            "creation_timestamp": self.created // NS_PER_MS,
            "is_active": self.live,
            "contract_size": 1.0,
            "tick_size": 1 / TICKS,
            "strike": float(terms.strike),
            "counter_currency": "USD",
            "option_type": "call" if terms.call else "put",
            "min_trade_amount": 1 / self._lots,
            "settlement_currency": self.currency,
            "settlement_period": period,
            "base_currency": self.currency,
            "quote_currency": self.currency,
            "tick_size_steps": [{"tick_size": COARSE / TICKS, "above_price": COARSE_FROM / TICKS}],
        }

    def _implied(self, ticks: int) -> bytes:
        """Rule 4, in percent."""
        if not ticks:
            return number(0.0)
        value = ticks / TICKS * self.future
        found = implied(value, self.future, self.terms.strike, self._years, call=self.terms.call)
        return number(round(100.0 * found, 2))

    def _greeks(self) -> bytes:
        priced = self.priced
        theta = max(priced.theta, -priced.value)  # rule 5
        found = (priced.delta, priced.gamma, priced.vega, theta, priced.rho)
        form = b'"delta":%b,"gamma":%b,"vega":%b,"theta":%b,"rho":%b'
        return form % tuple([number(round(each, 5)) for each in found])

    def _stats(self) -> bytes:
        if self._range is None or self.deals.last is None:
            return b'"high":null,"low":null,"price_change":null,"volume":0.0,"volume_usd":0.0'
        low, high, first = self._range
        return b'"high":%b,"low":%b,"price_change":%b,"volume":%b,"volume_usd":%b' % (
            number(high),
            number(low),
            number(round(100.0 * (self.deals.last - first) / first, 4)),
            number(self._volume / self._lots),
            number(round(self._volume_usd, 2)),
        )


def _snapped(ticks: float, *, up: bool) -> int:
    """To a price that may be stated (rule 1)."""
    whole = ceil(ticks) if up else floor(ticks)
    if whole < COARSE_FROM:
        return whole
    return -(-whole // COARSE) * COARSE if up else whole // COARSE * COARSE
