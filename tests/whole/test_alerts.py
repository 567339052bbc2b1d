"""From the skin to whoever is told: `veriband run` beside a wearer who is not well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.whole.rig import ZONE, Rig, live, rig, until_cancelled
from veriband import run_command
from veriband.alerts import granted
from veriband.alerts.book import Entry
from veriband.alerts.granted import book_of
from veriband.alerts.machine import Phase
from veriband.configuration import Configuration
from veriband_simulator.wearers import Minute, Wearer

HOUR_S = 3600


def told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    minutes: list[Minute],
    story: Callable[[Rig], Coroutine[Any, Any, None]],
) -> None:
    """A story about a band on that wearer, anna, with the daemon beside it."""

    async def whole() -> None:
        r = await rig(folder, wearer=Wearer(minutes, 1))
        try:
            for module in (run_command, granted):
                monkeypatch.setattr(module, "utc_ms", r.world.utc_ms)
            await r.pair()
            r.store.assign(r.known, r.store.add_wearer("anna"), r.world.utc_ms())
            daemon = run_command.Daemon(r.store, ZONE, Configuration(), 600.0)
            running = asyncio.create_task(daemon.run(r.radio, [r.known], []))
            await story(r)
            assert not running.done()
            await until_cancelled(running)
        finally:
            r.close()

    live(whole())


def entries(r: Rig) -> list[Entry]:
    return book_of(r.store, Configuration()).entries()


def test_a_heart_that_is_fast_at_rest_is_told_within_minutes_of_its_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calm, fast = Minute(0, 64), Minute(0, 118)
    minutes = [calm] * 130 + [fast] * 180 + [calm] * 300

    async def story(r: Rig) -> None:
        await asyncio.sleep(130 * 60)
        assert entries(r) == []
        await asyncio.sleep(150 * 60)
        (entry,) = entries(r)
        facts = entry.cause.facts
        assert facts["index"] == "heart rate" and facts["readings"] >= 3
        assert facts["worst"] == pytest.approx(118, abs=4)
        assert entry.alert.phase is Phase.DELIVERED
        waited_min = (entry.raised_ms - entry.cause.since_ms) / 60_000
        assert 10 <= waited_min <= 25
        assert "ALERT 1  anna: heart rate 1" in capsys.readouterr().out
        await asyncio.sleep(4 * HOUR_S)
        assert entries(r)[0].alert.over_ms is not None

    told(tmp_path, monkeypatch, minutes, story)


def test_a_band_that_is_away_is_told_and_a_strip_that_was_pulled_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def story(r: Rig) -> None:
        await asyncio.sleep(HOUR_S)
        r.band.pull_strip()
        await asyncio.sleep(HOUR_S)
        r.world.air.set_in_range(r.band.address, False)
        await asyncio.sleep(11.5 * HOUR_S)
        assert entries(r) == []
        await asyncio.sleep(HOUR_S)
        (entry,) = entries(r)
        assert entry.cause.subject.startswith("silence/") and entry.alert.over_ms is None
        assert "nothing has come from band" in capsys.readouterr().out
        r.world.air.set_in_range(r.band.address, True)
        await asyncio.sleep(600)
        assert entries(r)[0].alert.over_ms is not None

    told(tmp_path, monkeypatch, [Minute(0, 64)] * 10, story)
