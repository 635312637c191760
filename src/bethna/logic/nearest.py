"""What comes near a name that a venue does not list; it follows nothing and asks nobody.

Rules
  1. First what is the same but for its spelling: `BTCPERPETUAL`, `btc_usd`, `XBT-USD`.
  2. Then what differs in one half: of the same quote currency (or contract, such as PERPETUAL), then of the same base.
     Of a base that is listed under nothing alike its perpetual is named, or what else there is of it. If there is
     nothing of that, whatever is spelled alike.
  3. A listed symbol is said as people write it: in one word where the venue does so itself (`ETHUSDT`), else as ours
     (`BTC-USD`, `BTC-PERPETUAL`): what other venues call it (`XBTUSD`, `BTC_USDC`) would be another puzzle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from bethna.core.instrument import SPELLINGS, Instrument, InstrumentName

MOST = 3
_SEPARATOR = re.compile(r"[-_/.]")
_PERPETUAL = "PERPETUAL"


def nearest(name: InstrumentName, listed: Iterable[Instrument]) -> list[str]:
    """At most three listed symbols like a name, best first."""
    base, rest = _halves(name.symbol)
    joined = base + _SEPARATOR.sub("", rest)
    same_rest: dict[str, str] = {}
    same_base: dict[str, str] = {}
    every: dict[str, str] = {}
    for found in listed:
        its_base, its_rest = _halves(found.symbol)
        said = spoken(found)
        every[its_base + _SEPARATOR.sub("", its_rest)] = said
        if its_rest == rest:
            same_rest[its_base] = said
        if its_base == base:
            same_base[its_rest] = said
    near = [every[joined]] if joined in every else []
    near += [same_rest[each] for each in get_close_matches(base, same_rest, n=MOST, cutoff=0.5)]
    near += [same_base[each] for each in get_close_matches(rest, same_base, n=MOST, cutoff=0.5)]
    if not near and _PERPETUAL in same_base:
        near = [same_base[_PERPETUAL]]
    if not near:
        near = [same_base[each] for each in get_close_matches(rest, same_base, n=MOST, cutoff=0.0)]
    if not near:
        near = [every[each] for each in get_close_matches(joined, every, n=MOST)]
    return list(dict.fromkeys(near))[:MOST]


def spoken(instrument: Instrument) -> str:
    """Rule 3."""
    symbol = instrument.symbol
    return instrument.venue_symbol if instrument.venue_symbol == symbol.replace("-", "") else symbol


def spoken_at(name: InstrumentName, listed: Iterable[Instrument]) -> str:
    """A name as the venue of these would say it (rule 3)."""
    one = next(iter(listed), None)
    in_one_word = one is not None and spoken(one) != one.symbol
    return name.symbol.replace("-", "") if in_one_word else name.symbol


def _halves(symbol: str) -> tuple[str, str]:
    """`BTC` and `PERPETUAL`, `XRP` and `USDC-PERPETUAL`; bitcoin is BTC whatever it was called."""
    found = _SEPARATOR.search(symbol)
    base, rest = (symbol, "") if found is None else (symbol[: found.start()], symbol[found.end() :])
    return SPELLINGS.get(base, base), SPELLINGS.get(rest, rest)
