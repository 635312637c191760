"""A channel that Apprise knows: Telegram, e-mail, ntfy, Discord, Slack and the rest; it retries nothing.

Rules
  1. Apprise waits for its sockets, so each attempt has a thread of its own; the end of the desk does not wait for it.
  2. An attempt that is not back in time is not repeated beside itself: the next one is made when it is back, if the
     message has not gone by then.
  3. No part of a URL is shown: a channel is called by its service. What Apprise and its HTTP library log is not
     written anywhere, for their lines may hold a token.
  4. Apprise says whether a message went, not why it did not: a refusal looks like an outage and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any, Protocol

from bethna.core.alert_views import Message, Receipt
from bethna.core.alerts import Severity
from bethna.core.errors import ConfigError
from bethna.logic.delivery_words import message_key

_KINDS = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


class Service(Protocol):
    """What of an Apprise plugin is used."""

    service_name: Any

    def notify(self, *, body: str, title: str, notify_type: Any) -> bool:
        """Send it, and wait. Raises whatever the plugin raises."""
        ...


class AppriseChannel:
    """One of them.

    Args:
        service: a plugin that was made of the channel's URL; `service_of` makes it.

    Attributes:
        kind: the scheme of its URL: `tgram`, `mailto`, `ntfy`. target: the service, for people.
    """

    ready = True
    why = ""

    def __init__(self, name: str, scheme: str, service: Service, *, timeout_s: float = 30.0) -> None:
        self.name = name
        self.kind = scheme
        self.target = str(service.service_name)
        self._service = service
        self._timeout_s = timeout_s
        self._running: tuple[str, asyncio.Future[Receipt]] | None = None

    async def send(self, message: Message) -> Receipt:
        """One attempt."""
        key = message_key(message)
        if self._running is not None:  # rule 2
            of, running = self._running
            if not running.done():
                return Receipt(ok=False, said=f"{self.target} has not answered the attempt before")
            if of == key and running.result().ok:
                return running.result()
        running = _in_thread(lambda: self._notify(message), f"alerts to {self.name}")
        self._running = key, running
        done, _ = await asyncio.wait((running,), timeout=self._timeout_s)
        if not done:
            return Receipt(ok=False, said=f"{self.target} did not answer within {self._timeout_s:g} s")
        return running.result()

    def _notify(self, message: Message) -> Receipt:
        """In a thread."""
        try:
            taken = self._service.notify(
                body=message.text or message.title,
                title=message.prefix + message.title,
                notify_type=_notify_type(message.severity),
            )
        except Exception as error:  # noqa: BLE001 - foreign code of a hundred services: it ends here
            return Receipt(ok=False, said=f"{self.target} failed: {type(error).__name__}")
        return Receipt(ok=True) if taken else Receipt(ok=False, said=f"{self.target} did not take it")


def service_of(name: str, scheme: str, url: str) -> Service:
    """The plugin for a channel's URL. It waits for no one, but its import takes half a second.

    Raises:
        ConfigError: Apprise knows no such service, or the URL lacks what the service needs.
    """
    for spoken in ("apprise", "urllib3", "urllib3.connectionpool"):  # rule 3
        logging.getLogger(spoken).disabled = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports modules that leave Python one day
        import apprise
        from apprise.manager_plugins import NotificationManager

        # Messages are ours, and fetch no picture from elsewhere.
        asset = apprise.AppriseAsset(app_id="BethNa", app_desc="BethNa", image_url_mask="", image_url_logo="")
        try:
            service: Service | None = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        except Exception:  # noqa: BLE001 - foreign code reads a URL of a hundred forms; what it says may hold the URL
            service = None
        known = scheme in NotificationManager()  # type: ignore[no-untyped-call]  # Apprise has half of its types
    if service is not None:
        return service
    found = (
        "an address that lacks a part, such as its token" if known else "a service that Apprise does not know"
    )
    raise ConfigError(
        "alert_channels",
        f"alert_channels: expected an address of the channel {name} that Apprise can use, found {found}",
        hint="docs/how-to/get-alerts-elsewhere.md has the forms of the usual ones",
    )


def _notify_type(severity: Severity) -> Any:
    from apprise import NotifyType

    return NotifyType(_KINDS[severity])


def _in_thread(work: Callable[[], Receipt], name: str) -> asyncio.Future[Receipt]:
    """Rule 1: not of a pool, whose end would wait for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Receipt] = loop.create_future()

    def tell(receipt: Receipt) -> None:
        if not future.done():
            future.set_result(receipt)

    def run() -> None:
        receipt = work()
        with suppress(RuntimeError):  # the desk has ended meanwhile
            loop.call_soon_threadsafe(tell, receipt)

    Thread(target=run, name=name, daemon=True).start()
    return future
