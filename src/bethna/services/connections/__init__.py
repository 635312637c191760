"""One place that owns every market data socket of a venue: pooling, reconnecting, rotating, and saying how it is."""

from bethna.services.connections.link import FrameSink
from bethna.services.connections.pool import ConnectionPool

__all__ = ["ConnectionPool", "FrameSink"]
