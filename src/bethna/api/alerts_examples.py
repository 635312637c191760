"""Example answers of the routes of alerts, for the description of the API; none of it is data."""

from __future__ import annotations

from bethna.api.alerts import typed
from bethna.api.alerts_protocol import (
    AlertRow,
    AlertsAnswer,
    ChannelRow,
    ChannelsAnswer,
    DeliveryRow,
    HistoryAnswer,
    LimitsCard,
    LineRow,
    NotificationRow,
    NotificationsAnswer,
    PreviewAnswer,
    PushKeyAnswer,
    ReceiptAnswer,
    RehearsalAnswer,
    RemovedAnswer,
    StepRow,
    WhyAnswer,
    WhyTrade,
)
from bethna.core.alert_views import DeliveryState, LevelRole
from bethna.core.alerts import AlertRule, LeafState, Outcome, Phase, PriceCrosses, Repeat, Severity, Way
from bethna.core.coverage import State
from bethna.core.market import InstrumentId

VENUE = "binance"  # house: venue-name - an example shows what a reader will see
INSTRUMENT = InstrumentId(f"BTC-USDT@{VENUE}")
NAME, CHANNEL = "a1", "telegram"
AT = 1_723_161_255_343_000  # us UTC
LATER = AT + 2_100_000

RULE = AlertRule(
    PriceCrosses(INSTRUMENT, Way.UP, 65_000.0, 64_800.0),
    Repeat.EVERY,
    cooldown_ns=600 * 10**9,
    channels=(CHANNEL,),
)
SENTENCE = f"{INSTRUMENT} crosses above 65,000, again below 64,800, every time, cooldown 10m, via {CHANNEL}"
LINES = [
    LineRow(INSTRUMENT, LevelRole.LEVEL, 65_000.0, 0),
    LineRow(INSTRUMENT, LevelRole.REARM, 64_800.0, 0),
]
ALERT = AlertRow(
    NAME, 1, SENTENCE, typed(RULE), Phase.ACTIVE, True, False, (LeafState.YES,), (), 1, AT, AT - 60_000_000,
    Severity.INFO, "", (CHANNEL,), (INSTRUMENT,), LINES, 2, AT, None,
)  # fmt: skip
LIMITS = LimitsCard(50, 1, 100, 0, 200, 5.0)
ALERTS = AlertsAnswer([ALERT], LIMITS)
PREVIEW = PreviewAnswer(SENTENCE, typed(RULE), (), LINES, (LeafState.NO,), INSTRUMENT, 64_912.5)
NOTIFICATION = NotificationRow(
    f"7c1e.{NAME}.1", NAME, 1, "BTC-USDT crossed above 65,000", f"65,001.2 at {VENUE}", SENTENCE, Severity.INFO, "",
    INSTRUMENT, AT, AT + 1_450, 65_001.2, "3714511842", State.COMPLETE, False, False, False,
    [DeliveryRow(CHANNEL, DeliveryState.SENT, 1, None, AT + 412_000, "", 1, "")], 2, None,
)  # fmt: skip
NOTIFICATIONS = NotificationsAnswer([NOTIFICATION], 1)
HISTORY = HistoryAnswer([NOTIFICATION])
WHY = WhyAnswer(
    NAME, ALERT, SENTENCE, AT, "fired at 65,001.2",
    [
        StepRow(
            2, Outcome.FIRED, AT, AT + 120, "3714511842", 65_001.2, State.COMPLETE, False, False, 0, (LeafState.NO,),
            (LeafState.YES,), Phase.ACTIVE, AT, "fired at 65,001.2",
        )
    ],
    [
        StepRow(
            3, Outcome.OVER, LATER, LATER + 120, "3714511901", 64_799.0, State.COMPLETE, False, False, 0,
            (LeafState.YES,), (LeafState.NO,), Phase.ACTIVE, None, "holds no longer, at 64,799",
        )
    ],
    [WhyTrade("3714511842", 65_001.2, 0.0021, "buy", AT, AT + 120)], "", [NOTIFICATION],
)  # fmt: skip
REHEARSAL = RehearsalAnswer(
    "trades", SENTENCE, AT - 86_400_000_000, AT, 1_204_117, [], [AT - 3_600_000_000, AT - 1_000_000], {"cooling": 3},
    2, 2.0, 1.0, False, 7200.0, 64_210.0, [(AT - 86_400_000_000, 64_100.0), (AT, 65_001.2)],
    AT - 86_400_000_000,
)  # fmt: skip
CHANNELS = ChannelsAnswer(
    [ChannelRow(CHANNEL, "telegram", "a chat of the settings", True, "", False, "", 0, 1, 0)]
)
REMOVED = RemovedAnswer(["a1", "a2"])
RECEIPT = ReceiptAnswer(True, "accepted")
PUSH_KEY = PushKeyAnswer("BPrM0cQ2cQm0EXAMPLE")

SAID = f"{INSTRUMENT} crosses above 65,000, again below 64,800, every time, cooldown 10m"
BODIES = {
    "add": {"sentences": [SAID], "rules": [], "via": []},
    "one": {"sentence": SAID},
    "edit": {"sentence": SAID, "version": 1},
    "rehearse": {"sentence": SAID, "over": "trades", "per_day": 2.0},
    "keys": {"keys": [NOTIFICATION.key], "read": True},
    "names": {"names": ["a1", "a2"]},
    "push": {
        "endpoint": "https://push.example.com/1", "keys": {"p256dh": "BPrM0cQ2cQm0", "auth": "x1"}, "label": "phone",
    },
}  # fmt: skip
"""What may be sent, by the routes that take it."""
