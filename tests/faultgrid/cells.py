"""The cells of the grid: each fault alone, with what makes it hurt, and random combinations; drawn from a seed.

Faults begin once the desk has settled (or at its very start, where starting is what they hurt) and end early enough for
the longest repair: a dead socket is found after 40 s, a backoff may have grown to a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from faultgrid.ground import BINANCE, FIRST, LAST, TRADES, Ground
from faultgrid.trial import Trial
from msgspec.structs import replace

from bethna.twins.faults import Fault, random_plan

SETTLE_S = 70.0
"""After the last fault; a grown pause of the backoff and a heal fit in."""
SLOW_S = 130.0
"""Where a dead socket has to be found first."""

Faults = tuple[Fault, ...]


@dataclass(frozen=True)
class Cell:
    """One row of the table.

    Attributes:
        make: draws the faults for a venue; `FIRST`, `LAST` and `TRADES` stand for its own words.
        struck: the symbols that may be touched, None for all. subscribes: streams are subscribed by message, not in
            the URL.
        healable: nothing is lost for good, so everything must be whole at the end. settle_s: after the last fault.
        only: venues that alone have it; else every one that knows the faults.
    """

    name: str
    make: Callable[[Random, Ground], Faults]
    struck: frozenset[str] | None = None
    subscribes: bool = False
    healable: bool = True
    settle_s: float = SETTLE_S
    only: frozenset[str] = frozenset()

    def fits(self, ground: Ground) -> bool:
        """Whether the venue can have it."""
        if self.only and ground.venue not in self.only:
            return False
        return all(ground.words.fits(fault.kind) for fault in self.make(Random(0), ground))

    def trial(self, seed: int, ground: Ground = BINANCE) -> Trial:
        """What a seed makes of it."""
        drawn = self.make(Random(seed), ground)
        faults = tuple(
            replace(fault, symbol=ground.word(fault.symbol), stream=ground.word(fault.stream))
            for fault in drawn
        )
        end = max((fault.at_s + fault.for_s for fault in faults), default=30.0)
        struck = frozenset(map(ground.word, self.struck or ()))
        if self.struck is None or (struck and ground.one_count):
            struck = frozenset(ground.symbols)
        return Trial(
            seed,
            faults,
            end + self.settle_s,
            struck,
            ground,
            spec={"url_streams": 0} if self.subscribes else {},
        )


def _at(rng: Random) -> float:
    return rng.uniform(20.0, 40.0)


def _one(kind: str, **fixed: object) -> Callable[[Random, Ground], Faults]:
    """A fault that lasts some seconds; a pair in `fixed` is a range to draw from."""

    def make(rng: Random, _ground: Ground) -> Faults:
        drawn = {
            name: rng.uniform(*value) if isinstance(value, tuple) else value for name, value in fixed.items()
        }
        drawn = {name: round(value) if name == "count" else value for name, value in drawn.items()}  # type: ignore[call-overload]  # a count is a number
        return (Fault(kind=kind, **({"at_s": _at(rng)} | drawn)),)  # type: ignore[arg-type]  # by name

    return make


def _with(
    first: Callable[[Random, Ground], Faults], *others: Callable[[Fault], Fault]
) -> Callable[[Random, Ground], Faults]:
    """A fault and others that are timed by it."""

    def make(rng: Random, ground: Ground) -> Faults:
        faults = first(rng, ground)
        return (*faults, *(other(faults[0]) for other in others))

    return make


def _cut_amid(fault: Fault) -> Fault:
    return Fault(kind="cut", at_s=fault.at_s + 0.1, for_s=0.0)


def _losses(fault: Fault) -> Fault:
    return Fault(kind="missing_trades", at_s=fault.at_s, for_s=fault.for_s, share=0.3, symbol=FIRST)


def _no_diffs(fault: Fault) -> Fault:
    return Fault(
        kind="missing_diff", at_s=fault.at_s, for_s=max(1.0, fault.for_s / 2), share=0.3, symbol=FIRST
    )


def _random(rng: Random, ground: Ground) -> Faults:
    plan = random_plan(rng, span_s=60.0, symbols=ground.symbols, words=ground.words, streams=ground.streams)
    return tuple(_later(fault, 15.0) for fault in plan)


def _rename(rng: Random, ground: Ground) -> Faults:
    """To a name of the same form."""
    old = ground.symbols[-1]
    return (Fault(kind="rename", at_s=_at(rng), for_s=0.0, symbol=old, to=f"NEW{old}"),)


def _later(fault: Fault, by_s: float) -> Fault:
    return replace(fault, at_s=fault.at_s + by_s)


BTC = frozenset({FIRST})
PUSHED = frozenset({"kraken", "coinbase", "deribit"})

CELLS: tuple[Cell, ...] = (
    Cell("none", lambda _rng, _ground: (), frozenset()),
    Cell("cut", _one("cut", for_s=0.0)),
    Cell("accept_and_cut", _with(_one("accept_and_cut", for_s=(3.0, 40.0)), _cut_amid), settle_s=SLOW_S),
    Cell("half_open", _one("half_open", for_s=(5.0, 70.0)), settle_s=SLOW_S),
    Cell("silent", _with(_one("silent", for_s=(5.0, 70.0)), _cut_amid), settle_s=SLOW_S),
    Cell("silent from the start", _one("silent", at_s=0.0, for_s=(5.0, 45.0)), settle_s=SLOW_S),
    Cell("slow", _one("slow", for_s=(2.0, 20.0), delay_s=(0.2, 8.0))),
    Cell(
        "slow one stream",
        _one("slow", for_s=(5.0, 20.0), delay_s=(0.2, 8.0), symbol=FIRST, stream=TRADES),
        BTC,
    ),
    Cell("garbage", _one("garbage", for_s=(2.0, 10.0), share=(0.05, 0.4))),
    Cell("garbage of one", _one("garbage", for_s=(4.0, 10.0), share=(0.05, 0.15), symbol=FIRST), BTC),
    Cell("garbage no frame", _one("garbage", for_s=(1.0, 3.0), share=(0.1, 0.3), raw=True)),
    Cell("fragmented", _one("fragmented", for_s=(2.0, 20.0)), frozenset()),
    Cell(
        "duplicate",
        _one("duplicate", for_s=(3.0, 10.0), share=(0.1, 1.0), count=(1, 3), symbol=FIRST),
        BTC,
    ),
    Cell(
        "duplicate later",
        _one("duplicate", for_s=(3.0, 10.0), share=(0.1, 0.5), delay_s=(0.1, 3.0), symbol=FIRST),
        BTC,
    ),
    Cell(
        "reorder",
        _one("reorder", for_s=(3.0, 10.0), share=(0.1, 0.5), delay_s=(0.01, 2.0), symbol=FIRST),
        BTC,
    ),
    Cell(
        "missing_diff",
        _one("missing_diff", for_s=(3.0, 10.0), share=(0.4, 0.8), count=(1, 5), symbol=FIRST),
        BTC,
    ),
    Cell(
        "missing_trades",
        _one("missing_trades", for_s=(4.0, 10.0), share=(0.3, 1.0), count=(1, 10), symbol=FIRST),
        BTC,
    ),
    Cell(
        "missing_trades for good",
        _one("missing_trades", for_s=(4.0, 8.0), share=(0.3, 0.7), history=False, symbol=FIRST),
        BTC,
        healable=False,
    ),
    Cell(
        "refused_subscription",
        _with(_one("refused_subscription", for_s=(10.0, 30.0), symbol=LAST), _cut_amid),
        subscribes=True,
        settle_s=SLOW_S,
    ),
    Cell(
        "late_ack",
        _with(_one("late_ack", for_s=(5.0, 30.0), delay_s=(0.5, 12.0)), _cut_amid),
        subscribes=True,
    ),
    Cell("stale_snapshot", _with(_one("stale_snapshot", for_s=(2.0, 20.0), delay_s=(0.5, 15.0)), _cut_amid)),
    Cell(
        "stale_snapshot at the start", _one("stale_snapshot", at_s=0.0, for_s=(2.0, 20.0), delay_s=(0.5, 5.0))
    ),
    Cell("snapshot_race", _with(_one("snapshot_race", for_s=(2.0, 20.0), delay_s=(0.2, 9.0)), _cut_amid)),
    Cell(
        "snapshot_race at the start", _one("snapshot_race", at_s=0.0, for_s=(2.0, 20.0), delay_s=(0.2, 9.0))
    ),
    Cell("http_5xx", _with(_one("http_5xx", for_s=(2.0, 25.0), on="both"), _cut_amid), settle_s=SLOW_S),
    Cell(
        "http_5xx amid losses",
        _with(_one("http_5xx", for_s=(2.0, 25.0), on="rest"), _losses, _no_diffs),
        settle_s=SLOW_S,
    ),
    Cell(
        "http_429",
        _with(_one("http_429", for_s=(2.0, 20.0), retry_after_s=(1.0, 20.0), on="both"), _cut_amid),
    ),
    Cell(
        "http_429 amid losses",
        _with(_one("http_429", for_s=(2.0, 8.0), retry_after_s=(1.0, 20.0), on="rest"), _losses, _no_diffs),
        settle_s=SLOW_S,
    ),
    Cell(
        "http_418",
        _with(_one("http_418", for_s=(2.0, 20.0), retry_after_s=(5.0, 40.0), on="both"), _cut_amid),
        settle_s=SLOW_S,
    ),
    Cell("http_451", _with(_one("http_451", for_s=(2.0, 20.0), on="both"), _cut_amid), settle_s=SLOW_S),
    Cell("unreachable", _with(_one("unreachable", for_s=(2.0, 30.0)), _cut_amid), settle_s=SLOW_S),
    Cell("clock_skew", _one("clock_skew", for_s=(5.0, 40.0), offset_s=(-5.0, 5.0))),
    Cell("clock_jump", _one("clock_jump", for_s=0.0, offset_s=(-3.0, 3.0))),
    Cell("clock_skew of hours", _one("clock_skew", for_s=(5.0, 40.0), offset_s=(1_800.0, 5_400.0))),
    Cell("clock_jump of hours", _one("clock_jump", for_s=0.0, offset_s=(1_800.0, 5_400.0))),
    Cell("recycle", _one("recycle", for_s=0.0)),
    Cell("shutdown_notice", _one("shutdown_notice", for_s=0.0, delay_s=(0.0, 20.0))),
    Cell("bad_checksum", _one("bad_checksum", for_s=(1.0, 10.0), share=(0.05, 0.5), symbol=FIRST), BTC),
    Cell("silent_book", _one("silent_book", for_s=(2.0, 15.0), symbol=FIRST), BTC, settle_s=SLOW_S),
    Cell("silent_book of all", _one("silent_book", for_s=(2.0, 15.0)), settle_s=SLOW_S),
    Cell(
        "maintenance",
        _one("maintenance", for_s=(5.0, 40.0), delay_s=(0.0, 5.0), retry_after_s=(1.0, 10.0)),
        settle_s=SLOW_S,
    ),
    Cell("rename", _rename, frozenset({LAST}), healable=False),
    Cell("http_html", _with(_one("http_html", for_s=(2.0, 25.0), on="both"), _cut_amid), settle_s=SLOW_S),
    Cell(
        "http_html amid losses",
        _with(_one("http_html", for_s=(2.0, 25.0), on="rest"), _losses, _no_diffs),
        settle_s=SLOW_S,
        only=PUSHED,
    ),
    Cell("dropped_sequence", _one("dropped_sequence", for_s=(2.0, 10.0), share=(0.05, 0.5), count=(1, 3))),
    Cell("random", _random, healable=False, settle_s=SLOW_S),
)
BY_NAME = {cell.name: cell for cell in CELLS}


def cells_of(ground: Ground) -> tuple[Cell, ...]:
    """Those that a venue can have."""
    return tuple(cell for cell in CELLS if cell.fits(ground))
