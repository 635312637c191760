"""The routes of alerts: each hands a wish to the desk and its answer back; they arm, judge and send nothing themselves.

A desk that keeps no alerts answers each of them by 409.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, get, post, put, route
from litestar.params import Body, FromPath, PathParameter, QueryParameter

from bethna.api import alerts_examples as examples
from bethna.api.alerts import (
    alert_row,
    alerts_answer,
    channels_answer,
    history_answer,
    notifications_answer,
    preview_answer,
    rehearsal_answer,
    why_answer,
)
from bethna.api.alerts_protocol import (
    AlertRow,
    AlertsAnswer,
    AlertsWish,
    AlertWish,
    ChannelsAnswer,
    HistoryAnswer,
    KeysWish,
    NamesWish,
    NotificationsAnswer,
    PreviewAnswer,
    PushKeyAnswer,
    PushWish,
    ReceiptAnswer,
    RehearsalAnswer,
    RehearsalWish,
    RemovedAnswer,
    WhyAnswer,
)
from bethna.api.alerts_source import OFF_HINT, alerts_of
from bethna.api.alerts_wishes import (
    MAX_INSTANT,
    rule_of,
    rules_of,
    said_whole,
    span_of,
    subscription_of,
    version_of,
)
from bethna.api.bodies import MAX_JSON_BYTES, NOT_JSON, TOO_LARGE, json_body, small_bodies
from bethna.api.describing import BAD, Desk, Spec, error_spec, ok
from bethna.api.examples import word
from bethna.core.clock import NS_PER_US
from bethna.core.errors import ConfigError

MOST_ALERTS = 1000
MOST_STEPS = 1000
MAX_NAME = 100
ALERTS, NAMED = "/api/v1/alerts", "/api/v1/alerts/{name:str}"
NOTIFICATIONS, CHANNELS, PUSH = "/api/v1/notifications", "/api/v1/channels", "/api/v1/push"

AlertName = Annotated[
    str, PathParameter(max_length=MAX_NAME, examples=word(examples.NAME), description="The name of a rule.")
]
ChannelName = Annotated[str, PathParameter(max_length=MAX_NAME, examples=word(examples.CHANNEL))]
Rules = Annotated[AlertsWish, Body(examples=word(examples.BODIES["add"]))]
One = Annotated[AlertWish, Body(examples=word(examples.BODIES["one"]))]
Edit = Annotated[AlertWish, Body(examples=word(examples.BODIES["edit"]))]
Rehearse = Annotated[RehearsalWish, Body(examples=word(examples.BODIES["rehearse"]))]
Keys = Annotated[KeysWish, Body(examples=word(examples.BODIES["keys"]))]
Names = Annotated[NamesWish, Body(examples=word(examples.BODIES["names"]))]
Push = Annotated[PushWish, Body(examples=word(examples.BODIES["push"]))]
Limit = Annotated[int, QueryParameter(ge=1, le=MOST_ALERTS)]

OFF: Spec = {
    409: error_spec("This desk keeps no alerts.", "feature_off", "this desk keeps no alerts", OFF_HINT)
}
REFUSED: Spec = {
    409: error_spec(
        "As many are armed as may be, somebody else has edited it, or this desk keeps no alerts.",
        "limit_reached",
        "expected at most 50 armed rules of prices, found 51",
        "remove some, or set alert_price_rules higher",
    )
}
UNKNOWN: Spec = {
    404: error_spec(
        "No rule of that name is armed, or the desk does not follow the instrument.",
        "unknown_alert",
        "expected the name of an armed rule, found 'a7'",
        "`bethna alerts list` has them",
    )
}
NO_CHANNEL: Spec = {
    404: error_spec(
        "There is no such channel.",
        "unknown_channel",
        "expected the name of a channel, found 'fax'",
        "there are: push, telegram; set more with BETHNA_ALERT_CHANNELS",
    )
}
UNUSABLE: Spec = {
    503: error_spec(
        "The journal of alerts cannot be used.",
        "store_unusable",
        "expected a journal that can be written, found: disk full",
        "make room",
    )
}
WISHED: Spec = {**BAD, **TOO_LARGE, **NOT_JSON, **UNUSABLE}


@get(ALERTS, responses={**ok(examples.ALERTS, "In the order of their arming."), **OFF})
async def alerts(desk: Desk) -> AlertsAnswer:
    """The armed rules, paused ones and those that are over included, and how many there may be."""
    return alerts_answer(alerts_of(desk))


@post(
    ALERTS,
    before_request=json_body(AlertsWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses={
        **ok(examples.ALERTS, "What was armed: sentences first.", 201),
        **UNKNOWN,
        **REFUSED,
        **WISHED,
    },
)
async def add(desk: Desk, data: Rules) -> AlertsAnswer:
    """Arm all of these rules, or none; an error says which one it is of."""
    armed = alerts_of(desk)
    with said_whole():
        views = await armed.add(rules_of(armed, data))
    return alerts_answer(armed, views)


@post(
    f"{ALERTS}/preview",
    status_code=200,
    before_request=json_body(AlertWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses={**ok(examples.PREVIEW, "What would be armed."), **UNKNOWN, **OFF, **WISHED},
)
async def preview(desk: Desk, data: One) -> PreviewAnswer:
    """How a rule would be, without arming it."""
    armed = alerts_of(desk)
    with said_whole():
        return preview_answer(armed.preview(rule_of(armed, data.sentence, data.rule)))


@post(
    f"{ALERTS}/rehearse",
    status_code=200,
    before_request=json_body(RehearsalWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses={
        **ok(examples.REHEARSAL, "What it would have told."),
        **UNKNOWN,
        **WISHED,
        409: error_spec(
            "Nothing of its past is known, or this desk keeps no alerts.",
            "no_data_yet",
            "trades of BTC-USDT: nothing has been seen yet",
            "wait until there is something",
        ),
    },
)
async def rehearse(desk: Desk, data: Rehearse) -> RehearsalAnswer:
    """What a rule would have told over what is known of the past; it may have to ask a venue, and takes its time."""
    armed = alerts_of(desk)
    with said_whole():
        rule = rule_of(armed, data.sentence, data.rule)
        span_ns = span_of(data)
        found = await armed.rehearse(rule, over=data.over, span_ns=span_ns, per_day=data.per_day)
    return rehearsal_answer(found)


@get(f"{ALERTS}/history", responses={**ok(examples.HISTORY, "Newest last."), **BAD, **OFF, **UNUSABLE})
async def history(
    desk: Desk,
    limit: Limit = 200,
    alert: Annotated[str | None, QueryParameter(max_length=MAX_NAME, examples=word(examples.NAME))] = None,
) -> HistoryAnswer:
    """The newest alerts, of all rules or of one, those that were cleared included."""
    return history_answer(await alerts_of(desk).alerts(limit=limit, rule=alert))


@get(NAMED, responses={**ok(examples.ALERT, "As it is now."), **BAD, **UNKNOWN, **OFF})
async def alert(desk: Desk, name: AlertName) -> AlertRow:
    """One armed rule."""
    return alert_row(alerts_of(desk).rule(name))


@put(
    NAMED,
    before_request=json_body(AlertWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses={**ok(examples.ALERT, "As it is now, armed anew."), **UNKNOWN, **REFUSED, **WISHED},
)
async def edit(desk: Desk, name: AlertName, data: Edit) -> AlertRow:
    """Put another rule in its place. `version` is the one that was read: if it is another by now, nothing changes."""
    armed = alerts_of(desk)
    with said_whole():
        version = version_of(data.version)
        rule = rule_of(armed, data.sentence, data.rule)
        return alert_row(await armed.edit(name, rule, version))


@delete(
    NAMED,
    status_code=200,
    before_request=small_bodies,
    responses={
        **ok(examples.ALERTS, "Those that are left."),
        **BAD,
        **UNKNOWN,
        **OFF,
        **TOO_LARGE,
        **UNUSABLE,
    },
)
async def remove(desk: Desk, name: AlertName) -> AlertsAnswer:
    """Arm it no longer; its journal stays, and `why` works on."""
    armed = alerts_of(desk)
    await armed.remove(name)
    return alerts_answer(armed)


@post(
    f"{ALERTS}/remove",
    status_code=200,
    before_request=json_body(NamesWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses={**ok(examples.REMOVED, "Those that were removed."), **BAD, **UNKNOWN, **OFF, **UNUSABLE},
)
async def remove_several(desk: Desk, data: Names) -> RemovedAnswer:
    """Arm all of these no longer, or none."""
    armed, names = alerts_of(desk), list(dict.fromkeys(data.names))
    with said_whole():
        if not names:
            raise ConfigError("names", "expected names of armed rules, found none")
        await armed.remove(*names)
    return RemovedAnswer(names)


_TURNED = {**ok(examples.ALERT, "As it is now."), **BAD, **UNKNOWN, **REFUSED, **TOO_LARGE, **UNUSABLE}


@post(f"{NAMED}/pause", status_code=200, before_request=small_bodies, responses=_TURNED)
async def pause(desk: Desk, name: AlertName) -> AlertRow:
    """Judge it no longer."""
    return alert_row(await alerts_of(desk).pause(name, paused=True))


@post(f"{NAMED}/resume", status_code=200, before_request=small_bodies, responses=_TURNED)
async def resume(desk: Desk, name: AlertName) -> AlertRow:
    """Judge it again: it is armed at the last price, as if it were new."""
    return alert_row(await alerts_of(desk).pause(name, paused=False))


@get(
    f"{NAMED}/why",
    responses={**ok(examples.WHY, "Why it did, or did not."), **BAD, **UNKNOWN, **OFF, **UNUSABLE},
)
async def why(
    desk: Desk,
    name: AlertName,
    at: Annotated[int | None, QueryParameter(gt=-1, le=MAX_INSTANT)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_STEPS)] = 50,
) -> WhyAnswer:
    """Why a rule fired, or did not, at an instant of the venue's time (now without one); of removed rules too."""
    when = None if at is None else at * NS_PER_US
    return why_answer(await alerts_of(desk).why(name, at=when, limit=limit))


@get(NOTIFICATIONS, responses={**ok(examples.NOTIFICATIONS, "Newest last."), **OFF})
async def notifications(desk: Desk) -> NotificationsAnswer:
    """The notification centre: the newest alerts that were not cleared."""
    return notifications_answer(alerts_of(desk).notifications())


_MARKED = {**ok(examples.NOTIFICATIONS, "The centre as it is now."), **OFF, **WISHED}


@post(
    f"{NOTIFICATIONS}/read",
    status_code=200,
    before_request=json_body(KeysWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses=_MARKED,
)
async def read(desk: Desk, data: Keys) -> NotificationsAnswer:
    """Mark alerts as read, or with `read` false as unread, for every page and device."""
    armed = alerts_of(desk)
    await armed.mark(data.keys, read=data.read)
    return notifications_answer(armed.notifications())


@post(
    f"{NOTIFICATIONS}/clear",
    status_code=200,
    before_request=json_body(KeysWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses=_MARKED,
)
async def clear(desk: Desk, data: Keys) -> NotificationsAnswer:
    """Take alerts out of the centre; the history keeps them."""
    armed = alerts_of(desk)
    await armed.clear(data.keys)
    return notifications_answer(armed.notifications())


@get(CHANNELS, responses={**ok(examples.CHANNELS, "In the order of the settings."), **OFF})
async def channels(desk: Desk) -> ChannelsAnswer:
    """Where alerts may go, and how it went."""
    return channels_answer(alerts_of(desk).channels())


@post(
    f"{CHANNELS}/{{name:str}}/test",
    status_code=200,
    before_request=small_bodies,
    responses={
        **ok(examples.RECEIPT, "What came of it."),
        **BAD,
        **NO_CHANNEL,
        **OFF,
        **TOO_LARGE,
    },
)
async def test_channel(desk: Desk, name: ChannelName) -> ReceiptAnswer:
    """Send a message that says it is a test, now, whatever the source."""
    receipt = await alerts_of(desk).test_channel(name)
    return ReceiptAnswer(receipt.ok, receipt.said)


@get(
    PUSH, responses={**ok(examples.PUSH_KEY, "For `PushManager.subscribe`."), **NO_CHANNEL, **OFF, **UNUSABLE}
)
async def push_key(desk: Desk) -> PushKeyAnswer:
    """The desk's application server key."""
    return PushKeyAnswer(alerts_of(desk).push_key())


_PUSHED = {**ok(examples.PUSH_KEY, "Done."), **NO_CHANNEL, **OFF, **WISHED}


@put(
    PUSH,
    before_request=json_body(PushWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses=_PUSHED,
)
async def push_add(desk: Desk, data: Push) -> PushKeyAnswer:
    """Push to this browser from now on; the same once more changes its label at most."""
    armed = alerts_of(desk)
    with said_whole():
        await armed.push_add(subscription_of(data))
    return PushKeyAnswer(armed.push_key())


@delete(
    PUSH,
    status_code=200,
    before_request=json_body(PushWish),
    request_max_body_size=MAX_JSON_BYTES,
    responses=_PUSHED,
)
async def push_remove(desk: Desk, data: Push) -> PushKeyAnswer:
    """Push there no longer; the endpoint alone is looked at."""
    armed = alerts_of(desk)
    await armed.push_remove(data.endpoint)
    return PushKeyAnswer(armed.push_key())


# Before the others: the library makes its own answer to OPTIONS with the first handler of a path, and forgets the rest.
@route(ALERTS, http_method="OPTIONS", include_in_schema=False, status_code=204)
async def alerts_options() -> Response[None]:
    """What this address takes."""
    return Response(None, headers={"allow": "GET, OPTIONS, POST"})


@route(NAMED, http_method="OPTIONS", include_in_schema=False, status_code=204)
async def alert_options(name: FromPath[str]) -> Response[None]:
    """What this address takes."""
    del name
    return Response(None, headers={"allow": "DELETE, GET, OPTIONS, PUT"})


@route(PUSH, http_method="OPTIONS", include_in_schema=False, status_code=204)
async def push_options() -> Response[None]:
    """What this address takes."""
    return Response(None, headers={"allow": "DELETE, GET, OPTIONS, PUT"})


ALERTS_ROUTES = (
    alerts_options, alert_options, push_options,
    alerts, add, preview, rehearse, history, alert, edit, remove, remove_several, pause, resume, why,
    notifications, read, clear, channels, test_channel, push_key, push_add, push_remove,
)  # fmt: skip
