"""Plans are read or refused with their line; faults are active, strike and end when they should."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import (
    NAMES,
    PARAMETERS,
    SHEETS,
    Fault,
    FaultError,
    Faults,
    Words,
    random_plan,
    read_fault,
    read_plan,
)
from bethna.twins.faults import kinds as kinds_module
from bethna.twins.faults.words import BINANCE

START = 1_790_000_000 * NS_PER_S


def s(seconds: float) -> int:
    return START + round(seconds * NS_PER_S)


def faults(*plan: Fault, seed: int = 1) -> Faults:
    return Faults(plan, START, Random(seed))


# --- what a plan says


def test_a_plan_is_read_in_its_order_with_defaults_by_kind() -> None:
    text = """
# a rehearsal
[[fault]]
kind = "missing_trades"
at_s = 20
symbol = "BTCUSDT"
history = false

[[fault]]
kind = "late_ack"
at_s = 1.5
stream = "depth*"
"""
    assert read_plan(text, "plan.toml") == (
        Fault(kind="missing_trades", at_s=20.0, for_s=5.0, symbol="BTCUSDT", history=False, line=3),
        Fault(kind="late_ack", at_s=1.5, for_s=30.0, stream="depth*", delay_s=3.0, line=9),
    )
    assert read_plan("", "plan.toml") == ()


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ('[[fault]]\nkind = "cut"\n\n[[fault]]\nkind = "mising_diff"\n', "line 5: kind", "missing_diff"),
        ("[[fault]]\nat_s = 5\n", "line 1: kind: expected a kind of fault, found nothing", "kinds: cut"),
        ('[[fault]]\nkind = "slow"\nat = 5\n', "line 3: at: expected one of", "at_s"),
        ('[[fault]]\nkind = "slow"\nhistory = true\n', "line 3: history: expected one of", ""),
        ('[[fault]]\nkind = "slow"\nat_s = -1\n', "line 3: at_s: expected seconds from 0", ""),
        ('[[fault]]\nkind = "slow"\nat_s = nan\n', "line 3: at_s: expected seconds from 0", ""),
        ('[[fault]]\nkind = "slow"\nat_s = inf\n', "line 3: at_s: expected seconds from 0", ""),
        (
            '[[fault]]\nkind = "slow"\nat_s = "5"\n',
            "line 3: at_s: expected seconds from 0 to 1e9, found '5'",
            "",
        ),
        ('[[fault]]\nkind = "slow"\nat_s = true\n', "line 3: at_s", ""),
        ('[[fault]]\nkind = "slow"\nat_s = 00:00:05\n', "line 3: at_s", ""),
        (
            '[[fault]]\nkind = "cut"\nfor_s = 3\n',
            "line 3: for_s: expected 0 or nothing (cut happens once)",
            "",
        ),
        ('[[fault]]\nkind = "slow"\nshare = 0\n', "line 3: share", ""),
        ('[[fault]]\nkind = "slow"\nshare = 1.01\n', "line 3: share", ""),
        ('[[fault]]\nkind = "reorder"\ncount = 0\n', "line 3: count", ""),
        ('[[fault]]\nkind = "reorder"\ncount = 1.5\n', "line 3: count", ""),
        ('[[fault]]\nkind = "http_5xx"\nstatus = 404\n', "line 3: status", ""),
        ('[[fault]]\nkind = "http_5xx"\non = "everything"\n', "line 3: on: expected rest, ws or both", ""),
        ('[[fault]]\nkind = "garbage"\nraw = 1\n', "line 3: raw: expected true or false", ""),
        ('[[fault]]\nkind = "clock_skew"\n', "line 1: offset_s: expected seconds", ""),
        ('[[fault]]\nkind = "clock_jump"\noffset_s = 0\n', "line 3: offset_s", ""),
        ('[[fault]]\nkind = "slow"\nstream = "trades"\n', "line 3: stream", "trade"),
        ('[[fault]]\nkind = "slow"\nstream = "btcusdt@trade"\n', "line 3: stream", "stream = 'trade'"),
        ('[[fault]]\nkind = "slow"\nstream = "deep*"\n', "line 3: stream", ""),
        ('[[fault]]\nkind = "slow"\nsymbol = "btcusdt"\n', "line 3: symbol", "BTCUSDT"),
        ('[[fault]]\nkind = "slow"\nsymbol = 5\n', "line 3: symbol", ""),
        ('[[fault]]\nkind = "http_429"\nendpoint = "/api/v3/dept"\n', "line 3: endpoint", "/api/v3/depth"),
        ('[fault]\nkind = "cut"\n', "line 1: fault: expected [[fault]] tables", "[[fault]]"),
        ('seed = 4\n[[fault]]\nkind = "cut"\n', "line 1: seed: expected nothing but [[fault]]", ""),
        ('[[faults]]\nkind = "cut"\n', "line 1: faults", "[[fault]]"),
        ('[[fault]]\nkind = "cut"\nat_s =\n', "line 3: expected TOML", ""),
        ('fault = [{kind = "cut"}, 7]\n', "line 1: fault: expected a table", ""),
        ('[[fault]]\nkind = "cut"\nat_s = 1\nat_s = 2\n', "expected TOML", ""),
    ],
)
def test_what_cannot_be_is_refused_with_file_line_and_key(text: str, said: str, hint: str) -> None:
    with pytest.raises(FaultError) as caught:
        read_plan(text, "plan.toml")
    assert caught.value.message.startswith("plan.toml line ")
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.code == "bad_fault_file"


def test_lines_are_right_behind_texts_of_several_lines() -> None:
    text = '[[fault]]\nkind = """cut"""\n# [[fault]]\nsymbol = """\n[[fault]]\nkind = "x"\n"""\n'
    with pytest.raises(FaultError, match=r"line 4: symbol"):
        read_plan(text, "plan.toml")


def test_a_symbol_that_is_not_listed_is_refused_when_the_list_is_known() -> None:
    text = '[[fault]]\nkind = "slow"\nsymbol = "BTCUSD"\n'
    assert read_plan(text, "p")[0].symbol == "BTCUSD"
    with pytest.raises(FaultError) as caught:
        read_plan(text, "p", {"BTCUSDT", "ETHUSDT"})
    assert "BTCUSDT" in caught.value.hint


@pytest.mark.parametrize(
    ("symbol", "symbols", "hint"),
    [
        ("X", (), ""),
        ("X", ("BTCUSDT",), ""),
        ("btcusdt", (), "did you mean BTCUSDT?"),
        ("btcusdt", ("BTCUSDT", "ETHUSDT"), "did you mean BTCUSDT?"),
        ("nope", ("BTCUSDT",), ""),
    ],
)
def test_a_symbol_is_never_said_to_mean_itself_or_one_that_is_not_there(
    symbol: str, symbols: tuple[str, ...], hint: str
) -> None:
    with pytest.raises(FaultError) as caught:
        read_plan(f'[[fault]]\nkind = "slow"\nsymbol = "{symbol}"\n', "p", symbols)
    assert caught.value.hint == hint


def test_brackets_that_nobody_can_read_are_told_in_plain_words() -> None:
    with pytest.raises(FaultError, match=r"line 2: expected TOML, found: brackets within brackets"):
        read_plan("[[fault]]\nkind = " + "[" * 50_000, "p")


def test_a_control_call_is_read_by_the_same_rules() -> None:
    assert read_fault({"kind": "cut", "share": 0.5}) == Fault(kind="cut", share=0.5)
    for value, said in (({"kind": "cuts"}, "kind"), ([], "fault"), ({"kind": "cut", "line": 3}, "line")):
        place = "fault" if said == "fault" else f"fault: {said}"
        with pytest.raises(FaultError, match=f"^{place}: expected"):
            read_fault(value)


def test_a_fault_made_by_code_has_a_kind_that_exists() -> None:
    with pytest.raises(FaultError) as caught:
        Fault(kind="dup")  # type: ignore[arg-type]  # that is the point
    assert "duplicate" in caught.value.hint


@given(
    st.text() | st.from_regex(r'(\[\[fault\]\]\n(kind|at_s|share) = ("cut"|"slow"|-?\d+|nan|\[\])\n){1,3}')
)
def test_any_text_is_a_plan_or_is_refused(text: str) -> None:
    said = "p line"
    try:
        read_plan(text, "p")
    except FaultError as error:
        said = error.message
    assert said.startswith("p line")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(list(PARAMETERS)), values, max_size=4), st.sampled_from(NAMES))
def test_any_object_is_a_fault_or_is_refused(parameters: dict[str, object], kind: str) -> None:
    try:
        fault = read_fault(parameters | {"kind": kind})
    except FaultError:
        return
    assert fault.kind == kind
    assert msgspec.convert(msgspec.to_builtins(fault), Fault) == fault


def test_every_kind_is_told_in_the_table_and_takes_known_parameters() -> None:
    assert tuple(SHEETS) == NAMES
    table = kinds_module.__doc__ or ""
    for sheet in SHEETS.values():
        assert f"\n    {sheet.name} " in table
        assert set(sheet.parameters) <= set(PARAMETERS)
        assert sheet.meaning
        needed: dict[str, object] = {"offset_s": 1.0, "symbol": "BTCUSDT", "to": "XBTUSDT"}
        given = {"kind": sheet.name} | {name: needed[name] for name in sheet.required}
        read_fault(given, words=Words(sheet.venues[0] if sheet.venues else "any", (), ()))


# --- in time


def test_a_fault_is_active_from_its_begin_to_before_its_end() -> None:
    plan = faults(Fault(kind="slow", at_s=2, for_s=3, symbol="BTCUSDT", stream="depth*"))
    hit = {"symbol": "BTCUSDT", "stream": "depth@100ms"}
    assert [bool(plan.active("slow", s(t), **hit)) for t in (1.999, 2, 4.999, 5)] == [
        False,
        True,
        True,
        False,
    ]
    assert plan.active("slow", s(3), symbol="ETHUSDT", stream="depth@100ms") is None
    assert plan.active("slow", s(3), symbol="BTCUSDT", stream="trade") is None
    assert plan.active("garbage", s(3), **hit) is None
    assert plan.struck == {}


def test_once_means_at_the_first_opportunity_and_never_again() -> None:
    plan = faults(Fault(kind="garbage", at_s=2, for_s=0, symbol="BTCUSDT"))
    assert plan.strikes("garbage", s(1), symbol="BTCUSDT") is None
    assert plan.strikes("garbage", s(50), symbol="ETHUSDT") is None
    assert plan.strikes("garbage", s(60), symbol="BTCUSDT") is not None
    assert plan.strikes("garbage", s(60), symbol="BTCUSDT") is None
    assert plan.struck == {"garbage": 1}


def test_a_share_is_drawn_with_a_seed() -> None:
    def draws(seed: int) -> list[bool]:
        plan = faults(Fault(kind="slow", share=0.3), seed=seed)
        return [plan.strikes("slow", s(1)) is not None for _ in range(1000)]

    assert draws(1) == draws(1) != draws(2)
    assert 230 < sum(draws(1)) < 370


def test_requests_and_upgrades_are_told_apart() -> None:
    plan = faults(Fault(kind="http_5xx", on="rest"))
    assert plan.strikes("http_5xx", s(1), on="ws") is None
    assert plan.strikes("http_5xx", s(1), on="rest") is not None


def test_edges_are_every_begin_and_end_and_where_a_book_must_be_kept_from() -> None:
    plan = faults(
        Fault(kind="slow", at_s=2, for_s=3), Fault(kind="stale_snapshot", at_s=10, for_s=1, delay_s=4)
    )
    found, now = [], START
    while (edge := plan.next_edge(now)) is not None:
        found.append(edge)
        now = edge
    assert found == [s(2), s(5), s(6), s(10), s(11)]
    assert [len(plan.wanted("stale_snapshot", s(t))) for t in (5.9, 6, 10.5, 11)] == [0, 1, 1, 0]


def test_what_acts_by_itself_is_due_once_in_order() -> None:
    plan = faults(Fault(kind="recycle", at_s=3), Fault(kind="cut", at_s=1), Fault(kind="slow", at_s=1))
    assert plan.due(s(0.5)) == []
    assert [fault.kind for fault in plan.due(s(4))] == ["cut", "recycle"]
    assert plan.due(s(9)) == []


def test_the_clock_is_off_by_jumps_that_stay_and_skews_that_end() -> None:
    plan = faults(
        Fault(kind="clock_jump", at_s=1, offset_s=2.0),
        Fault(kind="clock_skew", at_s=2, for_s=2, offset_s=-0.5),
    )
    offsets = []
    for at in (0.5, 1, 2, 3.999, 4):
        plan.due(s(at))
        offsets.append(plan.offset_ns(s(at)) / NS_PER_S)
    assert offsets == [0, 2, 1.5, 1.5, 2]
    plan.clear(s(5))
    assert plan.offset_ns(s(5)) == 2 * NS_PER_S


def test_faults_are_added_from_now_and_cleared() -> None:
    plan = faults(Fault(kind="slow", at_s=2, for_s=3))
    version = plan.version
    plan.add(Fault(kind="garbage", at_s=1), s(10))
    assert plan.version != version
    assert plan.active("garbage", s(10.5)) is None
    assert plan.active("garbage", s(11)) is not None
    assert [(fault.kind, active) for fault, _, active in plan.standing(s(10))] == [("garbage", False)]
    assert plan.clear(s(11)) == 1
    assert plan.active("garbage", s(11)) is None
    assert plan.next_edge(s(11)) is None


def test_what_is_over_is_forgotten() -> None:
    plan = faults()
    for at in range(1000):
        plan.add(Fault(kind="slow", for_s=0.5), s(at))
    assert len(plan._planned) <= 2


@given(st.integers(0, 2**32), st.floats(1, 600), st.integers(1, 9))
def test_random_plans_are_plans_that_end_in_time(seed: int, span_s: float, most: int) -> None:
    plan = random_plan(Random(seed), span_s=span_s, symbols=("BTCUSDT", "ETHUSDT"), most=most)
    assert plan == random_plan(Random(seed), span_s=span_s, symbols=("BTCUSDT", "ETHUSDT"), most=most)
    assert 1 <= len(plan) <= most
    for fault in plan:
        assert fault.at_s + fault.for_s <= span_s + 0.001
        takes = SHEETS[fault.kind].parameters
        given_ = {
            name: value
            for name, value in msgspec.to_builtins(fault).items()
            if name in ("at_s", "for_s", *takes) and value is not None
        }
        assert msgspec.structs.replace(read_fault({"kind": fault.kind} | given_), line=0) == fault


def test_every_kind_can_be_drawn() -> None:
    rng = Random(4)
    drawn = {fault.kind for _ in range(400) for fault in random_plan(rng, span_s=60, symbols=("BTCUSDT",))}
    assert drawn == set(BINANCE.kinds())
    only = random_plan(rng, span_s=60, symbols=(), kinds=("cut",))
    assert {fault.kind for fault in only} == {"cut"}
