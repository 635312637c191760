"""A desk as a user starts it and a browser page that looks at it; knows nothing of what a test wants to see.

Rules:
1. The tests of one file share an event loop and, on it, one Chromium (see conftest.py): to begin one costs more than
   most tests. Each page has a context of its own: nothing that a page keeps, fetched or was allowed reaches another.
2. A Chromium that died is begun again for the next page: its death fails the test that it happened to, and no other.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from playwright.async_api import Browser, Page, Playwright, async_playwright, expect

expect.set_options(timeout=30_000)  # a machine that others use needs longer than the library's five seconds

BTC = "BTC-USDT@binance"
UNUSED = (
    # Pages of its own that a new window of it loads beside ours: they take as long as ours.
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "SpareRendererForSitePerProcess",
    # What Playwright turns off; of two such lists Chromium heeds the last one only.
    "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying",
    "OptimizationHints", "PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning", "Translate",
)  # fmt: skip
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--disable-features={','.join(UNUSED)}",
]  # fmt: skip
# Chromium says so of every policy that a page breaks, and the page's scripts of what they cannot survive.
BROKEN_RULE = "Content Security Policy"


def btc_tape(shared_dir: Path) -> Path:
    return shared_dir / "captures" / "tapes" / "binance_btcusdt_20240808.jsonl.zst"


def free_port() -> int:
    """A port that nobody has now: for a desk that must come back where it was."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Desk:
    """A running desk."""

    url: str
    process: asyncio.subprocess.Process
    twin_pid: int = 0  # of the simulated market that it began, if any

    async def kill(self) -> None:
        """End it at once, without a goodbye to anybody."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def desk(
    folder: Path, *options: str, port: int = 0, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Desk]:
    """`bethna up` with these options, ended as Ctrl-C does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bethna", "up", "--json", "--port", str(port), *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "BETHNA_DATA_DIR": str(folder), **(environment or {})},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            said = json.loads(await process.stdout.readline())
        yield Desk(said["url"], process, (said.get("twin") or {}).get("pid", 0))
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), 10)


class Chromium:
    """The browser of one event loop, begun when the first page is wanted (rule 1)."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def browser(self, chromium: Path) -> Browser:
        """The one that runs, or a new one (rule 2)."""
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        if self._browser is None or not self._browser.is_connected():
            self._browser = await self._playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        return self._browser

    async def close(self) -> None:
        """End it; the next page begins another one."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        self._browser = self._playwright = None


_chromiums: WeakKeyDictionary[asyncio.AbstractEventLoop, Chromium] = WeakKeyDictionary()


def shared_chromium() -> Chromium:
    """That of the event loop that runs."""
    return _chromiums.setdefault(asyncio.get_running_loop(), Chromium())


@asynccontextmanager
async def browser_page(
    chromium: Path, url: str, width: int = 1440, height: int = 900, before: str = ""
) -> AsyncIterator[Page]:
    """A page of a fresh profile: a context of its own (rule 1).

    Args:
        before: a script that runs before those of the page, to take something away from it.

    The test fails when the page asks anything of another origin, breaks the content security policy or has an
    error that nobody caught.
    """
    wrong: list[str] = []
    browser = await shared_chromium().browser(chromium)
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark")
    try:
        page = await context.new_page()
        page.on("request", lambda asked: None if _is_own(asked.url, url) else wrong.append(asked.url))
        page.on("console", lambda line: wrong.append(line.text) if BROKEN_RULE in line.text else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        if before:
            await page.add_init_script(before)
        await page.goto(url)
        yield page
    finally:
        await context.close()
    assert not wrong, "\n".join(wrong)


def _is_own(asked: str, url: str) -> bool:
    return asked.startswith((url.partition("#")[0], "data:", "blob:"))
