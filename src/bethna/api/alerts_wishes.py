"""What callers say of alerts, as rules: sentences by the desk, typed ones by their JSON; it arms and judges nothing.

Rules
  1. Of one rule: a sentence, or a typed one. Of several: sentences first, then typed ones; an error says which it is
     of, counted over both from 1.
  2. A typed rule has the fields of `core.alerts.AlertRule` and no others; lengths are nanoseconds, `expires` is an
     instant as everywhere here, in microseconds.
  3. An instrument may be spelled as anywhere. Where the source of a condition is not there yet, one that nobody knows
     is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bethna.api.alerts_port import AlertsDesk
from bethna.api.alerts_protocol import AlertsWish, PushWish, RehearsalWish
from bethna.api.flaws import flaw_of
from bethna.core.alert_views import PushSubscription
from bethna.core.alerts import (
    AlertRule,
    AllOf,
    AnyOf,
    Condition,
    Doubt,
    Leaf,
    OptionFigure,
    Passage,
    Repeat,
    Severity,
    Side,
    Trouble,
    Way,
)
from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.errors import ConfigError, UnknownInstrument, cut
from bethna.core.intervals import Interval
from bethna.logic.alerts.rules import waits_for

MOST_AT_ONCE = 2_000
"""Rules in one call; reading them takes the desk's time."""
MOST_DAYS = 3_660
MAX_INSTANT = MAX_VERSION = 2**53 - 1
_MOST = 2**63 - 1
_WHICH = re.compile(r"rule \d+ of \d+: ")
_HINT = "docs/reference/http.md has the fields of a rule"
_CHOICES: dict[str, type[StrEnum]] = {
    "side": Side, "way": Way, "passage": Passage, "figure": OptionFigure, "repeat": Repeat, "severity": Severity,
    "doubt": Doubt, "trouble": Trouble, "bar": Interval, "interval": Interval,
}  # fmt: skip


@contextmanager
def said_whole() -> Iterator[None]:
    """What is refused inside says in its message of which part, where that is no sentence, which says so itself."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.key, _whole(error), hint=error.hint) from error


def _whole(error: ConfigError) -> str:
    if error.key in ("", "sentence") or f"{error.key}: " in error.message:
        return error.message
    which = _WHICH.match(error.message)
    start = 0 if which is None else which.end()
    return f"{error.message[:start]}{error.key}: {error.message[start:]}"


@contextmanager
def said_which(number: int, of: int) -> Iterator[None]:
    """What is refused inside is the `number`-th of several; of one alone nothing is added (rule 1)."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.key, _which(number, of) + _whole(error), hint=error.hint) from error
    except UnknownInstrument as error:
        message = _which(number, of) + error.message
        raise UnknownInstrument(error.text, error.nearest, message=message, hint=error.hint) from error


def _which(number: int, of: int) -> str:
    return f"rule {number} of {of}: " if of > 1 else ""


def rules_of(alerts: AlertsDesk, wish: AlertsWish) -> list[AlertRule]:
    """All the rules of a wish, in their order (rule 1).

    Raises:
        ConfigError: one is not understood, or there are none or too many. UnknownInstrument: as a sentence names it.
    """
    count = len(wish.sentences) + len(wish.rules)
    if not 1 <= count <= MOST_AT_ONCE:
        raise ConfigError(
            "alerts",
            f"expected 1 to {MOST_AT_ONCE} sentences and rules together, found {count}",
            hint='send {"sentences": ["BTC-USDT crosses above 65,000"]}',
        )
    rules: list[AlertRule] = []
    for sentence in wish.sentences:
        with said_which(len(rules) + 1, count):
            rules.append(alerts.read_sentence(sentence))
    for said in wish.rules:
        with said_which(len(rules) + 1, count):
            rules.append(rule_of_json(alerts, said))
    return [each if each.channels else replace(each, channels=wish.via) for each in rules]


def rule_of(alerts: AlertsDesk, sentence: str | None, rule: dict[str, Any] | None) -> AlertRule:
    """The one rule that is said. Raises as `rules_of`."""
    if (sentence is None) is (rule is None):
        found = "none" if sentence is None else "both"
        raise ConfigError("alert", f"expected a sentence or a rule, found {found}", hint="send one of them")
    if sentence is not None:
        return alerts.read_sentence(sentence)
    assert rule is not None
    return rule_of_json(alerts, rule)


def version_of(version: int | None) -> int:
    """The version that was read, of an edit. Raises ConfigError where it is missing."""
    if version is None or not 1 <= version <= MAX_VERSION:
        found = "none" if version is None else "another number"
        raise ConfigError(
            "version", f"expected the version that was read, found {found}", hint="GET the alert has it"
        )
    return version


def span_of(wish: RehearsalWish) -> int | None:
    """How far back a rehearsal is to reach, in ns. Raises ConfigError for no such time, and for no such rate."""
    if wish.per_day is not None and not (isfinite(wish.per_day) and wish.per_day > 0.0):
        raise ConfigError("per_day", f"expected a number above 0, found {wish.per_day!r}")
    if wish.span_s is None:
        return None
    if not 0.0 < wish.span_s <= MOST_DAYS * 86_400:
        raise ConfigError(
            "span_s", f"expected seconds above 0 and up to {MOST_DAYS} days, found {wish.span_s!r}"
        )
    return round(wish.span_s * NS_PER_S)


def subscription_of(wish: PushWish) -> PushSubscription:
    """A browser that wants to be pushed to. Raises ConfigError without its keys."""
    if wish.keys is None:
        raise ConfigError(
            "keys", "expected the keys of a subscription, found none", hint="send what its toJSON says"
        )
    return PushSubscription(wish.endpoint, wish.keys.p256dh, wish.keys.auth, wish.label)


# --- typed rules


def rule_of_json(alerts: AlertsDesk, said: dict[str, Any]) -> AlertRule:
    """A typed rule (rule 2).

    Raises:
        ConfigError: names the field, what was expected and what was found. UnknownInstrument: as of a sentence.
    """
    try:
        rule = msgspec.convert(said, AlertRule)
    except msgspec.ValidationError as error:
        raise _flawed(error) from error
    _refuse_unknown(said, rule, "")
    if rule.expires is not None:
        if not 0 <= rule.expires <= MAX_INSTANT:
            raise ConfigError("expires", "expected an instant in microseconds, found another number")
        rule = replace(rule, expires=rule.expires * NS_PER_US)
    return replace(rule, condition=_resolved(alerts, rule.condition))


def _flawed(error: msgspec.ValidationError) -> ConfigError:
    """The library's words in ours: `condition.side: expected above, below, found 'over'`."""
    place, what = flaw_of(error)
    where = place or "rule"
    name = where.rpartition(".")[2]
    if what.startswith("invalid"):
        kinds = ", ".join(_CHOICES[name]) if name in _CHOICES else "a kind of condition"
        what = f"expected {kinds}, found {cut(what.partition('value ')[2])}"
    return ConfigError(where, f"{where}: {what}", hint=_HINT)


def _refuse_unknown(said: object, made: object, where: str) -> None:
    """Fields that a rule has not (rule 2), and numbers that nothing has."""
    if isinstance(said, dict) and isinstance(made, Struct):
        config = made.__struct_config__
        known = (*made.__struct_fields__, *([config.tag_field] if config.tag_field else []))
        for name, inner in said.items():
            place = f"{where}.{name}" if where else str(name)
            if name not in known:
                raise ConfigError(
                    where or "rule",
                    f"{where or 'rule'}: expected {', '.join(known)}, found {cut(str(name))!r}",
                    hint=_HINT,
                )
            _refuse_unknown(inner, getattr(made, name, None), place)
    elif isinstance(said, list) and isinstance(made, tuple):
        for number, (inner, part) in enumerate(zip(said, made, strict=True)):
            _refuse_unknown(inner, part, f"{where}[{number}]")
    elif isinstance(said, int) and abs(said) > _MOST:
        raise ConfigError(where, f"{where}: expected a number of at most 19 digits, found a longer one")


def _resolved(alerts: AlertsDesk, condition: Condition) -> Condition:
    """The condition with its instruments as the desk names them (rule 3)."""
    match condition:
        case AllOf() | AnyOf():
            return replace(condition, parts=tuple(_leaf(alerts, part) for part in condition.parts))
        case _:
            return _leaf(alerts, condition)


def _leaf(alerts: AlertsDesk, leaf: Leaf) -> Leaf:
    named: str | None = getattr(leaf, "instrument", None)
    if named is None:
        return leaf
    try:
        return replace(leaf, instrument=alerts.resolve(named))
    except UnknownInstrument:
        if not waits_for(leaf):
            raise
        return leaf
