"""What a desk behind an address refuses with, as the error of its own class; it decides nothing and asks nobody.

The words are the desk's. What an error holds besides is read from them where they say it, else it is empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from bethna.core.errors import (
    AlertChanged,
    BethnaError,
    CannotFollow,
    ConfigError,
    DeskRefused,
    FeatureOff,
    LimitReached,
    NoDataYet,
    StoreError,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
)

E = TypeVar("E", bound=BethnaError)

_FOUND = re.compile(r"found '(.*)'$", re.DOTALL)
_CHANGED = re.compile(r"(\S+): expected version \d+, found (\d+): ", re.DOTALL)
_LIMIT = re.compile(r"set (\w+) higher$")
_NEAREST = "nearest: "


def refused(code: str, message: str, hint: str) -> BethnaError:
    """The error that a desk said; DeskRefused for a code that is none of those below."""
    made = _MADE.get(code)
    return DeskRefused(code, message, hint=hint) if made is None else made(message, hint)


def _worded(kind: type[E], message: str, hint: str, **fields: object) -> E:
    """One whose own constructor makes words of its fields, with the words of the desk."""
    error = kind.__new__(kind)
    BethnaError.__init__(error, message, hint=hint)
    for name, value in fields.items():
        setattr(error, name, value)
    return error


def _unknown_instrument(message: str, hint: str) -> BethnaError:
    _, said, near = hint.partition(_NEAREST)
    return UnknownInstrument("", tuple(near.split(", ")) if said else (), message=message, hint=hint)


def _unknown_alert(message: str, hint: str) -> BethnaError:
    found = _FOUND.search(message)
    return _worded(UnknownAlert, message, hint, name=found[1] if found else "")


def _unknown_channel(message: str, hint: str) -> BethnaError:
    found = _FOUND.search(message)
    listed = hint.partition("there are: ")[2].partition(";")[0]
    known = () if listed in ("", "none") else tuple(listed.split(", "))
    return _worded(UnknownChannel, message, hint, name=found[1] if found else "", known=known)


def _alert_changed(message: str, hint: str) -> BethnaError:
    found = _CHANGED.match(message)
    name, version = (found[1], int(found[2])) if found else ("", 0)
    return _worded(AlertChanged, message, hint, name=name, version=version)


def _limit_reached(message: str, hint: str) -> BethnaError:
    found = _LIMIT.search(hint)
    return _worded(LimitReached, message, hint, setting=found[1] if found else "")


def _no_data_yet(message: str, hint: str) -> BethnaError:
    return _worded(NoDataYet, message, hint, what=message.partition(":")[0])


_MADE: dict[str, Callable[[str, str], BethnaError]] = {
    UnknownInstrument.code: _unknown_instrument,
    CannotFollow.code: lambda message, hint: CannotFollow(message, hint=hint),
    ConfigError.code: lambda message, hint: ConfigError("", message, hint=hint),
    StoreError.code: lambda message, hint: StoreError(message, hint=hint),
    FeatureOff.code: lambda message, hint: FeatureOff(message.partition(":")[0], message, hint=hint),
    NoDataYet.code: _no_data_yet,
    UnknownAlert.code: _unknown_alert,
    UnknownChannel.code: _unknown_channel,
    AlertChanged.code: _alert_changed,
    LimitReached.code: _limit_reached,
}
