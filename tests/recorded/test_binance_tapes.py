"""Real recordings of Binance, through the desk's own feed path, against the oracles inside them."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import pytest

from bethna.api.audit import Audit
from bethna.app import Desk
from bethna.cli.audit import audit_desk
from bethna.config import load
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId

BTC = InstrumentId("BTC-USDT@binance")
pytestmark = pytest.mark.needs("shared")


def btc_tape(shared_dir: Path) -> Path:
    return shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"


def played(path: Path) -> tuple[Desk, Audit]:
    desk = Desk(load(options={"source": f"tape:{path}", "speed": "max"}))
    desk.play_through()
    return desk, audit_desk(desk, Interval.M5, list_gaps=True)


def test_every_trade_and_every_update_of_the_btc_tape(shared_dir: Path) -> None:
    _, audit = played(btc_tape(shared_dir))
    symbol = audit.symbols[BTC]
    assert (audit.frames, audit.unknown_messages, audit.wire_errors) == (99_574, 0, 0)
    assert audit.span_s == pytest.approx(650.598, abs=0.001)
    assert (symbol.trades, symbol.trade_gaps, symbol.duplicates) == (19_904, 0, 0)
    assert (symbol.book_updates, symbol.book_gaps, symbol.resyncs) == (6_493, 0, 0)
    assert (symbol.quotes, symbol.quote_checks_ok, symbol.quote_checks_failed) == (73_174, 1_072, 0)
    assert symbol.gaps == []
    assert symbol.coverage.state == "complete"
    assert audit.clock_offset_s == pytest.approx(1.27, abs=0.01)


def test_whole_candles_equal_the_venues_own(shared_dir: Path) -> None:
    _, audit = played(btc_tape(shared_dir))
    with (shared_dir / "data" / "trades" / "binance_spot_20240808_btcusdt_klines_5m.csv").open() as file:
        venues = {
            round(datetime.fromisoformat(row["date"]).timestamp() * 1e6): tuple(
                float(row[key]) for key in ("open", "high", "low", "close", "volume")
            )
            for row in csv.DictReader(file)
        }
    candles = audit.symbols[BTC].candles
    assert isinstance(candles, list)
    whole = [c for c in candles if c.closed and c.coverage.state == "complete"]
    assert len(whole) == 2
    for candle in whole:
        assert (candle.open, candle.high, candle.low, candle.close, candle.volume) == venues[candle.open_time]
    first = candles[0]
    assert (first.coverage.state, first.coverage.gaps[0].reason) == ("incomplete", "not_watched")


def test_the_small_tape_of_2021(shared_dir: Path) -> None:
    _, audit = played(shared_dir / "captures" / "tapes" / "binance.jsonl")
    assert (audit.unknown_messages, audit.wire_errors) == (0, 0)
    assert set(audit.symbols) == {"NKN-USDT@binance", "BLZ-ETH@binance"}
    for symbol in audit.symbols.values():
        assert (symbol.trade_gaps, symbol.book_gaps, symbol.quote_checks_failed) == (0, 0, 0)
        assert symbol.book_updates > 0


async def test_every_way_of_playing_ends_in_one_state_hash(shared_dir: Path) -> None:
    path = btc_tape(shared_dir)
    desk, audit = played(path)
    again = Desk(load(options={"source": f"tape:{path}", "speed": "max"}))
    await again.run()
    paced = Desk(load(options={"source": f"tape:{path}", "speed": "2000"}))
    await paced.run()
    assert {desk.state_hash(), again.state_hash(), paced.state_hash()} == {audit.state_hash}
