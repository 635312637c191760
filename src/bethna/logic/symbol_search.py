"""Finds listed instruments by what somebody types; it ranks and fetches nothing.

Rules
  1. Case and separators mean nothing: `eth/usdt`, `ETH-USDT` and `ethusdt` are one text.
  2. Best first: the symbol itself, then its base currency, then what begins with the text, then what holds it.
  3. Among equals: what trades now, then the quote currency with the most listings, then the alphabet.
  4. A renamed coin is found by its old name, and ranks as its new one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bethna.core.instrument import ALIASES, Instrument

MOST_CHARS = 40
_NO_SYMBOL = re.compile(r"[\W_]+")


def search(text: str, listed: Iterable[Instrument]) -> Sequence[Instrument]:
    """The instruments that the text may mean, best first; none for a text without a letter or digit."""
    wanted = _joined(text[:MOST_CHARS])
    if not wanted:
        return ()
    texts = {wanted}
    for old, alias in ALIASES.items():  # rule 4
        if wanted.startswith(old):
            texts.add(alias.new + wanted.removeprefix(old))
        elif old.startswith(wanted):
            texts.add(alias.new)
    every = list(listed)
    quotes = Counter(instrument.quote for instrument in every)
    ranked = []
    for instrument in every:
        rank = min(_rank(each, instrument) for each in texts)
        if rank < _NOT:
            order = (rank, not instrument.tradable, -quotes[instrument.quote], instrument.base, instrument.id)
            ranked.append((order, instrument))
    ranked.sort(key=lambda pair: pair[0])
    return [instrument for _, instrument in ranked]


_NOT = 9


def _rank(text: str, instrument: Instrument) -> int:
    """Rule 2: 0 is the symbol itself, `_NOT` no match."""
    base, joined = instrument.base, instrument.base + instrument.quote
    if joined == text:
        return 0
    if base == text:
        return 1
    if joined.startswith(text):
        return 2
    return 3 if text in joined else _NOT


def _joined(text: str) -> str:
    """Rule 1; a venue after `@` is no part of the symbol."""
    return _NO_SYMBOL.sub("", text.partition("@")[0]).upper()
