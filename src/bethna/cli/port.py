"""The port that the desk listens on: taken before anything else starts, or else who has it; it serves nothing."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from bethna.core.errors import ConfigError, ConnectError, PortTaken

if TYPE_CHECKING:
    from bethna.config import Settings

_ASK_S = 3.0


def listen(settings: Settings) -> socket.socket:
    """A listening socket on the settings' host and port.

    Raises:
        PortTaken: another program listens there; when it is a desk of ours the hint says how to attach.
        ConfigError: there is no such address on this machine, or the port is not for us.
    """
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(settings) from error
        key = "port" if error.errno == errno.EACCES else "host"
        origin = settings.origin(key)
        raise ConfigError(
            key,
            f"{key} ({origin}): expected an address to listen on, found {host} port {port}: {error.strerror}",
            origin=origin,
            hint="use --port with a number above 1023" if key == "port" else "use --host 127.0.0.1",
        ) from error


def url_of(listener: socket.socket) -> str:
    """Where a person reaches it: on the loopback address when it listens on every one."""
    host, port = listener.getsockname()[:2]
    return _url(host, port)


def _url(host: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _taken(settings: Settings) -> PortTaken:
    url = _url(settings.host, settings.port)
    instead = f"or start another desk with --port {settings.port + 1 if settings.port < 65535 else 0}"
    if is_desk(url):
        return PortTaken(
            f"expected port {settings.port} of {settings.host} to be free, found a desk running at {url}",
            hint=f"open {url} to use it, {instead}",
        )
    return PortTaken(
        f"expected port {settings.port} of {settings.host} to be free, found another program there",
        hint=f"stop that program, {instead}",
    )


def is_desk(url: str) -> bool:
    """Whether what answers at `url` is a desk of ours."""
    import asyncio

    import msgspec

    from bethna.net.http import HttpClient
    from bethna.runtime.clocks import SystemClock

    async def ask() -> bytes:
        async with HttpClient(SystemClock()) as client:
            answer = await client.get(f"{url}/api/v1/health", venue="", timeout_s=_ASK_S)
            return answer.body

    try:
        health = msgspec.json.decode(asyncio.run(ask()))
    except (ConnectError, ValueError, RecursionError):
        return False
    return isinstance(health, dict) and {"status", "source", "version", "venues"} <= set(health)
