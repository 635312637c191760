"""Control calls without a socket: who may call, what is added and ended, what is refused; and what the page says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bethna.twins.control import Control, defaults_of, fault_table, is_loopback, kinds, parameters_of
from bethna.twins.faults import PARAMETERS, SHEETS, Faults, Words, read_fault
from bethna.twins.faults.words import BINANCE
from bethna.twins.line.seam import Answer

NOW = 1_790_000_000_000_000_000
HERE = {"host": "127.0.0.1:9700"}
NEEDED: dict[str, object] = {"offset_s": 1.5, "symbol": "BTCUSDT", "to": "XBTUSDT"}
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "twin.md").read_text("utf-8")


def control() -> Control:
    faults = Faults((), NOW, Random(1))
    return Control(faults, ("BTCUSDT", "ETHUSDT"), lambda now: {"now": now})


def said(answer: Answer) -> Any:
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.body)


def post(calls: Control, fault: object, now: int = NOW) -> Answer:
    body = fault if isinstance(fault, bytes) else json.dumps(fault).encode()
    return calls.call("POST", "/twin/faults", HERE, "127.0.0.1", body, now)


# --- who may call


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9700", "LOCALHOST", "[::1]:9700"])
def test_this_machine_may_call(peer: str, host: str) -> None:
    assert control().call("GET", "/twin/state", {"host": host}, peer, b"", NOW).status == 200


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.7", HERE),
        ("::ffff:192.0.2.7", HERE),
        ("2001:db8::1", HERE),
        ("", HERE),
        ("127.0.0.1.example", HERE),
        ("127.0.0.1", {}),
        ("127.0.0.1", {"host": "twin.example:9700"}),
        ("127.0.0.1", {"host": "127.0.0.1.example"}),
        ("127.0.0.1", {"host": "127.0.0.1:9700, twin.example"}),
        ("127.0.0.1", HERE | {"origin": "http://twin.example"}),
        ("127.0.0.1", HERE | {"origin": "http://127.0.0.1:8700"}),
        ("127.0.0.1", HERE | {"origin": "null"}),
        ("127.0.0.1", HERE | {"origin": ""}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_stranger_is_refused_whatever_it_asks(peer: str, headers: dict[str, str], method: str) -> None:
    calls = control()
    post(calls, {"kind": "slow"})
    for target in ("/twin/state", "/twin/faults", "/twin/nothing"):
        answer = calls.call(method, target, headers, peer, b'{"kind": "cut"}', NOW)
        assert answer.status == 403
        assert said(answer)["error"]["code"] == "forbidden"
    assert len(said(calls.call("GET", "/twin/faults", HERE, "::1", b"", NOW))["faults"]) == 1


def test_a_page_of_its_own_origin_may_call() -> None:
    headers = HERE | {"origin": "http://127.0.0.1:9700"}
    assert control().call("GET", "/twin/kinds", headers, "127.0.0.1", b"", NOW).status == 200


def test_only_what_begins_with_twin_is_a_control_call() -> None:
    calls = control()
    assert all(map(calls.is_for, ("/twin", "/twin/", "/twin/faults?x=1", "/twin?x")))
    assert not any(map(calls.is_for, ("/", "/twins", "/api/v3/twin/state", "/ws/twin")))


@pytest.mark.parametrize("address", ["", "x", "127.0.0.1:80", "10.0.0.1", "0.0.0.0", "::"])
def test_what_is_no_address_of_this_machine_is_a_strangers(address: str) -> None:
    assert not is_loopback(address)


# --- faults


def test_faults_are_added_counting_from_now_and_ended() -> None:
    calls = control()
    later = NOW + 60_000_000_000
    answer = post(calls, {"kind": "slow", "at_s": 2, "symbol": "BTCUSDT"}, later)
    assert answer.status == 200
    assert said(answer)["added"] == 1
    assert said(answer)["faults"] == [
        {
            "kind": "slow",
            "at_s": 2.0,
            "for_s": 10.0,
            "symbol": "BTCUSDT",
            "stream": "",
            "share": 1.0,
            "delay_s": 1.0,
            "begins_at": (later + 2_000_000_000) // 1000,
            "active": False,
        }
    ]
    assert said(post(calls, [{"kind": "silent"}, {"kind": "cut"}], later))["added"] == 2
    shown = said(calls.call("GET", "/twin/faults", HERE, "::1", b"", later))["faults"]
    assert [each["kind"] for each in shown] == ["silent", "cut", "slow"]
    ended = calls.call("DELETE", "/twin/faults", HERE, "::1", b"", later)
    assert said(ended) == {"ended": 3}
    assert said(calls.call("GET", "/twin/faults", HERE, "::1", b"", later)) == {"faults": []}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"\xff", "JSON"),
        (b"[" * 100_000, "too deep"),
        (b"[]", "1 to"),
        (b"7", "fault"),
        (b'[{"kind": "cut"}, {"kind": "cutt"}]', "cutt"),
        (b'{"kind": "cut", "symbol": "NOPEUSDT"}', "NOPEUSDT"),
        (b'{"kind": "cut", "delay_s": 1}', "delay_s"),
        (b'{"kind": "slow", "at_s": -1}', "at_s"),
    ],
)
def test_what_is_no_fault_is_refused_and_nothing_of_it_added(body: bytes, words: str) -> None:
    calls = control()
    answer = post(calls, body)
    assert answer.status == 400
    error = said(answer)["error"]
    assert error["code"] == "bad_fault"
    assert words in error["message"]
    assert error["hint"]
    assert "recursion" not in error["message"]
    assert "fault: fault" not in error["message"]
    assert said(calls.call("GET", "/twin/faults", HERE, "::1", b"", NOW)) == {"faults": []}


@pytest.mark.parametrize("left", range(0, 240, 3))
def test_brackets_at_the_edge_of_what_can_be_read_are_no_fault(left: int) -> None:
    depth = sys.getrecursionlimit() - left  # somewhere here it is read but cannot be printed
    answer = post(control(), b'{"kind": ' + b"[" * depth + b"]" * depth + b"}")
    assert answer.status == 400
    assert "recursion" not in said(answer)["error"]["message"]


def test_other_methods_and_other_paths_are_told() -> None:
    calls = control()
    for method, target in (("PUT", "/twin/faults"), ("POST", "/twin/state"), ("DELETE", "/twin/kinds")):
        answer = calls.call(method, target, HERE, "::1", b"", NOW)
        assert answer.status == 405
        assert "GET" in answer.headers["allow"]
    assert calls.call("GET", "/twin", HERE, "::1", b"", NOW).status == 404
    assert said(calls.call("GET", "/twin/state/", HERE, "::1", b"", NOW)) == {"now": NOW}


# --- kinds, and the page


def test_every_kind_is_listed_and_its_defaults_are_a_fault() -> None:
    assert [each["kind"] for each in kinds()] == list(SHEETS)
    for name, sheet in SHEETS.items():
        venue = sheet.venues[0] if sheet.venues else "any"
        given = {key: value for key, value in defaults_of(sheet).items() if value is not None}
        needed = {key: NEEDED[key] for key in sheet.required}
        assert read_fault({"kind": name, **given, **needed}, words=Words(venue, (), ())).kind == name


@pytest.mark.parametrize("words", [BINANCE, Words("kraken", ("book",), ("/v2",), without=("rename",))])
def test_a_venues_kinds_are_listed_and_no_others(words: Words) -> None:
    calls = Control(Faults((), NOW, Random(1)), ("BTCUSDT",), lambda _now: {}, words)
    listed = said(calls.call("GET", "/twin/kinds", HERE, "::1", b"", NOW))
    assert listed == json.loads(json.dumps({"kinds": kinds(words), "parameters": parameters_of(words)}))
    assert [each["kind"] for each in listed["kinds"]] == list(words.kinds())
    taken = {name for each in listed["kinds"] for name in each["parameters"]}
    assert set(listed["parameters"]) == taken | {"for_s"}
    assert "to" not in taken
    for name in SHEETS:
        needed = {key: NEEDED[key] for key in SHEETS[name].required}
        assert (post(calls, {"kind": name, **needed}).status == 200) == words.fits(name)


def test_the_page_has_both_tables_as_they_are() -> None:
    rows = [f"| `{name}` | {lasts} | {takes} | {what} |" for name, lasts, takes, what in fault_table()]
    assert "\n".join(rows) in PAGE
    assert "\n".join(f"| `{name}` | {allowed} |" for name, allowed in PARAMETERS.items()) in PAGE
