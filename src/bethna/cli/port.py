"""Who has the port that the desk wanted; it opens none itself."""

from __future__ import annotations

import asyncio
import errno
from typing import Literal

import msgspec

from bethna.core.errors import AddressUnusable, ConnectError
from bethna.net.http import HttpClient
from bethna.runtime.clocks import SystemClock

_ASK_S = 5.0


def explained(error: AddressUnusable) -> AddressUnusable:
    """The error, saying what to do: attach to the desk that has the port, or take another one."""
    if error.errno != errno.EADDRINUSE:
        return error
    url = url_of(error.host, error.port)
    instead = f"start another desk with --port {error.port + 1 if error.port < 65535 else 0}"
    wanted = f"expected port {error.port} of {error.host} to be free, found"
    found = asyncio.run(who_answers(url))
    if found == "desk":
        error.message = f"{wanted} a desk running at {url}"
        error.hint = f"open {url} to use it, or {instead}"
    elif found == "nobody":
        error.message = (
            f"{wanted} something that did not answer within {_ASK_S:g} s: a busy desk, or another program"
        )
        error.hint = f"open {url} to see, or {instead}"
    else:
        error.message = f"{wanted} another program there"
        error.hint = f"stop that program, or {instead}"
    return error


def url_of(host: str, port: int) -> str:
    """How to reach what listens on a host and port; all interfaces are reached by the loopback one."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def is_desk(url: str) -> bool:
    """Whether what answers at `url` is a desk of ours."""
    return await who_answers(url) == "desk"


async def who_answers(url: str) -> Literal["desk", "another", "nobody"]:
    """What is at `url`; `nobody` where no answer came in time."""
    try:
        async with HttpClient(SystemClock()) as client:
            answer = await client.get(f"{url}/api/v1/health", venue="desk", timeout_s=_ASK_S)
    except ConnectError:
        return "nobody"
    try:
        health = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        return "another"
    ours = isinstance(health, dict) and {"status", "source", "version", "venues"} <= set(health)
    return "desk" if ours else "another"
