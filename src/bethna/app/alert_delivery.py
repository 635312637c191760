"""The delivery of a desk, made of its settings: channels, push keys, what stands before a message; it sends none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from bethna.config import Settings
from bethna.config.channels import channels_of
from bethna.core.alert_views import Message, PushSubscription, Receipt
from bethna.core.clock import Clock
from bethna.core.status import Simulation, SourceKind
from bethna.net.channels import PRIVATE_HINT, senders
from bethna.net.outward import Outward
from bethna.net.web_push import PushKeys, WebPush
from bethna.services.delivering import AlertReader, Delivering, Tell, Work
from bethna.store.folder import data_root

KEY_FILE = "push-key.pem"


class Pushes:
    """Pushes to browsers, by a key that is made when the first one asks for it: a desk that nobody asks keeps none."""

    def __init__(self, path: Path, outward: Outward, clock: Clock, contact: str) -> None:
        self._path = path
        self._outward = outward
        self._clock = clock
        self._contact = contact
        self._made: WebPush | None = None

    def _push(self) -> WebPush:
        if self._made is None:
            self._made = WebPush(PushKeys(self._path), self._outward, self._clock, self._contact)
        return self._made

    def key(self) -> str:
        """The application server key. Raises StoreError: it cannot be made."""
        return self._push().key()

    def check(self, subscription: PushSubscription) -> None:
        """Raises ConfigError: it is no subscription."""
        self._push().check(subscription)

    async def push(self, subscription: PushSubscription, message: Message) -> Receipt:
        """One attempt."""
        return await self._push().push(subscription, message)


class DeskDelivery(Delivering):
    """The delivery of one desk, with the connections that it closes in the end."""

    hold: Sequence[Outward] = ()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            await super().run()
        finally:
            for each in self.hold:
                await each.close()


async def make_delivery(
    settings: Settings,
    work: Work,
    read: AlertReader,
    clock: Clock,
    rng: Random,
    tell: Tell,
    changed: Callable[[Sequence[tuple[str, int]]], None],
    *,
    prefix: str,
    outward: bool,
) -> DeskDelivery:
    """The delivery that the settings ask for.

    Raises:
        ConfigError: a channel cannot be used, or what stands in for one is not there.
    """
    addresses = channels_of(settings)
    to_webhooks = Outward(
        clock, private=settings.webhook_private, timeout_s=settings.timeout_s, private_hint=PRIVATE_HINT
    )
    to_browsers = Outward(clock, timeout_s=settings.timeout_s)
    secret = settings.webhook_secret.reveal()
    made = await asyncio.to_thread(senders, addresses, clock, to_webhooks, secret)
    pushes = Pushes(data_root(settings.data_dir) / KEY_FILE, to_browsers, clock, settings.push_contact)
    delivery = DeskDelivery(
        made, pushes, work, read, clock, rng, tell, prefix=prefix, outward=outward,
        per_minute=settings.alert_per_minute, fallback=settings.alert_fallback, changed=changed,
    )  # fmt: skip
    delivery.hold = (to_webhooks, to_browsers)
    return delivery


def prefix_of(source: SourceKind, simulation: Simulation | None, tape: str) -> str:
    """What stands before each message that is not of a live market."""
    if source == "tape":
        return f"[TAPE {tape}] "
    if simulation is not None:
        return f"[SIMULATED{'' if simulation.seed is None else f', seed {simulation.seed}'}] "
    return ""
