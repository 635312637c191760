"""A desk as a user starts it and a browser page that looks at it; knows nothing of what a test wants to see."""

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

from playwright.async_api import Page, async_playwright, expect

expect.set_options(timeout=30_000)  # a machine that others use needs longer than the library's five seconds

BTC = "BTC-USDT@binance"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
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


@asynccontextmanager
async def browser_page(
    chromium: Path, url: str, width: int = 1440, height: int = 900, before: str = ""
) -> AsyncIterator[Page]:
    """A page of a fresh profile.

    Args:
        before: a script that runs before those of the page, to take something away from it.

    The test fails when the page asks anything of another origin, breaks the content security policy or has an
    error that nobody caught.
    """
    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark")
            page.on("request", lambda asked: None if _is_own(asked.url, url) else wrong.append(asked.url))
            page.on("console", lambda line: wrong.append(line.text) if BROKEN_RULE in line.text else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            if before:
                await page.add_init_script(before)
            await page.goto(url)
            yield page
        finally:
            await browser.close()
    assert not wrong, "\n".join(wrong)


def _is_own(asked: str, url: str) -> bool:
    return asked.startswith((url.partition("#")[0], "data:", "blob:"))
