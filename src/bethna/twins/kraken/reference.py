"""Reference data: what the `instrument` channel and REST say of assets and pairs; it decides no price and no fee.

Fees are one table for all.

Rules
  1. In the channel numbers are floats as they come (`1e-08`), in REST texts with all decimals.
  2. Both follow the listings as they are now: a pair that was renamed is another pair, the old one is delisted.
"""

from __future__ import annotations

import json

from bethna.twins.kraken.names import altname_of, code_of, pair_altname, pair_wsname
from bethna.twins.kraken.speech import bare
from bethna.twins.kraken.text import Precision, decimal
from bethna.twins.line.publisher import Publisher
from bethna.twins.line.stale import DelayedBook
from bethna.twins.market.facts import UNIT, Listing
from bethna.twins.market.world import World

MONEY = frozenset({"USD", "EUR", "GBP"})
_FEES = ((0, 0.4), (10_000, 0.35), (50_000, 0.24), (100_000, 0.22), (250_000, 0.2), (500_000, 0.18))
_MAKER_FEES = ((0, 0.25), (10_000, 0.2), (50_000, 0.14), (100_000, 0.12), (250_000, 0.08), (500_000, 0.06))
_COST_DECIMALS = {"BTC": 10, "ETH": 10}
_LEAST_COSTS = {"USD": "0.5", "EUR": "0.45", "GBP": "0.4", "BTC": "0.00002", "ETH": "0.0002"}
_LEVERAGED = frozenset({"BTC", "ETH", "SOL", "XRP"})


class Instruments(Publisher):
    """`instrument`: everything once, then what a renaming changes (rule 2)."""

    hears = False

    def __init__(self, world: World) -> None:
        self._world = world
        self._said = {market.index: market.listing for market in world.markets.values()}

    def opening(self, now: int, past: DelayedBook | None = None) -> list[bytes]:
        """All assets and pairs."""
        found = [market.listing for market in self._world.markets.values()]
        return [_frame("snapshot", assets(found), [pair(each, _status(each)) for each in found])]

    def flush(self, now: int) -> list[bytes]:
        """Pairs that are not what they were."""
        changed: list[dict[str, object]] = []
        for market in self._world.markets.values():
            before = self._said[market.index]
            if market.listing.symbol != before.symbol:
                changed += [pair(before, "delisted"), pair(market.listing, _status(market.listing))]
                self._said[market.index] = market.listing
        return [_frame("update", [], changed)] if changed else []


def _frame(kind: str, said_assets: list[dict[str, object]], pairs: list[dict[str, object]]) -> bytes:
    """Python's own JSON writes `1e-08`, as the venue does."""
    said = {"channel": "instrument", "type": kind, "data": {"assets": said_assets, "pairs": pairs}}
    return bare(json.dumps(said, separators=(",", ":")).encode())


def _status(listing: Listing) -> str:
    return "online" if listing.trading else "cancel_only"


def assets(found: list[Listing]) -> list[dict[str, object]]:
    """`{"id":"BTC","status":"enabled","precision":10,"precision_display":5,...}`"""
    return [
        {
            "id": name,
            "status": "enabled",
            "precision": 4 if name in MONEY else 10,
            "precision_display": 2 if name in MONEY else 5,
            "borrowable": name in _LEVERAGED,
            "collateral_value": 1.0 if name in MONEY else 0.9,
            "margin_rate": 0.025,
        }
        for name in _assets(found)
    ]


def pair(listing: Listing, status: str) -> dict[str, object]:
    """`{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,"qty_increment":1e-08,...}`"""
    precision = Precision(listing)
    step = listing.tick / UNIT
    base, quote = listing.symbol.split("/")
    return {
        "symbol": listing.symbol,
        "base": base,
        "quote": quote,
        "status": status,
        "qty_precision": precision.quantity_decimals,
        "qty_increment": 1 / 10**precision.quantity_decimals,
        "price_precision": precision.price_decimals,
        "cost_precision": _COST_DECIMALS.get(quote, 5),
        "cost_min": float(_LEAST_COSTS.get(quote, "0.5")),
        "price_increment": step,
        "tick_size": step,
        "qty_min": float(_least(listing, precision)),
        "marginable": base in _LEVERAGED,
        "has_index": True,
    }


def rest_assets(found: list[Listing]) -> dict[str, dict[str, object]]:
    """`{"XXBT":{"aclass":"currency","altname":"XBT","decimals":10,"display_decimals":5,"status":"enabled"}}`"""
    return {
        code_of(name): {
            "aclass": "currency",
            "altname": altname_of(name),
            "decimals": 4 if name in MONEY else 10,
            "display_decimals": 2 if name in MONEY else 5,
            "status": "enabled",
        }
        for name in _assets(found)
    }


def rest_pair(listing: Listing) -> dict[str, object]:
    """`{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD","pair_decimals":1,"lot_decimals":8,...}`"""
    precision = Precision(listing)
    base, quote = listing.symbol.split("/")
    leverage = [2, 3, 4, 5] if base in _LEVERAGED else []
    return {
        "altname": pair_altname(listing.symbol),
        "wsname": pair_wsname(listing.symbol),
        "aclass_base": "currency",
        "base": code_of(base),
        "aclass_quote": "currency",
        "quote": code_of(quote),
        "lot": "unit",
        "cost_decimals": _COST_DECIMALS.get(quote, 5),
        "pair_decimals": precision.price_decimals,
        "lot_decimals": precision.quantity_decimals,
        "lot_multiplier": 1,
        "leverage_buy": leverage,
        "leverage_sell": leverage,
        "fees": _FEES,
        "fees_maker": _MAKER_FEES,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": _least(listing, precision),
        "costmin": _LEAST_COSTS.get(quote, "0.5"),
        "tick_size": decimal(1, precision.price_decimals).decode(),
        "status": _status(listing),
    }


def _assets(found: list[Listing]) -> list[str]:
    return list(dict.fromkeys(name for each in found for name in each.symbol.split("/")))


def _least(listing: Listing, precision: Precision) -> str:
    """The least order: a hundredth of a usual one, in whole steps."""
    return decimal(max(1, listing.size * precision.lots // 100), precision.quantity_decimals).decode()
