"""Channels as they are written: `NAME=URL[;NAME=URL]`, or a table of a file; it opens none and asks no service.

Rules
  1. A name is 1 to 32 of `a-z`, `0-9`, `_` and `-`; `page` and `push` are there anyway and cannot be given.
  2. `https://` and `http://` are webhooks; any other scheme is a service of Apprise, which alone knows it.
  3. No part of a URL is shown, in an error either: whoever has it can write to the channel. What is wrong is said by
     the place of the entry, for a name in the wrong place may be half a secret.
  4. A `;` inside a URL is written `%3B` where channels stand in one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from bethna.config.settings import Secret, Settings
from bethna.core.errors import ConfigError

RESERVED = ("page", "push")
WEBHOOKS = ("https", "http")
_NAME = re.compile(r"[a-z0-9_-]{1,32}")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://[^\s;]+")


class NotAChannel(ValueError):
    """An entry that is none; its text says which one and why, without any part of a URL (rule 3)."""


class ChannelAddress(Struct, frozen=True):
    """Where one channel leads.

    Attributes:
        scheme: in lower case.
    """

    name: str
    scheme: str
    url: Secret

    @property
    def is_webhook(self) -> bool:
        """Rule 2."""
        return self.scheme in WEBHOOKS


def read_channels(value: Any, text: bool) -> Secret:
    """What was written, as one line that `parse` reads. Raises NotAChannel."""
    if isinstance(value, str):
        written = value
    elif isinstance(value, dict) and not text and all(isinstance(url, str) for url in value.values()):
        written = ";".join(f"{name}={url.strip().replace(';', '%3B')}" for name, url in value.items())
    else:
        raise NotAChannel("it is neither a text nor a table of texts")
    parse(written)
    return Secret(written)


def parse(written: str) -> tuple[ChannelAddress, ...]:
    """The channels of one line, in its order; none of an empty one. Raises NotAChannel."""
    found: dict[str, ChannelAddress] = {}
    parts = [part.strip() for part in written.split(";")] if written.strip() else []
    for number, part in enumerate(parts, 1):
        name, equals, url = (piece.strip() for piece in part.partition("="))
        which = f"entry {number} of {len(parts)}"
        if not equals or not _NAME.fullmatch(name):
            raise NotAChannel(f"{which} does not begin with a name of a-z, 0-9, _ and - and a `=`")
        if name in RESERVED:
            raise NotAChannel(f"{which} is called {name}, which is there anyway")
        if name in found:
            raise NotAChannel(f"{which} has the name of an earlier one")
        found[name] = ChannelAddress(name, _scheme(url, which), Secret(url))
    return tuple(found.values())


def _scheme(url: str, which: str) -> str:
    """Rule 2."""
    form = _URL.fullmatch(url)
    if form is None:
        raise NotAChannel(f"{which} has no URL such as https://... or tgram://...")
    scheme = form["scheme"].lower()
    if scheme in WEBHOOKS and not _is_reachable(url):
        raise NotAChannel(f"{which} has a webhook without a host, or with a port that is none")
    return scheme


def _is_reachable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def channels_of(settings: Settings) -> tuple[ChannelAddress, ...]:
    """The channels of a run; what stands in for what is checked against them.

    Raises:
        ConfigError: `alert_fallback` names a channel that is not there, or one as its own.
    """
    channels = parse(settings.alert_channels.reveal())
    check_fallback(
        settings.alert_fallback, [each.name for each in channels], settings.origin("alert_fallback")
    )
    return channels


def check_fallback(fallback: Mapping[str, str], names: list[str], origin: str) -> None:
    """Raises ConfigError: a channel that is not there, or one that stands in for itself."""
    known = [*names, "push"]
    for name, other in fallback.items():
        wrong = next((each for each in (name, other) if each not in known), None)
        if wrong is not None or name == other:
            found = "a channel as its own" if wrong is None else repr(wrong[:40])
            raise ConfigError(
                "alert_fallback",
                f"alert_fallback ({origin}): expected two of the channels {', '.join(known)}, found {found}",
                origin=origin,
                hint="alert_channels has the names",
            )
