"""One value from what was written: what each setting takes, and how a wrong one is refused.

A secret is never shown, not in an error either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bethna.config.about import TYPES, allowed
from bethna.config.channels import NotAChannel, read_channels
from bethna.config.settings import HostUrls, Secret
from bethna.core.errors import ConfigError


class Given(Struct, frozen=True):
    """One value before it is checked; `text` when it came as text and numbers must be read from it."""

    value: Any
    origin: str
    text: bool


def read(name: str, given: Given) -> Any:
    """The checked value of a setting. Raises ConfigError."""
    reader = _READERS.get(name)
    try:
        if reader is not None:
            return reader(given.value, given.text)
        return convert(TYPES[name], given.value, given.text)
    except NotAChannel as error:
        raise ConfigError(
            name,
            f"{name} ({given.origin}): expected {allowed(name)}, found that {error}",
            origin=given.origin,
            hint="a `;` inside a URL is written %3B; a file may have a table [alert_channels]",
        ) from None
    except ValueError:
        refuse(name, allowed(name), given.value, given.origin)


def convert(kind: Any, value: object, text: bool) -> Any:
    """`value` as `kind`, within its range. Raises ValueError, whose text may hold the value."""
    return msgspec.convert(value, kind, strict=not text, dec_hook=_secret)


def _secret(kind: type[Any], value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError(f"expected {kind.__name__}")


def refuse(key: str, expected: str, found: object, origin: str) -> NoReturn:
    """Say which key does not fit, where it came from and what it takes."""
    said = "something else" if _is_secret(key) else repr(found)[:200]
    raise ConfigError(
        key,
        f"{key} ({origin}): expected {expected}, found {said}",
        origin=origin,
        hint=f"allowed for {key}: {expected}",
    )


def _is_secret(key: str) -> bool:
    return key in TYPES and get_args(TYPES[key])[0] is Secret


# --- settings that are more than a number or a word; all raise ValueError for what does not fit


def _read_source(value: Any, _text: bool) -> str:
    if isinstance(value, str) and (
        value in ("auto", "live", "twin") or (value.startswith("tape:") and value != "tape:")
    ):
        return value
    raise ValueError(value)


def _read_speed(value: Any, text: bool) -> float | None:
    if value == "max":
        return None
    speed: float = convert(float, value, text)
    if not 0.001 <= speed <= 100_000:
        raise ValueError(speed)
    return speed


def _read_symbols(value: Any, text: bool) -> tuple[str, ...]:
    names = _read_list(value, text)
    if not 1 <= len(names) <= 500:
        raise ValueError(names)
    return names


def _read_list(value: Any, text: bool) -> tuple[str, ...]:
    """`a,b c`, or a list: each once, in order."""
    listed = re.split(r"[,\s]+", value) if text else convert(tuple[str, ...], value, text)
    return tuple(dict.fromkeys(item.strip() for item in listed if item.strip()))


def _read_proxy(value: Any, text: bool) -> Secret:
    proxy: Secret = convert(Secret, value, text)
    if proxy:
        url = urlsplit(proxy.reveal())
        if (
            re.search(r"\s", proxy.reveal())
            or url.scheme not in _PROXIES
            or not url.hostname
            or url.port == 0
        ):
            raise ValueError("proxy")  # a port that is none is urlsplit's ValueError
    return proxy


def _read_key(value: Any, text: bool) -> Secret:
    key: Secret = convert(Secret, value, text)
    if key and not _KEY.fullmatch(key.reveal()):
        raise ValueError("key")
    return key


def _read_token(value: Any, text: bool) -> Secret:
    token: Secret = convert(Secret, value, text)
    if token and not _TOKEN.fullmatch(token.reveal()):
        raise ValueError("token")
    return token


def _read_webhook_secret(value: Any, text: bool) -> Secret:
    secret: Secret = convert(Secret, value, text)
    if secret and not _WEBHOOK_SECRET.fullmatch(secret.reveal()):
        raise ValueError("webhook_secret")
    return secret


def _read_push_contact(value: Any, text: bool) -> str:
    contact: str = convert(str, value, text)
    if contact and not _PUSH_CONTACT.fullmatch(contact):
        raise ValueError("push_contact")
    return contact


_PUSH_CONTACT = re.compile(r"(mailto:[^\s@:]+@[^\s@]+|https://[^\s/@]+(/\S*)?)", re.ASCII)
_WEBHOOK_SECRET = re.compile(r"[!-~]{16,200}")
# What stands in an address and in a cookie as it is.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,200}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_PROXIES = ("http", "https", "socks5", "socks5h")


def _read_hosts(value: Any, text: bool) -> dict[str, tuple[HostUrls, ...]]:
    found = {}
    for venue, listed in _venue_parts(value, text).items():
        pairs = listed.split(",") if text else convert(tuple[str, ...], listed, text)
        found[venue] = tuple(_host(pair) for pair in pairs)
    return found


_HOST = re.compile(
    r"\s*(?P<ws>wss?://[^\s/?#@|]+(?:/[^\s?#|]*)?)\|(?P<rest>https?://[^\s/?#@|]+(?:/[^\s?#|]*)?)\s*",
    re.IGNORECASE,
)
# A name as browsers write it into Host and Origin, or an address, in brackets when it is IPv6; then perhaps a port.
_AUTHORITY = re.compile(r"(?:\[[0-9a-f:.]+\]|[0-9a-z](?:[0-9a-z._-]*[0-9a-z])?)(?::[0-9]+)?", re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9a-f]*:[0-9a-f:.]*:[0-9a-f.]*", re.IGNORECASE)  # IPv6 without brackets


def _read_allowed_hosts(value: Any, text: bool) -> tuple[str, ...]:
    hosts = _read_list(value, text)
    for host in hosts:
        if not _ADDRESS.fullmatch(host):
            _check_authority(host)
    return hosts


def _read_allowed_origins(value: Any, text: bool) -> tuple[str, ...]:
    origins = _read_list(value, text)
    for origin in origins:
        scheme, separator, authority = origin.partition("://")
        if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme, re.IGNORECASE):
            raise ValueError(origin)
        _check_authority(authority.removesuffix("/"))
    return origins


def _check_authority(authority: str) -> None:
    if not _AUTHORITY.fullmatch(authority) or urlsplit(f"//{authority}").port == 0:
        raise ValueError(authority)


def _host(pair: str) -> HostUrls:
    found = _HOST.fullmatch(pair)
    if found is None:
        raise ValueError(pair)
    for url in found["ws"], found["rest"]:
        if urlsplit(url).port == 0:  # beyond 65535, or no number, is urlsplit's ValueError
            raise ValueError(pair)
    return HostUrls(found["ws"].rstrip("/"), found["rest"].rstrip("/"))


def _read_words(value: Any, text: bool) -> dict[str, str]:
    found = _venue_parts(value, text)
    for name in found.values():
        if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
            raise ValueError(name)
    return found


def _read_channel_words(value: Any, text: bool) -> dict[str, str]:
    found = _venue_parts(value, text)
    for words in found.items():
        if not all(isinstance(word, str) and re.fullmatch(r"[a-z0-9_-]{1,32}", word) for word in words):
            raise ValueError(words)
    return found


def _venue_parts(value: Any, text: bool) -> dict[str, Any]:
    """`venue=VALUE;venue=VALUE`, or a mapping, by venue; each venue once."""
    if not text:
        return convert(dict[str, Any], value, text)  # type: ignore[no-any-return]  # convert gives what it is asked
    found = {}
    for part in value.split(";"):
        venue, equals, of_venue = (piece.strip() for piece in part.partition("="))
        if not equals or not venue or not of_venue or venue.lower() in found:
            raise ValueError(part)
        found[venue.lower()] = of_venue
    return found


_READERS: dict[str, Callable[[Any, bool], Any]] = {
    "source": _read_source,
    "speed": _read_speed,
    "symbols": _read_symbols,
    "allowed_hosts": _read_allowed_hosts,
    "allowed_origins": _read_allowed_origins,
    "proxy": _read_proxy,
    "token": _read_token,
    "index_key": _read_key,
    "hosts": _read_hosts,
    "trade_stream": _read_words,
    "wire": _read_words,
    "alert_channels": read_channels,
    "alert_fallback": _read_channel_words,
    "webhook_secret": _read_webhook_secret,
    "push_contact": _read_push_contact,
}
