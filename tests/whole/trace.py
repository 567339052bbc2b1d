"""Plays two paired hours of a world and prints its trace: `python -m tests.whole.trace SEED`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.whole.rig import live, rig, until_cancelled
from veriband_simulator.wearers import MINUTE_US, Minute, Wearer


def trace(seed: int) -> str:
    """The hash of everything on the air, and the number of PDUs."""

    async def story() -> str:
        with tempfile.TemporaryDirectory() as folder:
            walks = [Minute(110 if m % 20 < 7 else 0, 80 + m % 20) for m in range(150)]
            r = await rig(Path(folder), seed, Wearer(walks, seed, MINUTE_US // 3))
            try:
                await r.pair()
                keeping = asyncio.create_task(r.supervisor().run())
                await asyncio.sleep(3600)
                r.world.air.set_in_range(r.band.address, False)
                await asyncio.sleep(600)
                r.world.air.set_in_range(r.band.address, True)
                r.band.board.reset()
                await asyncio.sleep(3000)
                await until_cancelled(keeping)
                return f"{r.world.air.trace_sha256} {r.world.air.pdus}"
            finally:
                r.close()

    return live(story(), seed)


if __name__ == "__main__":
    print(trace(int(sys.argv[1])))
