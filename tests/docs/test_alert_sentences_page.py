"""The sentences of `docs/explanation/alerts.md` are read, make sense, and cover every kind of condition."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from bethna.core.alerts import Leaf
from bethna.core.instrument import parse_name
from bethna.core.market import InstrumentId
from bethna.logic.alerts.machine import parts_of
from bethna.logic.alerts.rules import check
from bethna.logic.alerts.saying import say
from bethna.logic.alerts.sentence import parse

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "alerts.md"


def resolve(text: str) -> InstrumentId:
    return parse_name(text, "binance").id


def test_every_sentence_of_the_page_is_a_rule_and_every_kind_has_one() -> None:
    before, _, after = PAGE.read_text().partition("## Sentences")
    lines = (before + after.partition("\n## ")[0]).splitlines()
    sentences = [line.strip() for line in lines if line.startswith("    ")]
    assert len(sentences) > 20
    kinds = set()
    for sentence in sentences:
        rule = parse(sentence, resolve)
        check(rule, 0)
        assert parse(say(rule), resolve) == rule
        kinds |= {type(part) for part in parts_of(rule.condition)}
    assert kinds == set(get_args(Leaf))
