"""Messages of both wires of Coinbase, written from the protocol sheet; tests change what they ask about."""

from __future__ import annotations

import json
from typing import Any

from bethna.core.market import InstrumentId

NOW = 1_800_000_000_000_000_001
BTC = InstrumentId("BTC-USD@coinbase")
ETH = InstrumentId("ETH-USD@coinbase")
TIME = "2026-09-30T02:39:53.787841965Z"
TIME_NS = ((56 * 365 + 14 + 272) * 86_400 + 2 * 3600 + 39 * 60 + 53) * 10**9 + 787_841_965
TRADE_TIME = "2026-09-30T02:39:53.5Z"
TRADE_NS = TIME_NS - 287_841_965


def level(side: str, price: str, quantity: str) -> dict[str, Any]:
    return {
        "side": side,
        "event_time": "1970-01-01T00:00:00Z",
        "price_level": price,
        "new_quantity": quantity,
    }


def frame(channel: str, number: int, *events: object) -> dict[str, Any]:
    return {"channel": channel, "timestamp": TIME, "sequence_num": number, "events": list(events)}


def book(number: int, kind: str = "update", product: str = "BTC-USD") -> dict[str, Any]:
    updates = [level("bid", "83277.25", "0.5"), level("offer", "83277.26", "0.25")]
    return frame("l2_data", number, {"type": kind, "product_id": product, "updates": updates})


def row(trade_id: int, side: str = "SELL", product: str = "BTC-USD") -> dict[str, Any]:
    return {
        "product_id": product,
        "trade_id": str(trade_id),
        "price": "83320.66",
        "size": "0.0041608",
        "time": TRADE_TIME,
        "side": side,
    }


def trades(number: int, *rows: dict[str, Any], kind: str = "update") -> dict[str, Any]:
    return frame("market_trades", number, {"type": kind, "trades": list(rows)})


def heartbeat(number: int) -> dict[str, Any]:
    said = "2026-09-07 23:37:22.674409 +0000 UTC m=+139651.272674714"
    return frame("heartbeats", number, {"current_time": said, "heartbeat_counter": 139651})


def ack(number: int, **channels: list[str] | None) -> dict[str, Any]:
    return frame("subscriptions", number, {"subscriptions": channels})


TICKER_ROW: dict[str, Any] = {
    "type": "ticker",
    "product_id": "BTC-USD",
    "price": "21932.98",
    "volume_24_h": "16038.28770938",
    "low_24_h": "21835.29",
    "high_24_h": "23011.18",
    "low_52_w": "15460",
    "high_52_w": "48240",
    "price_percent_chg_24_h": "-4.15775596190603",
    "best_bid": "21931.98",
    "best_bid_quantity": "8000.21",
    "best_ask": "21933.98",
    "best_ask_quantity": "8038.07770938",
}
CANDLE_ROW: dict[str, Any] = {
    "start": "1688998200",
    "high": "1867.72",
    "low": "1865.63",
    "open": "1867.38",
    "close": "1866.81",
    "volume": "0.20269406",
    "product_id": "ETH-USD",
}


def wire(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


# --- Coinbase Exchange

EXCHANGE_TIME = "2026-09-30T02:03:13.763929Z"
EXCHANGE_NS = TIME_NS - (36 * 60 + 40) * 10**9 - 23_912_965

SNAPSHOT: dict[str, Any] = {
    "type": "snapshot",
    "product_id": "BTC-USD",
    "bids": [["10101.10", "0.45054140"]],
    "asks": [["10102.55", "0.57753524"]],
}
UPDATE: dict[str, Any] = {
    "type": "l2update",
    "product_id": "BTC-USD",
    "changes": [["buy", "83404.00", "0.70000000"], ["sell", "83421.13", "0.00000000"]],
    "time": EXCHANGE_TIME,
}
MATCH: dict[str, Any] = {
    "type": "match",
    "trade_id": 1100243487,
    "maker_order_id": "d5bc",
    "taker_order_id": "91fd",
    "side": "sell",
    "size": "0.00005934",
    "price": "83420.99",
    "product_id": "BTC-USD",
    "sequence": 136999328367,
    "time": EXCHANGE_TIME,
}
HEARTBEAT: dict[str, Any] = {
    "type": "heartbeat",
    "last_trade_id": 1100243487,
    "product_id": "BTC-USD",
    "sequence": 136999328604,
    "time": EXCHANGE_TIME,
}
TICKER: dict[str, Any] = {
    "type": "ticker",
    "sequence": 333938798,
    "product_id": "BAND-GBP",
    "price": "14.7775",
    "open_24h": "14.6647",
    "volume_24h": "94381.28",
    "low_24h": "14.3691",
    "high_24h": "16.55",
    "volume_30d": "2295579.57",
    "best_bid": "14.7550",
    "best_ask": "14.8060",
    "side": "buy",
    "time": EXCHANGE_TIME,
    "trade_id": 881613,
    "last_size": "0.04",
}
