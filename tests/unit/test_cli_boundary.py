"""Which exit code each error means, and what a group of errors comes to."""

import errno

import pytest

from bethna.cli.boundary import exit_code, first_of
from bethna.core.errors import (
    AddressUnusable,
    AlertChanged,
    BethnaError,
    CannotFollow,
    Closed,
    ConfigError,
    ConnectError,
    CrossedBook,
    DeskRefused,
    DeskUnreachable,
    FeatureOff,
    LimitReached,
    NoDataYet,
    NoHistory,
    RateLimited,
    StoreError,
    TapeError,
    UnknownAlert,
    UnknownChannel,
    UnknownInstrument,
    VenueAnswer,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CrossedBook("x"), 1),
        (Closed("x"), 1),
        (ConfigError("port", "x"), 2),
        (UnknownInstrument("x"), 2),
        (TapeError("x", 0, "there is none"), 2),
        (CannotFollow("x"), 2),
        (UnknownAlert("a7"), 2),
        (UnknownChannel("fax", ()), 2),
        (AlertChanged("a1", 1, 2, "x"), 2),
        (LimitReached("alert_price_rules", "x"), 2),
        (FeatureOff("books", "x"), 2),
        (DeskRefused("token_wrong", "x"), 2),
        (DeskRefused("too_many_guesses", "x"), 3),
        (DeskUnreachable("http://x", "x"), 3),
        (NoDataYet("ETH-USDT price"), 3),
        (NoHistory("ETH-USDT", [("binance", "HTTP 503")]), 3),
        (AddressUnusable("x", 1, errno.EACCES, "forbidden"), 2),
        (AddressUnusable("x", 1, errno.EADDRINUSE, "taken"), 3),
        (StoreError("x"), 3),
        (ConnectError("v", "x"), 3),
        (RateLimited("v", 1.0), 3),
        (VenueAnswer("v", 400, "x"), 3),
        (TapeError("x", 7, "damaged"), 4),
        (WireError("v", "x"), 4),
    ],
)
def test_an_error_means_one_exit_code(error: BethnaError, code: int) -> None:
    assert exit_code(error) == code


def test_a_group_comes_to_its_first_error_that_can_be_told() -> None:
    store, config = StoreError("x"), ConfigError("port", "x")
    interrupt = KeyboardInterrupt()
    assert first_of(ExceptionGroup("", [store, config])) is store
    assert first_of(ExceptionGroup("", [ExceptionGroup("", [config]), store])) is config
    assert first_of(BaseExceptionGroup("", [interrupt, store])) is interrupt
    full = OSError(errno.ENOSPC, "full")
    assert first_of(ExceptionGroup("", [full])) is full


def test_a_bug_among_them_is_not_hidden() -> None:
    assert first_of(ExceptionGroup("", [StoreError("x"), KeyError("x")])) is None
    assert first_of(ExceptionGroup("", [OSError(errno.ENOENT, "x")])) is None
    assert first_of(ExceptionGroup("", [ExceptionGroup("", [KeyError("x")]), StoreError("x")])) is None
