"""The rules of a session one by one; the numbers are those at the top of logic/session and logic/subscriptions."""

from __future__ import annotations

from msgspec.structs import replace
from session_line import Line, s

from bethna.logic.session import Session
from bethna.logic.session_types import (
    Acked,
    AckMissing,
    Challenged,
    ConnectionSettings,
    Delivered,
    Effect,
    Ended,
    Heard,
    Leave,
    Lost,
    Opened,
    Phase,
    Pinged,
    Proven,
    Refused,
    Renew,
    Rotate,
    SendPing,
    SendPong,
    SendText,
    SessionRules,
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
    life_ns=s(3600),
    silent_ns=s(60),
)


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
    assert (rules.messages, rules.window_ns) == (1, s(2.2))
    assert rules.quiet_ns == s(20)


# --- venues that answer otherwise

APART = replace(RULES, data_confirms=False)
ORDERED = replace(APART, ordered=True)


def apart(*streams: str, rules: SessionRules = APART) -> Session:
    session = Session(rules, (), streams, 0)
    assert session.receive(Opened(), 0) == [Subscribe(streams, 1)]
    return session


def test_rule_5_data_answers_nothing_where_each_stream_is_answered_apart() -> None:
    session = apart("a", "b")
    assert not session.awaiting
    assert session.receive(Delivered(("a", "b")), 1) == [Proven()]
    assert session.confirmed == ()
    assert session.receive(Tick(), s(5)) == [AckMissing(("a", "b")), Subscribe(("a", "b"), 2)]


def test_rule_5_an_answer_that_comes_after_the_data_still_refuses_by_name() -> None:
    session = opened("u", besides=("a", "bad", "worse"))
    assert session.receive(Delivered(("a",)), 1) == [Proven()]
    assert session.settled
    assert session.receive(Acked(1, ("a", "worse")), 2) == [StreamRefused("bad", "the venue did not list it")]
    assert session.receive(Acked(1, ("a",)), 3) == [], "said once"
    session.receive(Want(("c", "d")), 4)
    session.receive(Delivered(("c",)), 5)
    assert session.receive(Refused(2, "unknown", ("d", "u")), 6) == [StreamRefused("d", "unknown")]
    assert session.receive(Refused(2, "too late"), 7) == []
    assert session.confirmed == ("u", "a", "worse", "c")


def test_rule_5_a_late_answer_does_not_touch_what_has_moved_on() -> None:
    session = opened("u", besides=("a", "b", "c"))
    session.receive(Delivered(("a",)), 1)
    assert session.receive(Unwant(("b", "c")), 2) == [Unsubscribe(("b", "c"), 2)]
    session.receive(Want(("c",)), 3)
    assert session.receive(Acked(1, ("a",)), 4) == []
    assert session.receive(Acked(2), 5) == [Subscribe(("c",), 3)]
    assert session.refused == {}


def test_rule_5_few_late_answers_are_waited_for() -> None:
    session = opened("u")
    for number in range(100):
        session.receive(Want((f"s{number}",)), s(10 * number))
        session.receive(Delivered((f"s{number}",)), s(10 * number + 1))
    assert session.receive(Acked(1, ()), s(1000)) == [], "long forgotten"
    assert session.receive(Acked(100, ()), s(1000)) == [StreamRefused("s99", "the venue did not list it")]


def test_rule_12_what_a_request_asked_for_and_its_answer_does_not_list_is_refused() -> None:
    session = apart("a", "bad", "c")
    assert session.receive(Acked(1, ("c", "a", "x")), 1) == [
        StreamRefused("bad", "the venue did not list it")
    ]
    assert session.settled
    assert session.confirmed == ("a", "c")
    assert session.receive(Want(("bad",)), 2) == [Subscribe(("bad",), 2)]
    assert session.receive(Acked(2, ()), 3) == [StreamRefused("bad", "the venue did not list it")]


def test_rule_12_an_answer_without_a_list_takes_all_of_it() -> None:
    session = apart("a", "b")
    assert session.receive(Acked(1, None), 1) == []
    assert session.confirmed == ("a", "b")


def test_rule_12_what_was_removed_is_gone_whatever_the_list_says() -> None:
    session = apart("a", "b")
    session.receive(Acked(1), 1)
    assert session.receive(Unwant(("a", "b")), 2) == [Unsubscribe(("a", "b"), 2)]
    assert session.receive(Acked(2, ("a",)), 3) == []
    assert session.held == ()
    assert session.settled


def test_rule_12_an_answer_for_one_stream_leaves_the_others_their_time() -> None:
    session = apart("a", "b", "c", "d")
    assert session.receive(Acked(1, ("a",), "stream"), s(1)) == []
    assert session.receive(Refused(1, "no such pair", ("c", "unasked")), s(2)) == [
        StreamRefused("c", "no such pair")
    ]
    assert session.receive(Tick(), s(4.9)) == []
    assert session.receive(Tick(), s(5)) == [AckMissing(("b", "d")), Subscribe(("b", "d"), 2)]
    assert session.receive(Acked(1, ("b",), "stream"), s(6)) == []  # a late answer to the first
    assert session.receive(Refused(2, "again", ("a", "c")), s(6)) == []  # not asked for any more
    assert session.receive(Acked(2, ("d",), "stream"), s(7)) == []
    assert session.settled
    assert session.confirmed == ("a", "b", "d")


def test_rule_6_what_a_part_of_an_answer_left_is_refused_as_a_whole() -> None:
    session = apart("a", "b", "c")
    session.receive(Acked(1, ("a",), "stream"), 1)
    assert session.receive(Refused(1, "no such depth"), 2) == [Subscribe(("b",), 2), Subscribe(("c",), 3)]
    assert session.receive(Refused(2, "no such depth"), 3) == [StreamRefused("b", "no such depth")]


def test_rule_13_a_named_stream_that_cannot_be_removed_is_gone() -> None:
    session = apart("a", "b")
    session.receive(Acked(1), 1)
    session.receive(Unwant(("a", "b")), 2)
    assert session.receive(Refused(2, "not subscribed", ("a",)), 3) == []
    assert session.held == ("b",)
    assert session.receive(Acked(2, ("b",), "stream"), 4) == []
    assert session.settled


def test_rule_12_a_connections_list_takes_and_refuses() -> None:
    session = apart("a", "bad", rules=ORDERED)
    listed = ("heartbeats", "a")
    assert session.receive(Acked(None, listed, "connection"), 1) == [
        StreamRefused("bad", "the venue did not list it")
    ]
    assert session.confirmed == ("a",)
    assert session.settled


def test_rule_12_a_removal_that_the_connection_still_has_is_asked_again() -> None:
    session = apart("a", "b", rules=ORDERED)
    session.receive(Acked(None, ("a", "b"), "connection"), 1)
    assert session.receive(Unwant(("a", "b")), 2) == [Unsubscribe(("a", "b"), 2)]
    assert session.receive(Acked(None, ("b",), "connection"), 3) == []
    assert session.held == ("b",)
    assert session.receive(Tick(), s(5) + 2) == [AckMissing(("b",)), Unsubscribe(("b",), 3)]
    assert session.receive(Acked(None, (), "connection"), s(6)) == []
    assert session.settled


def test_rule_14_one_message_at_a_time_and_an_answer_is_the_oldest_ones() -> None:
    session = apart("a", rules=replace(ORDERED, batch=1))
    assert session.receive(Want(("bad", "c")), 1) == []
    assert session.deadline() == s(5), "there is nothing to do before the answer"
    assert session.receive(Acked(None, ("a",), "connection"), 2) == [Subscribe(("bad",), 2)]
    assert session.receive(Refused(None, "authentication failure"), 3) == [
        StreamRefused("bad", "authentication failure"),
        Subscribe(("c",), 3),
    ]
    assert session.receive(Acked(None, ("a", "c"), "connection"), 4) == []
    assert session.confirmed == ("a", "c")


def test_rule_14_a_refusal_by_name_is_not_the_last_answer_to_its_message() -> None:
    session = apart("bad", rules=replace(ORDERED, batch=1))
    session.receive(Want(("b",)), 1)
    assert session.receive(Refused(None, "not a valid product", ("bad",)), 2) == [
        StreamRefused("bad", "not a valid product"),
        Subscribe(("b",), 2),
    ]
    assert session.receive(Acked(None, (), "connection"), 3) == [], "of the first message: b is innocent"
    assert session.receive(Acked(None, ("b",), "connection"), 4) == []
    assert session.confirmed == ("b",)


def test_rule_14_the_answer_to_a_repetition_is_not_the_next_ones() -> None:
    session = apart("a", rules=ORDERED)
    session.receive(Want(("b",)), 1)
    assert session.receive(Tick(), s(5)) == [AckMissing(("a",)), Subscribe(("a",), 2)]
    assert session.receive(Acked(None, ("a",), "connection"), s(6)) == [Subscribe(("b",), 3)]
    assert session.receive(Acked(None, ("a",), "connection"), s(7)) == [], "of the repetition: b is innocent"
    assert session.receive(Acked(None, ("a", "b"), "connection"), s(8)) == []
    assert session.confirmed == ("a", "b")


def test_rule_14_an_answer_that_nobody_asked_for_means_nothing() -> None:
    session = apart("a", rules=ORDERED)
    session.receive(Acked(None, ("a",), "connection"), 1)
    assert session.receive(Refused(None, "failure to subscribe"), 2) == []
    assert session.receive(Acked(None, (), "connection"), 3) == []
    assert session.confirmed == ("a",)


def test_rule_14_what_is_repeated_is_not_overtaken() -> None:
    session = apart("a", "b", rules=ORDERED)
    assert session.receive(Refused(None, "failure to subscribe"), 1) == [Subscribe(("a",), 2)]
    assert session.receive(Tick(), s(5) + 1) == [AckMissing(("a",)), Subscribe(("a",), 3)]
    assert session.receive(Acked(None, ("a",), "connection"), s(6)) == [Subscribe(("b",), 4)]


def test_rule_14_an_answer_that_never_came_is_not_waited_for_for_ever() -> None:
    session = apart("a", rules=ORDERED)
    session.receive(Delivered(), 1)
    assert session.receive(Tick(), s(5))[1] == Subscribe(("a",), 2)
    session.receive(Acked(None, ("a",), "connection"), s(6))
    session.receive(Heard(), s(35))
    assert session.receive(Want(("bad",)), s(36)) == [Subscribe(("bad",), 3)]
    assert session.receive(Acked(None, ("a",), "connection"), s(37)) == [
        StreamRefused("bad", "the venue did not list it")
    ]


def test_rule_15_the_greeting_goes_first_and_counts() -> None:
    session = Session(APART, (), ("a",), 0, greeting=("1", "2", "3", "4"))
    assert session.receive(Opened(), 0) == [SendText("1"), SendText("2"), SendText("3"), SendText("4")]
    assert session.receive(Tick(), RULES.window_ns + 1) == [Subscribe(("a",), 1)]


def test_rule_15_where_answers_are_ordered_the_greeting_is_answered_too() -> None:
    session = greeted()
    assert session.receive(Acked(None, ("heartbeats",), "connection"), 1) == [Subscribe(("a",), 2)]
    assert session.receive(Acked(None, ("heartbeats", "a"), "connection"), 2) == []
    assert session.confirmed == ("a",)


def test_rule_15_a_greeting_without_answer_is_not_repeated_and_a_refused_one_holds_up_nobody() -> None:
    assert greeted().receive(Tick(), s(5)) == [Subscribe(("a",), 2)]
    assert greeted().receive(Refused(None, "authentication failure"), 1) == [Subscribe(("a",), 2)]


def greeted() -> Session:
    """A session that has said its greeting where answers name no request."""
    session = Session(ORDERED, (), ("a",), 0, greeting=("heartbeats, please",))
    assert session.receive(Opened(), 0) == [SendText("heartbeats, please")]
    return session


def test_rule_3_a_challenge_is_answered_before_anything_else() -> None:
    session = opened("a")
    for number in range(4):
        session.receive(Pinged(b"%d" % number), s(0.1))
    session.receive(Pinged(b"new"), s(0.2))
    assert session.receive(Challenged("old"), s(0.2)) == []
    assert session.receive(Challenged("test"), s(0.3)) == []
    session.receive(Want(("b",)), s(0.3))
    assert session.deadline() == s(0.1) + RULES.window_ns + 1
    assert session.receive(Tick(), s(1.3)) == [SendText("test"), SendPong(b"new"), Subscribe(("b",), 1)]


def test_rule_4_a_message_holds_streams_of_one_word_only() -> None:
    wanted = ("book.a", "trade.a", "book.b", "trade.b")
    session = Session(APART, (), wanted, 0, batch_of=lambda stream: stream.partition(".")[0])
    assert session.receive(Opened(), 0) == [
        Subscribe(("book.a", "book.b"), 1),
        Subscribe(("trade.a", "trade.b"), 2),
    ]
    session.receive(Acked(1), 1)
    session.receive(Acked(2), 1)
    assert session.receive(Unwant(wanted), 2) == [
        Unsubscribe(("book.a", "book.b"), 3),
        Unsubscribe(("trade.a", "trade.b"), 4),
    ]


def test_rule_16_a_renewed_stream_is_removed_and_added_again() -> None:
    session = apart("a", "b")
    session.receive(Acked(1), 1)
    assert session.receive(Renew(("a", "unknown")), 2) == [Unsubscribe(("a",), 2)]
    assert session.receive(Renew(("a",)), 3) == []
    assert set(session.held) == {"a", "b"}
    assert set(session.renewing) == {"a"}
    assert session.receive(Acked(2), 4) == [Subscribe(("a",), 3)]
    assert session.receive(Renew(("a",)), 5) == []
    assert session.receive(Acked(3, ("a",), "stream"), 6) == []
    assert not session.renewing
    assert session.settled
    assert session.receive(Renew(("a",)), 7) == [Unsubscribe(("a",), 4)]


def test_rule_16_what_a_removal_does_not_list_is_added_again_all_the_same() -> None:
    session = apart("a", "b")
    session.receive(Acked(1), 1)
    assert session.receive(Renew(("a", "b")), 2) == [Unsubscribe(("a", "b"), 2)]
    assert session.receive(Acked(2, ("a",)), 3) == [Subscribe(("a", "b"), 3)]
    assert session.refused == {}


def test_rule_16_a_renewal_does_not_begin_the_time_for_data_anew() -> None:
    session = apart("a")
    session.receive(Acked(1), 1)
    assert session.receive(Renew(("a",)), s(29)) == [Unsubscribe(("a",), 2)]
    for _ in range(3):
        session.receive(Pinged(b"x"), s(29))
    assert session.receive(Acked(2), s(29.5)) == []
    assert session.receive(Tick(), s(29) + RULES.window_ns + 1) == [Subscribe(("a",), 3)]
    session.receive(Acked(3), s(31))
    assert session.receive(Heard(), s(60)) == [Ended("silent", "no data for 60.0 s after opening")]


def test_rule_16_held_while_the_window_is_full() -> None:
    session = apart("a")
    session.receive(Acked(1), 0)
    session.receive(Renew(("a",)), 0)
    for _ in range(4):
        session.receive(Pinged(b"x"), 0)
    assert session.receive(Acked(2), 1) == []
    assert session.held == ("a",)
    assert session.receive(Tick(), RULES.window_ns + 1)[-1] == Subscribe(("a",), 3)


def test_rule_16_what_is_on_its_way_or_not_wanted_or_refused_is_not_renewed() -> None:
    session = apart("a", "bad")
    assert session.receive(Renew(("a", "bad", "other")), 1) == []
    assert not session.renewing
    session.receive(Acked(1, ("a",)), 2)
    assert session.receive(Renew(("bad",)), 3) == []
    assert session.receive(Unwant(("a",)), 4) == [Unsubscribe(("a",), 2)]
    assert session.receive(Renew(("a",)), 5) == []
    assert session.receive(Acked(2), 6) == []
    assert session.held == ()


def test_rule_16_a_stream_that_is_refused_when_it_is_added_again_is_named() -> None:
    session = apart("a")
    session.receive(Acked(1), 1)
    session.receive(Renew(("a",)), 2)
    session.receive(Acked(2), 3)
    assert session.receive(Refused(3, "delisted", ("a",)), 4) == [StreamRefused("a", "delisted")]
    assert session.held == ()
    assert not session.renewing
    session.receive(Leave("stopped", "done"), 5)
    assert not session.renewing


# --- signs of life of venues that never ping (rule 8), by their sheets


def lively(every_s: float, for_s: float, heartbeat_s: float = 30.0) -> list[Effect]:
    """What a session does whose venue says something each so many seconds, and no market data after the first."""
    rules = session_rules(
        ConnectionSettings(heartbeat_s=heartbeat_s), messages_per_s=4, ping_timeout_s=None, life_ns=s(1e6),
        silent_ns=s(30),
    )  # fmt: skip
    line = Line(Session(rules, ("a",), (), 0))
    line.tell(Opened())
    line.tell(Delivered())
    while line.now < s(for_s):
        line.wait(s(every_s))
        line.tell(Heard())
    return [effect for _, effect in line.out]


def test_rule_8_heartbeats_of_each_second_are_enough() -> None:
    assert lively(1, 7200) == [Proven()]


def test_rule_8_heartbeats_of_each_half_minute_cost_a_ping_at_most() -> None:
    out = lively(30, 3600)
    assert set(out) <= {Proven(), SendPing()}
    assert out.count(SendPing()) <= 3600 // 30
    assert lively(29.9, 3600) == [Proven()]


def test_rule_8_a_venue_that_falls_silent_is_dead_after_one_ping() -> None:
    out = lively(1000, 100)
    assert [type(effect) for effect in out] == [Proven, SendPing, Ended]
    assert out[-1] == Ended("heartbeat_missed", "nothing heard for 40.0 s, our ping not answered")


def test_rule_9_heartbeats_are_no_data() -> None:
    session = apart("a")
    session.receive(Acked(1), 1)
    for at in range(1, 60):
        assert session.receive(Heard(), s(at)) == []
    assert session.receive(Heard(), s(60)) == [Ended("silent", "no data for 60.0 s after opening")]
