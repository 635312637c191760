"""CoinGecko: an index of prices by requests, for history when the venues' own is missing; it has no streams."""

from bethna.venues.coingecko.access import Access, access
from bethna.venues.coingecko.bars import bars_of
from bethna.venues.coingecko.rest import CoinGecko
from bethna.venues.coingecko.spec import ATTRIBUTION, DESCRIPTION, NAME

__all__ = ["ATTRIBUTION", "DESCRIPTION", "NAME", "Access", "CoinGecko", "access", "bars_of"]
