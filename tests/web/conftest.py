"""Stores with something to show, a process that shows it, and a real browser that looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web import chromium
from tests.web.chromium import WIDE, Watched
from tests.web.contest import Contest
from tests.web.site import Site, site
from tests.web.ward import NOW, Ward, ward
from veriband.web import pages


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    """A ward at NOW, which the pages take for now."""
    its = ward(tmp_path / "veriband.db", NOW)
    monkeypatch.setattr(pages, "utc_ms", lambda: its.now_ms)
    yield its
    its.store.close()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """Debian's Chromium."""
    with chromium.chromium() as its:
        yield its


@pytest.fixture
def running(filled: Contest | Ward) -> Iterator[Site]:
    """`veriband web` over what is filled."""
    with site(filled.path) as its:
        yield its


@pytest.fixture
def watched(chrome: Browser, running: Site) -> Iterator[Watched]:
    """A page of the browser's, which is not to ask anybody else."""
    context = chrome.new_context(viewport=WIDE)
    its = Watched(context.new_page())
    yield its
    context.close()
    assert its.asked and all(url.startswith(running.url) for url in its.asked)
