"""The browser of the tests of the studio."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.studio import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without pages."""
    with chromium() as found:
        yield found
