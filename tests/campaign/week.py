"""A week that nobody looks after: no minute is missed, nothing goes wrong, the heap stays flat."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.whole.rig import EDGE_US, Rig, live, rig, until_cancelled
from veriband.records import Kind
from veriband_protocol.items import EVENT_BONDED, EVENT_CYCLE, EVENT_LOW_BATTERY, EVENT_STRIP
from veriband_simulator.recorded_minutes import packaged
from veriband_simulator.wearers import Minute, Wearer

DAYS = 7
DAY_S = 24 * 3600.0
HEAP_SLACK = 1_024  # bytes: small things that come and go
ASKED = 3  # times each day: a collector that is conservative may keep a batch that was sent
UPLOADS = ("increments", "totals")


def prepare(seed: int) -> None:
    """Each case is a world of its own."""


def case(_: None, seed: int, number: int) -> int:
    """A week of a band that uploads increments, or totals."""
    return play_days(seed, UPLOADS[number % len(UPLOADS)], DAYS, DAY_S)


def play_days(seed: int, upload: str, days: int, day_s: float) -> int:
    """So many days, or what is taken for one; how many."""
    with tempfile.TemporaryDirectory(prefix="veriband-week-") as folder:
        story = _story(Path(folder), seed, upload, days, day_s)
        live(story, seed, hours=days * day_s / 3600 + 2)
    return days


async def _story(folder: Path, seed: int, upload: str, days: int, day_s: float) -> None:
    day = packaged("fitbit_day")
    awake = (*day.steps[8 * 60 :], *day.steps[: 8 * 60])
    r = await rig(
        folder, seed, Wearer([Minute(n, 75.0) for n in awake * days], seed), upload=upload
    )
    try:
        await r.pair()
        keeping = asyncio.create_task(r.supervisor().run())
        heap: list[int] = []
        for _ in range(days):
            await asyncio.sleep(day_s)
            heap.append(await _heap_used(r))
        await until_cancelled(keeping)
        await r.supervisor().once()
        assert max(heap) - heap[0] < HEAP_SLACK, f"heap in use after each day: {heap}"
        assert not r.troubles, f"{len(r.troubles)} troubles, the first: {r.troubles[0]}"
        assert len(r.band.board.started_us) == 1, "it started again"
        _check_minutes(r, days * day_s)
    finally:
        r.close()


async def _heap_used(r: Rig) -> int:
    """Bytes, told between two syncs: the least of ASKED answers."""
    async with r.session() as session:
        return min([(await session.info()).heap_used for _ in range(ASKED)])


def _check_minutes(r: Rig, length_s: float) -> None:
    """Every minute is there as the chip counted it; one gap where the clock was set first."""
    r.check(EDGE_US)
    items = r.items()
    minutes = sum(item.kind is Kind.MINUTE for item in items)
    assert minutes >= length_s / 60 - 3, f"{minutes} minutes"
    gaps = [item for item in items if item.kind is Kind.GAP]
    assert len(gaps) <= 1, f"{len(gaps)} gaps: {gaps[:3]}"
    low = [item for item in items if item.kind is Kind.EVENT and item.detail == EVENT_LOW_BATTERY]
    assert len(low) <= 1, f"a battery got low {len(low)} times without being charged"
    expected = (EVENT_BONDED, EVENT_STRIP, EVENT_CYCLE, EVENT_LOW_BATTERY)
    faults = [item for item in items if item.kind is Kind.EVENT and item.detail not in expected]
    assert not faults, f"event {faults[0].detail}: {faults[0].raw!r}"
