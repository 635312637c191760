"""The wiring: the only floor that constructs services and connects them; it computes nothing itself."""

from bethna.app.desk import Desk
from bethna.app.markets import Market
from bethna.app.serving import serve
from bethna.app.sources import chosen_market

__all__ = ["Desk", "Market", "chosen_market", "serve"]
