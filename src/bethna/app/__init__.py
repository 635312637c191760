"""The wiring: the only floor that constructs services and connects them; it computes nothing itself.

Names are looked up when they are first used, so that a program without doors does not load what serves them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bethna.app.desk import Desk
    from bethna.app.markets import Market
    from bethna.app.serving import serve
    from bethna.app.sources import chosen_market

__all__ = ["Desk", "Market", "chosen_market", "serve"]

_ROOMS = {"Desk": "desk", "Market": "markets", "serve": "serving", "chosen_market": "sources"}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = found
    return found
