"""The wiring: the only floor that constructs services and connects them; it computes nothing itself."""

from bethna.app.desk import RealTimeTrading
from bethna.app.serving import serve
from bethna.app.sources import Market, SimulatedMarket, chosen_market

__all__ = ["Market", "RealTimeTrading", "SimulatedMarket", "chosen_market", "serve"]
