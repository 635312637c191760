"""Simulated venues in a process of their own, as `bethna twin` runs it; what they simulate is their business.

Rules
  1. It lives as long as we do: its stdin is a pipe of ours and it ends when that closes, however we end.
  2. Ctrl-C is for us: the child stands in a session of its own, so that the desk ends first.
  3. What it writes to stderr is on ours. What it says of why it does not start is passed on in its own words.
  4. A fault that names no venue is one of the only venue that is followed; where several are, it has to name one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct

from bethna.app.twin_running import twin_name
from bethna.config import HostUrls, Settings
from bethna.core.errors import BethnaError, ConfigError, VenueError
from bethna.twins.faults import read_plans
from bethna.twins.faults.facts import FaultError
from bethna.twins.registry import VENUES
from bethna.venues.registry import INDEX, venue_names

START_S = 30.0
STOP_S = 3.0
_SEED_BITS = 32
_USAGE = 2  # the exit code of wrong usage, docs/reference/cli.md


class _Place(Struct):
    """Where one venue of it is."""

    url: str
    ws: str


class _Said(Struct):
    """The one line of a twin that listens."""

    seed: int
    pid: int
    venues: dict[str, _Place]


class _Words(Struct):
    code: str
    message: str
    hint: str = ""


class _Refusal(Struct):
    """The one line of a command that failed."""

    error: _Words


class TwinProcess:
    """A running twin of one venue or several.

    Attributes:
        urls: by venue, where it takes control calls. hosts: the same for a desk.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, seed: int, pid: int, places: Mapping[str, _Place]
    ) -> None:
        self.seed = seed
        self.pid = pid
        self.urls = {venue: place.url.rstrip("/") for venue, place in places.items()}
        self.hosts = {
            venue: HostUrls(place.ws.rstrip("/"), self.urls[venue]) for venue, place in places.items()
        }
        self._process = process

    @property
    def url(self) -> str:
        """Of its first venue."""
        return next(iter(self.urls.values()))

    @property
    def ports(self) -> dict[str, int]:
        """Where it listens, by venue."""
        return {venue: int(url.rpartition(":")[2]) for venue, url in self.urls.items()}

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End it: by closing its stdin (rule 1), by force when that does not help."""
        await _end(self._process)


def check_fault_file(settings: Settings, followed: Sequence[str] = ()) -> None:
    """Read the fault file before anything is started, also where it may not be needed.

    Args:
        followed: the venues of the desk (rule 4).

    Raises:
        ConfigError: it cannot be read, or a fault in it cannot be; the message names its line.
    """
    if not settings.twin_faults:
        return
    origin = settings.origin("twin_faults")
    try:
        text = Path(settings.twin_faults).expanduser().read_text("utf-8-sig")
        said = {
            name: ([each.symbol for each in twin.listings()], twin.words) for name, twin in VENUES.items()
        }
        read_plans(text, settings.twin_faults, said, _usual(followed, settings))
    except FaultError as error:
        refused = ConfigError("twin_faults", error.message, origin=origin, hint=error.hint)
        refused.code = error.code
        raise refused from error
    except (OSError, UnicodeDecodeError) as error:
        found = (error.strerror or "") if isinstance(error, OSError) else "no text in UTF-8"
        refused = ConfigError(
            "twin_faults",
            f"{settings.twin_faults} ({origin}): expected a fault file, found: {found}",
            origin=origin,
            hint="`bethna twin faults` lists what a fault file may hold",
        )
        refused.code = FaultError.code
        raise refused from error


def fresh_seed(rng: Random) -> int:
    """A seed that nobody chose, never 0."""
    return rng.getrandbits(_SEED_BITS) or 1


def _usual(followed: Sequence[str], settings: Settings) -> str:
    """Rule 4."""
    return twin_name(followed[0], settings) if len(followed) == 1 else ""


async def start_twin(
    followed: Sequence[str], settings: Settings, seed: int, ports: Mapping[str, int] | None = None
) -> TwinProcess:
    """Start a twin on loopback and wait until it listens: of these venues and then of all others, and of the index.

    Args:
        followed: the venues of the desk. ports: by venue; None takes free ones.

    Raises:
        ConfigError: it does not accept what the settings say of it, such as a fault file.
        VenueError: it did not start.
    """
    names = {venue: twin_name(venue, settings) for venue in (*followed, *venue_names(), INDEX)}
    names = {venue: name for venue, name in names.items() if name in VENUES}
    given = ["0"] if ports is None else [str(ports[venue]) for venue in names]
    options = _options(settings, seed, ",".join(given), _usual(followed, settings))
    command = [sys.executable, "-m", "bethna", "twin", ",".join(names.values()), *options]
    venue = _named(followed)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise VenueError(venue, f"the simulated {venue} did not start: {error.strerror}") from error
    line = b""
    try:
        line = await _first_line(venue, process)
        said = msgspec.json.decode(line, type=_Said)
        places = {venue: said.venues[name] for venue, name in names.items()}
        return TwinProcess(process, said.seed, said.pid, places)
    except (ValueError, KeyError):
        await _end(process)
        raise _refused(venue, settings, line, process.returncode) from None
    except BaseException:
        await _end(process)
        raise


async def _first_line(venue: str, process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            return await process.stdout.readline()
    except TimeoutError as error:
        silent = f"expected the simulated {venue} to start within {START_S:g} s, found it silent"
        raise VenueError(venue, silent) from error


def _named(followed: Sequence[str]) -> str:
    """What is simulated, for messages."""
    return followed[0] if len(followed) == 1 else "market"


def _options(settings: Settings, seed: int, ports: str, usual: str) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", ports, "--seed", str(seed), "--json", "--attached"]
    if settings.twin_pace != 1.0:
        options += ["--pace", repr(settings.twin_pace)]
    if settings.twin_past_days != 400:
        options += ["--past-days", str(settings.twin_past_days)]
    if settings.twin_faults:
        options += ["--faults", str(Path(settings.twin_faults).expanduser())]
        options += ["--faults-of", usual] if usual else []
    return options


def _refused(venue: str, settings: Settings, line: bytes, code: int | None) -> BethnaError:
    """Rule 3."""
    try:
        said = msgspec.json.decode(line, type=_Refusal).error
    except ValueError:
        found = repr(line[:100].decode("utf-8", "replace").strip()) if line else "nothing"
        return VenueError(
            venue,
            f"expected the simulated {venue} to say where it listens, found {found} (exit code {code})",
            hint="`bethna twin --help` shows how to start one by hand",
        )
    if code == _USAGE:
        refused: BethnaError = ConfigError(
            "twin_faults", said.message, origin=settings.origin("twin_faults"), hint=said.hint
        )
    else:
        refused = VenueError(venue, f"the simulated {venue} did not start: {said.message}", hint=said.hint)
    refused.code = said.code
    return refused


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        _kill(process)
        await process.wait()
    except asyncio.CancelledError:
        _kill(process)
        raise


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
