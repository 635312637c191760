"""The tests of one file share an event loop and its Chromium (page_desk.py, rule 1); nothing else is shared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from browser.page_desk import shared_chromium

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _chromium_ends_with_its_file() -> AsyncIterator[None]:
    yield
    await shared_chromium().close()
