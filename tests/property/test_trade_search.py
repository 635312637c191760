"""The search by spans of time, before venues that tell the newest or the oldest page of a span, or do not heed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from conftest import Campaign

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.market import InstrumentId, Trade
from bethna.logic import trade_search
from bethna.logic.trade_search import MOST_FRUITLESS, TradeQuestion, search_for

START = 1_790_000_000 * NS_PER_S
PAGE = 7
BTC = InstrumentId("BTC-USD@coinbase")


@dataclass
class Venue:
    """What a venue has; it knows spans by whole seconds, both ends in them."""

    history: list[Trade]
    tells: str
    asked: list[TradeQuestion] = field(default_factory=list)

    def answer(self, question: TradeQuestion) -> list[Trade]:
        self.asked.append(question)
        if question.until is None or self.tells == "newest of all":
            return self.history[-PAGE:]
        low = 0 if question.since is None else question.since // NS_PER_S * NS_PER_S
        high = -(-question.until // NS_PER_S) * NS_PER_S
        found = [each for each in self.history if low <= each.ts_event <= high]
        return found[-PAGE:] if self.tells == "newest of it" else found[:PAGE]


def a_history(dice: Random) -> list[Trade]:
    """Trades whose times ascend; of no second are there so many that a page of it shows one second only."""
    now, found = START, []
    for number in range(1, dice.randrange(2, 120)):
        now += dice.randrange(400, 3_000) * NS_PER_MS
        found.append(Trade(BTC, 1.0, 1.0, "buy", number, now, now))
    return found


@pytest.mark.campaign
@pytest.mark.parametrize("tells", ["newest of it", "oldest of it", "newest of all"])
def test_what_history_has_is_found_once_and_the_search_ends(
    tells: str, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_search, "PAGE", PAGE)
    for seed in campaign.seeds(share=200, whole=20_000):
        dice = Random(seed)
        everything = a_history(dice)
        first = dice.randrange(1, len(everything) + 1)
        last = dice.randrange(first, len(everything) + 1)
        lacks = set(dice.sample(range(first, last + 1), dice.randrange(2) * dice.randrange(last - first + 1)))
        venue = Venue([each for each in everything if each.trade_id not in lacks], tells)
        start = everything[first - 2].ts_event if first > 1 and dice.random() < 0.7 else None
        search, found = search_for(first, last, start, by_span=True), []
        while (question := search.ask()) is not None:
            found += search.answer(venue.answer(question))
            assert len(venue.asked) <= len(everything) + MOST_FRUITLESS
        numbers = [each.trade_id for each in found]
        assert len(set(numbers)) == len(numbers)
        had = {each.trade_id for each in venue.history if first <= each.trade_id <= last}
        if tells == "newest of all":
            had &= {each.trade_id for each in venue.history[-PAGE:]}
        assert set(numbers) <= had
        if tells != "oldest of it" or start is not None:
            assert set(numbers) == had, (seed, first, last, venue.asked)
        assert search.is_whole == (set(numbers) == set(range(first, last + 1)))
