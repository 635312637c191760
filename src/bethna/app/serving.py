"""The desk with its doors open: one data folder, one source, one port, ended together.

Rules
  1. The source is decided once for a desk (`sources`). A desk on a simulated market may be asked to start anew on the
     live one: it ends in order, doors first, and another one begins in the same process on the same port.
  2. The port stays ours meanwhile: who connects between two desks waits for the second.
  3. Beyond loopback there is a token: that of the settings, else a fresh one for this run.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

from litestar.types import ASGIApp
from msgspec.structs import replace

from bethna.api.application import create_app
from bethna.api.listings import setting_rows
from bethna.api.server import serve_on
from bethna.app.desk import Desk
from bethna.app.elsewhere import alert_folder, candle_folder
from bethna.app.markets import Market
from bethna.app.sources import chosen_market
from bethna.app.watchlist import KeptList
from bethna.config import Secret, Settings
from bethna.core.errors import StoreError
from bethna.core.status import SourceKind, SystemEvent
from bethna.net.tap import RecordingTap
from bethna.runtime.clocks import LoopLag, SystemClock
from bethna.store.folder import DataFolder, data_root
from bethna.store.recorder import TapeWriter

Ready = Callable[[Market], None]
Told = Callable[[SystemEvent], None]


MOST_TOLD = 1000

FRESH = "made for this run"
"""Where a token came from that nobody set."""


def with_token(settings: Settings, listener: socket.socket) -> Settings:
    """The settings with a token where one is needed (rule 3)."""
    if settings.token or ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback:
        return settings
    return replace(
        settings,
        token=Secret(secrets.token_urlsafe(32)),
        origins={**settings.origins, "token": FRESH},
    )


async def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    ready: Ready,
    record_to: Path | None = None,
    told: Told | None = None,
) -> None:
    """Run a desk and serve it on a bound socket until cancelled.

    Args:
        ready: called once connections are accepted, with the source as it was decided; again after a restart.
        record_to: also record what the live wire says; when recording fails the desk goes on and says so.
        told: hears each system event of each desk, from those of its making on.

    Raises:
        ConfigError: no symbol can be followed, or what is to be simulated is not understood.
        StoreError: another desk has the data folder, or it cannot be written.
        TapeError: there is no such tape.
        VenueError: the simulated market did not start.
    """
    settings = with_token(settings, listener)
    source: str | None = settings.source
    while source is not None:
        source = await _serve_one(replace(settings, source=source), listener, ready, record_to, told)


async def _serve_one(
    settings: Settings,
    listener: socket.socket,
    ready: Ready,
    record_to: Path | None,
    told: Told | None,
) -> str | None:
    """One desk; the source of the next one when it was asked to start anew (rule 1)."""
    clock = SystemClock()
    kept = KeptList(settings)
    async with chosen_market(kept.settings, clock=clock) as market:
        with DataFolder(data_root(settings.data_dir), market.folder, clock.now_ns()) as folder:
            async with _recording(settings, record_to) as recording:
                desk = Desk(
                    market.settings, tap=recording.tap, simulation=market.simulation, keep=kept.keep,
                    candles=folder.path / candle_folder(market.settings),
                    alerts=folder.path / alert_folder(market.settings),
                )  # fmt: skip
                kept.tell(desk)
                if told is not None:
                    for event in desk.events(MOST_TOLD):
                        told(event)
                    desk.bus.channel("system").subscribe(told, "who began the desk")
                recording.desk = desk
                lag, next_one = LoopLag(clock), _NextOne()
                app = create_app(
                    desk,
                    desk.bus,
                    allowed_hosts=settings.allowed_hosts,
                    allowed_origins=settings.allowed_origins,
                    lag=lag,
                    restart=next_one.ask if market.may_be_left else None,
                    settings=setting_rows(settings),
                    kept=kept.is_kept,
                    token=settings.token.reveal(),
                    rate_per_s=settings.api_rate_per_s,
                )

                def opened(url: str) -> None:
                    folder.announce(url, settings.token.reveal())
                    ready(market)

                return await _run(desk, market, app, listener.dup(), opened, lag, next_one)


async def _run(
    desk: Desk,
    market: Market,
    app: ASGIApp,
    listener: socket.socket,
    opened: Callable[[str], None],
    lag: LoopLag,
    next_one: _NextOne,
) -> str | None:
    """Everything of one desk at once, until another one is asked for."""
    alerts = desk.alerts
    assert alerts is not None  # made with a folder
    await alerts.start()  # before the first trade
    async with asyncio.TaskGroup() as group:
        beside = [
            group.create_task(lag.run(), name="loop-lag"),
            group.create_task(desk.run(), name="desk"),
            group.create_task(alerts.run(), name="alerts"),
            group.create_task(market.watch(desk), name="market"),
        ]
        doors = group.create_task(serve_on(app, listener, opened), name="doors")
        source = await next_one.asked()
        doors.cancel()
        await asyncio.wait([doors])
        for task in beside:
            task.cancel()
    return source


class _NextOne:
    """The wish for another desk."""

    def __init__(self) -> None:
        self._source: SourceKind | None = None
        self._told = asyncio.Event()

    def ask(self, source: SourceKind) -> None:
        """End this desk and begin one on another source."""
        self._source = source
        self._told.set()

    async def asked(self) -> SourceKind | None:
        """The source that was asked for; waits until one is."""
        await self._told.wait()
        return self._source


class _Recording:
    """The recorder beside a desk, or none."""

    def __init__(self, tap: RecordingTap | None) -> None:
        self.tap = tap
        self.desk: Desk | None = None

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
