"""The page under load: a desk with thousands of updates a second, a real Chromium, what it drew and what it kept.

Rules
  1. Frames are counted by the page's own requestAnimationFrame, second by second; a gap is the time between two.
  2. Before the load the same browser counts the frames of an empty page: what this machine allows without us.
  3. The heap is read after a forced collection, at the start, in between and at the end; so are the document's nodes.
  4. A rate of frames below the budget is judged with the CPU that the main thread used meanwhile: much, and it is the
     page that is slow; little, and it is the machine, which draws without a GPU on the cores that all else shares.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from browser.page_desk import FLAGS
from load.numbers import metrics
from playwright.async_api import CDPSession, Page, async_playwright

PATIENCE_S = 60
PATIENCE_MS = PATIENCE_S * 1000
WARM_UP_S = 3.0
BLANK_S = 3.0
LOOKS = 10  # at the heap, over the whole run
ENOUGH_FPS = 55.0
PAINT_BUDGET_MS = 1_000.0
SCRIPT_BUDGET = 150_000
BUSY = 0.75  # of the main thread's own CPU time: frames would not fit any more
ALLOWED_GROWTH = 0.10
ALLOWED_GROWTH_BYTES = 1_000_000
ROOT = Path(__file__).resolve().parent.parent

COUNT_FRAMES = """() => { const seen = window.seenFrames = { seconds: [], longest: 0, last: null, first: null };
    const one = now => {
        seen.first ??= now;
        if (seen.last !== null) seen.longest = Math.max(seen.longest, now - seen.last);
        seen.last = now;
        const second = Math.floor((now - seen.first) / 1000);
        seen.seconds[second] = (seen.seconds[second] ?? 0) + 1;
        requestAnimationFrame(one);
    };
    requestAnimationFrame(one); }"""
# The first frame in which the price, the book and a candle can be read.
FIRST_USEFUL = """(() => { const look = () => {
    const price = document.querySelector('[data-testid="head-price"]')?.dataset.value;
    const bid = document.querySelector('[data-testid="book-bid-0-price"]')?.dataset.value;
    if (price && window.firstPrice === undefined) window.firstPrice = performance.now();
    if (price && bid) window.firstUseful = performance.now(); else requestAnimationFrame(look);
}; requestAnimationFrame(look); })();"""


@dataclass(frozen=True)
class Look:
    """One look at the page and its desk. Attributes: at: seconds of the loop. busy: seconds of the main thread."""

    at: float
    heap: int
    nodes: int
    busy: float
    script: float
    layout: float
    published: int
    frames_sent: float
    bytes_sent: float


@dataclass
class Outcome:
    """What a run found.

    Attributes:
        fps: of each whole second. load: of the machine, over the last minute. longest_gap and first_*: ms.
    """

    cores: int = 0
    load: float = 0.0
    blank_fps: float = 0.0
    fps: list[int] = field(default_factory=list)
    longest_gap: float = 0.0
    looks: list[Look] = field(default_factory=list)
    first_paint: float = 0.0
    first_useful: float = 0.0
    script_bytes: int = 0
    drawn_price: str = ""
    dropped: float = 0.0
    browser_cpu: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.looks[-1].at - self.looks[0].at

    def per_second(self, name: str) -> float:
        """How much something grew a second."""
        first, last = self.looks[0], self.looks[-1]
        return float(getattr(last, name) - getattr(first, name)) / self.seconds

    @property
    def median_fps(self) -> float:
        return statistics.median(self.fps) if self.fps else 0.0

    @property
    def busy(self) -> float:
        """Share of the main thread."""
        return self.per_second("busy")

    def heap_growth(self) -> int:
        """Bytes between the least of the first third and the least of the last: what collection cannot take back."""
        heaps = [look.heap for look in self.looks]
        third = max(1, len(heaps) // 3)
        return min(heaps[-third:]) - min(heaps[:third])

    def limit(self) -> str:
        """Rule 4, in words."""
        if self.median_fps >= ENOUGH_FPS:
            return "nothing: the budget is kept"
        if self.busy > BUSY:
            return f"the page: its main thread is busy {self.busy:.0%} of the time"
        if self.blank_fps < ENOUGH_FPS:
            return f"the machine: an empty page gets {self.blank_fps:.0f} frames a second here"
        return (
            f"the machine, which draws without a GPU on the {self.cores} cores that the desk and others share "
            f"(load {self.load:.1f}): the page's main thread needs {self.busy:.0%} of one"
        )

    def failures(self) -> list[str]:
        """Budgets that are not kept and that this machine would allow."""
        found = []
        if self.median_fps < ENOUGH_FPS and self.busy > BUSY:
            found.append(
                f"expected {ENOUGH_FPS:g} frames a second, found {self.median_fps:.0f}: {self.limit()}"
            )
        allowed = max(ALLOWED_GROWTH_BYTES, ALLOWED_GROWTH * self.looks[0].heap)
        if self.heap_growth() > allowed:
            found.append(f"expected a flat heap, found {self.heap_growth():,} bytes more")
        if self.first_useful > PAINT_BUDGET_MS:
            found.append(f"expected the first useful paint within 1 s, found {self.first_useful:.0f} ms")
        if self.script_bytes > SCRIPT_BUDGET:
            found.append(f"expected {SCRIPT_BUDGET:,} bytes of scripts, found {self.script_bytes:,}")
        return found


class Market:
    """The desk's process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def published(self) -> int:
        """Updates so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return int(json.loads(await self._process.stdout.readline())["published"])


@asynccontextmanager
async def market(rate: float, symbols: int, seed: int) -> AsyncIterator[Market]:
    """While the block lasts."""
    words = ("--rate", str(rate), "--symbols", str(symbols), "--seed", str(seed))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pageload.market", *words, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = json.loads(await process.stdout.readline())
        yield Market(process, said["url"])
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), PATIENCE_S)


async def page_load(
    chromium: Path, rate: float, seconds: float, symbols: int, seed: int, cores: int
) -> Outcome:
    """Look at a page for so many seconds while its desk publishes so many updates a second."""
    outcome = Outcome(cores=cores)
    async with market(rate, symbols, seed) as served, async_playwright() as playwright:
        flags = [*FLAGS, "--enable-precise-memory-info"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        try:
            page = await browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="dark")
            await page.evaluate(COUNT_FRAMES)
            await pause(BLANK_S)
            outcome.blank_fps = await _whole_seconds(page)  # rule 2
            await page.add_init_script(FIRST_USEFUL)
            await page.goto(served.url)
            await page.wait_for_function("() => window.firstUseful !== undefined", timeout=PATIENCE_MS)
            await _first_view(page, outcome)
            await pause(WARM_UP_S)
            whole = await browser.new_browser_cdp_session()
            cpu = await _cpu(whole)
            await _watch(page, served, outcome, seconds)
            outcome.browser_cpu = {
                kind: (used - cpu.get(kind, 0.0)) / outcome.seconds
                for kind, used in (await _cpu(whole)).items()
            }
            outcome.drawn_price = str(
                await page.evaluate(
                    "() => document.querySelector('[data-testid=\"head-price\"]').dataset.value"
                )
            )
            outcome.load = os.getloadavg()[0]
        finally:
            await browser.close()
    return outcome


async def _whole_seconds(page: Page) -> float:
    counted: list[int] = await page.evaluate("() => window.seenFrames.seconds.slice(0, -1)")
    return statistics.median(counted) if counted else 0.0


async def _first_view(page: Page, outcome: Outcome) -> None:
    outcome.first_useful = float(await page.evaluate("() => window.firstUseful"))
    paint = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
    outcome.first_paint = float(await page.evaluate(paint))
    await page.wait_for_function(
        "() => document.querySelector('[data-testid=\"chart\"] canvas')", timeout=PATIENCE_MS
    )
    names: Sequence[str] = await page.evaluate(
        r"() => performance.getEntriesByType('resource').map(e => e.name).filter(name => /\.js$/.test(name))"
    )
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
        for name in set(names):
            outcome.script_bytes += len(gzip.compress((await client.get(name)).content, 6))


async def _watch(page: Page, served: Market, outcome: Outcome, seconds: float) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE_S) as client:
        outcome.looks.append(await _look(session, served, client))
        await page.evaluate(COUNT_FRAMES)
        while outcome.looks[-1].at - outcome.looks[0].at < seconds:
            await pause(max(0.5, seconds / LOOKS))
            outcome.looks.append(await _look(session, served, client))
        seen: dict[str, Any] = await page.evaluate("() => window.seenFrames")
        outcome.fps = [count or 0 for count in seen["seconds"][:-1]]
        outcome.longest_gap = seen["longest"]
        outcome.dropped = metrics((await client.get("/metrics")).text)["client_dropped_total"]


async def _look(session: CDPSession, served: Market, client: httpx.AsyncClient) -> Look:
    await session.send("HeapProfiler.collectGarbage")  # rule 3
    read = {row["name"]: row["value"] for row in (await session.send("Performance.getMetrics"))["metrics"]}
    told = metrics((await client.get("/metrics")).text)
    return Look(
        asyncio.get_running_loop().time(), int(read["JSHeapUsedSize"]), int(read["Nodes"]),
        read["TaskDuration"], read["ScriptDuration"], read["LayoutDuration"] + read["RecalcStyleDuration"],
        await served.published(), told["client_frames_total"], told["client_bytes_total"],
    )  # fmt: skip


async def _cpu(session: CDPSession) -> dict[str, float]:
    """Seconds by kind of process."""
    found = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    used: dict[str, float] = {}
    for each in found:
        used[each["type"]] = used.get(each["type"], 0.0) + each["cpuTime"]
    return used


async def pause(seconds: float) -> None:
    """The passing of time is what is tested here."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, done.set_result, None)
    await done


def table(outcome: Outcome, wanted: float) -> str:
    """For people."""
    heaps = [look.heap / 1e6 for look in outcome.looks]
    steps = [late - early for early, late in pairwise(heaps)]
    worst = sorted(outcome.fps)[len(outcome.fps) // 20] if outcome.fps else 0
    cpu = ", ".join(
        f"{kind} {used:.0%}" for kind, used in sorted(outcome.browser_cpu.items()) if used >= 0.005
    )
    rows = {
        "measured": f"{outcome.seconds:.0f} s on {outcome.cores} cores (load {outcome.load:.1f}), headless Chromium "
        "without a GPU, 1440 x 900",
        "updates a second": f"{outcome.per_second('published'):,.0f} published by the desk ({wanted:,.0f} asked for)",
        "to the page": f"{outcome.per_second('frames_sent'):,.0f} frames and "
        f"{outcome.per_second('bytes_sent') / 1e3:,.0f} kB a second, {outcome.dropped:,.0f} frames dropped",
        "frames drawn a second": f"median {outcome.median_fps:.0f}, 5th percentile {worst}, "
        f"longest gap {outcome.longest_gap:.0f} ms; an empty page: {outcome.blank_fps:.0f}",
        "main thread": f"{outcome.busy:.0%} of a core: scripts {outcome.per_second('script'):.0%}, "
        f"styles and layout {outcome.per_second('layout'):.0%}",
        "CPU of the browser": f"{cpu} of a core",
        "heap after collection": f"{heaps[0]:.1f} MB first, {heaps[-1]:.1f} MB last, "
        f"{outcome.heap_growth() / 1e6:+.1f} MB grown, largest step {max(steps, default=0.0):+.1f} MB",
        "nodes": f"{outcome.looks[0].nodes:,} first, {outcome.looks[-1].nodes:,} last",
        "first paint": f"{outcome.first_paint:.0f} ms; price and book to read after {outcome.first_useful:.0f} ms",
        "scripts, first view": f"{outcome.script_bytes / 1e3:.1f} kB gzip (budget {SCRIPT_BUDGET / 1e3:.0f})",
        "what limits": outcome.limit(),
    }
    return "\n".join(f"{name:<24}{said}" for name, said in rows.items())
