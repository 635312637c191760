"""Windows, pools and gates of a twin: what passes, when the next may, and that what is kept is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bethna.core.clock import NS_PER_S
from bethna.twins.line.limits import MAX_ADDRESSES, Gates, Pool, Window, retry_after_s

steps = st.lists(st.integers(0, 2 * NS_PER_S), max_size=60)


@given(st.integers(1, 5), st.integers(1, 3), steps)
def test_a_window_lets_no_more_than_its_limit_pass_in_any_stretch(
    limit: int, span_s: int, gaps: list[int]
) -> None:
    passed: list[int] = []
    window, now = Window(limit, span_s * NS_PER_S), 0
    for gap in gaps:
        now += gap
        free_at = window.free_at(now)
        inside = [each for each in passed if now - each < span_s * NS_PER_S]
        assert window.take(now) == (len(inside) < limit) == (free_at == now)
        if free_at == now:
            passed.append(now)
        else:
            assert free_at == inside[-limit] + span_s * NS_PER_S


def test_a_pool_is_full_at_first_and_refills_evenly() -> None:
    pool = Pool(50_000, 10_000)
    assert sum(pool.take(500, 7) for _ in range(200)) == 100
    assert not pool.take(1, 7)
    assert not pool.take(5_001, 7 + NS_PER_S // 2)
    assert pool.take(5_000, 7 + NS_PER_S // 2)
    assert pool.left(7 + 100 * NS_PER_S) == 50_000
    assert pool.left(7) == 50_000  # time never goes back


@given(steps, st.lists(st.floats(0, 20), min_size=60, max_size=60))
def test_a_pool_never_pays_more_than_it_had_and_got(gaps: list[int], costs: list[float]) -> None:
    pool, now, paid = Pool(10, 2.0), 0, 0.0
    for gap, cost in zip(gaps, costs, strict=False):
        now += gap
        if pool.take(cost, now):
            paid += cost
        assert 0 <= pool.left(now) <= 10
        assert paid <= 10 + 2.0 * now / NS_PER_S + 1e-6


def test_gates_are_one_for_each_address_and_bounded() -> None:
    gates = Gates(lambda: Window(1))
    assert gates.of("a").take(0)
    assert not gates.of("a").take(0)
    assert gates.of("b").take(0)
    for n in range(MAX_ADDRESSES - 1):
        gates.of(f"c{n}")
    assert len(gates.items()) == MAX_ADDRESSES
    assert "a" not in dict(gates.items())
    assert gates.of("a").take(0)


def test_who_must_wait_is_told_whole_seconds_and_at_least_one() -> None:
    assert [retry_after_s(until, 5) for until in (0, 5, 6, 5 + NS_PER_S, 6 + NS_PER_S)] == [1, 1, 1, 1, 2]
