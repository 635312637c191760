"""docs/reference/python.md: its listings run, its names exist, its defaults and limits are those of the code."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from typing import get_args

import pytest
from docs.console import ROOT, Block, blocks
from python_runs import market, run

import bethna
from bethna.app.household import KEPT_EVENTS
from bethna.app.trading import RealTimeTrading
from bethna.client.alerts import MOST_HISTORY, Alerts
from bethna.client.alerts import PENDING as ALERTS_PENDING
from bethna.client.best import Best
from bethna.client.candles import Candles
from bethna.client.facts import Book, BookLevel, CertifiedTrade
from bethna.client.nouns import (
    MOST_CANDLES,
    MOST_LEVELS,
    MOST_TRADES,
    PENDING,
    Books,
    Prices,
    Trades,
)
from bethna.client.references import Indices, Valuations
from bethna.client.tables import Table
from bethna.core.alerts import Condition
from bethna.core.instrument import FEATURES
from bethna.core.market import Candle, PriceView
from bethna.runtime.mailbox import DEFAULT_KEYS

TEXT = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
LISTINGS = [block for block in blocks(TEXT) if block.kind == "python"]
NOUNS = {"prices": Prices, "trades": Trades, "books": Books, "candles": Candles}
IN_A_LOOP = """
import asyncio, sys
from IPython.core.interactiveshell import InteractiveShell
async def cell(text):
    shell = InteractiveShell.instance()
    done = await shell.run_cell_async(text, transformed_cell=shell.transform_cell(text))
    done.raise_error()
asyncio.run(cell({text!r}))
"""


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("reference")
    with market(int.from_bytes(os.urandom(4)), folder) as found:
        yield {**found, "IPYTHONDIR": str(folder)}


def test_there_are_listings() -> None:
    assert len(LISTINGS) >= 2
    assert "asyncio.run(main())" in LISTINGS[0].text


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda block: f"line {block.line}")
def test_a_listing_runs_as_a_script(listing: Block, surroundings: dict[str, str]) -> None:
    assert run(listing.text, surroundings)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda block: f"line {block.line}")
def test_a_listing_runs_in_a_cell_of_a_running_loop(listing: Block, surroundings: dict[str, str]) -> None:
    text = listing.text.replace("asyncio.run(main())", "await main()")
    assert run(IN_A_LOOP.format(text=text), surroundings, "-W", "ignore::DeprecationWarning")


def words(pattern: str) -> set[str]:
    return set(re.findall(pattern, TEXT))


def test_what_the_page_says_of_the_package_is_there() -> None:
    for name in words(r"`bethna\.(\w+)") | words(r"with bethna\.(\w+)") | words(r"await bethna\.(\w+)"):
        assert hasattr(bethna, name), name
    errors = TEXT.partition("## Errors")[2]
    named = set(re.findall(r"`([A-Z]\w+)`", errors))
    assert len(named) >= 8
    for name in named:
        assert issubclass(getattr(bethna, name), bethna.BethnaError), name
    events = TEXT.partition("### Events")[2].partition("###")[0]
    for name in set(re.findall(r"`([A-Z]\w+)(?:\(|`)", events)):
        assert hasattr(bethna, name), name


def test_what_the_page_says_of_a_desk_is_there_and_nothing_public_is_missing() -> None:
    said = words(r"`(?:await )?desk\.(\w+)")
    public = {name for name in dir(RealTimeTrading) if not name.startswith("_")} - {"over"}
    assert said == public | set(NOUNS) | {"best", "indices", "valuations", "alerts", "connection_status"}


@pytest.mark.parametrize("name", NOUNS)
def test_the_nouns_have_one_shape_and_it_is_the_pages(name: str) -> None:
    methods = words(r"`(?:await )?desk\.prices\.(\w+)\(")
    public = {each for each in dir(NOUNS[name]) if not each.startswith("_")} - {"kind", "name"}
    own = {"history"} if name == "candles" else set()  # of which the page says more
    assert methods == public - own
    assert own <= words(r"`(?:await )?desk\.candles\.(\w+)\(")


def test_the_best_price_has_the_methods_and_the_facts_the_fields_that_the_page_names() -> None:
    section = TEXT.partition("## One best price")[2].partition("\n## ")[0]
    methods = set(re.findall(r"`(?:await )?desk\.best\.(\w+)\(", section))
    assert methods == {each for each in dir(Best) if not each.startswith("_")} - {"kind", "name"}
    for method in ("get", "stream", "on", "fetch"):
        assert "convert" in inspect.signature(getattr(Best, method)).parameters
    assert f"depth={default(Best.book, 'depth')}" in section
    for kind in (bethna.BestPrice, bethna.VenueQuote, bethna.AppliedRate, bethna.ConsolidatedBook):
        [fields] = re.findall(rf"^\| `{kind.__name__}` \| (.*) \|$", section, re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", fields)) - {"None"}
        public = {*kind.__struct_fields__, *({"symbol"} if hasattr(kind, "symbol") else ())}
        assert {each for each in public if not each.startswith("ask") or each in named} == named
        assert {each.replace("ask", "bid", 1) for each in public} - {"bid_at"} <= {
            *named,
            "bids",
            "bids_end_at",
        }


@pytest.mark.parametrize("noun", [Indices, Valuations])
def test_indices_and_valuations_have_the_methods_and_fields_that_the_page_names(noun: type) -> None:
    section = TEXT.partition("## Indices and valuations")[2].partition("\n## ")[0]
    methods = set(
        re.findall(r"`(\w+)`", section.partition("other nouns: `[symbol]`")[2].partition(", which")[0])
    )
    assert methods == {each for each in dir(noun) if not each.startswith("_")} - {
        "kind",
        "name",
        "word",
        "of",
    }
    for kind in (bethna.IndexView, bethna.ValuationView, bethna.Greeks):
        [fields] = re.findall(rf"^\| `{kind.__name__}` \| (.*) \|$", section, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", fields)) == set(kind.__struct_fields__)


def test_alerts_have_the_methods_and_the_facts_the_fields_that_the_page_names() -> None:
    section = TEXT.partition("## Alerts")[2].partition("\n## ")[0]
    methods = set(re.findall(r"`(?:await )?desk\.alerts\.(\w+)\(", section))
    assert methods == {each for each in dir(Alerts) if not each.startswith("_")} - {"kind", "name"}
    for kind in (
        bethna.RuleView, bethna.Alert, bethna.Delivery, bethna.Preview, bethna.Why, bethna.Rehearsed,
        bethna.ChannelView, bethna.Receipt, bethna.AlertRule,
    ):  # fmt: skip
        [fields] = re.findall(rf"^\| `{kind.__name__}` \| (.*) \|$", section, re.MULTILINE)
        named = re.findall(r"`(\w+)`", fields.partition(". Of an attached")[0])
        assert named == list(kind.__struct_fields__)
    conditions = section.partition("A condition is one of")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", conditions)) == {each.__name__ for each in get_args(Condition)}
    for name in set(re.findall(r"`([A-Z]\w+)`", section)) - {"None"}:
        assert hasattr(bethna, name), name
    assert (
        f"history(limit={default(Alerts.history, 'limit')})` | the newest `Alert`s, cleared or not, at most "
        in section
    )
    assert f"at most {MOST_HISTORY}" in section
    assert f"at=None, limit={default(Alerts.why, 'limit')})" in section
    assert f"more than {ALERTS_PENDING:,} of them wait" in section


def row(noun: str) -> list[str]:
    """The cells of a noun's row in the table of shapes."""
    [found] = re.findall(rf"^\| `{noun}` \| (`[A-Z].*) \|$", TEXT, re.MULTILINE)
    return [cell.strip() for cell in found.split(" | ")]


@pytest.mark.parametrize(
    ("noun", "kind"),
    [("prices", PriceView), ("trades", CertifiedTrade), ("books", Book), ("candles", Candle)],
)
def test_the_facts_have_the_fields_that_the_page_names(noun: str, kind: type) -> None:
    latest = row(noun)[0]
    named, *fields = re.findall(r"`(\w+)`", latest)
    assert named == kind.__name__
    for field in set(fields) - {"None"}:
        assert hasattr(kind, field), field
    levels = re.findall(r"`(\w+)`", row("books")[1])
    assert levels == ["BookLevel", *BookLevel.__struct_fields__]


def default(method: object, name: str) -> object:
    assert callable(method)
    return inspect.signature(method).parameters[name].default


def test_defaults_and_limits_are_those_of_the_code() -> None:
    trades, books, candles = row("trades")[-1], row("books")[-1], row("candles")[-1]
    assert f"limit={default(Trades.fetch, 'limit')})`, at most {MOST_TRADES}" in trades
    for name in ("stream", "events", "on"):
        assert f"pending={default(getattr(Trades, name), 'pending'):_}" in trades
    for name in ("get", "stream", "on", "fetch"):
        assert f"depth={default(getattr(Books, name), 'depth')}`" in books
    assert f"at most {MOST_LEVELS}" in books
    assert f"pending={default(Books.events, 'pending'):_}` in `events`" in books
    for name in ("get", "stream", "events", "on", "fetch"):
        assert f'interval="{default(getattr(Candles, name), "interval")}"' in candles
    assert f"limit={default(Candles.fetch, 'limit')}, end={default(Candles.fetch, 'end')})`" in candles
    assert f"at most {MOST_CANDLES}" in candles
    assert f"more than `pending={PENDING:_}` behind" in TEXT
    assert f"beyond {DEFAULT_KEYS:,} that wait" in TEXT
    assert f"more than {KEPT_EVENTS:,} waited" in TEXT
    assert f'ready("ETH-USDT", timeout_s={default(RealTimeTrading.ready, "timeout_s"):g})' in TEXT
    assert f"timeout_s={default(bethna.price, 'timeout_s'):g}" in TEXT


def test_presets_follow_what_the_page_says() -> None:
    said = dict(re.findall(r"^\| `bethna\.(\w+)\(\*symbols\)` \| (.*?)(?::.*)? \|$", TEXT, re.MULTILINE))
    assert said == {
        "full": ", ".join(FEATURES), "price_stream_only": "prices alone", "alerts_focused": "prices, trades, books",
    }  # fmt: skip
    with pytest.raises(bethna.FeatureOff) as caught:
        bethna.options_trading()
    assert caught.value.hint


def test_tables_have_what_the_page_says() -> None:
    for name in re.findall(r"`\.(\w+)", TEXT.partition("A table is a sequence")[2].partition("\n\n")[0]):
        assert hasattr(Table, name), name
