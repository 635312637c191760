"""The desk with its doors open: one data folder, one source, one port, ended together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bethna.api.application import create_app
from bethna.api.server import serve_on
from bethna.app.desk import RealTimeTrading
from bethna.config import Settings
from bethna.core.errors import StoreError
from bethna.net.tap import Tap
from bethna.runtime.clocks import LoopLag, SystemClock
from bethna.store.folder import DataFolder, data_root
from bethna.store.recorder import TapeWriter


async def serve(
    settings: Settings, listener: socket.socket, *, ready: Callable[[], None], record_to: Path | None = None
) -> None:
    """Run a desk and serve it on a bound socket until cancelled.

    Args:
        ready: called once connections are accepted.
        record_to: also record what the live wire says; when recording fails the desk goes on and says so.

    Raises:
        StoreError: another desk has the data folder, or it cannot be written.
        TapeError: there is no such tape.
    """
    clock = SystemClock()
    with DataFolder(data_root(settings.data_dir), settings.source, clock.now_ns()) as folder:
        async with _recording(settings, record_to) as recording:
            desk = RealTimeTrading(settings, tap=recording.tap)
            recording.desk = desk
            await _run(desk, settings, listener, folder, ready)


async def _run(
    desk: RealTimeTrading,
    settings: Settings,
    listener: socket.socket,
    folder: DataFolder,
    ready: Callable[[], None],
) -> None:
    lag = LoopLag(SystemClock())
    app = create_app(
        desk,
        desk.bus,
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
        lag=lag,
    )

    def opened(url: str) -> None:
        folder.announce(url)
        ready()

    async with asyncio.TaskGroup() as group:
        group.create_task(lag.run(), name="loop-lag")
        group.create_task(desk.run(), name="desk")
        group.create_task(serve_on(app, listener, opened), name="doors")


class _Recording:
    """The recorder beside a desk, or none."""

    def __init__(self, tap: Tap | None) -> None:
        self.tap = tap
        self.desk: RealTimeTrading | None = None

    def stopped(self, error: StoreError) -> None:
        """Recording ended by itself; the desk goes on."""
        if self.desk is not None:
            self.desk.notify(
                "error", "recording_stopped", "recorder", f"{error.message}. {error.hint}".strip()
            )


@asynccontextmanager
async def _recording(settings: Settings, path: Path | None) -> AsyncIterator[_Recording]:
    """A recorder that tells its end in the loop's own thread, closed without holding up the loop."""
    recording = _Recording(None)
    if path is None:
        yield recording
        return
    loop = asyncio.get_running_loop()
    writer = TapeWriter(
        path,
        rotate_bytes=settings.tape_rotate_mb * 1_000_000,
        rotate_s=settings.tape_rotate_s,
        max_pending_bytes=settings.tape_buffer_mb * 1_000_000,
        on_stop=lambda error: _in_loop(loop, recording, error),
    )
    writer.start()
    recording.tap = writer
    try:
        yield recording
    finally:
        await asyncio.to_thread(writer.close)


def _in_loop(loop: asyncio.AbstractEventLoop, recording: _Recording, error: StoreError) -> None:
    loop.call_soon_threadsafe(recording.stopped, error)
