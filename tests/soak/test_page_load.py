"""The page at thousands of updates a second: what it keeps stays flat, what it shows is new, its scripts are small."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import Campaign
from pageload.campaign import Look, Outcome, page_load, table

RATE = 10_000.0
SHARE_S, WHOLE_S = 6, 300
SYMBOLS = 50


@pytest.mark.needs("chromium", "ui")
@pytest.mark.campaign
@pytest.mark.timeout(WHOLE_S + 300)
@pytest.mark.skipif(sys.platform != "linux", reason="the load of the machine is read as Linux tells it")
async def test_the_page_keeps_up_and_keeps_nothing(chromium_path: Path, campaign: Campaign) -> None:
    seconds = campaign.count(SHARE_S, WHOLE_S)
    outcome = await page_load(
        chromium_path, RATE, seconds, SYMBOLS, campaign.seed % 2**32, os.cpu_count() or 1
    )
    print(table(outcome, RATE))
    assert outcome.per_second("published") > RATE / 3, "hardly a load: nothing was tested"
    assert sum(outcome.fps) > 0
    assert outcome.drawn_price
    nodes = [look.nodes for look in outcome.looks]
    assert nodes[-1] <= nodes[0] * 1.5, "the document grows"
    slow = (
        "frames a second",
        "first useful paint",
    )  # a busy machine may be slow: `make page-load` judges that
    assert [each for each in outcome.failures() if not any(word in each for word in slow)] == []


def _outcome(heaps: list[int], busy: float, fps: int) -> Outcome:
    looks = [
        Look(float(at), heap, 100, busy * at, 0.0, 0.0, 10 * at, 0.0, 0.0) for at, heap in enumerate(heaps)
    ]
    return Outcome(cores=2, load=1.0, blank_fps=60.0, fps=[fps] * 9, looks=looks)


def test_the_verdict_tells_a_page_that_is_slow_from_a_machine_that_is() -> None:
    flat = [5_000_000] * 9
    assert _outcome(flat, 0.9, 60).failures() == []
    assert "expected 55 frames" in _outcome(flat, 0.9, 30).failures()[0]
    assert _outcome(flat, 0.3, 30).failures() == []
    assert "the machine" in _outcome(flat, 0.3, 30).limit()
    growing = [5_000_000 + 400_000 * at for at in range(9)]
    assert "flat heap" in _outcome(growing, 0.3, 60).failures()[0]
    sawtooth = [5_000_000 + 900_000 * (at % 2) for at in range(9)]
    assert _outcome(sawtooth, 0.3, 60).failures() == []
