"""CoinGecko: what is asked for, by which door, and what the answers say, all by hand from the protocol sheet."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import ConfigError, RateLimited, UnknownInstrument, VenueAnswer, WireError
from bethna.core.market import IndexPrice, InstrumentId
from bethna.core.wire import UnknownMessage
from bethna.venues.coingecko import ATTRIBUTION, DESCRIPTION, CoinGecko, access
from bethna.venues.coingecko.coins import ASSETS, COINS
from bethna.venues.coingecko.facts import (
    Coin,
    CoinList,
    Fact,
    IndexCandle,
    IndexCandlePage,
    IndexPrices,
    Pong,
    Sample,
    SamplePage,
)
from bethna.venues.coingecko.spec import OHLC_DAYS, width_of

NOW = 1_790_000_000 * NS_PER_S  # 2026-09-21 14:13:20 UTC
MINUTE, HOUR, DAY = 60 * NS_PER_S, 3600 * NS_PER_S, 86_400 * NS_PER_S
BTC = InstrumentId("BTC-USD@coingecko")
DEMO_KEY, PRO_KEY = "CG-demo-Secret1", "CG-pro-Secret2"
FREE = CoinGecko(access())
PRO = CoinGecko(access("pro", pro_key=PRO_KEY))
OHLC = "/coins/bitcoin/ohlc?vs_currency=usd&days="
CHART = "/coins/bitcoin/market_chart?vs_currency=usd&days=1"


def said(path: str, body: object, now: int = NOW, codec: CoinGecko = FREE) -> Fact:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    (fact,) = codec.decode(path, raw, now)
    return fact


# --- doors


def test_the_doors_have_their_hosts_headers_and_careful_limits() -> None:
    keyless, demo, pro = access(), access("demo", demo_key=DEMO_KEY), access("pro", pro_key=PRO_KEY)
    limits = [(door.requests_per_minute, door.requests_per_month) for door in (keyless, demo, pro)]
    assert limits == [(5, None), (30, 10_000), (250, None)]
    free, paid = "https://api.coingecko.com/api/v3", "https://pro-api.coingecko.com/api/v3"
    assert [door.rest for door in (keyless, demo, pro)] == [free, free, paid]
    plain = {"accept": "application/json"}
    assert keyless.headers(f"{free}/ping") == plain
    assert demo.headers(f"{free}/ping") == plain | {"x-cg-demo-api-key": DEMO_KEY}
    assert pro.headers(f"{paid}/ping") == plain | {"x-cg-pro-api-key": PRO_KEY}


def test_limits_are_the_settings_where_they_say_so() -> None:
    door = access("demo", demo_key=DEMO_KEY, requests_per_minute=100, requests_per_month=50_000)
    assert (door.requests_per_minute, door.requests_per_month) == (100, 50_000)
    for wrong in (0, -1, 10**12):
        with pytest.raises(ConfigError, match="whole number from 1") as minute:
            access(requests_per_minute=wrong)
        with pytest.raises(ConfigError) as month:
            access(requests_per_month=wrong)
        assert (minute.value.key, month.value.key) == ("requests_per_minute", "requests_per_month")


@pytest.mark.parametrize(
    ("plan", "keys", "key"),
    [
        ("keyless", {"demo_key": DEMO_KEY}, "demo_key"),
        ("keyless", {"pro_key": PRO_KEY}, "pro_key"),
        ("demo", {"pro_key": PRO_KEY}, "pro_key"),
        ("demo", {"demo_key": DEMO_KEY, "pro_key": PRO_KEY}, "pro_key"),
        ("pro", {"demo_key": DEMO_KEY}, "demo_key"),
        ("demo", {}, "demo_key"),
        ("pro", {}, "pro_key"),
        ("pro", {"pro_key": f"{PRO_KEY}\r\nHost: elsewhere"}, "pro_key"),
        ("demo", {"demo_key": "x" * 201}, "demo_key"),
        ("gold", {}, "plan"),
    ],
)
def test_a_key_that_does_not_match_its_host_is_refused_unseen(
    plan: str, keys: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError) as found:
        access(plan, **keys)
    assert found.value.key == key
    assert "expected" in found.value.message
    shown = f"{found.value.message} {found.value.hint} {found.value!r}"
    assert all(secret not in shown for secret in keys.values())


def test_a_key_goes_to_its_own_host_alone() -> None:
    door = access("demo", demo_key=DEMO_KEY, rest="http://127.0.0.1:9/api/v3/")
    assert door.headers("http://127.0.0.1:9/api/v3/ping")["x-cg-demo-api-key"] == DEMO_KEY
    for url in (
        "https://pro-api.coingecko.com/api/v3/ping",
        "http://127.0.0.1:90/api/v3/ping",
        "http://127.0.0.1:9/api/v3x/ping",
        "https://user:secret@other.example/a?b=secret",
        "nonsense",
    ):
        with pytest.raises(ConfigError, match="expected a request to") as found:
            door.headers(url)
        assert "secret" not in found.value.message
        assert DEMO_KEY not in found.value.message + found.value.hint


def test_a_key_is_in_no_path_repr_or_error() -> None:
    door = access("pro", pro_key=PRO_KEY)
    codec = CoinGecko(door)
    assert PRO_KEY not in f"{door!r} {door} {codec!r}"
    assert "hidden" in repr(door)
    assert "key none" in repr(access())
    requests = [
        codec.ping_request(),
        codec.coins_request(),
        codec.prices_request(["BTC"], "USD"),
        codec.ohlc_request("BTC", "USD", 1),
        codec.chart_request("BTC", "USD", 1),
        codec.range_request("BTC", "USD", 0, NOW, NOW),
    ]
    assert all(PRO_KEY not in request.path and request.weight == 1 for request in requests)
    echo = json.dumps({"error": f"bad key {PRO_KEY}"}).encode()
    with pytest.raises(VenueAnswer) as refused:
        codec.decode("/ping", echo, NOW, status=401)
    assert "bad key ***" in refused.value.message
    with pytest.raises(WireError) as wrong:
        codec.decode("/ping", PRO_KEY.encode(), NOW)
    assert PRO_KEY not in wrong.value.excerpt + wrong.value.message


# --- requests


def test_what_is_asked_for() -> None:
    assert FREE.ping_request().path == "/ping"
    assert FREE.coins_request().path == "/coins/list"
    assert FREE.prices_request(["btc", "POL", "BTC"], "eur").path == (
        "/simple/price?ids=bitcoin,polygon-ecosystem-token&vs_currencies=eur&include_last_updated_at=true"
    )
    assert FREE.ohlc_request("MATIC", "USD", 365).path == "/coins/matic-network/ohlc?vs_currency=usd&days=365"
    assert FREE.chart_request("ETH", "EUR", 90).path == "/coins/ethereum/market_chart?vs_currency=eur&days=90"
    start, end = NOW - 5 * DAY + 1, NOW - DAY + 1
    assert FREE.range_request("SOL", "USD", start, end, NOW).path == (
        "/coins/solana/market_chart/range?vs_currency=usd&from=1789568000&to=1789913601"
    )


def test_days_of_candles_are_those_of_every_plan() -> None:
    assert OHLC_DAYS == (1, 7, 14, 30, 90, 180, 365)
    assert [width_of(days).word for days in (1, 2, 3, *OHLC_DAYS[1:])] == [
        "30m", "30m", "4h", "4h", "4h", "4h", "4d", "4d", "4d"
    ]  # fmt: skip
    for days in (0, 2, 366, -1):
        with pytest.raises(ConfigError, match="expected one of 1, 7, 14, 30, 90, 180, 365"):
            FREE.ohlc_request("BTC", "USD", days)


def test_older_than_the_plan_shows_is_refused_with_the_date() -> None:
    edge = NOW - 365 * DAY
    with pytest.raises(
        ConfigError, match=r"2025-09-21 14:13:20.000 UTC or later, found one 1 day before"
    ) as found:
        FREE.range_request("BTC", "USD", edge - 1, NOW, NOW)
    assert found.value.key == "start"
    assert "2025-09-21" in found.value.hint
    with pytest.raises(ConfigError, match="found one 2 days before"):
        FREE.range_request("BTC", "USD", edge - DAY - 1, NOW, NOW)
    assert f"from={edge // NS_PER_S}&" in FREE.range_request("BTC", "USD", edge, NOW, NOW).path
    # between two seconds nothing before the edge is asked for either
    path = FREE.range_request("BTC", "USD", edge + NS_PER_S, NOW, NOW + NS_PER_S - 1).path
    assert f"from={edge // NS_PER_S + 1}&" in path
    assert "from=0&" in PRO.range_request("BTC", "USD", 0, NOW, NOW).path
    assert FREE.access.earliest(5) == 0
    with pytest.raises(ConfigError, match="1 to 365 days on the keyless plan, found 366"):
        FREE.chart_request("BTC", "USD", 366)
    assert PRO.chart_request("BTC", "USD", 5000).path.endswith("days=5000")
    for codec, days in product((FREE, PRO), (0, 5001)):
        with pytest.raises(ConfigError):
            codec.chart_request("BTC", "USD", days)


def test_a_range_has_an_end_behind_its_start() -> None:
    for start, end in ((5, 5), (5, 4), (-1, 5)):
        with pytest.raises(ConfigError, match="an end behind it"):
            PRO.range_request("BTC", "USD", start, end, NOW)
    assert PRO.range_request("BTC", "USD", 0, 1, NOW).path.endswith("from=0&to=1")
    assert PRO.range_request("BTC", "USD", 0, 2**70, NOW).path.endswith("to=9223372036")


def test_assets_are_pinned_and_others_are_not_guessed() -> None:
    assert COINS["POL"] == "polygon-ecosystem-token"
    assert COINS["MATIC"] == "matic-network"
    assert len(ASSETS) == len(COINS)
    with pytest.raises(UnknownInstrument, match="expected an asset that is pinned") as found:
        FREE.ohlc_request("PEPE", "USD", 1)
    assert "BTC, ETH, SOL, POL, MATIC" in found.value.hint
    with pytest.raises(ConfigError, match="expected one of USD, EUR, found 'USDT'") as quote:
        FREE.ohlc_request("BTC", "USDT", 1)
    assert "no price in USDT" in quote.value.hint
    with pytest.raises(ConfigError, match="expected 1 to 50 assets, found 0"):
        FREE.prices_request([], "USD")


def test_the_source_says_what_it_is() -> None:
    assert "index" in DESCRIPTION
    assert "not USDT" in DESCRIPTION
    assert "CoinGecko" in ATTRIBUTION


# --- answers


def test_ping_and_unknown_paths() -> None:
    assert said("/ping", {"gecko_says": "(V3) To the Moon!"}) == Pong("(V3) To the Moon!")
    assert said("https://api.coingecko.com/api/v3/ping", {"gecko_says": "x"}) == Pong("x")
    assert said("/search/trending", {"coins": []}) == UnknownMessage("search/trending", '{"coins": []}')
    with pytest.raises(WireError, match="path that cannot be read"):
        FREE.decode("http://[", b"{}", NOW)


def test_prices_name_the_ids_that_are_missing() -> None:
    body = {
        "bitcoin": {"usd": 67187.33, "usd_24h_change": 3.63, "last_updated_at": 1_789_999_900},
        "solana": {"usd": None, "last_updated_at": 1_789_999_900},
        "ripple": {"usd": 1},
        "dogecoin": {"usd": -1, "last_updated_at": 1_789_999_900},
        "tether": {"eur": 1, "last_updated_at": 1_789_999_900},
        "cardano": {"usd": 1, "last_updated_at": 1_790_090_000},
        "nobody-asked": {"usd": 1, "last_updated_at": 1_789_999_900},
    }
    path = FREE.prices_request(["BTC", "ETH", "SOL", "XRP", "DOGE", "USDT", "ADA"], "USD").path
    price = IndexPrice(BTC, 67187.33, 1_789_999_900 * NS_PER_S, NOW)
    missing = ("ethereum", "solana", "ripple", "dogecoin", "tether", "cardano")
    assert said(path, body) == IndexPrices((price,), missing)
    eur = FREE.prices_request(["USDT"], "EUR").path
    found = said(eur, body)
    assert isinstance(found, IndexPrices)
    assert [(each.instrument, each.value) for each in found.prices] == [("USDT-EUR@coingecko", 1.0)]


def test_the_list_of_coins_says_which_pins_are_gone() -> None:
    rows: list[Any] = [{"id": "bitcoin", "symbol": "btc", "name": "Bitcoin"}, {"id": 7}, None]
    found = said("/coins/list", rows)
    assert found == CoinList((Coin("bitcoin", "btc", "Bitcoin"),), 2)
    assert isinstance(found, CoinList)
    assert found.lacks(("bitcoin", "ethereum")) == ("ethereum",)


def ms(ts: int) -> int:
    return ts // NS_PER_MS


def test_a_candle_is_stamped_with_its_close() -> None:
    """14:00, 14:30 and the forming one of 14:33:20, of the sheet's figures; a kind of number each."""
    close = NOW - NOW % HOUR  # 14:00
    rows = b"[[%d,61942,62211,61721,61845],[%d.0e0,6.1845e4,61900.5,6e4,60001],[%d,60001,60002,60000,60001.5]]" % (
        ms(close), ms(close + 30 * MINUTE), ms(close + 33 * MINUTE + 20 * NS_PER_S)
    )  # fmt: skip
    now = close + 34 * MINUTE
    found = said(f"{OHLC}1", rows, now)
    half = 30 * MINUTE
    expected = (
        IndexCandle(BTC, "30m", close - half, close, 61942.0, 62211.0, 61721.0, 61845.0, True, False, False, now),
        IndexCandle(BTC, "30m", close, close + half, 61845.0, 61900.5, 60000.0, 60001.0, True, True, False, now),
        IndexCandle(
            BTC, "30m", close + half, close + 2 * half, 60001.0, 60002.0, 60000.0, 60001.5, False, True, False, now
        ),
    )  # fmt: skip
    assert found == IndexCandlePage(BTC, expected, 0)


def flat(stamp: int, price: float = 2.0) -> list[float]:
    return [ms(stamp), price, price, price, price]


@pytest.mark.parametrize(("days", "width"), [(7, 4 * HOUR), (30, 4 * HOUR), (90, 4 * DAY), (365, 4 * DAY)])
def test_the_width_follows_from_the_days(days: int, width: int) -> None:
    last = NOW - NOW % width
    found = said(f"{OHLC}{days}", [flat(last - width), flat(last)])
    assert isinstance(found, IndexCandlePage)
    assert [(each.open_time, each.close_time, each.closed) for each in found.candles] == [
        (last - 2 * width, last - width, True),
        (last - width, last, True),
    ]


def test_four_days_begin_at_the_midnight_that_most_agree_on() -> None:
    midnight = NOW - NOW % (4 * DAY) + DAY  # not where 1970 would put it
    stamps = [midnight - 8 * DAY, midnight - 4 * DAY, midnight - 2 * DAY]
    found = said(f"{OHLC}90", [flat(stamp) for stamp in stamps])
    assert isinstance(found, IndexCandlePage)
    assert [(each.open_time, each.close_time, each.closed) for each in found.candles] == [
        (midnight - 12 * DAY, midnight - 8 * DAY, True),
        (midnight - 8 * DAY, midnight - 4 * DAY, True),
        (midnight - 4 * DAY, midnight, False),
    ]
    alone = said(f"{OHLC}90", [flat(NOW)])
    assert isinstance(alone, IndexCandlePage)
    assert [each.closed for each in alone.candles] == [False]


def test_a_stamp_ahead_of_our_clock_closes_nothing() -> None:
    close = NOW - NOW % HOUR
    found = said(f"{OHLC}1", [flat(close - HOUR // 2), flat(close)], close - NS_PER_S)
    assert isinstance(found, IndexCandlePage)
    assert [each.closed for each in found.candles] == [True, False]


def test_nulls_are_left_out_and_counted() -> None:
    close, half = NOW - NOW % HOUR, HOUR // 2
    rows: list[list[Any]] = [flat(close - (3 - i) * half) for i in range(4)]
    rows[0][1] = rows[1][2] = rows[2][3] = None
    found = said(f"{OHLC}1", rows)
    assert isinstance(found, IndexCandlePage)
    assert (found.skipped, len(found.candles), found.candles[0].whole) == (3, 1, True)
    assert said(f"{OHLC}1", [[ms(close), 1, 1, 1, None]]) == IndexCandlePage(BTC, (), 1)
    assert said(f"{OHLC}1", []) == IndexCandlePage(BTC, (), 0)
    at = [NOW - 5 * MINUTE, NOW - MINUTE]
    chart = {"prices": [[ms(at[0]), 1.2e-07], [ms(NOW), None], [ms(at[1]), 3]], "total_volumes": [[1, 2]]}
    samples = (Sample(at[0], 1.2e-07), Sample(at[1], 3.0))
    assert said(CHART, chart) == SamplePage(BTC, samples, 1, NOW)


def test_samples_ascend_and_an_instant_has_one_price() -> None:
    path = FREE.range_request("BTC", "USD", NOW - DAY, NOW, NOW).path
    chart = {"prices": [[ms(NOW), 3], [ms(NOW) - 1, 2.5], [ms(NOW), 3]], "market_caps": None}
    assert said(path, chart) == SamplePage(BTC, (Sample(NOW - NS_PER_MS, 2.5), Sample(NOW, 3.0)), 0, NOW)
    with pytest.raises(WireError, match="two prices at one instant"):
        said(path, {"prices": [[5, 3], [5, 4]]})


HALF_PAST = NOW - NOW % HOUR - HOUR // 2


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (
            f"{OHLC}1",
            [flat(HALF_PAST - 1_000_000_000), flat(HALF_PAST)],
            "not the last, that does not close on",
        ),
        (f"{OHLC}1", [flat(HALF_PAST - DAY), flat(HALF_PAST)], "candles of another width than 30m"),
        (f"{OHLC}7", [flat(HALF_PAST - HOUR), flat(HALF_PAST)], "does not close on the grid of 4h"),
        (f"{OHLC}1", [flat(HALF_PAST), flat(HALF_PAST, 3.0)], "two candles of one stamp"),
        (f"{OHLC}1", [[ms(HALF_PAST), 2, 3, 2.5, 2.5]], "low or high is inside"),
        (f"{OHLC}1", [[ms(HALF_PAST), 2, 2, 1, 2.5]], "low or high is inside"),
        (f"{OHLC}1", [flat(0)], "before 1970"),
        (f"{OHLC}1", [flat(NOW + 2 * DAY)], "still to come"),
        (f"{OHLC}1", [[ms(HALF_PAST), 1, 1, 1]], "length 5"),
        (f"{OHLC}1", [[ms(HALF_PAST), 1, 1, 1, 0]], "> 0.0"),
        (f"{OHLC}1", [[1e16, 1, 1, 1, 1]], "<= 9223372036854"),
        (f"{OHLC}max", [], "no number"),
        ("/coins/bitcoin/ohlc?days=1", [], "no vs_currency="),
        ("/coins/pepe/ohlc?days=1&vs_currency=usd", [], "not pinned: 'pepe'"),
        ("/coins/bitcoin/ohlc?days=1&vs_currency=usdt", [], "not pinned"),
        (CHART, {"prices": [[ms(NOW + 2 * DAY), 1]]}, "still to come"),
        (CHART, {}, "missing required field `prices`"),
        (CHART, {"prices": [["x", 1]]}, "Expected `float`"),
        (CHART, b'{"prices":[[1,1e999]]}', "out of range"),
        (CHART, b"\xff", "malformed"),
        (CHART, b"", "truncated"),
        (CHART, b'{"x":' + b"[" * 100_000, "ecursion"),
        (CHART, b"<!DOCTYPE html><html>", "found a page in HTML"),
    ],
)
def test_what_is_not_the_protocol_is_refused(path: str, body: object, why: str) -> None:
    with pytest.raises(WireError, match=why):
        said(path, body)


# --- errors


LIMIT = {"status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}}


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [(None, 60.0), ("", 60.0), ("30", 30.0), (" 7 ", 7.0), ("0", 1.0), ("99999999", 86_400.0), ("-5", 60.0),
     ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0), ("1e3", 60.0), ("\u0663", 60.0), ("9" * 30, 60.0)],
)  # fmt: skip
def test_too_much_is_a_wait(retry_after: str | None, wait_s: float) -> None:
    for status, body in (
        (429, json.dumps(LIMIT).encode()),
        (200, json.dumps(LIMIT).encode()),
        (429, b"<html>"),
    ):
        with pytest.raises(RateLimited, match="ask again in") as found:
            FREE.decode("/ping", body, NOW, status=status, retry_after=retry_after)
        assert (found.value.retry_after_s, found.value.banned) == (wait_s, False)


def nested(code: int) -> dict[str, Any]:
    return {
        "error": {"status": {"timestamp": "2026-01-01T00:00:00Z", "error_code": code, "error_message": "why"}}
    }


def flat_code(code: int) -> dict[str, Any]:
    return {"error_code": code, "status": {"error_message": "why"}}


def in_status(code: int) -> dict[str, Any]:
    return {"status": {"error_code": code, "error_message": "why"}}


@pytest.mark.parametrize("shape", [nested, flat_code, in_status])
@pytest.mark.parametrize(
    ("code", "status", "hint"),
    [
        (10002, 401, "set the key"),
        (10005, 401, "plan does not include"),
        (10010, 400, "set the plan to pro"),
        (10011, 400, "set the plan to demo"),
        (10012, 401, "last 365 days only"),
        (1020, 403, "keeps this address out"),
        (77777, 403, "kept out"),
    ],
)
def test_the_venues_own_codes_say_what_to_do(shape: Any, code: int, status: int, hint: str) -> None:
    with pytest.raises(VenueAnswer, match=f"answer to /ping, found HTTP {status}: why") as found:
        FREE.decode("/ping?secret=1", json.dumps(shape(code)).encode(), NOW, status=status)
    assert (found.value.status, found.value.venue_code) == (status, code)
    assert hint in found.value.hint
    with pytest.raises(VenueAnswer) as good:
        FREE.decode("/ping", json.dumps(shape(code)).encode(), NOW)
    assert (good.value.status, good.value.venue_code) == (200, code)


@pytest.mark.parametrize(
    ("status", "body", "message", "hint"),
    [
        (404, b'{"error":"coin not found"}', "HTTP 404: coin not found", "pinned ids"),
        (
            200,
            b'{"error":"Could not find coin with the given id"}',
            "HTTP 200: Could not find",
            "ask again later",
        ),
        (200, b'{"status":{"error_code":503,"error_message":"down"}}', "HTTP 503: down", "the venue fails"),
        (200, b'{"error_code":500}', "HTTP 500: no reason", "the venue fails"),
        (403, b"<html>error code: 1020</html>", "HTTP 403: .* a page in HTML", "kept out"),
        (503, b"<html>", "HTTP 503: .* a page in HTML", "the venue fails"),
        (500, b"", "HTTP 500: a body that says no reason: ''", "the venue fails"),
        (400, b'{"error":{"status":7}}', "HTTP 400", "compare its path"),
        (401, b'{"error":[1]}', "HTTP 401", "does not accept the key"),
        (408, b'{"status":7}', "HTTP 408", "too slow"),
        (
            404,
            b'{"error":null,"status":{"error_code":"404","error_message":null}}',
            "HTTP 404: no reason",
            "pinned",
        ),
        (302, b"", "HTTP 302", "page of its state"),
        (418, b"{" * 50_000, "HTTP 418", "page of its state"),
    ],
)
def test_every_shape_of_an_error_is_the_venues_answer(
    status: int, body: bytes, message: str, hint: str
) -> None:
    with pytest.raises(VenueAnswer, match=message) as found:
        FREE.decode("/coins/list", body, NOW, status=status)
    assert found.value.venue_code is None
    assert hint in found.value.hint


def test_a_good_answer_that_only_looks_like_an_error_is_none() -> None:
    body: dict[str, Any] = {"prices": [], "status": None, "error": None}
    assert said(CHART, body) == SamplePage(BTC, (), 0, NOW)
    with pytest.raises(WireError):  # an error of no shape that we know, with HTTP 200
        said(CHART, {"error": [1]})
