"""What the database of candles holds; its tables come to be in `migrations`, this is what they are by now.

It opens no database, and nothing in it is SQLite's own, so that another one is another URL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, Text

METADATA = MetaData()

SEGMENTS = Table(
    "segments",
    METADATA,
    Column("instrument", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, comment="of the part of the calendar, ns UTC"),
    Column("end", BigInteger, nullable=False, comment="exclusive"),
    Column("file", Text, nullable=False, comment="below the store's folder"),
    Column("rows", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
"""The list of segments: one file a part."""

BARS = Table(
    "bars",
    METADATA,
    Column("instrument", Text, primary_key=True),
    Column("interval", Text, primary_key=True),
    Column("open_time", BigInteger, primary_key=True, comment="ns UTC"),
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
"""The tail: bars that are not in a segment yet, or no longer as it has them; they come before it."""

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("told", BigInteger, nullable=False, comment="ns UTC by the desk's clock"),
    Column("instrument", Text, nullable=False),
    Column("interval", Text, nullable=False),
    Column("open_time", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("before", Text, nullable=False, comment="kind, four prices, volume, trades, source; JSON"),
    Column("after", Text, nullable=False),
)
"""The journal: each bar whose figures gave way to others."""
