"""One place that owns every market data socket of a venue: pooling, reconnecting, rotating, and saying how it is."""

from bethna.services.connections.pool import ConnectionPool
from bethna.services.connections.sink import FrameSink
from bethna.services.connections.told import Explained

__all__ = ["ConnectionPool", "Explained", "FrameSink"]
