"""The channel `push`: one message to all browsers that asked for it; it keeps no list of them and encrypts nothing.

Rules
  1. A message has arrived when each browser has taken it, or some have and the others have failed PUSH_TRIES times: one
     push service that is down holds nobody else up for long.
  2. Who has taken a message is not asked again for the same one.
  3. One that is gone is told to whoever keeps them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bethna.core.alert_views import Message, PushSubscription, Receipt
from bethna.logic.delivery_words import message_key
from bethna.services.delivering.ports import Pusher
from bethna.store.alerts.facts import PUSH

PUSH_TRIES = 3


class Browsers:
    """All of them.

    Args:
        used: hears which have taken a message; gone: which takes none any more. Both keep that before they come back.

    Attributes:
        known: the browsers there are; told by whoever knows.
    """

    name = kind = PUSH

    def __init__(
        self,
        pusher: Pusher,
        used: Callable[[Sequence[str]], Awaitable[None]],
        gone: Callable[[PushSubscription], Awaitable[None]],
    ) -> None:
        self._pusher = pusher
        self._used = used
        self._gone = gone
        self.known: tuple[PushSubscription, ...] = ()
        self._message = ""
        self._took: set[str] = set()
        self._tries = 0

    @property
    def target(self) -> str:
        many = len(self.known)
        return "1 browser" if many == 1 else f"{many} browsers"

    @property
    def ready(self) -> bool:
        return bool(self.known)

    @property
    def why(self) -> str:
        return "" if self.known else "no browser asks for push messages"

    async def send(self, message: Message) -> Receipt:
        key = message_key(message)
        if key != self._message:
            self._message, self._took, self._tries = key, set(), 0
        self._tries += 1
        left = [each for each in self.known if each.endpoint not in self._took]
        receipts = await asyncio.gather(*(self._pusher.push(each, message) for each in left))
        taken = [each.endpoint for each, receipt in zip(left, receipts, strict=True) if receipt.ok]
        for each, receipt in zip(left, receipts, strict=True):
            if receipt.gone:
                await self._gone(each)
        self._took.update(taken)
        if taken:
            await self._used(taken)
        again = [each for each in receipts if not each.ok and not each.final]
        if again and not (self._took and self._tries >= PUSH_TRIES):
            waits = [each.retry_after_s for each in again if each.retry_after_s is not None]
            return Receipt(ok=False, said=again[0].said, retry_after_s=max(waits, default=None))
        if self._took:
            return Receipt(ok=True, said=f"{len(self._took)} of {len(self._took) + len(again)} browsers")
        return Receipt(ok=False, said=receipts[0].said if receipts else self.why, final=True)
