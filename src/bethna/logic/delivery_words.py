"""The words of a message to a channel, of one alert, of several, of a test; it knows no channel's form, and sends none.

Rules
  1. The same alerts give the same message, whenever it is made: a repeat is told by its key (`message_key`).
  2. Several say how many, the first, the last, and how many of each rule, the most frequent first.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from bethna.core.alert_views import Alert, Message
from bethna.core.alerts import Severity
from bethna.core.clock import iso_utc

MOST_RULES = 10
_GRAVE = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


def compose(alerts: Sequence[Alert], prefix: str) -> Message:
    """One message of all of these, at least one, in their order."""
    first, last, count = alerts[0], alerts[-1], len(alerts)
    alone = count == 1
    return Message(
        key=first.key,
        title=first.title if alone else f"{count} alerts, {_time(first)} to {_time(last)}",
        text=first.text if alone else _several(alerts),
        severity=max((each.severity for each in alerts), key=_GRAVE.index),
        prefix=prefix,
        fired=first.fired,
        told=first.told,
        late=any(each.late for each in alerts),
        count=count,
        keys=tuple(each.key for each in alerts),
        alerts=tuple(alerts),
    )


def message_key(message: Message) -> str:
    """The same for every attempt of a message and for no other one."""
    if message.count == 1:
        return message.key
    return f"{message.key}+{message.count}.{sha256(chr(10).join(message.keys).encode()).hexdigest()[:16]}"


def trial_message(channel: str, number: int, prefix: str, now: int) -> Message:
    """One that says that it is a test."""
    key = f"test.{channel}.{number}"
    return Message(
        key=key,
        title=f"Test of the channel {channel}",
        text="This is a test: no alert has fired. What fires comes here, too.",
        severity=Severity.INFO,
        prefix=prefix,
        fired=now,
        told=now,
        late=False,
        keys=(key,),
    )


def _several(alerts: Sequence[Alert]) -> str:
    """Rule 2."""
    counts: dict[str, int] = {}
    for each in alerts:
        counts[each.rule] = counts.get(each.rule, 0) + 1
    said = {each.rule: each.sentence for each in alerts}
    ranked = sorted(counts, key=lambda rule: -counts[rule])
    lines = [f"{counts[rule]} x {said[rule]} ({rule})" for rule in ranked[:MOST_RULES]]
    if rest := ranked[MOST_RULES:]:
        lines.append(f"{sum(counts[rule] for rule in rest)} x {len(rest)} other rules")
    first, last = alerts[0], alerts[-1]
    return "\n".join((f"First: {first.title}", f"Last: {last.title}", *lines))


def _time(alert: Alert) -> str:
    """To the second."""
    return iso_utc(alert.fired).partition(".")[0] + " UTC"
