"""A day with everything that goes wrong: the store has what the chip counted, minute by minute."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.whole.rig import ZONE, Rig, live, rig, until_cancelled
from veriband.civil import local_day
from veriband.hours import by_hour
from veriband.records import Kind
from veriband.store import Store
from veriband_protocol import wire
from veriband_simulator.recorded_minutes import packaged
from veriband_simulator.wearers import Walk

DAY = datetime(2016, 4, 19, tzinfo=ZONE)
LEAD = timedelta(minutes=10)


@pytest.mark.parametrize("upload", ["increments", "totals"])
def test_the_store_equals_the_chip_over_a_day_of_mishaps(tmp_path: Path, upload: str) -> None:
    steps = packaged("fitbit_day").steps
    assert sum(steps) == 11_135

    async def at(r: Rig, hour: int, minute: int, second: int = 0) -> None:
        moment = DAY.replace(hour=hour, minute=minute, second=second)
        await r.world.until(round(moment.timestamp() * 1000))

    async def story() -> None:
        the_walk = Walk(steps, int(LEAD.total_seconds() * 1e6))
        r = await rig(tmp_path, 1, the_walk, DAY - LEAD, 65_000, upload)  # soon to wrap
        try:
            await r.pair()

            await at(r, 8, 41, 17)  # the clock is set late: eight hours wait without a date
            assert r.items() == []
            keeping = asyncio.create_task(r.supervisor().run())

            await at(r, 10, 17, 23)  # a reset in mid-minute
            r.band.board.reset()

            await at(r, 12, 34, 31)  # the sensor loses its supply for a moment
            r.band.chip.reset()

            await at(r, 14, 0, 5)  # an hour away from the computer
            r.world.air.set_in_range(r.band.address, False)
            await at(r, 15, 0, 5)
            assert r.troubles
            r.world.air.set_in_range(r.band.address, True)

            await at(r, 15, 30)  # the daemon stops for the afternoon, and dies in its next sync
            await until_cancelled(keeping)
            await at(r, 21, 11, 3)
            await self_destruct(r)
            before = len(r.items())
            r.store.close()
            r.store = Store(tmp_path / "veriband.db")
            keeping = asyncio.create_task(r.supervisor().run())

            await at(r, 23, 59, 59)
            await asyncio.sleep(61)
            await until_cancelled(keeping)
            await r.supervisor().once()
            assert len(r.items()) > before

            sums = r.check()
            assert sums[Kind.MINUTE] > 10_000
            counted = r.band.chip.counted(r.world.now_us())
            assert sum(sums.values()) == counted, "all that the chip counted, none twice"
            assert counted == sum(steps)
            assert r.store.undated_steps(r.known) == 0
            kinds = [item.kind for item in r.items()]
            assert kinds.count(Kind.BOOT) == 2
            assert kinds.count(Kind.HOLE) == 0
            assert (Kind.COUNT in kinds) == (upload == "totals")

            begin, end = local_day(ZONE, DAY)
            hours = by_hour(r.store.spans(r.known, begin, end), ZONE, begin, end)
            assert sum(hour.steps for hour in hours) == sum(steps)
        finally:
            r.close()

    live(story())


async def self_destruct(r: Rig) -> None:
    """Sync until the first frame of the answer is in the air, then die."""
    syncing = asyncio.create_task(r.supervisor().once())
    frames = 0

    def watch(source: str, _: str, payload: bytes) -> bytes:
        nonlocal frames
        frame = r.frame(source, payload)
        if frame is not None and frame[0] & wire.FIRST:
            assert not frame[0] & wire.LAST, "an answer of several frames"
            frames += 1
            syncing.cancel()
        return payload

    r.world.air.mangle = watch
    await asyncio.wait((syncing,))
    r.world.air.mangle = None
    assert syncing.cancelled()
    assert frames == 1
