"""A share of the fault grid: every cell with a fresh seed; `make faultgrid` runs a hundred of each."""

from __future__ import annotations

import pytest
from faultgrid import trial as trials
from faultgrid.cells import CELLS, Cell


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_nothing_is_lost_in_silence_and_nobody_else_is_disturbed(cell: Cell, seed: int) -> None:
    trial = cell.trial(seed)
    outcome = trials.run(trial)
    again = f'make faultgrid ARGS="--cell {cell.name!r} --only {seed}"'
    found = outcome.findings
    assert found.lost == [], again
    assert found.doubled == [], again
    assert found.disturbed == [], again
    assert found.compared["trades"] > 100, again
    if cell.healable:
        assert found.shown == [], again


def test_a_trial_is_a_function_of_its_fields(seed: int) -> None:
    cell = next(cell for cell in CELLS if cell.name == "random")
    first, second = (trials.run(cell.trial(seed)) for _ in range(2))
    assert first.findings == second.findings
    assert (first.struck, first.attempts, first.events) == (second.struck, second.attempts, second.events)
