"""What an HTTP status says of who asks instead of what was asked: the place, the access or the pace is refused.

It judges no answer about a market, waits for nobody and tries nothing again.

Rules
  1. 451: the venue does not serve the place. 403: it, or what stands before it, refuses the access: Binance's firewall
     after too many requests, the edge of Coinbase and of Kraken. Neither is a word about what was asked for: the next
     hour may bring it.
  2. Nor are 407 (a proxy on the way), 408, 425, and 429 and 418, which are about the pace.
  3. A redirect leads to somebody else's page, and a 5xx is a fault: not the venue's answer, either.
  4. Any other status is its answer about the request where the body is an error (some say so with 200): it will say the
     same again.
"""

from __future__ import annotations

from typing import Final

PLACE: Final = 451
ACCESS: Final = 403
REFUSES: Final = frozenset({ACCESS, PLACE})
_NOT_NOW: Final = REFUSES | {407, 408, 418, 425, 429}


def refuses_us(status: int | None) -> bool:
    """Rule 1."""
    return status in REFUSES


def about_request(status: int) -> bool:
    """Of a body that is an error of the venue: rule 4."""
    return status < 500 and not 300 <= status < 400 and status not in _NOT_NOW


def refusal_words(venue: str, status: int) -> str:
    """What happened, for a person; `status` is one that refuses us."""
    if status == PLACE:
        return f"{venue} does not serve your place (HTTP {status})"
    return f"{venue} refused access (HTTP {status})"


def why_denied(venue: str, status: int | None, otherwise: str) -> str:
    """Why a connection was denied: `otherwise`, unless the status says that the venue does not let us in."""
    return refusal_words(venue, status) if status is not None and refuses_us(status) else otherwise


def next_step(venue: str, status: int, *, another: bool) -> str:
    """What to do about it.

    Args:
        another: the venue has another host, which is tried without anybody's doing.
    """
    tried = f"another host of {venue} is tried by itself; where none is left: " if another else ""
    if status == PLACE:
        return f"{tried}use a proxy in a served place (setting `proxy`), or name hosts of your own (setting `hosts`)"
    wait = "it is asked again by itself, ever more seldom; where that does not help: "
    return f"{tried or wait}come by a proxy (setting `proxy`), or name hosts of your own (setting `hosts`)"
