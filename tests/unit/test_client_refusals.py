"""What an attached desk refuses with is the error that the desk raised: its class, its words, and what it holds."""

from __future__ import annotations

import pytest

from bethna.client.refusals import refused
from bethna.core.errors import (
    AlertChanged,
    BethnaError,
    CannotFollow,
    ConfigError,
    DeskRefused,
    FeatureOff,
    LimitReached,
    NoDataYet,
    StoreError,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
)


@pytest.mark.parametrize(
    ("raised", "fields"),
    [
        (UnknownInstrument("SOL", ("SOL-USDT@one", "SOL-USD@two")), ("nearest",)),
        (UnknownInstrument("SOL"), ("nearest",)),
        (CannotFollow("the list is full", hint="leave one"), ()),
        (ConfigError("level", "expected a number above 0, found -1.0"), ()),
        (StoreError("the disk is full", hint="make room"), ()),
        (FeatureOff("alerts", "alerts: this desk keeps none", hint="x"), ("feature",)),
        (NoDataYet("trades of BTC-USDT", "it has just begun"), ("what",)),
        (UnknownAlert("it's"), ()),
        (UnknownAlert("a9"), ("name",)),
        (UnknownChannel("fax", ("telegram", "mail")), ("name", "known")),
        (UnknownChannel("fax", ()), ("name", "known")),
        (AlertChanged("a1", 1, 3, "BTC-USDT crosses above 65,000, note version 7: x"), ("name", "version")),
        (LimitReached("alert_price_rules", "expected at most 50, found 51"), ("setting",)),
    ],
)
def test_it_is_the_same_error(raised: BethnaError, fields: tuple[str, ...]) -> None:
    found = refused(raised.code, raised.message, raised.hint)
    assert type(found) is type(raised)
    assert (found.code, found.message, found.hint, str(found)) == (
        raised.code,
        raised.message,
        raised.hint,
        str(raised),
    )
    for field in fields:
        assert getattr(found, field) == getattr(raised, field)


def test_words_of_another_version_leave_nothing_out_but_what_they_do_not_say() -> None:
    changed, limit = refused("alert_changed", "?", ""), refused("limit_reached", "?", "?")
    assert isinstance(changed, AlertChanged)
    assert (changed.name, changed.version, changed.message) == ("", 0, "?")
    assert isinstance(limit, LimitReached)
    assert limit.setting == ""
    assert getattr(refused("unknown_alert", "?", ""), "name", None) == ""
    assert getattr(refused("unknown_channel", "?", ""), "known", None) == ()


def test_any_other_code_is_the_desks_own() -> None:
    found = refused("too_many_topics", "expected fewer", "close some")
    assert isinstance(found, DeskRefused)
    assert (found.code, found.message, found.hint) == ("too_many_topics", "expected fewer", "close some")
