"""Messages of a client: read once, refused in the venue's words; nothing is subscribed here.

    {"type":"subscribe","product_ids":["ETH-USD"],"channels":["level2_batch",{"name":"ticker","product_ids":["BTC-USD"]}]}

Rules
  1. Products of the message are of every channel; those that a channel names are added to them.
  2. One wrong name refuses the message as a whole: nothing of it is done.
  3. Channels that need a key are refused, since nobody has one here.
  4. `unsubscribe` without products takes the whole channel.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bethna.twins.coinbase.streams import STATUS, Stream
from bethna.twins.coinbase.words import CHANNELS

CLOSED = frozenset({"level2", "level3", "full"})
USER = "user"
MAX_STREAMS = 10_000
NEEDS_KEY = (
    "level2, level3, and full channels now require authentication. "
    "https://docs.cloud.coinbase.com/exchange/docs/websocket-auth"
)
_encode = msgspec.json.encode


class _Channel(Struct):
    name: str
    product_ids: list[str] | None = None


class _Message(Struct):
    type: str | UnsetType = UNSET
    product_ids: list[str] | None = None
    channels: list[str | _Channel] | None = None


class Request(Struct, frozen=True):
    """What a client wants. `whole`: channels that it does not want at all any more (rule 4)."""

    subscribes: bool
    streams: tuple[Stream, ...]
    whole: tuple[str, ...] = ()


_DECODER = msgspec.json.Decoder(_Message)


def error(message: str, reason: str = "") -> bytes:
    """`{"type":"error","message":"Failed to subscribe","reason":"..."}`"""
    found = {"type": "error", "message": message}
    return _encode(found | {"reason": reason} if reason else found)


def not_subscribed(reason: str) -> bytes:
    """The error of a subscription."""
    return error("Failed to subscribe", reason)


def invalid_product(name: str) -> str:
    """The reason when a product is not listed."""
    return f"{name} is not a valid product"


def read_request(data: bytes | str, listed: Container[str]) -> Request | bytes:
    """A message, or the error that answers it.

    Args:
        listed: the products.
    """
    try:
        message = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return error("Malformed JSON")
    if message.type not in ("subscribe", "unsubscribe"):
        return error("Type has to be either subscribe or unsubscribe")
    if not message.channels:
        return not_subscribed("No channels provided")
    subscribes = message.type == "subscribe"
    streams: dict[Stream, None] = {}
    whole: list[str] = []
    for each in message.channels:
        name, own = (each, None) if isinstance(each, str) else (each.name, each.product_ids)
        products = dict.fromkeys([*(message.product_ids or ()), *(own or ())])  # rule 1
        if name in CLOSED or name == USER:
            return not_subscribed(NEEDS_KEY)  # rule 3
        if name not in CHANNELS:
            return not_subscribed(f"{name} is not a valid channel")
        if name == STATUS:
            streams[Stream(STATUS)] = None
        elif products:
            streams.update(dict.fromkeys(Stream(name, product) for product in products))
        elif subscribes:
            return not_subscribed("No products provided")
        else:
            whole.append(name)
    unknown = [each.symbol for each in streams if each.suffix != STATUS and each.symbol not in listed]
    if unknown and subscribes:  # rule 2
        return not_subscribed(invalid_product(unknown[0]))
    if len(streams) > MAX_STREAMS:
        return not_subscribed("Too many products")
    return Request(subscribes, tuple(streams), tuple(whole))
