"""The rules of a session one by one; the numbers are those at the top of logic/session.py."""

from __future__ import annotations

from bethna.core.clock import NS_PER_S
from bethna.logic.session import Session
from bethna.logic.session_types import (
    Acked,
    AckMissing,
    ConnectionSettings,
    Delivered,
    Ended,
    Heard,
    Leave,
    Lost,
    Opened,
    Phase,
    Pinged,
    Proven,
    Refused,
    Rotate,
    SendPing,
    SendPong,
    ShutdownNoticed,
    StreamRefused,
    Subscribe,
    Tick,
    Unsubscribe,
    Unwant,
    Want,
    session_rules,
)

RULES = session_rules(
    ConnectionSettings(),
    messages_per_s=4,
    ping_timeout_s=60,
    life_ns=3600 * NS_PER_S,
    silent_ns=60 * NS_PER_S,
)


def s(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def opened(*in_url: str, besides: tuple[str, ...] = ()) -> Session:
    session = Session(RULES, in_url, besides, 0)
    assert session.receive(Opened(), 0) == ([Subscribe(besides, 1)] if besides else [])
    return session


def test_rule_1_a_connection_that_does_not_open_is_given_up() -> None:
    session = Session(RULES, ("a",), (), 0)
    assert session.deadline() == s(10)
    assert session.receive(Tick(), s(9.9)) == []
    assert session.receive(Tick(), s(10)) == [Ended("connect_timeout", "not open after 10.0 s")]
    assert session.deadline() is None


def test_rule_2_a_want_taken_back_in_time_costs_nothing() -> None:
    session = Session(RULES, ("a",), (), 0)
    session.receive(Want(("b",)), 1)
    session.receive(Unwant(("b",)), 2)
    assert session.receive(Opened(), 3) == []
    assert session.held == ("a",)
    assert session.settled


def test_rule_3_pongs_count_and_only_the_newest_ping_is_answered() -> None:
    session = opened("a")
    for number in range(4):
        assert session.receive(Pinged(b"%d" % number), s(0.1)) == [SendPong(b"%d" % number)]
    assert session.receive(Pinged(b"old"), s(0.2)) == []
    assert session.receive(Pinged(b"new"), s(0.3)) == []
    assert session.deadline() == s(0.1) + RULES.window_ns + 1
    assert session.receive(Tick(), s(1.3)) == [SendPong(b"new")]


def test_rule_5_what_is_answered_while_its_repetition_waits_is_not_repeated() -> None:
    session = opened("a")
    assert session.receive(Want(("b",)), 0) == [Subscribe(("b",), 1)]
    for number in range(4):  # the allowance of a second goes into pongs
        session.receive(Pinged(b"%d" % number), s(4.9))
    assert session.receive(Tick(), s(5)) == [AckMissing(("b",))]
    assert session.receive(Acked(1), s(5.1)) == []
    assert session.receive(Want(("c",)), s(5.2)) == []
    assert session.receive(Tick(), s(4.9) + RULES.window_ns + 1) == [Subscribe(("c",), 2)]


def test_rule_4_removals_go_before_additions() -> None:
    session = Session(RULES, ("a", "b"), (), 0)
    session.receive(Want(("c",)), 0)
    session.receive(Unwant(("a",)), 0)
    assert session.receive(Opened(), 0) == [Unsubscribe(("a",), 1), Subscribe(("c",), 2)]


def test_rule_5_a_missing_ack_is_told_once_and_asked_again_with_growing_pauses() -> None:
    session = opened("u", besides=("a", "b"))
    assert session.awaiting
    assert session.receive(Tick(), s(4.9)) == []
    assert session.receive(Tick(), s(5)) == [AckMissing(("a", "b")), Subscribe(("a", "b"), 2)]
    assert session.receive(Heard(), s(14.9)) == []
    assert session.receive(Heard(), s(15)) == [Subscribe(("a", "b"), 3)]
    assert session.receive(Acked(1), s(16)) == []  # a late answer to the first
    assert session.settled
    assert session.confirmed == ("u", "a", "b")
    assert session.receive(Refused(2, "too late"), s(17)) == []
    assert session.confirmed == ("u", "a", "b")


def test_rule_5_data_confirms() -> None:
    session = opened("u", besides=("a", "b"))
    assert session.receive(Delivered(("u",)), s(1)) == [Proven()]
    assert session.awaiting
    assert session.receive(Delivered(("a",)), s(2)) == []
    assert session.settled


def test_rule_5_old_ids_are_let_go_when_there_are_too_many() -> None:
    session = opened("u", besides=("a",))
    session.receive(Delivered(), 0)
    now = 0
    for _ in range(8):
        now += s(100)
        session.receive(Heard(), now)
    session.receive(Acked(1), now)
    assert session.awaiting
    session.receive(Acked(9), now)
    assert session.settled


def test_rule_5_a_removal_without_answer_is_dropped_after_three_tries() -> None:
    session = opened("a", "b")
    assert session.receive(Unwant(("a",)), 0) == [Unsubscribe(("a",), 1)]
    assert session.receive(Tick(), s(5)) == [AckMissing(("a",)), Unsubscribe(("a",), 2)]
    assert session.receive(Heard(), s(15)) == [Unsubscribe(("a",), 3)]
    assert session.receive(Heard(), s(35)) == []
    assert session.held == ("b",)


def test_rule_5_a_resent_addition_that_nobody_wants_any_more_is_removed() -> None:
    session = opened("u", besides=("a", "b"))
    assert session.receive(Unwant(("a",)), s(1)) == []
    assert session.receive(Tick(), s(5)) == [
        AckMissing(("a", "b")),
        Subscribe(("b",), 2),
        Unsubscribe(("a",), 3),
    ]
    session.receive(Acked(2), s(6))
    session.receive(Acked(3), s(6))
    assert session.confirmed == ("u", "b")


def test_rule_5_a_doubtful_stream_that_is_wanted_again_is_asked_for_again() -> None:
    session = opened("u", besides=("a",))
    session.receive(Unwant(("a",)), s(1))
    assert session.receive(Tick(), s(5)) == [AckMissing(("a",)), Unsubscribe(("a",), 2)]
    assert session.receive(Want(("a",)), s(6)) == []
    assert "a" not in session.confirmed
    assert session.receive(Acked(2), s(6)) == [Subscribe(("a",), 3)]


def test_rule_6_the_guilty_stream_is_named_and_the_others_live() -> None:
    session = opened("u", besides=("a", "bad", "c"))
    assert session.receive(Refused(1, "invalid stream"), 1) == [
        Subscribe(("a",), 2),
        Subscribe(("bad", "c"), 3),
    ]
    assert session.receive(Acked(2), 2) == []
    assert session.receive(Refused(3, "invalid stream"), 3) == [Subscribe(("bad",), 4)]
    assert session.receive(Refused(None, "invalid stream"), 4) == [StreamRefused("bad", "invalid stream")]
    assert session.receive(Tick(), s(2)) == [Subscribe(("c",), 5)]
    assert session.receive(Acked(5), s(3)) == []
    assert session.confirmed == ("u", "a", "c")


def test_rule_6_a_refused_stream_is_asked_again_when_it_is_wanted_anew() -> None:
    session = opened("u", besides=("bad",))
    assert session.receive(Refused(1, "no"), 1) == [StreamRefused("bad", "no")]
    assert session.refused == {"bad": "no"}
    assert session.receive(Want(("bad",)), 2) == [Subscribe(("bad",), 2)]
    assert session.receive(Unwant(("bad",)), 3) == []
    assert session.receive(Refused(2, "no"), 4) == []  # nobody wants it: nobody is told
    assert session.settled


def test_rule_6_a_late_refusal_of_a_larger_batch_does_not_name_the_innocent() -> None:
    session = opened("u", besides=("bad", "good"))
    session.receive(Unwant(("bad",)), s(1))
    assert session.receive(Tick(), s(5))[1] == Subscribe(("good",), 2)
    assert session.receive(Refused(1, "invalid stream"), s(6)) == []
    assert session.awaiting
    session.receive(Acked(2), s(6))
    assert "good" in session.confirmed
    assert session.refused == {}


def test_rule_6_a_refused_removal_means_that_it_is_gone() -> None:
    session = opened("a", "b")
    session.receive(Unwant(("a",)), 0)
    assert session.receive(Refused(1, "not subscribed"), 1) == []
    assert session.held == ("b",)


def test_rule_6_a_refusal_of_nothing_is_ignored() -> None:
    session = opened("a")
    assert session.receive(Refused(None, "?"), 1) == []
    assert session.receive(Refused(77, "?"), 1) == []
    assert session.receive(Acked("text"), 1) == []


def test_rule_7_a_stream_in_the_air_is_set_right_afterwards() -> None:
    session = opened("u", besides=("a",))
    assert session.receive(Unwant(("a",)), 1) == []
    assert session.receive(Acked(1), 2) == [Unsubscribe(("a",), 2)]
    assert session.receive(Want(("a",)), 3) == []
    assert session.receive(Acked(2), 4) == [Subscribe(("a",), 3)]


def test_rule_7_a_removal_in_the_air_that_is_wanted_again_is_not_repeated() -> None:
    session = opened("a", "b")
    session.receive(Unwant(("a",)), 0)
    session.receive(Want(("a",)), 1)
    assert session.receive(Tick(), s(5)) == [AckMissing(("a",)), Subscribe(("a",), 2)]


def test_rule_8_silence_is_probed_and_then_ends_it() -> None:
    session = opened("a")
    session.receive(Delivered(), 0)
    assert session.deadline() == s(30)
    assert session.receive(Tick(), s(30)) == [SendPing()]
    assert session.deadline() == s(40)
    assert session.receive(Heard(), s(39)) == []
    assert session.receive(Tick(), s(69)) == [SendPing()]
    (ended,) = session.receive(Tick(), s(79))
    assert ended == Ended("heartbeat_missed", "nothing heard for 40.0 s, our ping not answered")


def test_rule_8_a_full_window_delays_the_probe_but_not_forever() -> None:
    session = opened("a")
    session.receive(Delivered(), 0)
    for _ in range(4):
        session.receive(Pinged(b"x"), s(1))
    session.receive(Want(("b", "c")), s(1))
    session._heard_at = s(1) - RULES.quiet_ns
    assert session.deadline() == s(1) + RULES.window_ns + 1
    assert SendPing() in session.receive(Tick(), s(1) + RULES.window_ns + 1)


def test_rule_9_a_socket_without_data_is_given_up() -> None:
    session = opened("a")
    for at in range(10, 60, 10):
        assert session.receive(Pinged(b""), s(at)) == [SendPong(b"")]
    assert session.receive(Pinged(b""), s(60)) == [Ended("silent", "no data for 60.0 s after opening")]


def test_rule_9_a_socket_that_carries_nothing_owes_nothing() -> None:
    session = opened()
    for at in range(20, 200, 20):
        assert session.receive(Pinged(b""), s(at)) == [SendPong(b"")]
    assert session.receive(Want(("a",)), s(200)) == [Subscribe(("a",), 1)]
    session.receive(Acked(1), s(200))
    session.receive(Unwant(("a",)), s(201))
    session.receive(Acked(2), s(202))
    for at in range(220, 400, 20):
        assert session.receive(Pinged(b""), s(at)) == [SendPong(b"")]


def test_rule_10_a_rotation_is_asked_for_once() -> None:
    session = opened("a")
    session.receive(Delivered(), 0)
    (asked,) = session.receive(ShutdownNoticed(), s(1))
    assert isinstance(asked, Rotate)
    assert session.receive(ShutdownNoticed(), s(2)) == []
    assert session.deadline() == s(32), "the heartbeat is next, not the end of its life"
    assert session.receive(Heard(), s(3600)) == []
    other = opened("a")
    other.receive(Delivered(), 0)
    other.receive(Heard(), s(3590))
    (asked,) = other.receive(Tick(), s(3600))
    assert asked == Rotate("the venue cuts connections of this age")


def test_rule_11_the_first_reason_is_the_reason() -> None:
    session = opened("a")
    assert session.receive(Leave("unwanted", "done"), 1) == [Ended("unwanted", "done")]
    for what in (Lost("connection_lost", "cut"), Opened(), Want(("b",)), Pinged(b""), Tick()):
        assert session.receive(what, 2) == []
    assert session.phase is Phase.CLOSED


def test_data_before_the_upgrade_is_no_data() -> None:
    session = Session(RULES, ("a",), (), 0)
    assert session.receive(Delivered(), 1) == []
    assert session.phase is Phase.CONNECTING
    session.receive(Opened(), 2)
    session.receive(Opened(), s(5))
    assert session.receive(Lost("connection_lost", "cut"), s(6)) == [Ended("connection_lost", "cut")]


def test_the_figures_of_a_slow_venue() -> None:
    rules = session_rules(
        ConnectionSettings(heartbeat_s=30), messages_per_s=0.5, ping_timeout_s=20, life_ns=1, silent_ns=1
    )
    assert (rules.messages, rules.window_ns) == (1, round(2.2 * NS_PER_S))
    assert rules.quiet_ns == s(20)
