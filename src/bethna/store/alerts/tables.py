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
)

CURSORS = Table(
    "cursors",
    METADATA,
    Column("instrument", Text, primary_key=True),
    Column("trade_id", BigInteger, nullable=False, comment="the newest trade that was judged"),
    Column("ts_event", BigInteger, nullable=False),
)
"""How far each instrument's trades have been judged: with the states of the rules it says all."""
