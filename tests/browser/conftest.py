"""The served apps and the browser that the tests drive; whatever the console or the page complains of fails the test."""

from __future__ import annotations

import os

import pytest

from tests.browser.drive import ROOT, Visit, launched, served


def missing(what: str) -> None:
    """Something the browser tests need is not there: a failure under CI, else a skip."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


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


@pytest.fixture(scope="session")
def browser():
    """An installed Chromium or Chrome."""
    with launched() as found:
        if found is None:
            missing("no Chromium or Chrome is installed; python -m tests.browser.chromium installs one")
        yield found


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
