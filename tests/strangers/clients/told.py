"""What a foreign client says it was told, as JSON lines on stdout; it judges nothing. Standard library only.

    {"kind":"about","client":"python-binance","version":"1.0.37"}
    {"kind":"trade","symbol":"BTCUSDT","id":5,"price":"61250.01","quantity":"0.2","sold":false,"time":1795616154986}
    {"kind":"aggregate",...,"first":5,"last":6}                    as a trade, of several
    {"kind":"candle","symbol":"BTCUSDT","via":"stream","length":1000,"opens":...,"open":...,"high":...,"low":...,
        "close":...,"volume":...,"first":5,"last":9,"closed":true}  without first and last where the client drops them
    {"kind":"ticker","symbol":"BTCUSDT","first":1,"last":9,"open":...,"high":...,"low":...,"close":...,"volume":...}
    {"kind":"ticker","symbol":"BTC-USD","last":9,"high":...,...}    of all trades up to one, or to a "time"
    {"kind":"quote","symbol":"BTCUSDT","update_id":8,"bid":[price,quantity],"ask":[price,quantity]}
    {"kind":"book","symbol":"BTCUSDT","update_id":8,"bids":[[price,quantity],...],"asks":[...]}   best first
    {"kind":"book","symbol":"BTC/USD","time":...,"depth":10,...}     where no id is told; or "sequence" of Coinbase
    {"kind":"market","symbol":"BTCUSDT","base":"BTC","quote":"USDT","tick":"0.01","lot":"0.00001"}
    {"kind":"market","symbol":"BTC/USD",...,"tick":0.1,"step":1e-8}  where the step of quantities is finer than a lot
    {"kind":"error","text":"..."}

Prices and quantities are as the client has them, text or float; times are ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any

LEVELS = 50
"""Levels a side of a book that are compared: a client's snapshot does not reach to the last one."""


def tell(kind: str, **facts: Any) -> None:
    """One line, in one piece: some clients have threads."""
    sys.stdout.write(json.dumps({"kind": kind, **facts}) + "\n")


async def meanwhile(duration_s: float, watching: list[Coroutine[Any, Any, None]]) -> None:
    """Run what never ends by itself for that long; what raises is told."""
    tasks = [asyncio.ensure_future(each) for each in watching]
    ended, others = await asyncio.wait(tasks, timeout=duration_s, return_when=asyncio.FIRST_EXCEPTION)
    for task in ended:
        error = task.exception()
        tell("error", text=f"ended early: {type(error).__name__}: {error}"[:500])
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def arguments() -> tuple[str, float, list[str]]:
    """`HOST:PORT SECONDS SYMBOL...` of the command line."""
    _, authority, duration, *symbols = sys.argv
    return authority, float(duration), symbols
