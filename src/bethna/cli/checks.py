"""What `bethna doctor` looks at on this machine: Python, platform, page, port, data folder; it mends nothing."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from enum import StrEnum
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bethna.app.elsewhere import candle_folder, led_elsewhere
from bethna.app.twin_process import check_fault_file
from bethna.app.wanted import followed_venues
from bethna.cli.port import is_desk, url_of
from bethna.config import Settings
from bethna.core.errors import AddressUnusable, BethnaError
from bethna.store.folder import data_root, running_desks

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1_000_000_000

State = Literal["ok", "warning", "failed", "unreachable", "skipped"]
TROUBLESHOOTING = "docs/how-to/troubleshooting.md"


class See(StrEnum):
    """The sections of TROUBLESHOOTING that a check may lead to."""

    NOWHERE = ""
    NO_CONNECTION = "no-connection"
    UPDATES = "updates-are-missing"
    MEMORY = "memory-is-high"
    BLOCKED = "the-venue-does-not-let-you-in-http-451-or-403"
    INDEX = "the-index-lends-nothing"
    CLOCK = "the-clock-is-wrong"
    PORT = "the-port-is-taken"
    FOLDER = "the-data-folder-is-in-use"
    SETTING = "a-setting-is-refused"
    PAGE = "the-page-was-not-built"

    @property
    def where(self) -> str:
        """Page and section, empty for none."""
        return f"{TROUBLESHOOTING}#{self.value}" if self.value else ""


class Check(Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        state: `warning` works with something missing; `failed` does not work; `unreachable` does not answer.
        found: what is there. hint: what to do, empty when nothing is to be done.
        clock_offset_s: a venue's clock minus ours, where it was asked.
        see: the section that says more.
    """

    name: str
    state: State
    found: str
    hint: str = ""
    clock_offset_s: float | None = None
    see: See = See.NOWHERE


def check_python() -> Check:
    """The interpreter."""
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info < LEAST_PYTHON:
        return Check("python", "failed", found, "install Python 3.11 or newer")
    return Check("python", "ok", found)


def check_platform() -> Check:
    """The system, and which event loop it gets."""
    found = f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} CPUs"
    if find_spec("uvloop") is not None:
        return Check("platform", "ok", f"{found}, uvloop {version('uvloop')}")
    hint = "" if sys.platform == "win32" else "install uvloop: the desk works without, it takes more CPU"
    return Check(
        "platform", "ok" if sys.platform == "win32" else "warning", f"{found}, asyncio's own loop", hint
    )


def check_package() -> Check:
    """The installed package and its page."""
    try:
        found = f"bethna {version('bethna')}"
    except PackageNotFoundError:
        return Check("package", "failed", "bethna is not installed", "run `make setup`")
    if not resources.files("bethna").joinpath("web_dist", "index.html").is_file():
        return Check(
            "package",
            "warning",
            f"{found} without its page",
            "run `make setup`; the API works without",
            see=See.PAGE,
        )
    return Check("package", "ok", f"{found} with its page")


def check_port(settings: Settings) -> Check:
    """Whether the desk could listen, or a desk already does."""
    from bethna.api.server import listen

    where = f"{settings.host} port {settings.port}"
    try:
        listen(settings.host, settings.port).close()
    except AddressUnusable as error:
        url = url_of(settings.host, settings.port)
        if asyncio.run(is_desk(url)):
            return Check("port", "ok", f"a desk is running at {url}")
        return Check(
            "port",
            "failed",
            error.message,
            "choose another with --port (0 takes a free one) or --host",
            see=See.PORT,
        )
    return Check("port", "ok", f"{where} is free")


def check_folder(settings: Settings) -> list[Check]:
    """The data folder: writable, room left, and who writes there."""
    root = data_root(settings.data_dir)
    existing = next(path for path in (root, *root.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as trial:
            trial.write(b"x")
    except OSError as error:
        hint = "set BETHNA_DATA_DIR to a folder of yours"
        found = f"{root} cannot be written: {error.strerror}"
        return [Check("data folder", "failed", found, hint, see=See.FOLDER)]
    free = shutil.disk_usage(existing).free
    found = f"{root} can be written, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        checks = [
            Check("data folder", "warning", found, "make room: a recording stops when the disk is full")
        ]
    else:
        checks = [Check("data folder", "ok", found)]
    for desk in running_desks(root):
        url = f" at {desk.url}" if desk.url else ""
        checks.append(Check("data folder", "ok", f"{desk.source} is in use by process {desk.pid}{url}"))
    return checks


def check_led(settings: Settings) -> list[Check]:
    """Whether the hosts of the settings lead elsewhere than to the venues; nothing where they do not."""
    led = led_elsewhere(settings)
    if not led or settings.source not in ("live", "auto"):
        return []
    where = data_root(settings.data_dir) / "live" / candle_folder(replace(settings, source="live"))
    found = f"elsewhere than to the venue itself: {', '.join(led)}; candles are kept apart, in {where}"
    return [Check("hosts", "ok", found)]


def check_source(settings: Settings, hosts: list[Check]) -> Check:
    """What a desk would show; `hosts` are the checks of the live ones."""
    source = settings.source
    try:
        check_fault_file(settings, followed_venues(settings))
    except BethnaError as error:
        return Check("source", "failed", error.message, error.hint, see=See.SETTING)
    if source != "auto":
        return Check("source", "ok", source)
    rest = [check for check in hosts if check.name.endswith(" REST")]
    if not rest:
        return Check("source", "ok", "auto: the live market, or a simulated one when no host answers")
    if all(check.state == "unreachable" for check in rest):
        found = "auto: no live host answers, a desk would show a simulated market"
        hint = "`bethna up --source live` waits for the live one instead"
        return Check("source", "warning", found, hint, see=See.NO_CONNECTION)
    return Check("source", "ok", "auto: a live host answers, a desk would show the live market")


def check_settings_file(path: Path | None, usual: Path) -> Check:
    """Which settings file is read."""
    found = f"settings file {path}" if path is not None else f"no settings file (it would be {usual})"
    return Check("settings", "ok", found)
