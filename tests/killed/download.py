"""A process that downloads history into a store until it is killed: `-m killed.download FOLDER URL START END`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from bethna.core.bars import CandleRules
from bethna.core.coverage import Provenance
from bethna.core.instrument import Instrument
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.wire import RestEvent
from bethna.net.http import HttpClient
from bethna.runtime.clocks import SystemClock
from bethna.services.history import CandleSource, History
from bethna.services.keeping import CandleKeeper
from bethna.store.candles import shelf
from bethna.venues.binance import BinanceCodec
from bethna.venues.spec import RestRequest

BTC = Instrument(InstrumentId("BTC-USDT@binance"), "binance", "BTC", "USDT", "BTCUSDT", verified=True)
PAGE = 500
FOLD_ROWS = 1_800
"""A fold every few pages, so that kills meet some."""


class Served:
    """The server's candles."""

    def __init__(self, http: HttpClient, url: str, codec: BinanceCodec) -> None:
        self._http, self._url, self._codec = http, url, codec

    async def fetch(self, request: RestRequest) -> Sequence[RestEvent]:
        answer = await self._http.get(self._url + request.path, venue="binance", timeout_s=20.0)
        return self._codec.decode_http(request.path, answer.body, answer.ts_recv)


async def main(folder: Path, url: str, start: int, end: int) -> None:
    shelf.FOLD_ROWS = FOLD_ROWS
    clock, codec = SystemClock(), BinanceCodec()
    codec.learn([BTC])
    keeper = CandleKeeper(folder, clock, lambda *told: print(*told, file=sys.stderr, flush=True))
    async with HttpClient(clock) as http, asyncio.TaskGroup() as group:
        kept = group.create_task(keeper.run(list))
        history = History(clock, Provenance.HISTORY, 10**8, keeper)
        rules = CandleRules((Interval.M1,), page=PAGE)
        source = CandleSource("binance", rules, codec, Served(http, url, codec), clock.now_ns)
        print("ready", flush=True)
        past = await history.bars(source, BTC, Interval.M1, start, end)
        print("done", len(past.bars), len(past.refusals), flush=True)
        kept.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
