"""What the pages show is what happens: every listing that needs no network is run."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docs.console import ROOT, Reader, agrees, blocks, check_json, commands
from scenario.tape_venue import TapeVenue

TAPE = Path("captures", "tapes", "binance_btcusdt_20240808.jsonl.zst")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Pages whose commands go to the live venue: here it is a small one on loopback.
LIVE = ("how-to/record-and-replay.md", "how-to/run-live.md")
# Pages whose programs open desks of their own: on a simulated market, since nothing here leaves this machine.
SIMULATED = ("reference/python.md",)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def is_run(page: Path) -> bool:
    return any(block.kind in ("console", "python") for block in blocks(page.read_text()))


RUN = [page for page in PAGES if is_run(page)]


@contextmanager
def venue(tape: Path) -> Iterator[str]:
    """A venue on loopback that serves until the block ends; the value of BETHNA_HOSTS that leads there."""
    loop = asyncio.new_event_loop()
    found: list[str] = []
    ready, over = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with TapeVenue(tape).open() as served:
            found.append(f"binance={served.hosts}")
            ready.set()
            await over.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=run, name="venue")
    thread.start()
    try:
        ready.wait()
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@pytest.mark.needs("shared", "command:curl")
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_listings_of_a_page_print_what_it_says(page: Path, shared_dir: Path, tmp_path: Path) -> None:
    tape = shared_dir / TAPE
    (tmp_path / "btc.jsonl.zst").symlink_to(tape)
    if not name_of(page).endswith(LIVE):
        surroundings = {"BETHNA_SOURCE": "twin"} if name_of(page).endswith(SIMULATED) else {}
        with Reader(tmp_path, surroundings) as reader:
            assert reader.read(page.read_text())
        return
    # Its recording holds no answer about the time, which is what `auto` asks for.
    live = {"BETHNA_SOURCE": "live"}
    with venue(tape) as hosts, Reader(tmp_path, {**live, "BETHNA_HOSTS": hosts}) as reader:
        assert reader.read(page.read_text())


@pytest.mark.parametrize("page", [page for page in PAGES if page not in RUN], ids=name_of)
def test_a_page_without_commands_shows_json_that_is_json(page: Path) -> None:
    for block in blocks(page.read_text()):
        if block.kind == "json":
            check_json(block.text)


def test_the_pages_that_teach_are_run() -> None:
    taught = [page for page in PAGES if {"tutorial", "how-to"} & set(page.parts)]
    assert len(taught) >= 7
    assert set(taught) <= set(RUN)


def test_make_run_is_the_set_up_and_then_the_desk() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nrun:")[2].partition("\n\n")[0].splitlines()[1:]
    assert re.search(r"scripts/setup\.py --run$", recipe[0])
    assert recipe[1:] == ["\t@exec $(VENV)/bethna up $(ARGS)"]


def test_three_dots_stand_for_anything_and_nothing_else_does() -> None:
    assert agrees("a ... z\n", "a b\nc z")
    assert agrees("prices: 1.5", "prices: 1.5\n")
    assert not agrees("prices: 1.5", "prices: 125")
    assert not agrees("one line", "one line\nand another")


def test_a_console_block_is_commands_and_what_they_print() -> None:
    (block,) = blocks("text\n```console\n$ one \\\n  two\nout\nmore\n$ three\n```\n```\n$ no\n```\n")
    assert block.line == 2
    assert [(each.text, each.printed) for each in commands(block)] == [
        ("one   two", "out\nmore\n"),
        ("three", ""),
    ]
