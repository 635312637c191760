"""The first tables: segments, bars, revisions. It moves no data: there was none before."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer, Text

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "segments",
        Column("instrument", Text, primary_key=True),
        Column("interval", Text, primary_key=True),
        Column("start", BigInteger, primary_key=True),
        Column("end", BigInteger, nullable=False),
        Column("file", Text, nullable=False),
        Column("rows", Integer, nullable=False),
        Column("bytes", BigInteger, nullable=False),
    )
    op.create_table(
        "bars",
        Column("instrument", Text, primary_key=True),
        Column("interval", Text, primary_key=True),
        Column("open_time", BigInteger, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("open", Float(53)),
        Column("high", Float(53)),
        Column("low", Float(53)),
        Column("close", Float(53)),
        Column("volume", Float(53)),
        Column("trades", BigInteger),
        Column("source", Text, nullable=False),
        Column("provenance", Text, nullable=False),
        Column("coverage", Text, nullable=False),
        Column("certificate", Text),
        Column("revision", Integer, nullable=False),
    )
    op.create_table(
        "revisions",
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("told", BigInteger, nullable=False),
        Column("instrument", Text, nullable=False),
        Column("interval", Text, nullable=False),
        Column("open_time", BigInteger, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("before", Text, nullable=False),
        Column("after", Text, nullable=False),
    )


def downgrade() -> None:
    """Take them away."""
    for name in ("revisions", "bars", "segments"):
        op.drop_table(name)
