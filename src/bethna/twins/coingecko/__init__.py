"""A simulated CoinGecko: prices of an index by requests, with a year of history behind it; it has no streams."""

from bethna.twins.coingecko.limits import Rules
from bethna.twins.coingecko.listings import listings
from bethna.twins.coingecko.venue import CoinGeckoTwin, build
from bethna.twins.coingecko.words import WORDS

__all__ = ["WORDS", "CoinGeckoTwin", "Rules", "build", "listings"]
