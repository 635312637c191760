"""What every language of every venue keeps: run over the whole registry, so that a new one is held to it, too."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.errors import VenueAnswer, WireError
from bethna.core.instrument import FEATURES, Instrument, instrument_id, parse_name
from bethna.core.market import UNNUMBERED, BookDelta, BookSnapshot
from bethna.core.wire import BookDoubt
from bethna.venues.registry import VENUES, WIRES, codec_to_read, readable_names, wire_of_url
from bethna.venues.spec import Codec, VenueSpec

READ_ONLY = {"kraken_v1"}
SPOKEN = [name for name in readable_names() if name not in READ_ONLY]
NOW = 1_790_000_000_000_000_000

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12)
WORDS = (
    "channel", "type", "data", "symbol", "product_id", "events", "method", "result", "params", "id", "error", "e", "s",
    "stream", "trades", "bids", "asks", "checksum", "side", "price", "timestamp", "time", "sequence_num", "change_id",
    "prev_change_id", "trade_id", "instrument_name",
)  # fmt: skip
keys = st.sampled_from(WORDS) | st.text(max_size=6)
jsons = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)


def spec_of(name: str) -> VenueSpec:
    return VENUES[name].spec if name in VENUES else WIRES[name].spec


def pair(codec: Codec, venue: str) -> Instrument:
    """A pair as a user would name it, with the venue's own spelling from its codec's guess."""
    for spelling in ("BTCUSD", "BTC-USD", "BTC/USD", "BTC-PERPETUAL"):
        try:
            found = codec.instrument(spelling)
        except WireError:
            continue
        if found.id.endswith(f"@{venue}"):
            return found
    raise AssertionError("no spelling of Bitcoin in dollars is understood")


@pytest.mark.parametrize("name", readable_names())
@given(raw=st.binary(max_size=80) | jsons.map(lambda found: json.dumps(found).encode()))
def test_no_bytes_break_a_connection(name: str, raw: bytes) -> None:
    _, codec = codec_to_read(name)
    connection = codec.connection(1)
    for _ in range(2):  # the second time it remembers the first
        with suppress(WireError, VenueAnswer):
            for event in connection.decode(raw, NOW):
                if isinstance(event, BookDelta | BookSnapshot) and event.last_id == UNNUMBERED:
                    assert event.epoch == 1
                if isinstance(event, BookDoubt):
                    assert event.reason


@pytest.mark.parametrize("name", SPOKEN)
@given(data=st.data())
def test_no_answer_of_rest_breaks_a_codec(name: str, data: st.DataObject) -> None:
    venue, codec = codec_to_read(name)
    instrument = pair(codec, venue)
    requests = [
        codec.snapshot_request(instrument, 100),
        codec.trades_request(instrument, 7, 100, NOW),
        codec.recent_trades_request(instrument, 100),
        codec.candles_request(instrument, "1m", NOW, 100),
        codec.time_request(),
        codec.catalogue_request(),
    ]
    request = data.draw(st.sampled_from(requests))
    assert request.path.startswith("/")
    assert request.path.isascii()
    assert request.weight >= 1
    body = data.draw(
        st.binary(max_size=60)
        | jsons.map(lambda found: json.dumps(found).encode())
        | st.just(b"<html><body>maintenance</body></html>")
    )
    with suppress(WireError, VenueAnswer):
        codec.decode_http(request.path, body, NOW)


@pytest.mark.parametrize("name", SPOKEN)
def test_what_is_asked_for_can_be_recognised_in_the_answer(name: str) -> None:
    venue, codec = codec_to_read(name)
    instrument = pair(codec, venue)
    codec.learn([instrument])
    streams = codec.streams(instrument)
    assert streams
    assert len(set(streams)) == len(streams)
    for stream in streams:
        assert codec.stream_instrument(stream) == instrument.id
    for feature in FEATURES:
        assert set(codec.streams(instrument, (feature,))) <= set(streams)
    assert codec.streams(instrument, ()) == ()
    batches: dict[str, list[str]] = {}
    for stream in streams:
        batches.setdefault(codec.batch_of(stream), []).append(stream)
    for batch in batches.values():
        subscribe: Any = json.loads(codec.encode_subscribe(batch, 3))
        unsubscribe: Any = json.loads(codec.encode_unsubscribe(batch, 4))
        assert subscribe != unsubscribe
    assert codec.socket_path(()).startswith("/")
    for said in codec.connection(1).greeting():
        json.loads(said)


@pytest.mark.parametrize("name", readable_names())
def test_the_rules_of_a_venue_can_be_kept(name: str) -> None:
    spec = spec_of(name)
    assert spec.name == codec_to_read(name)[0]
    assert spec.hosts
    for host in spec.hosts:
        assert host.ws.startswith("wss://")
        assert host.rest.startswith("https://")
        assert not host.ws.endswith("/")
        assert not host.rest.endswith("/")
    assert 0 <= spec.url_streams <= spec.max_streams
    assert (
        min(spec.messages_per_s, spec.connects_per_window, spec.connect_window_s, spec.weight_per_minute) > 0
    )
    assert 0 < spec.rotate_before_s < spec.max_life_s
    assert not (spec.pushed_books and spec.chained_books)


@pytest.mark.parametrize("name", SPOKEN)
def test_a_recorded_url_finds_its_language(name: str) -> None:
    _, codec = codec_to_read(name)
    for host in spec_of(name).hosts:
        assert wire_of_url(f"{host.ws}{codec.socket_path(())}") == name
        assert wire_of_url(f"{host.rest}{codec.time_request().path}") == name
    assert wire_of_url("wss://example.com/ws") is None


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTC-PERPETUAL", "BTC-PERPETUAL"),
        ("btc_usdc-perpetual", "BTC_USDC-PERPETUAL"),
        ("eth-25dec26-4000-c", "ETH-25DEC26-4000-C"),
        ("BTC-5AUG26", "BTC-5AUG26"),
        ("XRP_USDC-30JUN26-0D625-P", "XRP_USDC-30JUN26-0d625-P"),
        ("btc-usd-index", "BTC-USD-INDEX"),
        ("btc-dvol", "BTC-DVOL"),
        ("XBT/USD", "BTC-USD"),
        ("xbtusd", "BTC-USD"),
        ("XDGUSD", "DOGE-USD"),
        ("ETH/XBT", "ETH-BTC"),
        ("BTC-USDC", "BTC-USDC"),
    ],
)
def test_every_venues_spelling_is_one_name(text: str, symbol: str) -> None:
    name = parse_name(text, "somewhere")
    assert (name.id, name.alias) == (instrument_id(symbol, "somewhere"), None)
    assert parse_name(name.id, "elsewhere").id == name.id, "and the name itself is understood"
