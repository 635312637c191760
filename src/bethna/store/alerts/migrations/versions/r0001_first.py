"""The first tables: rules, steps, firings, cursors. It moves no data: there was none before."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "rules",
        Column("name", Text, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("rule", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("armed", BigInteger, nullable=False),
        Column("removed", BigInteger),
    )
    op.create_table(
        "steps",
        Column("rule", Text, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("outcome", Text, nullable=False),
        Column("ts_event", BigInteger, nullable=False),
        Column("step", Text, nullable=False),
    )
    op.create_table(
        "firings",
        Column("rule", Text, primary_key=True),
        Column("firing", Integer, primary_key=True),
        Column("number", Integer, nullable=False),
        Column("fired", BigInteger, nullable=False),
        Column("told", BigInteger, nullable=False),
        Column("late", Integer, nullable=False),
    )
    op.create_table(
        "cursors",
        Column("instrument", Text, primary_key=True),
        Column("trade_id", BigInteger, nullable=False),
        Column("ts_event", BigInteger, nullable=False),
    )
