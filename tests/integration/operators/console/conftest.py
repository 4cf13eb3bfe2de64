from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import free_port
from tests.integration.operators.console.chromium import Page, find_chromium, new_page, running_chromium
from tests.integration.operators.console.stand_in import StandIn, serving


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = find_chromium()
    if program is None:
        pytest.skip("The console is NOT tested: there is no Chromium here (apt-get install chromium).")
    with running_chromium(program, tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def api() -> AsyncIterator[StandIn]:
    async with serving(free_port()) as stand_in:
        yield stand_in


@pytest.fixture
async def page(chromium: str) -> AsyncIterator[Page]:
    """A desktop. Whatever a test does, the browser has nothing to complain about, its policy least of all."""
    async with new_page(chromium) as tab:
        await tab.size(1280, 900)
        yield tab
        assert tab.complaints == []
