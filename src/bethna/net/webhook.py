"""A webhook: a message as JSON, signed, to a URL of the user's; it retries nothing and decides nothing.

What is sent

    POST /path
    Content-Type: application/json
    Idempotency-Key: 3f0c...:a3.1          the same for every attempt of a message
    X-BethNa-Timestamp: 1700000000         of this attempt, seconds since 1970
    X-BethNa-Signature: v1=HEX             HMAC-SHA256 over `TIMESTAMP.BODY`, with the setting webhook_secret

    {"version": 1, "key": ..., "title": ..., "text": ..., "severity": ..., "simulated": ..., "fired": ..., "told": ...,
     "late": ..., "count": ..., "keys": [...], "alerts": [{...}]}

Instants are integer microseconds UTC. The body is the same for every attempt. Without a secret there is no signature.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

from bethna.core.alert_views import Alert, Message, Receipt
from bethna.core.clock import NS_PER_S, NS_PER_US, Clock
from bethna.logic.delivery_words import message_key
from bethna.net.outward import Outward
from bethna.net.ws import host_of

VERSION = 1
MOST_ALERTS = 100
"""A message of more says the first ones whole, and the keys of all."""
UNSIGNED = "its messages are not signed: webhook_secret is not set"


class Webhook:
    """One of them.

    Args:
        secret: what messages are signed with; "" leaves them unsigned.

    Attributes:
        target: for people: scheme and host, never the path, which may be all that is secret of it.
        why: what a person should know of it. ready: it can be used.
    """

    kind = "webhook"

    def __init__(self, name: str, url: str, secret: str, outward: Outward, clock: Clock) -> None:
        self.name = name
        self.target = f"{url.partition('://')[0].lower()}://{host_of(url)}"
        refused = outward.refuses(url)
        self.ready = not refused
        self.why = refused or ("" if secret else UNSIGNED)
        self._url = url
        self._secret = secret.encode()
        self._outward = outward
        self._clock = clock

    async def send(self, message: Message) -> Receipt:
        """One attempt."""
        body = body_of(message)
        timestamp = str(self._clock.now_ns() // NS_PER_S)
        headers = {
            "content-type": "application/json",
            "idempotency-key": message_key(message),
            "x-bethna-timestamp": timestamp,
        }
        if self._secret:
            headers["x-bethna-signature"] = signature(self._secret, timestamp, body)
        return (await self._outward.post(self._url, body, headers)).receipt


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What a receiver computes, too, and compares."""
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def body_of(message: Message) -> bytes:
    """The JSON; nothing in it changes between attempts."""
    return msgspec.json.encode(
        {
            "version": VERSION,
            "key": message.key,
            "title": message.prefix + message.title,
            "text": message.text,
            "severity": message.severity,
            "simulated": bool(message.prefix),
            "fired": message.fired // NS_PER_US,
            "told": message.told // NS_PER_US,
            "late": message.late,
            "count": message.count,
            "keys": message.keys,
            "alerts": [_row(each) for each in message.alerts[:MOST_ALERTS]],
        }
    )


def _row(alert: Alert) -> dict[str, Any]:
    return {
        "key": alert.key,
        "alert": alert.rule,
        "firing": alert.firing,
        "title": alert.title,
        "text": alert.text,
        "sentence": alert.sentence,
        "severity": alert.severity,
        "note": alert.note,
        "instrument": alert.instrument,
        "fired": alert.fired // NS_PER_US,
        "told": alert.told // NS_PER_US,
        "value": alert.value,
        "trade_id": None if alert.trade_id is None else str(alert.trade_id),
        "state": alert.state,
        "after_gap": alert.after_gap,
        "late": alert.late,
    }
