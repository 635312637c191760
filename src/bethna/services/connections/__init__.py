"""One place that owns every market data socket of a venue: pooling, reconnecting, rotating, and saying how it is."""

from bethna.services.connections.pool import ConnectionPool
from bethna.services.connections.sink import FrameSink

__all__ = ["ConnectionPool", "FrameSink"]
