"""The fault grid: every cell with many seeds, in virtual time on all cores, and the table of what became of it.

    make faultgrid                                   100 seeds a cell in virtual time, then 3 over real sockets
    make faultgrid VENUE=kraken                      the cells of one venue
    make faultgrid ARGS="--cell cut --seeds 20"      one cell
    make faultgrid ARGS="--cell cut --only 12345"    one trial again, with everything it found

Columns: `healed` trials whose damage was repaired, `shown` trials at whose end something is missing or down and says
so, `LOST` and `DOUBLED` figures without a name, `others` symbols that were disturbed though nothing struck them,
`false` figures marked though nothing was wrong with them; `unproven` books that differ, were damaged, and are called
unverified since their venue's wire proves no better; p50 and p95: seconds from the end of the last fault to the last
repair.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import SystemRandom
from statistics import quantiles
from time import monotonic

import structlog
from faultgrid import sockets
from faultgrid import trial as trials
from faultgrid.cells import BY_NAME, Cell, cells_of
from faultgrid.ground import GROUNDS

DONE, FAILED, USAGE = 0, 1, 2


@dataclass
class Row:
    """What came of one cell."""

    cell: str
    venue: str
    runs: int = 0
    struck: int = 0
    healed: int = 0
    shown: int = 0
    lost: int = 0
    doubled: int = 0
    disturbed: int = 0
    flagged: int = 0
    unproven: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    heal_s: list[float] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    not_whole: list[tuple[int, str]] = field(default_factory=list)

    def add(self, report: Report) -> None:
        self.runs += 1
        self.struck += report.struck
        self.shown += bool(report.shown)
        self.healed += report.heal_s is not None and not report.shown
        self.lost += len(report.lost)
        self.doubled += len(report.doubled)
        self.disturbed += len(report.disturbed)
        self.flagged += report.flagged
        self.unproven += report.unproven
        self.compared.update(report.compared)
        if report.heal_s is not None:
            self.heal_s.append(report.heal_s)
        self.bad += [
            (report.seed, word) for word in (*report.lost, *report.doubled, *report.disturbed, *report.broken)
        ]
        if report.shown and BY_NAME[self.cell].healable:
            self.not_whole.append((report.seed, report.shown[0]))

    @property
    def clean(self) -> bool:
        return not self.bad

    def percentile(self, percent: int) -> float | None:
        if not self.heal_s:
            return None
        if len(self.heal_s) == 1:
            return self.heal_s[0]
        return quantiles(self.heal_s, n=100, method="inclusive")[percent - 1]


@dataclass
class Report:
    """One trial, as a worker sends it home."""

    cell: str
    seed: int
    struck: int
    lost: list[str]
    doubled: list[str]
    disturbed: list[str]
    shown: list[str]
    flagged: int
    unproven: int
    compared: Counter[str]
    heal_s: float | None
    broken: list[str]


def one(venue: str, cell: str, seed: int) -> Report:
    """Run one trial in virtual time; whatever breaks is a finding of its own."""
    try:
        return report(cell, seed, trials.run(BY_NAME[cell].trial(seed, GROUNDS[venue])))
    except Exception as error:  # noqa: BLE001 - a trial that breaks is named with its seed, the grid goes on
        return report(cell, seed, error)


def many(venue: str, asked: list[tuple[str, int]]) -> list[Report]:
    """Run trials over real sockets, side by side."""
    outcomes = sockets.play_all([BY_NAME[cell].trial(seed, GROUNDS[venue]) for cell, seed in asked])
    return [report(*each, outcome) for each, outcome in zip(asked, outcomes, strict=True)]


def report(cell: str, seed: int, outcome: trials.Outcome | Exception) -> Report:
    if isinstance(outcome, Exception):
        last = traceback.extract_tb(outcome.__traceback__)[-1]
        text = f"broke: {type(outcome).__name__}: {outcome} ({last.name}, line {last.lineno})"
        return Report(cell, seed, 0, [], [], [], [], 0, 0, Counter(), None, [text])
    found = outcome.findings
    return Report(
        cell, seed, sum(outcome.struck.values()), found.lost[:20], found.doubled[:20], found.disturbed[:20],
        found.shown[:20], found.flagged["causeless candles"], len(found.unproven),
        found.compared, outcome.heal_s, [],
    )  # fmt: skip


def play(venue: str, cells: Iterable[Cell], seeds: list[int], jobs: int) -> Iterator[Row]:
    """Every cell with every seed; a row as soon as it is whole."""
    with ProcessPoolExecutor(jobs, initializer=quiet) as pool:
        for cell in cells:
            row = Row(cell.name, venue)
            for each in pool.map(partial(one, venue, cell.name), seeds, chunksize=1):
                row.add(each)
            yield row


def play_over_sockets(venue: str, cells: Iterable[Cell], seeds: list[int], jobs: int) -> Iterator[Row]:
    """The same in real time: all trials side by side, so the rows come at the end."""
    rows = {cell.name: Row(cell.name, venue) for cell in cells}
    asked = [(cell, seed) for seed in seeds for cell in rows]
    with ProcessPoolExecutor(jobs, initializer=quiet) as pool:
        for found in pool.map(partial(many, venue), [asked[job::jobs] for job in range(jobs)]):
            for each in found:
                rows[each.cell].add(each)
    yield from rows.values()


HEAD = f"{'fault':30}{'runs':>5}{'strikes':>9}{'healed':>8}{'shown':>7}{'LOST':>6}{'DOUBLED':>9}"
HEAD += f"{'others':>8}{'false':>7}{'unproven':>10}{'p50 s':>8}{'p95 s':>8}"


def line(row: Row) -> str:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    return (
        f"{row.cell:30}{row.runs:>5}{row.struck:>9}{row.healed:>8}{row.shown:>7}{row.lost:>6}{row.doubled:>9}"
        f"{row.disturbed:>8}{row.flagged:>7}{row.unproven:>10}{shown(row.percentile(50)):>8}{shown(row.percentile(95)):>8}"
    )


def quiet() -> None:
    """The desks' own log lines would bury the table. Collecting garbage at each step would take a fifth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make faultgrid", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("venue", nargs="?", choices=["all", *GROUNDS], default="all", help="default all")
    parser.add_argument("--cell", action="append", choices=list(BY_NAME), help="this cell (may be repeated)")
    parser.add_argument("--seeds", type=int, default=100, help="trials a cell (default 100)")
    parser.add_argument("--sockets", type=int, default=3, help="trials a cell over real sockets (default 3)")
    parser.add_argument("--seed", type=int, help="where the seeds come from (default: fresh)")
    parser.add_argument("--only", type=int, metavar="SEED", help="this one trial of each cell, told in full")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    quiet()
    venues = list(GROUNDS) if options.venue == "all" else [options.venue]
    seed = SystemRandom().getrandbits(32) if options.seed is None else options.seed
    tables: dict[str, list[Row]] = {}
    clean = True
    for venue in venues:
        cells = [each for each in cells_of(GROUNDS[venue]) if not options.cell or each.name in options.cell]
        if options.only is not None:
            clean = _tell(venue, cells, options.only) and clean
        elif cells:
            tables |= _tables(venue, cells, seed, options)
    if options.only is not None:
        return DONE if clean else FAILED
    if options.json:
        print(
            json.dumps({"seed": seed} | {name: [vars(row) for row in rows] for name, rows in tables.items()})
        )
    return DONE if all(row.clean for rows in tables.values() for row in rows) else FAILED


def _tables(venue: str, cells: list[Cell], seed: int, options: argparse.Namespace) -> dict[str, list[Row]]:
    """A venue in virtual time, then over real sockets."""
    tables = {}
    if options.seeds:
        say(f"{venue}, seed {seed}: {len(cells)} cells, {options.seeds} trials each, in virtual time")
        rows = play(venue, cells, list(trials.seeds(seed, options.seeds)), options.jobs)
        tables[f"{venue} virtual"] = _print(rows)
    if options.sockets:
        say(f"{venue}, seed {seed}: {len(cells)} cells, {options.sockets} trials each, over real sockets")
        seeds = list(trials.seeds(seed + 1, options.sockets))
        tables[f"{venue} sockets"] = _print(play_over_sockets(venue, cells, seeds, options.jobs))
    return tables


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(rows: Iterable[Row]) -> list[Row]:
    began, printed = monotonic(), []
    say(HEAD)
    for row in rows:
        printed.append(row)
        say(line(row))
        for number, word in row.bad[:5]:
            say(f"    seed {number}: {word}")
        for number, word in row.not_whole[:3]:
            say(f"    not whole at the end, seed {number}: {word}")
    compared = sum((row.compared for row in printed), Counter())
    totals = (
        sum(getattr(row, name) for row in printed)
        for name in ("runs", "lost", "doubled", "disturbed", "flagged")
    )
    say("{} trials: LOST {}, DOUBLED {}, others {}, false {}".format(*totals))
    say(f"compared: {dict(compared)}; {monotonic() - began:.0f} s")
    return printed


def _tell(venue: str, cells: list[Cell], seed: int) -> bool:
    clean = True
    for cell in cells:
        trial = cell.trial(seed, GROUNDS[venue])
        print(f"{venue}: {cell.name}", *trial.faults, f"span {trial.span_s:.0f} s", sep="\n  ")
        outcome = trials.run(trial)
        found = outcome.findings
        for name in ("lost", "doubled", "disturbed", "shown"):
            for word in getattr(found, name)[:30]:
                print(f"  {name}: {word}")
        for instrument, word in found.unproven.items():
            print(f"  unproven: {instrument} {word}")
        print(
            f"  struck {dict(outcome.struck)}, healed in {outcome.heal_s}, {found.healed} heals,"
            f" {len(outcome.attempts)} sockets"
        )
        print(f"  events {dict(outcome.events)}")
        print(f"  compared {dict(found.compared)}, flagged {dict(found.flagged)}")
        clean = clean and found.clean
    return clean


if __name__ == "__main__":
    sys.exit(main())
