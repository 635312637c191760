"""Finds listed instruments by what somebody types; it ranks and fetches nothing.

Rules
  1. Case and separators mean nothing: `eth/usdt`, `ETH-USDT` and `ethusdt` are one text.
  2. Best first: the symbol itself, then its base currency, then what begins with the text, then what holds it.
  3. Among equals: what trades now, then pairs before contracts of their coin (perpetuals, futures, indices, options),
     then the quote currency with the most pairs, then the alphabet.
  4. A renamed coin is found by its old name, and ranks as its new one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from bethna.core.instrument import ALIASES, ContractKind, Instrument

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
    quotes = Counter(instrument.quote for instrument in every if instrument.contract is None)
    ranked = []
    for instrument in every:
        rank = min(_rank(each, instrument) for each in texts)
        if rank < _NOT:
            pair = (-quotes[instrument.quote], instrument.base, instrument.id)
            ranked.append(((rank, not instrument.tradable, _kind_place(instrument), *pair), instrument))
    ranked.sort(key=lambda pair: pair[0])
    return [instrument for _, instrument in ranked]


_NOT = 9
_CONTRACTS: tuple[ContractKind, ...] = ("perpetual", "future", "index", "option")


def _rank(text: str, instrument: Instrument) -> int:
    """Rule 2: 0 is the symbol itself, `_NOT` no match."""
    base = instrument.base
    joined = base + instrument.quote if instrument.contract is None else _joined(instrument.symbol)
    if joined == text:
        return 0
    if base == text:
        return 1
    if joined.startswith(text):
        return 2
    return 3 if text in joined else _NOT


def _kind_place(instrument: Instrument) -> int:
    """Rule 3: 0 is a pair."""
    return 0 if instrument.contract is None else _CONTRACTS.index(instrument.contract.kind) + 1


def _joined(text: str) -> str:
    """Rule 1; a venue after `@` is no part of the symbol."""
    return _NO_SYMBOL.sub("", text.partition("@")[0]).upper()
