"""The desks that run on this machine, by the notes that they leave in the data folder; it attaches to none.

Rules
  1. A note counts while its writer holds the folder's lock (`store.folder`): a desk that died is not found.
  2. Live comes before simulated, simulated before a recording; of several of a kind the youngest comes first.
  3. A desk's token is known where its note has it, which only its own user can read; else it is that of the settings.
  4. `find_running` reads notes alone and answers at once. `find_answering` asks each desk for its health: what does not
     answer as a desk of ours within ASK_S is left out. One that wants another token is a desk.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from msgspec import Struct

from bethna.config import Settings, load
from bethna.core.errors import ConnectError
from bethna.net.http import HttpClient
from bethna.runtime.clocks import SystemClock
from bethna.store.folder import data_root, running_desks

ASK_S = 2.0
HEALTH = "/api/v1/health"
_ORDER = ("live", "twin", "tape")


class RunningDesk(Struct, frozen=True, gc=False):
    """A desk of this machine.

    Attributes:
        source: `live`, `twin:SEED` or `tape:PATH`. token: what to bring, None where nothing is demanded or known.
    """

    url: str
    source: str
    pid: int
    token: str | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return f"RunningDesk(url={self.url!r}, source={self.source!r}, pid={self.pid})"


def find_running(settings: Settings | None = None) -> list[RunningDesk]:
    """The desks that listen, the likeliest first (rules 1 to 4). Without settings the variables alone are read.

    Raises:
        ConfigError: a variable is not understood.
    """
    if settings is None:
        settings = load("", os.environ)
    known = settings.token.reveal() or None
    found = [desk for desk in running_desks(data_root(settings.data_dir)) if desk.url is not None]
    found.sort(key=lambda desk: (_rank(desk.source), -desk.started))
    return [RunningDesk(desk.url or "", desk.source, desk.pid, desk.token or known) for desk in found]


async def find_answering(settings: Settings | None = None) -> list[RunningDesk]:
    """The same, of those that answer (rule 4)."""
    found = await asyncio.to_thread(find_running, settings)
    answers = await asyncio.gather(*(_answers(desk) for desk in found))
    return [desk for desk, answer in zip(found, answers, strict=True) if answer]


def bearing(token: str | None) -> Mapping[str, str]:
    """The headers that carry a token."""
    return {"authorization": f"Bearer {token}"} if token else {}


def looks_like_health(body: bytes) -> bool:
    """Whether this is what a desk of ours, of whatever version, says of its health."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(found, dict) and {"status", "source", "version", "venues"} <= set(found)


async def _answers(desk: RunningDesk) -> bool:
    try:
        async with HttpClient(SystemClock(), headers=bearing(desk.token)) as client:
            answer = await client.get(desk.url + HEALTH, venue="desk", timeout_s=ASK_S)
    except ConnectError:
        return False
    return answer.status == HTTPStatus.UNAUTHORIZED or looks_like_health(answer.body)


def _rank(source: str) -> int:
    kind = source.partition(":")[0]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
