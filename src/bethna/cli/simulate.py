"""Runs a simulated venue for `bethna twin`: the market, its truth and its server, until somebody ends it.

Rules
  1. One line says where it is, once it listens; a summary ends it, except for a twin that belongs to a desk.
  2. A truth that cannot be written any more is told at once; the market goes on, and the exit code says it.
  3. A twin that is attached ends when its stdin closes: it never outlives its desk.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.errors import StoreError
from bethna.runtime.clocks import SystemClock
from bethna.twins.faults import Fault
from bethna.twins.market.facts import Listing
from bethna.twins.market.truthfile import TruthFile
from bethna.twins.registry import Simulated, build
from bethna.twins.serving import TwinServer, authority_of

FLUSH_S = 1.0
_READ_BYTES = 65536


class Simulation(Struct, frozen=True):
    """What was asked for."""

    venue: str
    seed: int
    pace: float
    listings: tuple[Listing, ...]
    plan: tuple[Fault, ...]
    truth_file: Path | None
    attached: bool
    as_json: bool


async def simulate(asked: Simulation, listener: socket.socket, failed: list[StoreError]) -> None:
    """Serve on `listener` until cancelled, or until stdin closes when attached.

    Args:
        failed: gets why the truth could not be written to its end, however this ends (rule 2).

    Raises:
        StoreError: the truth could not be begun.
        click.UsageError: attached to a stdin that is no pipe.
    """
    clock = SystemClock()
    start = clock.now_ns()
    made = build(
        asked.venue, seed=asked.seed, start=start, listings=asked.listings, pace=asked.pace, plan=asked.plan
    )
    truth = _Truth(asked.truth_file, made, failed)
    server = TwinServer(
        made.venue,
        made.faults,
        clock,
        start,
        symbols=made.world.markets,
        about=lambda: {
            "name": asked.venue,
            "seed": asked.seed,
            "pace": asked.pace,
            "symbols": len(asked.listings),
            "truth": truth.state(),
        },
    )
    gc.collect()
    gc.freeze()  # the markets stay to the end: looking through them again would take time from the clients
    try:
        with _stdin(server) if asked.attached else _nothing():
            async with asyncio.TaskGroup() as group:
                flushing = group.create_task(truth.run(), name="twin:truth")
                await server.serve(listener, lambda: _announce(asked, authority_of(listener)))
                flushing.cancel()
    finally:
        truth.close()
        if not asked.attached:
            _summarize(asked, made, server, clock.now_ns() - start)


class _Truth:
    """The truth file, if one is wanted, and what became of it."""

    def __init__(self, path: Path | None, made: Simulated, failed: list[StoreError]) -> None:
        self._file = None if path is None else TruthFile(path, made.world)
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
def _stdin(server: TwinServer) -> Iterator[None]:
    """Rule 3."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            more = os.read(descriptor, _READ_BYTES)
        except OSError:
            more = b""
        if not more:
            loop.remove_reader(descriptor)
            server.stop()

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


def _announce(asked: Simulation, authority: str) -> None:
    """Rule 1."""
    url, ws = f"http://{authority}", f"ws://{authority}"
    if asked.as_json:
        said = {"url": url, "ws": ws, "seed": asked.seed, "pid": os.getpid()}
        click.echo(msgspec.json.encode(said).decode())
        return
    click.echo(
        f"SIMULATED {asked.venue}, seed {asked.seed}, {len(asked.listings)} symbols: nothing here was ever traded.\n"
        f"Streams at {ws}, requests at {url}, control calls at {url}/twin/state. Ctrl-C ends it."
    )


def _summarize(asked: Simulation, made: Simulated, server: TwinServer, lasted_ns: int) -> None:
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(made.faults.struck.items()))
    counts = server.counts
    click.echo(
        f"the simulated {asked.venue} ends after {lasted_ns / NS_PER_S:.1f} s: {counts['upgrades']} upgrades, "
        f"{counts['requests']} requests, faults struck: {struck or 'none'}; seed {asked.seed}",
        err=True,
    )
