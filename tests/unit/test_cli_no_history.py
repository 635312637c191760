"""`bethna history` where nobody knows anything: an error with each source's reason, and no file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bethna.cli.history_indicators import Part, Readings
from bethna.cli.history_telling import Asked, Told, _to_file
from bethna.core.bars import Bar, BarKind, Refusal
from bethna.core.coverage import Coverage, Provenance
from bethna.core.errors import NoHistory
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.bars import unknown_bar

BTC = InstrumentId("BTC-USDT@binance")
NOBODY = unknown_bar(BTC, Interval.M1, 0, "source_failed", Provenance.HISTORY)
TRADED = Bar(
    BTC, Interval.M1, 60 * 10**9, BarKind.TRADED, 1.0, 1.0, 1.0, 1.0, 1.0, 1, True, "binance", Coverage()
)
WHY = Refusal("binance", "HTTP 503", 0, 60 * 10**9)


async def write(path: Path, *bars: Bar) -> None:
    async def parts() -> AsyncIterator[Part]:
        yield Part(list(bars), (WHY,), ())

    asked = Asked("BTC-USDT", Interval.M1, None, None, None, 2, "csv", path)
    await _to_file(parts(), asked, Told(terminal=False, wanted=2), path, Readings(()))


async def test_nothing_known_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match=r"BTC-USDT: nothing is known of the span \(binance: HTTP 503\)"):
        await write(tmp_path / "bars.csv", NOBODY)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - no Path in a loop


async def test_one_known_bar_is_something(tmp_path: Path) -> None:
    await write(tmp_path / "bars.csv", NOBODY, TRADED)
    assert os.listdir(tmp_path) == ["bars.csv"]  # noqa: PTH208 - no Path in a loop
