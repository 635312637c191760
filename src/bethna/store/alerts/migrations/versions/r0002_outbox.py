"""Outbox, browsers that are pushed to, what is read, and what the journal knows of itself. It changes no line."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.add_column("firings", Column("read", BigInteger))
    op.add_column("firings", Column("cleared", BigInteger))
    op.add_column("firings", Column("rule_was", Text))
    op.create_table(
        "deliveries",
        Column("rule", Text, primary_key=True),
        Column("firing", Integer, primary_key=True),
        Column("channel", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("next_try", BigInteger),
        Column("done", BigInteger),
        Column("error", Text, nullable=False),
        Column("together", Integer, nullable=False),
        Column("instead_of", Text, nullable=False),
    )
    op.create_index("deliveries_by_state", "deliveries", ["state"])
    op.create_table(
        "pushes",
        Column("endpoint", Text, primary_key=True),
        Column("p256dh", Text, nullable=False),
        Column("auth", Text, nullable=False),
        Column("label", Text, nullable=False),
        Column("added", BigInteger, nullable=False),
        Column("used", BigInteger),
    )
    op.create_table(
        "facts",
        Column("name", Text, primary_key=True),
        Column("value", Text, nullable=False),
    )
