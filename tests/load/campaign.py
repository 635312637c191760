"""A desk under load: a real twin, a real desk on it, real sockets, and what both cost while it lasts.

Rules
  1. The desk is measured from its first whole second after the warm-up to the end; what came before is not counted.
  2. What it says of itself is read from `/metrics`; memory and CPU are the kernel's word.
  3. In the end its candles of each second are held against the twin's, of every instrument: nothing that a load made
     it lose goes unseen.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import httpx
from load.numbers import Metrics, cpu_s, lag_between, metrics, resident_bytes

from bethna.core.clock import NS_PER_S
from bethna.runtime.clocks import LAG_BUCKETS_NS, LoopLag, SystemClock
from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.facts import Listing, Step
from bethna.twins.market.market import Market
from bethna.twins.market.world import World

PATIENCE_S = 60
WARM_UP_S = 15.0
SAMPLE_S = 2.0
SETTLE_S = 3
MOST_CANDLES = 600
TRIAL_PACE = 2.0
THINNING = 0.82  # trades and quotes of an order at the pace of a load, against those at TRIAL_PACE: measured
DIFFS_S = 10
KEPT_SECONDS = (
    1500  # candles of a second that a desk keeps of each instrument: until then its memory grows by them
)
CANDLE_BYTES = 440  # measured
SECOND_US = 1_000_000
PROGRAM = (sys.executable, "-c", "import sys; from bethna.cli import main; sys.exit(main())")
_LOSSES = ("trade_gaps_total", "duplicates_total", "heals_total", "book_gaps_total", "resyncs_total")
_TROUBLES = ("venue_reconnects_total", "venue_wire_errors_total", "mailbox_dropped_total")


@dataclass(frozen=True)
class Sample:
    """One look at both processes. Attributes: at: seconds since the desk began. memory: bytes. cpu: seconds."""

    at: float
    told: Metrics
    desk_memory: int
    desk_cpu: float
    twin_memory: int
    twin_cpu: float


@dataclass
class Outcome:
    """What a run found.

    Attributes:
        compared: candles of a second that were held against the twin's. differing: those that differ, or whose
            coverage is not complete, a line each. unwell: instruments that are not live with a trusted book.
        twin_late_ms: how much later than due the twin ever did something.
        idle_lag: what the loop of this process, which has next to nothing to do, saw meanwhile: the machine's own part.
    """

    samples: list[Sample] = field(default_factory=list)
    status: str = ""
    unwell: list[str] = field(default_factory=list)
    compared: int = 0
    differing: list[str] = field(default_factory=list)
    twin_late_ms: float = 0.0
    twin_unread: int = 0
    idle_lag: Metrics = field(default_factory=lambda: Metrics({}, {}))

    @property
    def seconds(self) -> float:
        """How long was measured (rule 1)."""
        return self.samples[-1].at - self.samples[0].at

    def gained(self, name: str) -> float:
        """How much a counter of the desk grew."""
        return self.samples[-1].told[name] - self.samples[0].told[name]

    @property
    def rate(self) -> float:
        """Messages a second that the desk received."""
        return self.gained("venue_messages_total") / self.seconds

    def rates(self) -> list[float]:
        """The same from look to look."""
        name = "venue_messages_total"
        return [
            (late.told[name] - early.told[name]) / (late.at - early.at)
            for early, late in pairwise(self.samples)
        ]

    def lag(self, share: float) -> float:
        """Seconds; the upper bound of the bucket."""
        return lag_between(self.samples[0].told, self.samples[-1].told, share)

    def cpu(self, who: str) -> float:
        """Cores that `desk` or `twin` used."""
        name = f"{who}_cpu"
        return float(getattr(self.samples[-1], name) - getattr(self.samples[0], name)) / self.seconds

    def memory(self, who: str) -> tuple[int, int]:
        """The most of the first and of the last third."""
        found = [getattr(sample, f"{who}_memory") for sample in self.samples]
        third = max(1, len(found) // 3)
        return max(found[:third]), max(found[-third:])

    def growth(self, symbols: int) -> tuple[int, int]:
        """Bytes that the desk grew by between those thirds, and how many of them its candles may explain."""
        early, late = self.memory("desk")
        kept_s = min(KEPT_SECONDS, self.seconds * 2 / 3)
        return late - early, round(symbols * kept_s * CANDLE_BYTES)

    def losses(self) -> dict[str, int]:
        """Counters that stay 0 when all is well."""
        return {
            name.removesuffix("_total"): round(self.samples[-1].told[name]) for name in (*_LOSSES, *_TROUBLES)
        }


def liveliest(count: int) -> list[Listing]:
    """The liveliest markets that trade."""
    return [listing for listing in catalogue() if listing.trading][:count]


def pace_for(rate: float, markets: Sequence[Listing], seed: int, seconds: float) -> float:
    """The pace at which a world of this seed makes so many messages a second on average.

    How lively a market is changes from minute to minute and from seed to seed, so the world is tried out first, slowly.
    """
    world = World(seed, 0, markets, pace=TRIAL_PACE)
    counts = [0]

    def hear(_market: Market, step: Step) -> None:
        counts[0] += len(step.executions) + step.best_changed

    world.listen(hear)
    world.advance(round(seconds * NS_PER_S))
    at_pace_one = counts[0] * THINNING / TRIAL_PACE / seconds
    return (rate - DIFFS_S * len(markets)) / at_pace_one


async def load(rate: float, seconds: float, symbols: int, seed: int, folder: Path) -> Outcome:
    """Put a desk under about `rate` messages a second.

    Args:
        folder: the desk's data.
    """
    markets = liveliest(symbols)
    pace = pace_for(rate, markets, seed, WARM_UP_S + seconds)
    words = ("--symbols", ",".join(listing.symbol for listing in markets), "--pace", f"{pace:.3f}")
    names = [f"{listing.base}-{listing.quote}" for listing in markets]
    twin_words = ("twin", "binance", "--port", "0", "--seed", str(seed), "--json", "--attached", *words)
    async with running(*twin_words) as (twin, twin_said):
        hosts = f"binance={twin_said['ws']}|{twin_said['url']}"
        environment = {
            "BETHNA_HOSTS": hosts,
            "BETHNA_SYMBOLS": ",".join(names),
            "BETHNA_DATA_DIR": str(folder),
        }
        desk_words = ("up", "--source", "twin", "--port", "0", "--json")
        async with running(*desk_words, environment=environment) as (desk, desk_said):
            assert desk_said["simulation"]["seed"] == seed, desk_said
            async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
                watch = _Watch(client, desk_said["url"], twin_said["url"], desk.pid, twin.pid)
                outcome = await watch.measured(seconds)
                await watch.compare(outcome, dict(zip(names, markets, strict=True)), seconds)
    return outcome


class _Watch:
    """Looks at a desk and its twin from outside."""

    def __init__(self, client: httpx.AsyncClient, desk: str, twin: str, desk_pid: int, twin_pid: int) -> None:
        self._client = client
        self._desk = desk
        self._twin = twin
        self._desk_pid = desk_pid
        self._twin_pid = twin_pid
        self._began = asyncio.get_running_loop().time()

    async def measured(self, seconds: float) -> Outcome:
        """Rules 1 and 2."""
        await pause(min(WARM_UP_S, max(3.0, seconds / 4)))
        idle = LoopLag(SystemClock())
        watching = asyncio.create_task(idle.run())
        outcome = Outcome([await self._sample()])
        while outcome.samples[-1].at - outcome.samples[0].at < seconds:
            await pause(SAMPLE_S)
            outcome.samples.append(await self._sample())
        watching.cancel()
        outcome.idle_lag = _as_metrics(idle)
        health = await self._get(f"{self._desk}/api/v1/health")
        outcome.status = health["status"]
        outcome.unwell = [
            f"{name}: {each['status']}, book {each['book']}, {each['coverage']['state']}"
            for name, each in health["instruments"].items()
            if (each["status"], each["book"], each["coverage"]["state"]) != ("live", "trusted", "complete")
        ]
        state = await self._get(f"{self._twin}/twin/state")
        outcome.twin_late_ms = state["worst_late_ms"]
        outcome.twin_unread = state["counts"]["unread"]
        return outcome

    async def compare(self, outcome: Outcome, markets: Mapping[str, Listing], seconds: float) -> None:
        """Rule 3."""
        await pause(SETTLE_S)
        limit = min(MOST_CANDLES, int(seconds))
        for name, listing in markets.items():
            asked = {"instrument": name, "interval": "1s", "limit": limit}
            said = await self._get(f"{self._desk}/api/v1/candles", asked)
            ours = [each for each in said["candles"] if each["closed"]][:-1]
            start, end = (ours[at]["open_time"] // 1000 for at in (0, -1))
            asked = {
                "symbol": listing.symbol,
                "interval": "1s",
                "limit": 1000,
                "startTime": start,
                "endTime": end,
            }
            rows = {row[0] * 1000: row for row in await self._get(f"{self._twin}/api/v3/klines", asked)}
            for each in ours:
                found = tuple(each[key] for key in ("open", "high", "low", "close", "volume", "trades"))
                row = rows.get(each["open_time"])
                expected = row and (*(float(text) for text in row[1:6]), row[8])
                state = each["coverage"]["state"]
                outcome.compared += 1
                if found != expected or state != "complete":
                    outcome.differing.append(
                        f"{name} {each['open_time']}: expected {expected}, found {found}, {state}"
                    )

    async def _sample(self) -> Sample:
        told = metrics((await self._client.get(f"{self._desk}/metrics")).text)
        return Sample(
            asyncio.get_running_loop().time() - self._began,
            told,
            resident_bytes(self._desk_pid),
            cpu_s(self._desk_pid),
            resident_bytes(self._twin_pid),
            cpu_s(self._twin_pid),
        )

    async def _get(self, url: str, parameters: Mapping[str, Any] | None = None) -> Any:
        answer = await self._client.get(url, params=parameters)
        answer.raise_for_status()
        return answer.json()


def _as_metrics(lag: LoopLag) -> Metrics:
    """As the desk tells it: samples up to each bound."""
    counts = accumulate(lag.statistics().counts)
    bounds = (*(bound / NS_PER_S for bound in LAG_BUCKETS_NS), math.inf)
    return Metrics({}, dict(zip(bounds, counts, strict=True)))


@asynccontextmanager
async def running(
    *words: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """A command of ours while the block lasts, and the line that it said first."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = json.loads(await process.stdout.readline())
        yield process, said
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_S)


async def pause(seconds: float) -> None:
    """Between two looks: the passing of time is what is tested here."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, done.set_result, None)
    await done


def table(outcome: Outcome, wanted: float, symbols: int) -> str:
    """For people."""
    early, late = outcome.memory("desk")
    _, explained = outcome.growth(symbols)
    rates = outcome.rates()
    first, last = outcome.samples[0].told, outcome.samples[-1].told
    idle = Metrics({}, {})
    rows = {
        "measured": f"{outcome.seconds:.0f} s, {symbols} instruments: trades, quotes, diffs, tickers",
        "messages a second": f"{outcome.rate:,.0f} received by the desk, from {min(rates):,.0f} to {max(rates):,.0f} "
        f"in {SAMPLE_S:g} s ({wanted:,.0f} asked for)",
        "memory of the desk": f"{early / 1e6:.1f} MB early, {late / 1e6:.1f} MB late ({late / early - 1:+.1%}); "
        f"the seconds that it keeps for {KEPT_SECONDS / 60:g} minutes explain {explained / 1e6:.1f} MB",
        "CPU of the desk": f"{outcome.cpu('desk'):.1%} of a core, "
        f"{outcome.cpu('desk') / outcome.rate * 1e6:.1f} us a message",
        "CPU of the twin": f"{outcome.cpu('twin'):.1%} of a core",
        "loop lag of the desk": _lags(first, last),
        "of an idle loop beside": _lags(idle, outcome.idle_lag),
        "worst lateness": f"{outcome.twin_late_ms:.0f} ms, of the twin, its start included",
        "lost and found": ", ".join(f"{name} {count}" for name, count in outcome.losses().items()),
        "the desk says": f"{outcome.status}; {len(outcome.unwell)} instruments not live, trusted and complete",
        "candles of 1 s": f"{outcome.compared:,} compared with the twin's, {len(outcome.differing)} differ",
    }
    return "\n".join(f"{name:<24}{said}" for name, said in rows.items())


def _lags(early: Metrics, late: Metrics) -> str:
    shares = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))
    return ", ".join(f"{name} <= {lag_between(early, late, share) * 1e3:g} ms" for name, share in shares)
