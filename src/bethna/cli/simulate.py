"""Runs simulated venues for `bethna twin`: their markets, their truth and a server for each, until somebody ends it.

Rules
  1. One line says where they are, once all listen; summaries end it, except for a twin that belongs to a desk.
  2. A truth that cannot be written any more is told at once; the market goes on, and the exit code says it.
  3. A twin that is attached ends when its stdin closes: it never outlives its desk.
  4. Venues begin at one instant on one seed, so that they agree on what an asset is worth. An error of one ends all.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.errors import StoreError
from bethna.runtime.clocks import SystemClock
from bethna.twins.faults import Plans
from bethna.twins.market.facts import Listing
from bethna.twins.market.truthfile import TruthFile
from bethna.twins.registry import Simulated, build
from bethna.twins.serving import TwinServer, authority_of

FLUSH_S = 1.0
_READ_BYTES = 65536


class Simulation(Struct, frozen=True):
    """What was asked for; listings and plans by venue."""

    seed: int
    pace: float
    past_days: int
    listings: Mapping[str, tuple[Listing, ...]]
    plans: Plans
    truth_file: Path | None
    attached: bool
    as_json: bool


class _Running(Struct, frozen=True):
    """One venue of them."""

    venue: str
    made: Simulated
    server: TwinServer
    listener: socket.socket


async def simulate(
    asked: Simulation, listeners: Mapping[str, socket.socket], failed: list[StoreError]
) -> None:
    """Serve each venue on its listener until cancelled, or until stdin closes when attached.

    Args:
        failed: gets why the truth could not be written to its end, however this ends (rule 2).

    Raises:
        StoreError: the truth could not be begun.
        click.UsageError: attached to a stdin that is no pipe.
    """
    clock = SystemClock()
    start = clock.now_ns()
    made = {
        venue: build(
            venue, seed=asked.seed, start=start, listings=listings, pace=asked.pace,
            plan=asked.plans.get(venue, ()), past_days=asked.past_days,
        )
        for venue, listings in asked.listings.items()
    }  # fmt: skip
    truth = _Truth(asked.truth_file, made, failed)
    running = [
        _Running(venue, each, _server(asked, venue, each, clock, start, truth), listeners[venue])
        for venue, each in made.items()
    ]
    gc.collect()
    gc.freeze()  # the markets stay to the end: looking through them again would take time from the clients
    try:
        with _stdin(running) if asked.attached else _nothing():
            await _serve(asked, running, truth)
    finally:
        truth.close()
        if not asked.attached:
            for each in running:
                _summarize(asked, each, clock.now_ns() - start)


def _server(
    asked: Simulation, venue: str, made: Simulated, clock: SystemClock, start: int, truth: _Truth
) -> TwinServer:
    return TwinServer(
        made.venue,
        made.faults,
        clock,
        start,
        symbols=made.world.markets,
        about=lambda: {
            "name": venue,
            "seed": asked.seed,
            "pace": asked.pace,
            "past_days": asked.past_days,
            "symbols": len(asked.listings[venue]),
            "truth": truth.state(),
        },
    )


async def _serve(asked: Simulation, running: Sequence[_Running], truth: _Truth) -> None:
    """All at once (rule 4); what is there is said when the last one listens."""
    waited_for = len(running)

    def ready() -> None:
        nonlocal waited_for
        waited_for -= 1
        if not waited_for:
            _announce(asked, running)

    async with asyncio.TaskGroup() as group:
        flushing = group.create_task(truth.run(), name="twin:truth")
        serving = [
            group.create_task(each.server.serve(each.listener, ready), name=f"twin:{each.venue}")
            for each in running
        ]
        await asyncio.wait(serving)
        flushing.cancel()


class _Truth:
    """The truth file, if one is wanted, and what became of it."""

    def __init__(self, path: Path | None, made: Mapping[str, Simulated], failed: list[StoreError]) -> None:
        worlds = {venue: each.world for venue, each in made.items()}
        world = worlds if len(worlds) > 1 else next(iter(worlds.values()))
        self._file = None if path is None else TruthFile(path, world)
        self._path = path
        self._failed = failed

    async def run(self) -> None:
        """Write now and then, so that who reads along is not far behind."""
        while not self._failed:
            await asyncio.sleep(FLUSH_S)
            if self._file is not None:
                try:
                    self._file.flush()
                except StoreError as error:
                    self._failed.append(error)
                    click.echo(f"bethna: {error.message}; the market goes on without it", err=True)

    def close(self) -> None:
        """Write what is left."""
        if self._file is None or self._failed:
            return
        try:
            self._file.close()
        except StoreError as error:
            self._failed.append(error)

    def state(self) -> dict[str, object] | None:
        """For `GET /twin/state`."""
        if self._file is None:
            return None
        failed = None if self._file.failed is None else self._file.failed.message
        return {"file": str(self._path), "lines": self._file.lines, "failed": failed}


@contextmanager
def _stdin(running: Sequence[_Running]) -> Iterator[None]:
    """Rule 3."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            more = os.read(descriptor, _READ_BYTES)
        except OSError:
            more = b""
        if not more:
            loop.remove_reader(descriptor)
            for each in running:
                each.server.stop()

    try:
        descriptor = sys.stdin.fileno()
        loop.add_reader(descriptor, read)
    except (AttributeError, OSError, ValueError, NotImplementedError) as error:
        raise click.UsageError("--attached needs a pipe on stdin, whose end ends the twin") from error
    try:
        yield
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _announce(asked: Simulation, running: Sequence[_Running]) -> None:
    """Rule 1."""
    venues = {}
    for each in running:
        authority = authority_of(each.listener)
        venues[each.venue] = {"url": f"http://{authority}", "ws": f"ws://{authority}"}
    if asked.as_json:
        alone = next(iter(venues.values())) if len(venues) == 1 else {}
        said = {**alone, "seed": asked.seed, "pid": os.getpid(), "venues": venues}
        click.echo(msgspec.json.encode(said).decode())
        return
    lines = []
    for venue, place in venues.items():
        count = len(asked.listings[venue])
        lines.append(
            f"SIMULATED {venue}, seed {asked.seed}, {count} symbols: nothing here was ever traded.\n"
            f"Streams at {place['ws']}, requests at {place['url']}, control calls at {place['url']}/twin/state."
        )
    click.echo("\n".join(lines) + " Ctrl-C ends it.")


def _summarize(asked: Simulation, each: _Running, lasted_ns: int) -> None:
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(each.made.faults.struck.items()))
    counts = each.server.counts
    click.echo(
        f"the simulated {each.venue} ends after {lasted_ns / NS_PER_S:.1f} s: {counts['upgrades']} upgrades, "
        f"{counts['requests']} requests, faults struck: {struck or 'none'}; seed {asked.seed}",
        err=True,
    )
