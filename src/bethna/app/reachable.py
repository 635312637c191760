"""Whether the live market can be reached from here: it asks a venue's hosts for the time, and opens no stream.

Rules
  1. Hosts are asked in order of preference. The next one is asked when the one before has failed, or when it has not
     answered for HEAD_START_S; each has PATIENCE_S.
  2. An answer in the venue's own words is reachable, also `too many requests`: the desk knows how to wait.
  3. `Not from here` (the venue's blocked statuses), an error of the server or of the way there, and words that are not
     the venue's are no answer.
  4. Several venues are asked at once; the first one that answers ends it.
  5. What is asked counts in the quota that all processes of the user share. A quota that is spent is no silence of the
     venue: whoever spent it was answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random

from msgspec import Struct

from bethna.app.live import venue_codec, venue_spec
from bethna.app.quota import ask_once, quota_keeper
from bethna.config import Settings
from bethna.core.clock import Clock
from bethna.core.errors import RateLimited, VenueError, WireError
from bethna.core.wire import ServerTime
from bethna.net.network import Network, Requests
from bethna.net.ws import host_of
from bethna.services.venue_rest import LIMITED
from bethna.store.quota_keeper import QuotaKeeper
from bethna.venues.spec import Codec, StreamHost, VenueSpec

PATIENCE_S = 5.0
HEAD_START_S = 1.0


class Look(Struct, frozen=True):
    """What a look around found.

    Attributes:
        answered: name of the host that answered, empty when none did.
        silent: why each of the others does not serve us, in words, best host first.
    """

    answered: str
    silent: tuple[str, ...]


async def look(settings: Settings, venues: Sequence[str], clock: Clock, network: Network) -> Look:
    """Ask the live hosts of venues, the user's where there are any (rule 4)."""
    found: dict[str, Look] = {}
    async with (
        AsyncExitStack() as leaves,
        network.requests(clock, proxy=settings.proxy.reveal() or None) as requests,
    ):
        asked: dict[asyncio.Task[Look], str] = {}
        async with asyncio.TaskGroup() as group:
            for venue in venues:
                spec = venue_spec(venue, settings)
                quota = leaves.enter_context(quota_keeper(spec, clock, Random(), network))
                around = look_around(spec, requests, venue_codec(venue, settings), quota, clock)
                asked[group.create_task(around, name=f"look-{venue}")] = venue
            waiting = set(asked)
            while waiting and not any(each.answered for each in found.values()):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                found.update((asked[task], task.result()) for task in done)
            for task in waiting:
                task.cancel()
    looks = [found[venue] for venue in venues if venue in found]
    answered = next((each.answered for each in looks if each.answered), "")
    return Look(answered, tuple(why for each in looks for why in each.silent))


async def look_around(
    spec: VenueSpec, requests: Requests, codec: Codec, quota: QuotaKeeper, clock: Clock
) -> Look:
    """Ask the hosts of a venue until one answers (rule 1)."""
    waiting = list(spec.hosts)
    asked: dict[asyncio.Task[str], StreamHost] = {}
    failed: dict[str, str] = {}
    answered = ""
    async with asyncio.TaskGroup() as group:
        while not answered and (waiting or asked):
            if waiting:
                host = waiting.pop(0)
                asking = _ask(spec, host, requests, codec, quota, clock)
                asked[group.create_task(asking, name=f"ask-{host.name}")] = host
            done, _ = await asyncio.wait(
                asked, timeout=HEAD_START_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                host = asked.pop(task)
                if why := task.result():
                    failed[host.name] = why
                else:
                    answered = answered or host_of(host.rest)
        for task in asked:
            task.cancel()
    return Look(answered, tuple(failed[host.name] for host in spec.hosts if host.name in failed))


async def _ask(
    spec: VenueSpec, host: StreamHost, requests: Requests, codec: Codec, quota: QuotaKeeper, clock: Clock
) -> str:
    """Why a host does not serve us, empty when it does (rules 2, 3 and 5)."""
    name = host_of(host.rest)
    request = codec.time_request()
    try:
        answer = await ask_once(spec, host, request, requests, quota, clock, PATIENCE_S)
        if answer.status in LIMITED:
            return ""
        if answer.status in spec.blocked_statuses:
            return f"{name} does not serve this place (HTTP {answer.status})"
        if answer.status != 200:
            return f"{name} answers HTTP {answer.status}"
        events: Sequence[object] = codec.decode_http(request.path, answer.body, answer.ts_recv)
    except RateLimited:
        return ""
    except WireError:
        return f"{name} answers something else than the venue would"
    except VenueError as error:
        return f"{name} {_cause(error)}"
    return "" if any(isinstance(event, ServerTime) for event in events) else f"{name} does not tell its time"


def _cause(error: VenueError) -> str:
    if isinstance(error.__cause__, TimeoutError):
        return f"does not answer within {PATIENCE_S:g} s"
    return "cannot be connected to" if type(error.__cause__).__name__ == "ConnectError" else "does not answer"
