"""Names of channels, read against what is listed; it subscribes nothing.

    trades.BTC-PERPETUAL.100ms   trades.option.BTC.agg2   book.BTC-PERPETUAL.100ms   book.BTC-PERPETUAL.none.10.100ms
    ticker.BTC-PERPETUAL.100ms   quote.BTC-PERPETUAL      deribit_price_index.btc_usd

Rules
  1. A channel that is none, or of an instrument that is not listed, is nobody's: it is left out of the answer.
  2. `100ms` and `agg2` are pushed at multiples of 100 ms and of 1 s by the venue's clock; `raw` needs an authenticated
     connection, which the twin has none of.
  3. What one instant sends goes out as quotes, trades, tickers, then books.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.deribit.contracts import Contract
from bethna.twins.deribit.words import RESOLUTIONS
from bethna.twins.line.speech import Role

RAW = "raw"
PACES = {"100ms": 100 * NS_PER_MS, "agg2": NS_PER_S, RAW: 0}
KINDS = ("future", "option", "any", "spot", "future_combo", "option_combo")
GROUPS = {"none": 0, "1": 1, "2": 2, "5": 5, "10": 10, "25": 25, "100": 100, "250": 250}
DEPTHS = {"1": 1, "10": 10, "20": 20}
MAX_NAME = 200
_RANKS = {"quote": 0, "trades": 1, "trades_of": 1, "ticker": 2, "book": 3, "grouped": 3}
_ROLES: dict[str, Role] = {"trades": "trades", "trades_of": "trades", "book": "diffs", "grouped": "book"}
_ALL_TRADES = re.compile(rf"trades\.({'|'.join(KINDS)})\.([A-Za-z]+)\.(raw|100ms|agg2)")
_OF_ONE = re.compile(r"(trades|book|ticker|perpetual)\.([^.\s]+)\.(raw|100ms|agg2)")
_GROUPED = re.compile(r"book\.([^.\s]+)\.(none|\d+)\.(\d+)\.(raw|100ms|agg2)")
_INDEX = re.compile(
    r"(deribit_price_index|deribit_volatility_index|markprice\.options|estimated_expiration_price)\.([a-z]+)_usd"
)
_STATES = re.compile(rf"instrument\.state\.({'|'.join(KINDS)})\.([A-Za-z]+)")
_CHART = re.compile(r"chart\.trades\.([^.\s]+)\.(\w+)")


class Channel(Struct, frozen=True):
    """A channel of something that is listed.

    Attributes:
        name: as subscribed. symbol: of its instrument, "" of none or several.
        kind: trades, trades_of, book, grouped, ticker, quote, perpetual, chart, price_index, volatility_index,
            mark_prices, expiration_price, states or platform.
        pace: 100ms, agg2 or raw where it has one. every_ns: 0 is with each step of the market.
        of: a currency, or the kind of instruments before it: `option.BTC`. group: USD. depth: levels.
        resolution: of candles.
    """

    name: str
    symbol: str
    kind: str
    pace: str = ""
    every_ns: int = 0
    of: str = ""
    group: int = 0
    depth: int = 0
    resolution: str = ""

    @property
    def suffix(self) -> str:
        """`trades.100ms`, `book.none.10.100ms`, `deribit_price_index`: the name without its instrument or currency."""
        if self.kind == "platform":
            return self.name
        head, _, rest = self.name.partition(".")
        if self.symbol:
            first, _, last = self.name.partition(f".{self.symbol}")
            return first + last
        match self.kind:
            case "trades_of":
                return f"{head}.{self.pace}"
            case "mark_prices" | "states":
                return f"{head}.{rest.partition('.')[0]}"
            case _:
                return head

    @property
    def role(self) -> Role:
        """What it says, as far as faults tell."""
        return _ROLES.get(self.kind, "")

    @property
    def rank(self) -> int:
        """Rule 3."""
        return _RANKS.get(self.kind, 9)


def parse(name: str, contracts: Mapping[str, Contract], currencies: Collection[str]) -> Channel | None:
    """The channel of a name; None of rule 1."""
    if len(name) > MAX_NAME:
        return None
    if name == "platform_state":
        return Channel(name, "", "platform")
    if found := _ALL_TRADES.fullmatch(name):
        kind, currency, pace = found[1], found[2].upper(), found[3]
        if currency not in (*currencies, "ANY"):
            return None
        of = f"{kind}.{currency if currency != 'ANY' else 'any'}"
        return Channel(name, "", "trades_of", pace, PACES[pace], of)
    if found := _OF_ONE.fullmatch(name):
        return _of_one(name, found[1], contracts.get(found[2]), found[3])
    if found := _GROUPED.fullmatch(name):
        return _grouped(name, found, contracts.get(found[1]))
    if found := _INDEX.fullmatch(name):
        return _of_index(name, found[1], found[2].upper(), currencies)
    if found := _STATES.fullmatch(name):
        currency = found[2].upper()
        return (
            Channel(name, "", "states", "", NS_PER_S, f"{found[1]}.{currency}")
            if currency in currencies
            else None
        )
    return _quote_or_chart(name, contracts)


def _of_one(name: str, kind: str, contract: Contract | None, pace: str) -> Channel | None:
    if contract is None or (kind == "perpetual" and contract.kind != "future"):
        return None
    return Channel(name, contract.name, kind, pace, PACES[pace])


def _grouped(name: str, found: re.Match[str], contract: Contract | None) -> Channel | None:
    if contract is None or found[2] not in GROUPS or found[3] not in DEPTHS:
        return None
    group = GROUPS[found[2]]
    if group and contract.kind == "option":  # groups are USD, options are priced in coins
        return None
    return Channel(
        name, contract.name, "grouped", found[4], PACES[found[4]], group=group, depth=DEPTHS[found[3]]
    )


def _of_index(name: str, which: str, currency: str, currencies: Collection[str]) -> Channel | None:
    if currency not in currencies:
        return None
    kinds = {
        "deribit_price_index": "price_index",
        "deribit_volatility_index": "volatility_index",
        "markprice.options": "mark_prices",
        "estimated_expiration_price": "expiration_price",
    }
    return Channel(name, "", kinds[which], "", NS_PER_S, currency)


def _quote_or_chart(name: str, contracts: Mapping[str, Contract]) -> Channel | None:
    if name.startswith("quote."):
        contract = contracts.get(name.removeprefix("quote."))
        if contract is None:
            return None
        every_ns = 0 if contract.kind == "future" else PACES["100ms"]
        return Channel(name, contract.name, "quote", "", every_ns)
    found = _CHART.fullmatch(name)
    if found and found[1] in contracts and found[2] in RESOLUTIONS:
        return Channel(name, found[1], "chart", "", NS_PER_S, resolution=found[2])
    return None
