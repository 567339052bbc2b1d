"""A wearer who is erased while the band goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.whole.rig import ZONE, asked, live, rig
from veriband.contest.enrolment import enrol
from veriband.contest.seals import sealed
from veriband.records import Kind
from veriband.store import erasure


def test_what_was_erased_does_not_come_again_and_what_comes_later_is_nobodys(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await asked(r, lambda its: enrol(its, r.store, r.known, r.world.utc_ms, ZONE))
            anna = r.store.add_wearer("anna")
            r.store.assign(r.known, anna, 0)
            await asyncio.sleep(3600)
            await r.supervisor().once()
            last = r.items()[-1].seq
            erasure.erase(r.store, anna)
            assert (r.items(), r.store.batches(r.known)) == ([], [])
            await asyncio.sleep(3600)
            synced = await r.supervisor().once()
            minutes = [item for item in r.items() if item.kind is Kind.MINUTE]
            assert synced.items == len(r.items()) and minutes[0].seq > last
            assert 58 <= len(minutes) <= 61
            assert r.store.wearer_of(r.known, r.world.utc_ms()) is None
            assert sealed(r.store, r.known).faults == []
            assert r.store.notices(r.known) == [] and r.troubles == []
        finally:
            r.close()

    live(story())
