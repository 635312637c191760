"""Makes the channels of a run from their addresses; it sends nothing."""

from __future__ import annotations

from collections.abc import Iterable

from bethna.config.channels import ChannelAddress
from bethna.core.clock import Clock
from bethna.net.apprise_channel import AppriseChannel, service_of
from bethna.net.outward import Outward
from bethna.net.webhook import Webhook

PRIVATE_HINT = "; webhook_private allows that"


def senders(
    addresses: Iterable[ChannelAddress], clock: Clock, outward: Outward, secret: str
) -> list[Webhook | AppriseChannel]:
    """One for each, in their order. Where one is Apprise's it takes half a second, once: not for a running loop.

    Args:
        outward: for webhooks; made with `private` as the setting webhook_private says. secret: webhook_secret.

    Raises:
        ConfigError: Apprise cannot use an address.
    """
    return [
        Webhook(each.name, each.url.reveal(), secret, outward, clock)
        if each.is_webhook
        else AppriseChannel(each.name, each.scheme, service_of(each.name, each.scheme, each.url.reveal()))
        for each in addresses
    ]
