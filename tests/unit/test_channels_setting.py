"""Channels as they are written: each by its name, and never shown."""

from __future__ import annotations

import pytest

from bethna.config import Secret, load
from bethna.config.channels import ChannelAddress, channels_of, parse
from bethna.core.errors import ConfigError

HIDDEN = "hunter2"


def test_channels_are_read_in_their_order() -> None:
    written = f"hook=https://h.example.com/{HIDDEN}?a=b ; bot = TGRAM://{HIDDEN}/1;in-house_2=http://h:8/"
    found = channels_of(load("", {"BETHNA_ALERT_CHANNELS": written}))
    assert found == (
        ChannelAddress("hook", "https", Secret(f"https://h.example.com/{HIDDEN}?a=b")),
        ChannelAddress("bot", "tgram", Secret(f"TGRAM://{HIDDEN}/1")),
        ChannelAddress("in-house_2", "http", Secret("http://h:8/")),
    )
    assert [each.is_webhook for each in found] == [True, False, True]
    assert HIDDEN not in repr(found)
    assert channels_of(load()) == ()
    assert parse("  ") == ()


def test_a_file_has_them_in_a_table_or_in_a_line() -> None:
    table = '[alert_channels]\nhook = "https://h/x;y"\nbot = "tgram://a/b"\n'
    line = 'alert_channels = "hook=https://h/x%3By;bot=tgram://a/b"\n'
    assert channels_of(load(table)) == channels_of(load(line))
    assert [each.name for each in channels_of(load(table))] == ["hook", "bot"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (HIDDEN, "entry 1 of 1 does not begin with a name"),
        (f"hook=https://h/;https://{HIDDEN}", "entry 2 of 2 does not begin with a name"),
        (f"Hook=https://{HIDDEN}/", "entry 1 of 1 does not begin with a name"),
        (f"{'x' * 33}=https://{HIDDEN}/", "entry 1 of 1 does not begin with a name"),
        ("hook=https://h/;", "entry 2 of 2 does not begin with a name"),
        (f"page=https://{HIDDEN}/", "entry 1 of 1 is called page, which is there anyway"),
        (f"push=https://{HIDDEN}/", "entry 1 of 1 is called push, which is there anyway"),
        (f"hook=https://h/;hook=https://{HIDDEN}/", "entry 2 of 2 has the name of an earlier one"),
        (f"hook={HIDDEN}", "entry 1 of 1 has no URL"),
        (f"hook=tgram://a b{HIDDEN}", "entry 1 of 1 has no URL"),
        (f"hook=https:///{HIDDEN}", "entry 1 of 1 has a webhook without a host"),
        (f"hook=https://h:0/{HIDDEN}", "or with a port that is none"),
        (f"hook=https://h:99999/{HIDDEN}", "or with a port that is none"),
        (f"hook=https://[{HIDDEN}/", "or with a port that is none"),
    ],
)
def test_what_is_no_channel_is_refused_by_its_place_and_not_shown(written: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("", {"BETHNA_ALERT_CHANNELS": written})
    error = caught.value
    assert (error.key, error.origin) == ("alert_channels", "variable BETHNA_ALERT_CHANNELS")
    assert said in error.message
    assert HIDDEN not in f"{error.message} {error.hint} {error!r} {error.__cause__!r}"
    assert error.__suppress_context__


@pytest.mark.parametrize("written", ["alert_channels = 3", '[alert_channels]\nhook = ["hunter2"]'])
def test_a_table_of_something_else_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="neither a text nor a table of texts") as caught:
        load(written)
    assert caught.value.origin == "bethna.toml line 1"


def test_what_stands_in_for_a_channel_is_a_channel() -> None:
    channels = "a=https://h/;b=https://h/"
    fine = load("", {"BETHNA_ALERT_CHANNELS": channels, "BETHNA_ALERT_FALLBACK": "a=b;b=push;push=a"})
    assert len(channels_of(fine)) == 2
    for fallback, said in (("a=c", "found 'c'"), ("c=a", "found 'c'"), ("a=a", "found a channel as its own")):
        settings = load("", {"BETHNA_ALERT_CHANNELS": channels, "BETHNA_ALERT_FALLBACK": fallback})
        with pytest.raises(ConfigError, match="alert_fallback") as caught:
            channels_of(settings)
        assert said in caught.value.message
        assert caught.value.origin == "variable BETHNA_ALERT_FALLBACK"


def test_names_of_channels_are_spelt_as_names() -> None:
    assert load('[alert_fallback]\nin-house = "mail-2"').alert_fallback == {"in-house": "mail-2"}
    for wrong in ("a=B c", "a b=c"):
        with pytest.raises(ConfigError, match="alert_fallback"):
            load("", {"BETHNA_ALERT_FALLBACK": wrong})
    with pytest.raises(ConfigError, match="alert_fallback"):
        load("", {}, {"alert_fallback": {"a": 3}})


@pytest.mark.parametrize(
    "wrong", ["me@example.com", "mailto:me", "http://example.com", "https://me@", "mailto:a@b c"]
)
def test_whom_push_services_may_write_to_is_an_address(wrong: str) -> None:
    with pytest.raises(ConfigError, match="push_contact"):
        load("", {"BETHNA_PUSH_CONTACT": wrong})
    for right in ("", "mailto:me@example.com", "https://example.com/desk"):
        assert load("", {"BETHNA_PUSH_CONTACT": right}).push_contact == right


@pytest.mark.parametrize("wrong", ["fifteen-letters", "sixteen letters!", "x" * 201, "schlüssel-schlüssel"])
def test_a_webhook_secret_is_long_enough_and_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigError, match="webhook_secret") as caught:
        load("", {"BETHNA_WEBHOOK_SECRET": wrong})
    assert wrong not in f"{caught.value.message} {caught.value.hint}"
    assert load("", {"BETHNA_WEBHOOK_SECRET": "x" * 16}).webhook_secret == Secret("x" * 16)
    assert not load('webhook_secret = ""').webhook_secret
