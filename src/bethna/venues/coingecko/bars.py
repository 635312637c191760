"""Bars made of samples, for widths that the source has no candles of; pure arithmetic, it asks and decodes nothing.

Rules
  1. A bar opens at a multiple of its width from 1970-01-01 UTC and holds the samples from then to its end. Samples come
     a little before or behind their step: one that is behind the end by less than a part in `_BEHIND` of their usual
     gap tells the price at the end. It closes that bar; counted in the next one, every bar of one sample would show the
     hour before its own.
  2. Its open is the sample before its first one, however long ago, so that bars join; the very first bar has none
     before it, opens with its own first sample, and is not whole.
  3. High and low are those of the samples inside and of the open; close is the last sample inside.
  4. An interval without a sample has no bar.
  5. A bar is closed when a sample stands in a later one: only then is it known that no other comes into it.
  6. Samples that are further apart than the width make no bars of it: they would look like figures and be none.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.core.market import InstrumentId
from bethna.venues.coingecko.facts import IndexCandle, Sample, SamplePage

_SLACK = 2
"""Jitter moves single samples far; a usual gap of more than the width and one part in `_SLACK` of it is no jitter."""
_BEHIND = 4


def bars_of(page: SamplePage, width_ns: int) -> tuple[IndexCandle, ...]:
    """The bars of a page, ascending.

    Args:
        width_ns: whole seconds, at least as long as the samples are usually apart.

    Raises:
        ConfigError: it is not (rule 6).
    """
    gap = usual_gap(page.samples)
    if gap is not None and gap * _SLACK > width_ns * (_SLACK + 1):
        raise ConfigError(
            "interval",
            f"expected bars of {gap // NS_PER_S} s or longer, since the samples are that far apart, "
            f"found {width_ns // NS_PER_S} s",
            hint="ask for a shorter stretch, the venue then samples more often: 1 day every 5 minutes, 90 every hour",
        )
    return bars(page.instrument, page.samples, width_ns, page.ts_recv, 0 if gap is None else gap // _BEHIND)


def usual_gap(samples: Sequence[Sample]) -> int | None:
    """The median time between samples, ns; None of fewer than two."""
    gaps = sorted(later.ts - earlier.ts for earlier, later in pairwise(samples))
    return gaps[len(gaps) // 2] if gaps else None


def bars(
    instrument: InstrumentId, samples: Sequence[Sample], width_ns: int, ts_recv: int, behind_ns: int = 0
) -> tuple[IndexCandle, ...]:
    """Bars of ascending samples by rules 1 to 5, whatever the width.

    Args:
        behind_ns: so far behind the end of a bar a sample still closes it (rule 1).

    Raises:
        ConfigError: the width is no whole number of seconds above 0.
    """
    if width_ns <= 0 or width_ns % NS_PER_S:
        raise ConfigError("interval", f"expected a width of whole seconds above 0, found {width_ns} ns")
    word = f"{width_ns // NS_PER_S}s"
    found: list[IndexCandle] = []
    before: float | None = None
    first = 0
    while first < len(samples):
        opens = max(0, samples[first].ts - behind_ns) // width_ns * width_ns  # rule 1
        end = first
        while end < len(samples) and samples[end].ts < opens + width_ns + behind_ns:
            end += 1
        inside = [sample.price for sample in samples[first:end]]
        start = inside[0] if before is None else before  # rule 2
        bar = IndexCandle(
            instrument, word, opens, opens + width_ns, start, max(start, *inside), min(start, *inside), inside[-1],
            closed=end < len(samples), whole=before is not None, from_samples=True, ts_recv=ts_recv,
        )  # fmt: skip
        found.append(bar)  # rules 3 and 5
        before, first = inside[-1], end
    return tuple(found)
