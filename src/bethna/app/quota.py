"""The request quota of a venue for whoever asks it: the desk for as long as it runs, a look-out for a single answer.

Rules
  1. It is shared with every process of the user that lives by the host's clock and meets the venue itself; else, and
     where the shared one cannot be had, each keeps its own (`store.quota_keeper`).
  2. A single request waits for its turn no longer than for its answer.
  3. 429 and 418 stop everybody.
"""

from __future__ import annotations

import asyncio
from random import Random

from bethna.core.clock import NS_PER_S, Clock, seconds
from bethna.core.errors import RateLimited
from bethna.logic.quota_ledger import Lane, Terms
from bethna.net.http import HttpAnswer
from bethna.net.network import INTERNET, Network, Requests
from bethna.net.ws import host_of, retry_after_s
from bethna.runtime.clocks import SystemClock
from bethna.services.venue_rest import BANNED, LIMITED
from bethna.store.quota_file import QuotaFile, runtime_folder
from bethna.store.quota_keeper import QuotaKeeper, QuotaWindow, Tell
from bethna.venues.spec import RestRequest, StreamHost, VenueSpec

_COUNT_DIGITS = 9


def quota_keeper(
    spec: VenueSpec, clock: Clock, rng: Random, network: Network, tell: Tell | None = None
) -> QuotaKeeper:
    """The keeper of a venue's quota (rule 1); whoever makes it closes it."""
    terms = Terms(spec.weight_per_minute, counted=spec.weight_header is not None)
    return runtime_quota(spec.name, spec.hosts[0].rest, terms, clock, rng, network, tell)


def runtime_quota(
    name: str,
    url: str,
    terms: Terms,
    clock: Clock,
    rng: Random,
    network: Network,
    tell: Tell | None = None,
) -> QuotaKeeper:
    """The keeper of what is asked under a name at the host of a URL (rule 1); whoever makes it closes it."""
    address = host_of(url)
    shared = network is INTERNET and isinstance(clock, SystemClock)
    return QuotaKeeper(
        terms,
        clock,
        rng,
        QuotaFile(runtime_folder(), f"{name}-{address}") if shared else None,
        tell,
        fleeting=address.startswith(("127.", "localhost", "[::1]")),
    )


def connection_window(spec: VenueSpec, quota: QuotaKeeper) -> QuotaWindow:
    """The venue's window of connection attempts."""
    return quota.window("connections", spec.connects_per_window, seconds(spec.connect_window_s))


async def ask_once(
    spec: VenueSpec,
    host: StreamHost,
    request: RestRequest,
    requests: Requests,
    quota: QuotaKeeper,
    clock: Clock,
    timeout_s: float,
) -> HttpAnswer:
    """One request to one host, whatever status it brings.

    Raises:
        RateLimited: the quota is spent for longer than `timeout_s` (rule 2). ConnectError: no answer.
    """
    asked = quota.want(Lane.SNAPSHOTS, request.weight)
    until = clock.monotonic_ns() + seconds(timeout_s)
    try:
        while wait := quota.ask(asked):
            await wait_for_turn(spec, wait, until - clock.monotonic_ns(), banned=quota.banned)
    finally:
        if asked.taken is None:
            quota.withdraw(asked)
    counted: int | None = None
    try:
        answer = await requests.get(host.rest + request.path, venue=spec.name, timeout_s=timeout_s)
        used = answer.headers.get(spec.weight_header or "", "")
        if used.isascii() and used.isdigit() and len(used) <= _COUNT_DIGITS:
            counted = int(used)
    finally:
        quota.settle(asked, counted)
    if answer.status in LIMITED:
        quota.stop(retry_after_s(answer.headers.get("retry-after")), banned=answer.status == BANNED)
    return answer


async def wait_for_turn(spec: VenueSpec, wait: int, left: int, *, banned: bool = False) -> None:
    """Wait so many nanoseconds. Raises RateLimited where that is longer than what is left."""
    if wait > left:
        text = f"the request quota of {spec.name} is spent for {wait / NS_PER_S:.0f} s more"
        raise RateLimited(spec.name, wait / NS_PER_S, text, banned=banned)
    await asyncio.sleep(wait / NS_PER_S)
