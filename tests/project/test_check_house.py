"""Each house rule finds what it is there for, at the right line, and leaves the rest alone."""

from pathlib import Path

import pytest

from check_house import Finding, check_source, check_text

MODULE = '"""A room."""\n\n'


def found(path: str, text: str) -> list[tuple[int, str]]:
    return [(finding.line, finding.rule) for finding in check_source(Path(path), MODULE + text)]


@pytest.mark.parametrize(
    "text",
    [
        "VENUE = 'binance'",
        "VENUE = f'wss://{x}.Binance.com'",
        "from bethna.venues.binance import SPEC",
        "import bethna.venues.kraken as k",
        "coinbase_url = 1",
        "x.deribit",
        "def f(binance): ...",
        "f(binance=1)",
        "class BinanceCodec: ...",
        "RAW = b'kraken'",
    ],
)
def test_a_venue_is_named_only_where_venues_live(text: str) -> None:
    assert (3, "venue-name") in found("src/bethna/core/market.py", text)
    for path in (
        "src/bethna/venues/spec.py",
        "src/bethna/app/desk.py",
        "src/bethna/twins/x.py",
        "tests/test_x.py",
    ):
        assert "venue-name" not in {rule for _, rule in found(path, text)}


def test_prose_may_name_venues() -> None:
    text = "def f() -> None:\n    '''As Binance does.'''\n    # binance\n\n\nNAME: str\n'''`BTC-USDT@binance`'''\n"
    assert found("src/bethna/core/market.py", text) == []


def test_sizes_count_code_without_docstrings() -> None:
    body = "    x = 1\n" * 59
    assert found("scripts/x.py", f"def f():\n{body}") == []
    assert found("scripts/x.py", f"def f():\n    '''A\n\n    B.'''\n{body}") == []
    assert found("scripts/x.py", f"def f():\n{body}    x = 2\n") == [(3, "size")]
    assert found("src/bethna/core/__init__.py", "x = 1\n" * 449) == [(1, "size")]
    assert found("tests/test_x.py", "x = 1\n" * 449) == []


@pytest.mark.parametrize(
    ("comment", "right"),
    [
        ("# noqa", False),
        ("# noqa: E501", False),
        ("# noqa: E501 - a table", True),
        ("# noqa: E501, S603 - a table", True),
        ("# type: ignore", False),
        ("# type: ignore[arg-type]", False),
        ("# type: ignore[arg-type]  # the stub is wrong", True),
        ("# pragma: no cover", False),
        ("# pragma: no cover - Windows only", True),
    ],
)
def test_an_ignore_has_a_code_and_a_reason(comment: str, right: bool) -> None:
    assert found("src/bethna/core/__init__.py", f"x = 1  {comment}") == ([] if right else [(3, "ignore")])


def test_only_the_clock_asks_the_time() -> None:
    for text in ("import time", "from time import monotonic"):
        assert found("src/bethna/services/__init__.py", text) == [(3, "clock")]
        assert found("src/bethna/runtime/clocks.py", text) == []


def test_every_task_has_a_parent() -> None:
    assert found("src/bethna/services/__init__.py", "asyncio.create_task(f())") == [(3, "task")]
    assert found("src/bethna/services/__init__.py", "group.create_task(f())") == []
    assert found("tests/test_x.py", "asyncio.create_task(f())") == []


def test_core_knows_the_standard_library_and_msgspec() -> None:
    assert found("src/bethna/core/__init__.py", "import msgspec, json, bethna.core.market") == []
    assert found("src/bethna/core/__init__.py", "import numpy") == [(3, "core")]
    assert found("src/bethna/core/__init__.py", "from bethna.logic import book") == [(3, "core")]


def test_a_room_has_an_init() -> None:
    assert found("src/bethna/nowhere/x.py", "") == [(1, "package")]


@pytest.mark.parametrize("call", ["time.sleep(1)", "asyncio.sleep(0.1)", "page.wait_for_timeout(5)"])
def test_tests_do_not_sleep(call: str) -> None:
    assert found("tests/test_x.py", call) == [(3, "sleep")]
    assert found("scripts/x.py", call) == []


def test_yielding_and_excused_sleeps_are_left_alone() -> None:
    assert found("tests/test_x.py", "await_(asyncio.sleep(0))") == []
    assert (
        found("tests/test_x.py", "asyncio.sleep(1)  # house: sleep - the operating system's own timer") == []
    )
    assert found("tests/test_x.py", "asyncio.sleep(1)  # house: clock - something else") == [(3, "sleep")]


def test_a_lock_names_no_host() -> None:
    clean = "a==1 \\\n    --hash=sha256:00\n"
    assert check_text(Path("requirements.lock"), clean) == []
    for leak in ("--extra-index-url https://x/simple", "a @ file:///x/a.whl", "-f /wheels", "/x/a.whl"):
        assert [f.line for f in check_text(Path("requirements.lock"), clean + leak)] == [3]
    resolved = '{\n"resolved": "https://x/a.tgz"\n}'
    assert [f.line for f in check_text(Path("web/package-lock.json"), resolved)] == [2]


def test_what_does_not_parse_is_said() -> None:
    assert check_source(Path("src/x.py"), "x =\n") == [Finding("src/x.py", 1, "syntax", "invalid syntax")]
