"""Random combinations of faults for campaigns: a function of the generator that is handed in, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from bethna.twins.faults.facts import OF_KIND, Fault
from bethna.twins.faults.kinds import SHEETS, Kind
from bethna.twins.faults.words import BINANCE, Words

STREAMS = ("", "", "trade", "depth*", "bookTicker")
"""Of the venue that a plan is for when none is named."""
LONGEST_S = 20.0
FARTHEST_S = 4.0


def random_plan(
    rng: Random,
    *,
    span_s: float,
    symbols: Sequence[str],
    kinds: Sequence[Kind] | None = None,
    most: int = 6,
    words: Words = BINANCE,
    streams: Sequence[str] = STREAMS,
) -> tuple[Fault, ...]:
    """From one to `most` faults of any kind (or of `kinds`), in order of time, each over before `span_s`.

    Args:
        symbols: whom faults that take a symbol may strike; half of them strike everything.
        words: of the venue. Without `kinds` all that it can have are drawn from, but those that need a name.
        streams: to draw from, each with an equal chance; "" is every stream.
    """
    asked = kinds or [kind for kind in words.kinds() if "to" not in SHEETS[kind].required]
    faults = [
        _random_fault(rng, rng.choice(asked), span_s, symbols, streams) for _ in range(rng.randint(1, most))
    ]
    return tuple(sorted(faults, key=lambda fault: fault.at_s))


def _random_fault(
    rng: Random, kind: Kind, span_s: float, symbols: Sequence[str], streams: Sequence[str]
) -> Fault:
    sheet = SHEETS[kind]
    takes = sheet.parameters
    for_s = 0.0 if sheet.instant else _round(rng.uniform(0.01, min(LONGEST_S, span_s / 2)))
    delay_s = _round(rng.uniform(0.0, min(FARTHEST_S, span_s / 4))) if "delay_s" in takes else 0.0
    last = max(0.0, span_s - for_s - delay_s)
    return Fault(
        kind=kind,
        at_s=_round(rng.uniform(0.0, last)),
        for_s=for_s,
        symbol=rng.choice(symbols) if "symbol" in takes and symbols and rng.random() < 0.5 else "",
        stream=rng.choice(streams)
        if "stream" in takes and not sheet.acts and kind != "refused_subscription"
        else "",
        share=_round(rng.choice((1.0, rng.uniform(0.02, 1.0)))) if "share" in takes else 1.0,
        delay_s=delay_s if "delay_s" in takes else OF_KIND,
        count=rng.choice((1, 1, 2, 3, 10)) if "count" in takes else 1,
        status=rng.choice((500, 502, 503, 504)) if "status" in takes else 503,
        retry_after_s=_round(rng.uniform(1.0, 10.0)) if "retry_after_s" in takes else None,
        offset_s=(_round(rng.uniform(-3.0, 3.0)) or 0.5) if "offset_s" in takes else 0.0,
        history="history" not in takes or rng.random() < 0.5,
        raw="raw" in takes and rng.random() < 0.2,
        on=rng.choice(("rest", "ws", "both")) if "on" in takes else "both",
    )


def _round(value: float) -> float:
    return round(value, 3)
