"""A daemon beside a band, in a process that may be killed: `python -m tests.campaign.victim`.

Its folder has the band's flash, which outlives it as files do, and the store. It ends by itself
after two hours of the world's, with what it did in JSON, or by a signal where it was told to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import mmap
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.power import START, small_journal
from tests.whole.rig import Rig, until_cancelled
from veriband.link.pairing import pair
from veriband.store import Store
from veriband_simulator.firmware import find_firmware
from veriband_simulator.flash import Flash
from veriband_simulator.wearers import Walk
from veriband_simulator.world import World, play

FLASH, STORE = "flash.bin", "veriband.db"
LIVED_S = 2 * 3600.0


class MappedFlash(Flash):
    """A flash in a file: what is done to it stays, however this process ends."""

    def __init__(self, path: Path) -> None:
        super().__init__(0)
        with path.open("r+b") as file:
            self.image = mmap.mmap(file.fileno(), 0)  # type: ignore[assignment]


@dataclass
class Counted:
    """SQL statements so far, and those of them that store no item."""

    statements: int = 0
    edges: int = 0


def killed_at(store: Store, kind: str, number: int) -> Counted:
    """Have the process killed before statement `number` of the kind; 0: never."""
    counted = Counted()

    def count(statement: str) -> None:
        counted.statements += 1
        counted.edges += not statement.startswith("INSERT INTO item")
        if number and getattr(counted, kind) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    store.db.set_trace_callback(count)
    return counted


async def story(folder: Path, kind: str, number: int) -> None:
    """Pair, sync for some hours, and say what was done."""
    world = World(1, START, small_journal(find_firmware()))
    flash = MappedFlash(folder / FLASH)
    band = world.add_band(Walk([90 + m % 40 for m in range(600)], 7_000_000), flash=flash)
    if kind == "bytes":  # of a file: the write that goes beyond is cut off, and kills
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    store = Store(folder / STORE)
    counted = killed_at(store, kind, 0 if kind == "bytes" else number)
    try:
        rig = Rig(world, band, await world.computer(), store)
        await band.power_on()
        await band.press()
        await pair(rig.radio, band.address, band.secret)
        if not store.bands():
            store.add_band(band.address, band.secret, world.utc_ms())
        keeping = asyncio.create_task(rig.supervisor().run())
        await asyncio.sleep(LIVED_S)
        await until_cancelled(keeping)
        await rig.supervisor().once()
        files = [folder / STORE, folder / f"{STORE}-wal"]
        size = max(path.stat().st_size for path in files)
        print(json.dumps(vars(counted) | {"bytes": size}))
    finally:
        store.close()
        world.close()


if __name__ == "__main__":
    logging.disable()
    play(1, story(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])), limit_s=24 * 3600.0)
