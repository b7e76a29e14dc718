"""One browser for all tests that look at pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browsing import Browser, open_browser

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a running Chromium; where there is none, tests are skipped, and fail in CI."""
    with open_browser(tmp_path_factory.mktemp("profile")) as one:
        yield one
