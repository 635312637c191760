"""What a plan of faults may say of Coinbase Exchange; it reads none."""

from __future__ import annotations

from bethna.twins.faults.words import Words

SOCKET = "/"
"""Where streams are, as on the venue's own host."""
CHANNELS = ("level2_batch", "ticker", "matches", "heartbeat", "ticker_batch", "status")
"""Those that are public."""
_OF_A_PRODUCT = ("", "/book", "/trades", "/candles", "/ticker", "/stats")
ENDPOINTS = (
    SOCKET,
    "/time",
    "/currencies",
    "/products",
    *(f"/products/ID{name}" for name in _OF_A_PRODUCT),
)
SYMBOL_FORM = r"[A-Z0-9]{1,20}-[A-Z]{2,6}"

WORDS = Words(
    "coinbase",
    CHANNELS,
    ENDPOINTS,
    symbol_form=SYMBOL_FORM,
    without=("dropped_sequence",),  # this wire does not count the frames of a connection
)
