"""A share of the fault grid: for Binance every cell with a fresh seed, for each other venue a few cells drawn by it.

`make faultgrid` runs a hundred of each.
"""

from __future__ import annotations

from random import Random

import pytest
from faultgrid import trial as trials
from faultgrid.cells import BY_NAME, CELLS, Cell, cells_of
from faultgrid.ground import BINANCE, GROUNDS, KRAKEN, Ground

from bethna.core.market import Level
from bethna.logic.book import OrderBook

SHARE = 2
"""Drawn cells of a venue."""
OTHERS = [ground for ground in GROUNDS.values() if ground is not BINANCE]


def _judge(cell: Cell, ground: Ground, seed: int) -> None:
    outcome = trials.run(cell.trial(seed, ground))
    again = f'make faultgrid VENUE={ground.name} ARGS="--cell {cell.name!r} --only {seed}"'
    found = outcome.findings
    assert found.lost == [], again
    assert found.doubled == [], again
    assert found.disturbed == [], again
    assert found.compared["trades"] > 100, again
    assert found.compared["books"] > 10, again
    if cell.healable:
        assert found.shown == [], again


@pytest.mark.parametrize("cell", cells_of(BINANCE), ids=lambda cell: cell.name)
def test_nothing_is_lost_in_silence_and_nobody_else_is_disturbed(cell: Cell, seed: int) -> None:
    _judge(cell, BINANCE, seed)


@pytest.mark.parametrize("ground", OTHERS, ids=lambda ground: ground.name)
@pytest.mark.parametrize("number", range(SHARE))
def test_neither_on_the_other_venues(ground: Ground, number: int, seed: int) -> None:
    _judge(Random(seed + number).sample(cells_of(ground), SHARE)[number], ground, seed)


def test_each_cell_fits_a_venue_and_what_is_a_venue_s_own_is_tried_there() -> None:
    fitting = {ground.name: {cell.name for cell in cells_of(ground)} for ground in GROUNDS.values()}
    assert set().union(*fitting.values()) == {cell.name for cell in CELLS}
    assert "bad_checksum" in fitting["kraken"]
    assert "http_418" not in fitting["kraken"]
    for name in ("kraken", "coinbase", "deribit"):
        assert {"silent_book", "maintenance", "rename", "http_html"} <= fitting[name]


def test_a_book_that_differs_is_a_finding(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grid can fail: a desk that drops a side of each update is found out at the checksum's ten levels."""
    apply = OrderBook.apply

    def half(book: OrderBook, bids: list[Level], asks: list[Level], update_id: int) -> None:
        del asks
        apply(book, bids, [], update_id)

    monkeypatch.setattr(OrderBook, "apply", half)
    outcome = trials.run(BY_NAME["none"].trial(seed, KRAKEN))
    assert outcome.findings.lost
    assert "asks" in outcome.findings.lost[0]


def test_a_trial_is_a_function_of_its_fields(seed: int) -> None:
    cell = BY_NAME["random"]
    first, second = (trials.run(cell.trial(seed)) for _ in range(2))
    assert first.findings == second.findings
    assert (first.struck, first.attempts, first.events) == (second.struck, second.attempts, second.events)
