"""What a plan of faults may say of CoinGecko, and where its endpoints are; it reads none.

One port has both hosts of the venue: the free one at `/api/v3`, the one of paid keys at `/pro-api/api/v3`.
"""

from __future__ import annotations

from typing import get_args

from bethna.twins.faults.kinds import Kind
from bethna.twins.faults.words import Words

FREE_ROOT = "/api/v3"
PRO_ROOT = "/pro-api/api/v3"
PING, PRICE, LIST = "/ping", "/simple/price", "/coins/list"
OHLC, CHART, RANGE = "/coins/ID/ohlc", "/coins/ID/market_chart", "/coins/ID/market_chart/range"
ENDPOINTS = (PING, PRICE, LIST, OHLC, CHART, RANGE)
SYMBOL_FORM = r"[A-Z0-9]{1,20}-USD"
_OF_REQUESTS: tuple[Kind, ...] = (
    "http_5xx", "http_429", "http_451", "http_html", "unreachable", "clock_skew", "clock_jump",
)  # fmt: skip

WORDS = Words(
    "coingecko",
    (),
    ENDPOINTS,
    symbol_form=SYMBOL_FORM,
    without=tuple(kind for kind in get_args(Kind) if kind not in _OF_REQUESTS),
)
