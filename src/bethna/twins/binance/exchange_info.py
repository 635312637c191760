"""GET /api/v3/exchangeInfo: what is listed, with filters for ticks and lots, and the limits; no figure of a market."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from bethna.twins.binance import errors
from bethna.twins.binance.query import Query, status_of
from bethna.twins.binance.text import text
from bethna.twins.market.facts import UNIT, Listing
from bethna.twins.market.market import Market

SETS = ("SPOT", "MARGIN")
PERMISSIONS = ("SPOT", "MARGIN", "LEVERAGED", *(f"TRD_GRP_{number:03d}" for number in range(2, 26)))
ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")
MOST_LOTS = 900_000_000
# The least worth of an order, in units of 1e-8 of the quote currency.
NOTIONAL = {"BTC": UNIT // 10_000, "ETH": UNIT // 1_000, "TRY": 10 * UNIT}
USUAL_NOTIONAL = 5 * UNIT
_encode = msgspec.json.encode


def exchange_info(query: Query, *, weight: int, raw_requests: int) -> bytes:
    """The whole answer.

    Args:
        weight, raw_requests: the venue's limits a minute and in five.
    """
    markets = query.markets()
    permissions = _permissions(query.text("permissions"))
    shows_sets = query.choice("showPermissionSets", ("true", "false"), errors.invalid("showPermissionSets"))
    status = query.status()
    query.done()
    if markets is not None and (permissions is not None or status is not None):
        raise errors.bad_combination()
    if markets is None:
        wanted = set(permissions or SETS)
        every = query.world.markets.values() if wanted.intersection(SETS) else ()
        listed = [market for market in every if status in (None, status_of(market))]
    else:
        listed = [markets] if isinstance(markets, Market) else list(markets)
    rows = b",".join([_row(market.listing, sets=shows_sets != "false") for market in listed])
    return b'{"timezone":"UTC","serverTime":%d,"rateLimits":%b,"exchangeFilters":[],"symbols":[%b]}' % (
        query.now // query.unit,
        _encode(rate_limits(weight, raw_requests)),
        rows,
    )


def rate_limits(weight: int, raw_requests: int) -> list[dict[str, str | int]]:
    """`{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}` and the others."""
    limits = (
        ("REQUEST_WEIGHT", "MINUTE", 1, weight),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, raw_requests),
    )
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return [dict(zip(names, limit, strict=True)) for limit in limits]


def filters(listing: Listing) -> list[dict[str, Any]]:
    """The filters of a symbol."""
    tick, lot = _text(listing.tick), _text(listing.lot)
    most = _text(listing.lot * MOST_LOTS)
    notional = _text(NOTIONAL.get(listing.quote, USUAL_NOTIONAL))
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": _text(listing.tick * 100_000_000),
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": most, "stepSize": lot},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {"filterType": "MARKET_LOT_SIZE", "minQty": _text(0), "maxQty": most, "stepSize": _text(0)},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": notional,
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


@lru_cache(maxsize=4096)
def _row(listing: Listing, *, sets: bool) -> bytes:
    """One symbol; listings never change."""
    row: dict[str, Any] = {
        "symbol": listing.symbol,
        "status": "TRADING" if listing.trading else "BREAK",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": listing.trading,
        "isMarginTradingAllowed": listing.trading,
        "filters": filters(listing),
        "permissions": [],
        "permissionSets": [SETS] if sets else [],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": STP_MODES,
    }
    return _encode(row)


def _permissions(said: str | None) -> list[str] | None:
    """`SPOT` or `["MARGIN","LEVERAGED"]`."""
    if said is None:
        return None
    try:
        names = msgspec.json.decode(said, type=list[str]) if said.startswith("[") else [said]
    except msgspec.DecodeError as error:
        raise errors.invalid("permissions") from error
    if not names or not set(names).issubset(PERMISSIONS):
        raise errors.invalid("permissions")
    return names


def _text(units: int) -> str:
    return text(units).decode()
