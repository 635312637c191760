"""What the database of alerts holds; its tables come to be in `migrations`, this is what they are by now.

It opens no database, and nothing in it is SQLite's own, so that another one is another URL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

METADATA = MetaData()

RULES = Table(
    "rules",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False, comment="how often it was edited"),
    Column("rule", Text, nullable=False, comment="core.alerts.AlertRule; JSON"),
    Column("state", Text, nullable=False, comment="core.alerts.RuleState; JSON"),
    Column("armed", BigInteger, nullable=False, comment="ns UTC by the desk's clock"),
    Column("removed", BigInteger, comment="likewise; its journal stays"),
)

STEPS = Table(
    "steps",
    METADATA,
    Column("rule", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("ts_event", BigInteger, nullable=False, comment="ns UTC by the venue's clock"),
    Column("step", Text, nullable=False, comment="core.alerts.Step; JSON"),
)
"""The journal: each line of it is an answer to why."""

FIRINGS = Table(
    "firings",
    METADATA,
    Column("rule", Text, primary_key=True),
    Column(
        "firing",
        Integer,
        primary_key=True,
        comment="counts from 1; with the rule it is the key of idempotency",
    ),
    Column("number", Integer, nullable=False, comment="of the line of the journal"),
    Column("fired", BigInteger, nullable=False, comment="ns UTC by the venue's clock"),
    Column("told", BigInteger, nullable=False, comment="ns UTC by the desk's clock"),
    Column("late", Integer, nullable=False),
    Column("read", BigInteger, comment="ns UTC by the desk's clock, when somebody has read it"),
    Column("cleared", BigInteger, comment="likewise: out of the notification centre"),
    Column("rule_was", Text, comment="core.alerts.AlertRule as it was then; JSON"),
)

CURSORS = Table(
    "cursors",
    METADATA,
    Column("instrument", Text, primary_key=True),
    Column("trade_id", BigInteger, nullable=False, comment="the newest trade that was judged"),
    Column("ts_event", BigInteger, nullable=False),
    Column("gaps", Text, comment="core.alerts.OpenGap, several; JSON"),
)
"""How far each instrument's trades have been judged: with the states of the rules it says all."""

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("rule", Text, primary_key=True),
    Column("firing", Integer, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("state", Text, nullable=False, comment="core.alert_views.DeliveryState"),
    Column("attempts", Integer, nullable=False),
    Column("next_try", BigInteger, comment="ns UTC by the desk's clock"),
    Column("done", BigInteger, comment="likewise"),
    Column("error", Text, nullable=False),
    Column("together", Integer, nullable=False, comment="how many alerts the message told of"),
    Column("instead_of", Text, nullable=False, comment="the channel that it stands in for"),
)
"""The outbox: a line is made with its firing, in one transaction."""

PUSHES = Table(
    "pushes",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("p256dh", Text, nullable=False),
    Column("auth", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("added", BigInteger, nullable=False, comment="ns UTC by the desk's clock"),
    Column("used", BigInteger, comment="likewise, when it last took a message"),
)
"""Browsers that want to be pushed to."""

FACTS = Table(
    "facts",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the journal knows of itself: its name, and whether it was closed in order."""
