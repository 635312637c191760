"""What is listed: products and currencies as requests and the `status` channel state them; no figure of a market."""

from __future__ import annotations

from typing import Any

import msgspec

from bethna.twins.coinbase.listings import base_increment
from bethna.twins.coinbase.text import padded, trimmed
from bethna.twins.market.facts import Listing
from bethna.twins.market.world import World

ONLINE, DELISTED = "online", "delisted"
MONEY = frozenset({"USD", "EUR", "GBP"})
STABLE = frozenset({"USDT", "USDC", "DAI"})
_encode = msgspec.json.encode


def product(each: Listing) -> dict[str, Any]:
    """A row of `/products`."""
    trading = each.trading
    return {
        "id": each.symbol,
        **_named(each),
        "quote_increment": _text(each.tick),
        "base_increment": _text(base_increment(each)),
        "display_name": each.symbol,
        "min_market_funds": "1",
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": ONLINE if trading else DELISTED,
        "status_message": "",
        "trading_disabled": not trading,
        "fx_stablecoin": each.base in STABLE and each.quote in MONEY | STABLE,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }


def currency(name: str, world: World) -> dict[str, Any]:
    """A row of `/currencies`."""
    increments = [
        base_increment(each.listing) for each in world.markets.values() if each.listing.base == name
    ]
    least = 1_000_000 if name in MONEY else min(increments, default=1)
    return {
        "id": name,
        "name": name,
        "min_size": padded(least).decode(),
        "status": ONLINE,
        "message": "",
        "max_precision": padded(least).decode(),
        "convertible_to": [],
        "details": {"type": "fiat" if name in MONEY else "crypto", "symbol": None, "sort_order": 0},
        "default_network": "",
        "supported_networks": [],
        "display_name": name,
    }


def currencies(world: World) -> list[dict[str, Any]]:
    """All of them."""
    names = {name for each in world.markets.values() for name in _named(each.listing).values()}
    return [currency(name, world) for name in sorted(names)]


def status_frame(world: World, *, online: bool = True) -> bytes:
    """`{"type":"status","products":[...],"currencies":[...]}`

    Args:
        online: False says that the venue is about to be closed.
    """
    rows = [product(each.listing) for each in world.markets.values()]
    if not online:
        for row in rows:
            row |= {"status": "offline", "status_message": "The exchange is going down for maintenance."}
    for row in rows:
        row["type"] = "spot"
    return _encode({"type": "status", "products": rows, "currencies": currencies(world)})


def _named(each: Listing) -> dict[str, str]:
    """The currencies of a product, which was perhaps renamed."""
    base, _, quote = each.symbol.partition("-")
    return {"base_currency": base, "quote_currency": quote}


def _text(units: int) -> str:
    return trimmed(units).decode()
