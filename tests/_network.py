"""Nothing under test leaves this machine: connections and look-ups beyond loopback are refused and remembered.

An audit hook sees every Python socket, whatever class it is; uvloop opens its sockets in C, so its two doors are
wrapped. Child processes get the same guard through tests/_child/sitecustomize.py. Browsers are not Python: a
browser test starts Chromium with rules of its own.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOG = "BETHNA_TEST_REFUSED"  # names the file in which children write what they refused
LOCAL_NAMES = {None, "", "localhost", "ip6-localhost"}


class RefusedConnectionError(OSError):
    """The code under test wanted to leave this machine."""


class Guard:
    """Refuses while `on`; `refused` lists what was asked for and by which call."""

    def __init__(self, log: Path | None = None) -> None:
        self.on = True
        self.refused: list[str] = []
        self.log = log

    def check(self, host: object, call: str) -> None:
        if not self.on or is_local(host):
            return
        self.refused.append(f"{call} to {host!r}")
        if self.log is not None:
            with self.log.open("a") as handle:
                handle.write(self.refused[-1] + "\n")
        raise RefusedConnectionError(f"tests stay on this machine: refused {self.refused[-1]}")

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.getaddrinfo":
            self.check(arguments[0], event)
        elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
            self.check(arguments[1][0], event)

    @contextmanager
    def open_door(self) -> Iterator[None]:
        """For the few tests marked `outside`."""
        self.on = False
        try:
            yield
        finally:
            self.on = True


def is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in LOCAL_NAMES:
        return True
    text = str(host).partition("%")[0].rstrip(".")
    if text.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def install(log: Path | None = None) -> Guard:
    """Put the guard in place for the life of this process (an audit hook cannot be taken out)."""
    guard = Guard(log)
    sys.addaudithook(guard.audit)
    if sys.platform != "win32":
        guard_uvloop(guard)
    return guard


def guard_uvloop(guard: Guard) -> None:
    try:
        import uvloop
    except ImportError:
        return

    def guarded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        async def call(loop: Any, *arguments: Any, **options: Any) -> Any:
            host = arguments[1] if name == "create_connection" and len(arguments) > 1 else options.get("host")
            if name == "getaddrinfo" and arguments:
                host = arguments[0]
            guard.check(host, f"uvloop.{name}")
            return await method(loop, *arguments, **options)

        return call

    for name in ("create_connection", "getaddrinfo"):
        setattr(uvloop.Loop, name, guarded(name, getattr(uvloop.Loop, name)))


def child_environment(log: Path) -> dict[str, str]:
    """What makes a child Python guard itself and tell us."""
    folder = str(Path(__file__).resolve().parent / "_child")
    path = os.environ.get("PYTHONPATH")
    return {LOG: str(log), "PYTHONPATH": f"{folder}{os.pathsep}{path}" if path else folder}
