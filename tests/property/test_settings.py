"""Settings: a later layer wins, what does not fit is refused by key, origin and range, a secret is never shown."""

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from bethna.config import HostUrls, Secret, Settings, allowed, catalogue, load, shown
from bethna.config.about import TYPES
from bethna.core.errors import ConfigError

RANGES = {
    name: (kind, meta.ge, meta.le)
    for name, (kind, meta) in {name: get_args(hint) for name, hint in TYPES.items()}.items()
    if isinstance(meta, Meta) and meta.ge is not None and meta.le is not None
}
# One value per setting that differs from its default, as variables write it, and what comes of it.
OTHERS: dict[str, tuple[str, Any]] = {
    "source": ("tape:x.jsonl", "tape:x.jsonl"),
    "speed": ("max", None),
    "loop": ("true", True),
    "twin_faults": ("faults.toml", "faults.toml"),
    "symbols": ("BTCUSDT, eth/usdt BTCUSDT", ("BTCUSDT", "eth/usdt")),
    "preferred_venue": ("somewhere", "somewhere"),
    "host": ("::1", "::1"),
    "allowed_hosts": (
        "desk.example.com,desk:8700 [::1]:80 fe80::1",
        ("desk.example.com", "desk:8700", "[::1]:80", "fe80::1"),
    ),
    "allowed_origins": (
        "https://desk.example.com,http://[::1]:80/",
        ("https://desk.example.com", "http://[::1]:80/"),
    ),
    "data_dir": ("folder", "folder"),
    "hosts": (
        "a=wss://w.example.com/|https://r.example.com/api, ws://w2|http://r2;B=ws://[::1]:1|http://[::1]:2",
        {
            "a": (
                HostUrls("wss://w.example.com", "https://r.example.com/api"),
                HostUrls("ws://w2", "http://r2"),
            ),
            "b": (HostUrls("ws://[::1]:1", "http://[::1]:2"),),
        },
    ),
    "trade_stream": ("a=aggTrade; b = trade", {"a": "aggTrade", "b": "trade"}),
    "wire": ("a=advanced; b = plain", {"a": "advanced", "b": "plain"}),
    "proxy": ("socks5://user:hunter2@127.0.0.1:1080", Secret("socks5://user:hunter2@127.0.0.1:1080")),
    "token": ("abc-DEF_123.~456789", Secret("abc-DEF_123.~456789")),
    "index_plan": ("demo", "demo"),
    "index_key": ("CG-abc_123", Secret("CG-abc_123")),
    "alert_channels": ("hook=https://h.example.com/x", Secret("hook=https://h.example.com/x")),
    "alert_fallback": ("hook=mail", {"hook": "mail"}),
    "alert_outward": ("true", True),
    "webhook_secret": ("0123456789abcdef", Secret("0123456789abcdef")),
    "webhook_private": ("true", True),
    "push_contact": ("mailto:me@example.com", "mailto:me@example.com"),
    "log_level": ("debug", "debug"),
    "log_format": ("json", "json"),
} | {name: (str(high), high) for name, (_, _low, high) in RANGES.items()}


def variable(name: str) -> str:
    return f"BETHNA_{name.upper()}"


def refusal(
    file_text: str = "", environment: dict[str, str] | None = None, options: dict[str, object] | None = None
) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file_text, environment, options)
    return caught.value


def test_without_anything_everything_is_a_default() -> None:
    settings = load()
    assert settings == Settings()
    assert {settings.origin(setting.name) for setting in catalogue()} == {"default"}


@pytest.mark.parametrize("name", TYPES)
def test_every_setting_is_read_from_its_variable(name: str) -> None:
    text, value = OTHERS[name]
    settings = load("", {variable(name): text})
    assert getattr(settings, name) == value
    assert getattr(Settings(), name) != value
    assert settings.origin(name) == f"variable {variable(name)}"


@given(st.sampled_from(sorted(RANGES)), st.data())
def test_a_number_is_taken_inside_its_range_and_refused_outside(name: str, data: st.DataObject) -> None:
    kind, low, high = RANGES[name]
    numbers: Callable[..., st.SearchStrategy[float]] = st.integers if kind is int else st.floats
    inside = data.draw(numbers(low, high))
    others = {"first_delay_s": 0.01, "max_delay_s": 3600.0}
    for value in (inside, str(inside)):
        assert getattr(load("", {}, others | {name: value}), name) == inside
    outside = data.draw(st.one_of(numbers(max_value=low - 1), numbers(min_value=high + 1)))
    if math.isinf(outside):
        return
    for error in (refusal(f"{name} = {outside!r}"), refusal("", {variable(name): repr(outside)})):
        assert (error.key, error.origin) in (
            (name, "bethna.toml line 1"),
            (name, f"variable {variable(name)}"),
        )
        assert allowed(name) in error.message
        assert allowed(name) in error.hint
        assert error.origin in error.message


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "", "x", "1 2", "true", "[1]"])
@pytest.mark.parametrize("name", sorted(RANGES))
def test_no_number_is_refused(name: str, text: str) -> None:
    if text:
        assert refusal("", {variable(name): text}).key == name
    else:
        assert load("", {variable(name): text}) == Settings()
    assert refusal(f'{name} = "{text}"').key == name
    assert refusal("", {}, {name: True}).key == name


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("source", "twins"),
        ("source", "Live"),
        ("source", "twin:7"),
        ("twin_seed", -1),
        ("twin_seed", 2**32),
        ("twin_seed", 1.5),
        ("twin_pace", 0),
        ("live_probe_s", 0.5),
        ("source", "tape:"),
        ("source", 3),
        ("speed", 0),
        ("speed", -1),
        ("speed", math.nan),
        ("speed", 100_001),
        ("speed", "fast"),
        ("loop", 1),
        ("symbols", []),
        ("symbols", [str(n) for n in range(501)]),
        ("symbols", [1]),
        ("symbols", 1),
        ("hosts", {"a": ["ws://x"]}),
        ("hosts", {"a": ["ws://x|http://user@y"]}),
        ("hosts", {"a": ["ws://x|http://y?key=1"]}),
        ("hosts", {"a": ["http://x|http://y"]}),
        ("hosts", {"a": 1}),
        ("hosts", "a"),
        ("hosts", "a="),
        ("hosts", "=ws://x|http://y"),
        ("hosts", "a=ws://x:99999|http://y"),
        ("hosts", "a=ws://x|http://y:port"),
        ("hosts", "a=ws://x|http://y:0"),
        ("hosts", "a=ws://x|http://y;A=ws://z|http://z"),
        ("allowed_hosts", "https://desk.example.com"),
        ("allowed_hosts", "desk.example.com/"),
        ("allowed_hosts", "desk:99999"),
        ("allowed_hosts", "desk:0"),
        ("allowed_hosts", ["user@desk"]),
        ("allowed_origins", "desk.example.com"),
        ("allowed_origins", "https://"),
        ("allowed_origins", "https://desk.example.com/page"),
        ("allowed_origins", "https://desk:99999"),
        ("allowed_origins", ["*"]),
        ("trade_stream", "a=trade;a=aggTrade"),
        ("trade_stream", {"a": 1}),
        ("trade_stream", "a=b c"),
        ("trade_stream", 1),
        ("wire", "a=advanced;a=plain"),
        ("wire", {"a": ["advanced"]}),
        ("proxy", "ftp://x"),
        ("proxy", 1),
        ("token", "fifteen-letters"),
        ("token", "sixteen letters!"),
        ("token", "x" * 201),
        ("token", 7),
        ("log_level", "loud"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, wrong: object) -> None:
    error = refusal("", {}, {name: wrong})
    assert error.key == name
    called = {"symbols": "symbol", "twin_seed": "seed", "twin_faults": "faults"}
    assert error.origin == "option --" + called.get(name, name.replace("_", "-"))
    assert allowed(name) in error.hint


def test_a_later_layer_wins_and_says_so() -> None:
    text = "# mine\nport = 1\nbuffer = 20\n"
    settings = load(
        text, {"BETHNA_PORT": "2", "PORT": "9"}, {"host": "::1", "speed": None}, file_name="x.toml"
    )
    assert (settings.port, settings.buffer, settings.host, settings.speed) == (2, 20, "::1", 1.0)
    assert settings.origins == {
        "port": "variable BETHNA_PORT",
        "buffer": "x.toml line 3",
        "host": "option --host",
    }


VENUES = """
[venues.a]
ws = "ws://file"
rest = "http://file"

[venues.b]
ws = ["ws://one", "ws://two/"]
rest = ["http://one", "http://two"]
trade_stream = "trade"
wire = "plain"
"""


@given(st.floats(0.001, 100_000))
def test_a_speed_is_a_number_or_flat_out(speed: float) -> None:
    for value in (speed, str(speed)):
        settings = load("", {}, {"speed": value})
        assert settings.speed == speed
        assert load("", {}, {"speed": shown(settings.speed)}) == settings
    assert shown(load("speed = 'max'").speed) == "max"


def test_venues_are_joined_by_name() -> None:
    settings = load(VENUES, {"BETHNA_HOSTS": "a=ws://here|http://here", "BETHNA_TRADE_STREAM": "c=x"})
    assert settings.hosts == {
        "a": (HostUrls("ws://here", "http://here"),),
        "b": (HostUrls("ws://one", "http://one"), HostUrls("ws://two", "http://two")),
    }
    assert settings.trade_stream == {"b": "trade", "c": "x"}
    assert settings.wire == {"b": "plain"}
    assert settings.origin("wire") == "bethna.toml line 10"
    assert settings.origin("hosts") == "bethna.toml line 2, bethna.toml line 6, variable BETHNA_HOSTS"
    assert shown(settings.hosts) == "a=ws://here|http://here;b=ws://one|http://one,ws://two|http://two"


@pytest.mark.parametrize(
    ("text", "key", "origin"),
    [
        ("venues = 3", "venues", "bethna.toml line 1"),
        ("[venues]\na = 3", "venues.a", "bethna.toml line 2"),
        ('\n[venues.a]\nws = "ws://x"', "venues.a", "bethna.toml line 2"),
        ('[venues.a]\nws = ["ws://x", "ws://y"]\nrest = ["http://x"]', "venues.a", "bethna.toml line 1"),
        ('[venues.a]\nws = "x"\nrest = "y"', "hosts", "bethna.toml line 1"),
        ("[venues.a]\ntrade_stream = 1", "trade_stream", "bethna.toml line 2"),
        ("venues.a.trade_stream = 1", "trade_stream", "bethna.toml"),
        ("first_delay_s = 10\nmax_delay_s = 5", "first_delay_s", "bethna.toml line 1"),
    ],
)
def test_a_file_is_refused_by_key_and_line(text: str, key: str, origin: str) -> None:
    error = refusal(text)
    assert (error.key, error.origin) == (key, origin)


def test_a_file_that_is_no_toml_is_refused_by_line() -> None:
    error = refusal("port = 1\nport = 2\n")
    assert "bethna.toml" in error.message
    assert "line 2" in error.message


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    asked = [
        (refusal("prot = 1"), "prot", "port"),
        (refusal("hosts = 1"), "hosts", "host"),  # set by venue in a file
        (refusal("[venues.a]\nwz = 1"), "venues.a.wz", "ws"),
        (refusal("", {"BETHNA_PROT": "1"}), "BETHNA_PROT", "BETHNA_PORT"),
        (refusal("", {"BETHNA_SHARE": "1"}), "BETHNA_SHARE", ""),
        (refusal("", {}, {"prot": 1}), "prot", "port"),
    ]
    for error, key, near in asked:
        assert error.key == key
        assert (f"did you mean {near}?" in error.hint) or not near
    assert "docs/reference/settings.md" in refusal("zzzzzzzzz = 1").hint


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=20), st.text(max_size=5))
def test_a_variable_is_a_setting_or_excepted_or_refused(rest: str, value: str) -> None:
    known = {variable(name) for name in TYPES}
    name = f"BETHNA_{rest}"
    if name in known or name in ("BETHNA_SHARED", "BETHNA_CONFIG") or name.startswith("BETHNA_TEST_"):
        return
    assert refusal("", {name: value}).key == name


def test_what_is_not_ours_or_excepted_is_not_looked_at() -> None:
    environment = {
        "PATH": "x",
        "BETHNA": "x",
        "BETHNA_SHARED": "x",
        "BETHNA_CONFIG": "y",
        "BETHNA_TEST_SEED": "1",
    }
    assert load("", environment) == Settings()


def test_an_unknown_venue_is_refused_where_venues_are_known() -> None:
    assert load("", {"BETHNA_PREFERRED_VENUE": "a"}, venues=("a", "b")).preferred_venue == "a"
    for text, key in (
        ('preferred_venue = "bb"', "preferred_venue"),
        ('[venues.zzz]\ntrade_stream = "t"', "trade_stream"),
    ):
        with pytest.raises(ConfigError) as caught:
            load(text, venues=("a", "b"))
        assert caught.value.key == key
        assert "a, b" in caught.value.message


@given(st.text(min_size=1))
def test_a_secret_is_never_shown(text: str) -> None:
    hidden = Secret(text)
    settings = Settings(proxy=hidden)
    assert (repr(hidden), shown(hidden), hidden.reveal()) == ("***", "***", text)
    assert "Secret" not in repr(settings)
    assert "proxy=***" in repr(settings)
    assert {hidden: 1}[Secret(text)] == 1
    assert hidden != text


@pytest.mark.parametrize(
    "proxy",
    [
        "user:hunter2",
        "http://user:hunter2@:99999",
        "http://user:hunter2@x:99999",
        "http://user:hunter2@x:0",
        "http://user:hunter2@x:port",
        "http://user:hunter2@[x",
        "http://user:hun/hunter2@x:1",
        "http://user:hunter2@",
        "http://user:hunter2@x y",
        "ftp://user:hunter2@x",
    ],
)
def test_a_proxy_that_cannot_be_one_is_refused_and_not_shown(proxy: str) -> None:
    error = refusal("", {"BETHNA_PROXY": proxy})
    assert error.key == "proxy"
    assert "hunter2" not in f"{error.message} {error.hint} {error!r}"
    assert "`http://`" in error.hint


def test_a_secret_that_does_not_fit_is_not_shown_either() -> None:
    for key, error in (
        ("proxy", refusal("", {"BETHNA_PROXY": "user:hunter2"})),
        ("proxy", refusal('proxy = ["hunter2"]')),
        ("token", refusal("", {"BETHNA_TOKEN": "hunter2"})),
        ("token", refusal('token = "hunter2;hunter2;hunter2"')),
    ):
        assert error.key == key
        assert "hunter2" not in f"{error.message} {error.hint} {error!r}"
