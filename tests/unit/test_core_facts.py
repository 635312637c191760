"""Facts of the lowest floor: certificates, names, digits, errors, instants."""

from __future__ import annotations

import pytest

from bethna.core.clock import NS_PER_S, iso_utc, seconds, until_utc
from bethna.core.coverage import MAX_LISTED_GAPS, Coverage, Gap, Provenance, State, derive, weakest, with_gaps
from bethna.core.errors import (
    BethnaError,
    CannotFollow,
    DeskRefused,
    DeskUnreachable,
    FeatureOff,
    NoDataYet,
    SequenceGap,
    SubscriptionRejected,
    UnknownInstrument,
    VenueError,
    VenueUnknown,
    excerpt_of,
)
from bethna.core.instrument import (
    ALIASES,
    Contract,
    Instrument,
    guessed,
    named_contract,
    parse_name,
    told_by_name,
)
from bethna.core.market import InstrumentId
from bethna.core.money import EXACT_LOTS, decimals_of, format_fixed, from_lots, to_lots

LOST = Gap("trades", 3, 4)
FOUND = Gap("trades", 7, 9, healed=True)


# --- coverage


def test_the_weakest_state_wins_and_no_state_at_all_is_unknown() -> None:
    ladder = [State.COMPLETE, State.HEALED, State.UNVERIFIED, State.INCOMPLETE, State.UNKNOWN]
    for rank, state in enumerate(ladder):
        for other in ladder[rank:]:
            assert weakest([state, other]) is weakest([other, state]) is other
    assert weakest([]) is State.UNKNOWN


def test_a_derived_value_takes_the_weakest_state_every_gap_once_and_the_oldest_instant() -> None:
    one = Coverage(state=State.HEALED, gaps=(FOUND,), sources=("binance",), as_of=20)
    two = Coverage(state=State.INCOMPLETE, gaps=(LOST, FOUND), sources=("coinbase", "binance"), as_of=10)
    timeless = Coverage(sources=("kraken",))
    made = derive([one, two, timeless])
    assert made.provenance is Provenance.DERIVED
    assert made.state is State.INCOMPLETE
    assert made.gaps == (FOUND, LOST)
    assert made.sources == ("binance", "coinbase", "kraken")
    assert made.as_of == 10
    assert derive([one, two], as_of=99).as_of == 99
    assert derive([]).state is State.UNKNOWN
    assert derive([timeless]).as_of is None


def test_what_is_made_of_anything_synthetic_is_synthetic() -> None:
    assert derive([Coverage(), Coverage(provenance=Provenance.SYNTHETIC)]).provenance is Provenance.SYNTHETIC


def test_gaps_weaken_a_certificate_and_never_strengthen_it() -> None:
    assert with_gaps(Coverage(), []) == Coverage()
    assert with_gaps(Coverage(), [FOUND]).state is State.HEALED
    assert with_gaps(Coverage(), [FOUND, LOST]).state is State.INCOMPLETE
    assert with_gaps(Coverage(state=State.UNKNOWN), [FOUND]).state is State.UNKNOWN


def test_an_open_gap_is_listed_however_many_were_healed_before() -> None:
    healed = [Gap("trades", n, n, healed=True) for n in range(MAX_LISTED_GAPS + 5)]
    listed = with_gaps(Coverage(), [*healed, LOST])
    assert listed.state is State.INCOMPLETE
    assert len(listed.gaps) == MAX_LISTED_GAPS
    assert listed.gaps[0] == LOST
    assert listed.gaps[1:] == tuple(healed[: MAX_LISTED_GAPS - 1])


# --- names


@pytest.mark.parametrize(
    "text",
    ["BTC-USDT@binance", "BTC-USDT", "btc-usdt", "BTC/USDT", "BTC_USDT", "BTCUSDT", " btcusdt ",
     "BTCUSDT@BINANCE", "BTC-USDT@ binance"],
)  # fmt: skip
def test_every_spelling_means_one_instrument(text: str) -> None:
    name = parse_name(text, "Binance")
    assert (name.id, name.alias) == ("BTC-USDT@binance", None)


def test_an_old_name_resolves_and_says_so() -> None:
    name = parse_name("maticusdt@binance", "kraken")
    assert (name.id, name.symbol) == ("POL-USDT@binance", "POL-USDT")
    assert name.alias is ALIASES["MATIC"]
    assert name.alias.notice == "MATIC was renamed to POL on 2024-09-13"


def test_an_old_name_stays_where_that_is_said() -> None:
    for text in ("old:MATIC-USDT@binance", " Old:maticusdt", "old:MATIC/USDT"):
        name = parse_name(text, "binance")
        assert (name.id, name.alias) == ("MATIC-USDT@binance", None)
    assert parse_name("old:btcusdt", "binance") == parse_name("BTC-USDT", "binance")
    with pytest.raises(UnknownInstrument):
        parse_name("old:", "binance")


def test_the_longest_quote_currency_splits() -> None:
    assert parse_name("BTCFDUSD", "binance").symbol == "BTC-FDUSD"
    assert parse_name("ETHBTC", "binance").symbol == "ETH-BTC"


@pytest.mark.parametrize(
    "text", ["", "USDT", "BTC--USDT", "BTC USDT", "BTC-", "-USDT", "BTC-USD-T", "XYZABC", "@binance"]
)
def test_what_is_no_instrument_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnknownInstrument, match="is not an instrument") as refused:
        parse_name(text, "binance")
    assert (refused.value.text, refused.value.code) == (text, "unknown_instrument")
    assert refused.value.hint


# --- money and time


@pytest.mark.parametrize(
    ("quantity", "lots"),
    [
        (0.1, 10_000_000),
        (0.00000001, 1),
        (0.29, 29_000_000),
        (1.1, 110_000_000),
        (0.0, 0),
        (-0.3, -30_000_000),
    ],
)
def test_lots_are_the_digits_of_the_wire(quantity: float, lots: int) -> None:
    assert to_lots(quantity, 10**8) == lots
    assert from_lots(lots, 10**8) == quantity


@pytest.mark.parametrize("text", ["90071992.5474099", "73507838.1658308", "123456789012345"])
def test_large_quantities_are_exact_too(text: str) -> None:
    """Beyond EXACT_LOTS the float product rounds to the wrong lot; the decimal text does not."""
    whole, _, digits = text.partition(".")
    lots = int(whole + digits.ljust(8, "0"))
    assert lots >= EXACT_LOTS
    assert to_lots(float(text), 10**8) == lots
    assert to_lots(-float(text), 10**8) == -lots


@pytest.mark.parametrize(
    ("value", "digits"), [(61837.63, 2), (1e-08, 8), (100.0, 0), (0.5, 1), (1e22, 0), (float("inf"), 0)]
)
def test_digits_after_the_point(value: float, digits: int) -> None:
    assert decimals_of(value) == digits


def test_missing_is_a_dash_and_never_a_zero() -> None:
    assert format_fixed(None, 2) == "—"
    assert format_fixed(0.0, 2) == "0.00"
    assert format_fixed(1e-7, 8) == "0.00000010"


def test_instants_and_durations() -> None:
    assert iso_utc(1_723_161_253_937_999_999) == "2024-08-08 23:54:13.937 UTC"
    assert iso_utc(0) == "1970-01-01 00:00:00.000 UTC"


def test_an_instant_to_come_is_told_with_its_day_where_that_is_not_near() -> None:
    until = 1_723_161_253_937_999_999
    assert until_utc(until, 45 * NS_PER_S) == "23:54:14 UTC", "not a moment too early"
    assert until_utc(until, 3 * 86_400 * NS_PER_S) == "2024-08-08 23:54:14 UTC"
    assert seconds(0.1) == 100_000_000


# --- errors


def test_errors_say_what_was_found_and_who_must_act() -> None:
    unknown = VenueUnknown("example.com", ("binance", "kraken"))
    assert (unknown.code, unknown.key, unknown.host) == ("unknown_venue", "source", "example.com")
    assert "example.com" in unknown.message
    assert unknown.hint == "known venues: binance, kraken"
    refused = SubscriptionRejected("binance", "FOOUSDT", "invalid stream", hint="check the name")
    assert (refused.symbol, refused.reason, refused.hint) == ("FOOUSDT", "invalid stream", "check the name")
    assert str(refused) == "binance refused FOOUSDT: invalid stream"
    gap = SequenceGap("binance", 5, 9)
    assert (gap.expected, gap.found, gap.message) == (5, 9, "expected update 5, found 9")
    assert all(isinstance(error, BethnaError) for error in (unknown, refused, gap))
    assert isinstance(gap, VenueError)


def test_an_unknown_name_comes_with_the_nearest() -> None:
    assert UnknownInstrument("BTCUSTD", ("BTC-USDT",)).hint == "nearest: BTC-USDT"
    assert UnknownInstrument("x", ("BTC-USDT",), hint="ask").hint == "ask"


def test_an_excerpt_is_short_printable_text() -> None:
    assert excerpt_of(b"\xff" * 5000) == "\ufffd" * 200
    assert excerpt_of("é" * 300) == "é" * 200
    assert excerpt_of(b"abc") == "abc"


def test_the_errors_of_a_program_say_what_to_do() -> None:
    missing = NoDataYet("trades of BTC-USDT@binance", "reconnecting")
    assert missing.message == "trades of BTC-USDT@binance: nothing has been seen yet (reconnecting)"
    assert "async for" in missing.hint
    assert NoDataYet("a book", hint="wait").hint == "wait"
    assert FeatureOff("options", "options do not exist yet").feature == "options"
    gone = DeskUnreachable("http://127.0.0.1:1", "no desk answers")
    assert (gone.url, gone.hint) == ("http://127.0.0.1:1", "start one with `bethna up`")
    assert DeskRefused("token_required", "a token is needed").code == "token_required"
    assert CannotFollow("not here").code == "cannot_follow"


@pytest.mark.parametrize(
    ("text", "kind", "base", "quote"),
    [
        ("BTC-PERPETUAL@x", "perpetual", "BTC", "USD"),
        ("BTC_USDC-PERPETUAL@x", "perpetual", "BTC", "USDC"),
        ("BTC-25DEC26@x", "future", "BTC", "USD"),
        ("BTC-25DEC26-76000-C@x", "option", "BTC", "USD"),
        ("XRP_USDC-5JUN26-0d625-P@x", "option", "XRP", "USDC"),
        ("BTC-USD-INDEX@x", "index", "BTC", "USD"),
        ("BTC-DVOL@x", "index", "BTC", "USD"),
    ],
)
def test_a_name_says_what_a_contract_is(text: str, kind: str, base: str, quote: str) -> None:
    found = guessed(InstrumentId(text))
    assert found.contract is not None
    assert (found.contract.kind, found.base, found.quote) == (kind, base, quote)
    assert found.is_index == (kind == "index")
    assert not found.verified


def test_an_options_name_says_its_strike_and_which_it_is() -> None:
    found = [
        named_contract(name) for name in ("BTC-25DEC26-76000-C", "XRP_USDC-5JUN26-0d625-P", "BTC-USDT", "")
    ]
    assert found == [
        Contract("option", strike=76_000.0, option="call"), Contract("option", strike=0.625, option="put"), None, None,
    ]  # fmt: skip


def test_what_a_catalogue_has_said_stays() -> None:
    known = Instrument(
        InstrumentId("BTC-PERPETUAL@x"), "x", "BTC", "PERPETUAL", "BTC-PERPETUAL", verified=True
    )
    assert told_by_name(known) is known
    assert not guessed(InstrumentId("BTC-USDT@x")).is_index
