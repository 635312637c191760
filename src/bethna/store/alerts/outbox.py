"""The outbox on disk: what is to be told by which channel, how far that has come, and which browsers are pushed to.

Every function is one transaction's work over `Journal.work`; it sends nothing and decides nothing (`logic/delivery`).

Rules
  1. What is about to be sent is marked as begun first, all of a message alike; of a channel one message at a time is
     begun. So a desk that was killed finds the message again as it was.
  2. What is held is not begun.
  3. A channel tells of an alert once, for its own sake or instead of another: a fallback adds nothing to its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.sql.dml import Update

from bethna.core.alert_views import Delivery, DeliveryState, PushSubscription
from bethna.core.alerts import AlertRule
from bethna.logic.delivery import MOST_TOGETHER, Parcel
from bethna.store.alerts.tables import DELIVERIES, FIRINGS, PUSHES, RULES

_rule = msgspec.json.Decoder(AlertRule)
_OPEN = (str(DeliveryState.WAITING), str(DeliveryState.HELD))


class Outgoing(Struct, frozen=True):
    """What a channel has before it, as `logic.delivery.Pace.next` takes it."""

    waiting: tuple[Parcel, ...]
    held_until: int | None


def outgoing(connection: Connection, channel: str, now: int, limit: int = MOST_TOGETHER + 1) -> Outgoing:
    """What of a channel is not done. `now`: ns UTC by the desk's clock."""
    line, fired = DELIVERIES.c, FIRINGS.c
    is_due = or_(line.state == str(DeliveryState.WAITING), line.next_try <= now)
    asked = (
        select(DELIVERIES, fired.told, func.coalesce(fired.rule_was, RULES.c.rule).label("typed"))
        .join(FIRINGS, (fired.rule == line.rule) & (fired.firing == line.firing))
        .join(RULES, RULES.c.name == line.rule)
        .where(line.channel == channel, line.state.in_(_OPEN), is_due)
        .order_by(line.attempts == 0, fired.told, fired.fired, line.rule, line.firing)
        .limit(limit)
    )
    held = select(func.min(line.next_try)).where(
        line.channel == channel, line.state == str(DeliveryState.HELD), line.next_try > now
    )
    parcels = tuple(_parcel(row) for row in connection.execute(asked))
    return Outgoing(parcels, connection.execute(held).scalar())


def _parcel(row: Row[Any]) -> Parcel:
    rule = _rule.decode(row.typed)
    return Parcel(
        row.rule,
        row.firing,
        row.channel,
        row.told,
        DeliveryState(row.state),
        row.attempts,
        row.next_try,
        rule.severity,
        rule.quiet,
        row.instead_of,
    )


def waiting_channels(connection: Connection) -> set[str]:
    """The channels that have something before them."""
    asked = select(DELIVERIES.c.channel).where(DELIVERIES.c.state.in_(_OPEN)).distinct()
    return set(connection.execute(asked).scalars())


# --- what comes of a message


def begin(connection: Connection, parcels: Sequence[Parcel]) -> None:
    """These are about to be sent as one message (rule 1)."""
    change = _of_parcel().values(
        state=str(DeliveryState.WAITING), attempts=bindparam("n"), together=len(parcels)
    )
    _each(connection, change, parcels, [{"n": each.attempts + 1} for each in parcels])


def sent(connection: Connection, parcels: Sequence[Parcel], at: int) -> None:
    """The channel has taken them. `at`: ns UTC by the desk's clock."""
    _each(
        connection,
        _of_parcel().values(state=str(DeliveryState.SENT), done=at, next_try=None, error=""),
        parcels,
    )


def again(connection: Connection, parcels: Sequence[Parcel], next_try: int, error: str) -> None:
    """It has not, and is tried again."""
    _each(connection, _of_parcel().values(next_try=next_try, error=error), parcels)


def hold(connection: Connection, parcels: Sequence[tuple[Parcel, int]]) -> None:
    """Quiet hours, until then (rule 2)."""
    change = _of_parcel().values(
        state=str(DeliveryState.HELD), attempts=0, together=1, next_try=bindparam("until")
    )
    _each(connection, change, [each for each, _ in parcels], [{"until": until} for _, until in parcels])


def dead(
    connection: Connection,
    parcels: Sequence[Parcel],
    at: int,
    error: str,
    instead: Mapping[tuple[str, int], str],
) -> None:
    """They are tried no more.

    Args:
        instead: the channel that tells an alert now, by its key (rule 3).
    """
    change = _of_parcel().values(state=str(DeliveryState.DEAD), done=at, next_try=None, error=error)
    _each(connection, change, parcels)
    fallen = {(*each.key, instead[each.key]): each for each in parcels if each.key in instead}
    for (rule, firing, channel), parcel in fallen.items():
        named = {"rule": rule, "firing": firing, "channel": channel}
        line = DELIVERIES.c
        there = select(line.rule).where(line.rule == rule, line.firing == firing, line.channel == channel)
        if connection.execute(there).first() is None:
            connection.execute(
                insert(DELIVERIES).values(
                    **named, state=str(DeliveryState.WAITING), attempts=0, error="", together=1,
                    instead_of=parcel.channel,
                )
            )  # fmt: skip


def _of_parcel() -> Update:
    line = DELIVERIES.c
    return update(DELIVERIES).where(
        line.rule == bindparam("of_rule"),
        line.firing == bindparam("of_firing"),
        line.channel == bindparam("of_channel"),
    )


def _each(
    connection: Connection,
    change: Update,
    parcels: Sequence[Parcel],
    values: Iterable[Mapping[str, int]] | None = None,
) -> None:
    of = [{"of_rule": each.rule, "of_firing": each.firing, "of_channel": each.channel} for each in parcels]
    if of:
        more = values if values is not None else [{} for _ in of]
        connection.execute(change, [{**one, **other} for one, other in zip(of, more, strict=True)])


# --- reading


def counts(connection: Connection, *, to_come: bool = False) -> dict[str, dict[DeliveryState, int]]:
    """How many deliveries of each channel are in which state. `to_come`: of those alone that are not done, quickly."""
    line = DELIVERIES.c
    asked = select(line.channel, line.state, func.count().label("many")).group_by(line.channel, line.state)
    if to_come:
        asked = asked.where(line.state.in_(_OPEN))
    found: dict[str, dict[DeliveryState, int]] = {}
    for row in connection.execute(asked):
        found.setdefault(row.channel, {})[DeliveryState(row.state)] = row.many
    return found


def of_alerts(
    connection: Connection, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], tuple[Delivery, ...]]:
    """The deliveries of alerts, by (rule, firing), in the order of their channels; alerts without one are not there."""
    line = DELIVERIES.c
    asked = select(DELIVERIES).where(tuple_(line.rule, line.firing).in_(keys)).order_by(line.channel)
    found: dict[tuple[str, int], tuple[Delivery, ...]] = {}
    for row in connection.execute(asked):
        key = (row.rule, row.firing)
        found[key] = (*found.get(key, ()), _delivery(row))
    return found


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        row.rule,
        row.firing,
        row.channel,
        DeliveryState(row.state),
        row.attempts,
        row.next_try,
        row.done,
        row.error,
        row.together,
        row.instead_of,
    )


# --- browsers


def push_add(connection: Connection, subscription: PushSubscription, at: int) -> None:
    """Push to this browser; one that is there has its keys and label from now on. `at`: ns UTC by the desk's clock."""
    values = {"p256dh": subscription.p256dh, "auth": subscription.auth, "label": subscription.label}
    known = update(PUSHES).where(PUSHES.c.endpoint == subscription.endpoint).values(**values)
    if not connection.execute(known).rowcount:
        connection.execute(insert(PUSHES).values(endpoint=subscription.endpoint, added=at, **values))


def push_list(connection: Connection) -> tuple[PushSubscription, ...]:
    """The browsers, in the order of their coming."""
    asked = select(PUSHES).order_by(PUSHES.c.added, PUSHES.c.endpoint)
    return tuple(
        PushSubscription(row.endpoint, row.p256dh, row.auth, row.label) for row in connection.execute(asked)
    )


def push_remove(connection: Connection, endpoint: str) -> bool:
    """Whether it was there."""
    return connection.execute(delete(PUSHES).where(PUSHES.c.endpoint == endpoint)).rowcount > 0


def push_used(connection: Connection, endpoints: Sequence[str], at: int) -> None:
    """These have taken a message."""
    connection.execute(update(PUSHES).where(PUSHES.c.endpoint.in_(endpoints)).values(used=at))
