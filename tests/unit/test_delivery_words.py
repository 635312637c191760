"""What a message says: of one alert, of several, of a test."""

from __future__ import annotations

from collections.abc import Iterable

from bethna.core.alert_views import Alert
from bethna.core.alerts import Severity
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import State
from bethna.logic.delivery_words import compose, message_key, trial_message

T0 = 1_700_000_000 * NS_PER_S


def alert(rule: str, firing: int, *, severity: Severity = Severity.INFO, late: bool = False) -> Alert:
    return Alert(
        f"j.{rule}.{firing}", rule, firing, firing, f"{rule} is above {firing}", "text", f"{rule} is above 5", severity,
        "", None, T0 + firing * NS_PER_S, T0, 5.0, None, State.COMPLETE, False, late,
    )  # fmt: skip


def keys(alerts: Iterable[Alert]) -> str:
    return message_key(compose(list(alerts), ""))


def test_one_alert_is_told_as_it_is() -> None:
    one = alert("a1", 3, late=True)
    found = compose([one], "[SIMULATED] ")
    assert (found.title, found.text, found.prefix, found.count) == (one.title, one.text, "[SIMULATED] ", 1)
    assert (found.key, found.keys, found.late, found.alerts) == (one.key, (one.key,), True, (one,))
    assert message_key(found) == one.key


def test_several_say_how_many_from_when_to_when_and_of_which_rules() -> None:
    several = [
        alert("a2", 1),
        *(alert("a1", number) for number in (2, 3)),
        alert("a2", 4, severity=Severity.WARNING),
    ]
    several.append(alert("a1", 5))
    found = compose(several, "")
    assert found.title == "5 alerts, 2023-11-14 22:13:21 UTC to 2023-11-14 22:13:25 UTC"
    assert found.text.splitlines() == [
        "First: a2 is above 1",
        "Last: a1 is above 5",
        "3 x a1 is above 5 (a1)",
        "2 x a2 is above 5 (a2)",
    ]
    assert (found.count, found.severity, found.key) == (5, Severity.WARNING, "j.a2.1")
    assert found.keys == tuple(each.key for each in several)


def test_many_rules_are_summed() -> None:
    found = compose([alert(f"a{number}", 1) for number in range(13)], "")
    assert found.text.splitlines()[-1] == "3 x 3 other rules"
    assert len(found.text.splitlines()) == 13


def test_a_key_is_of_its_alerts_and_of_no_others() -> None:
    several = [alert("a1", number) for number in range(1, 5)]
    assert keys(several) == keys(several)
    assert len({keys(several), keys(several[:3]), keys(several[1:]), keys(several[:1])}) == 4
    assert keys(several).startswith("j.a1.1+4.")
    assert keys([several[0], several[1], several[3]]) != keys([several[0], several[2], several[3]])


def test_a_test_says_so() -> None:
    found = trial_message("hook", 7, "[SIMULATED] ", T0)
    assert "test" in found.text
    assert (found.prefix, found.key, message_key(found)) == ("[SIMULATED] ", "test.hook.7", "test.hook.7")
