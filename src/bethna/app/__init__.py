"""The wiring: the only floor that constructs services and connects them; it computes nothing itself."""

from bethna.app.desk import RealTimeTrading
from bethna.app.serving import serve

__all__ = ["RealTimeTrading", "serve"]
