"""The served apps and the browser that the tests drive; what the console or the page complains of fails the test."""

from __future__ import annotations

import pytest

from tests.browser.drive import ROOT, Visit, served


@pytest.fixture(scope="session")
def app_url():
    """The address of the real app."""
    with served(ROOT / "app") as server:
        yield server.url


@pytest.fixture(scope="session")
def frame_url():
    """The address of the two example labs of tests/app/example.py."""
    with served(ROOT / "tests" / "browser" / "frame_app") as server:
        yield server.url


@pytest.fixture
def visit(browser):
    """``visit(url, **context options) -> Visit``; at the end no complaint may have come."""
    visits: list[Visit] = []

    def start(url: str, **options) -> Visit:
        made = Visit(browser, **options)
        visits.append(made)
        made.open(url)
        return made

    yield start
    for made in visits:
        made.end()
