"""The daemon with many bands: what it takes of this computer, the simulated radio included."""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

from tests.bench import rows
from tests.bench.rows import Row
from tests.whole.rig import START, ZONE, live, radio_of, until_cancelled
from veriband import run_command
from veriband.alerts import granted
from veriband.configuration import Configuration
from veriband.link.pairing import pair
from veriband.store import Store
from veriband_simulator.wearers import Walk
from veriband_simulator.world import World

COUNTS = (1, 50, 500)
HOUR_S = 3600
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_s() -> float:
    """CPU seconds of this process: the daemon and the world, without the bands' interpreters."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_mb() -> float:
    """Its memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


async def hour(folder: Path, count: int) -> tuple[float, float, float]:
    """(CPU s of an hour without the daemon, of an hour with it, MB that it added) with so many
    bands, each on a wearer, synced every ten minutes."""
    world = World(1, START)
    radio = radio_of(await world.computer())
    with closing(Store(folder / "veriband.db")) as store:
        for k in range(count):
            band = world.add_band(Walk([0]), "increments")
            await band.power_on()
            await band.press()
            await pair(radio, band.address, band.secret)
            known = store.add_band(band.address, band.secret, world.utc_ms())
            store.assign(known, store.add_wearer(f"w{k}"), world.utc_ms())
        begin_s = cpu_s()
        await asyncio.sleep(HOUR_S)
        alone_s, before_mb = cpu_s() - begin_s, rss_mb()
        with (
            patch.object(run_command, "utc_ms", world.utc_ms),
            patch.object(granted, "utc_ms", world.utc_ms),
            patch.object(run_command.click, "echo"),
        ):
            begin_s = cpu_s()
            daemon = run_command.Daemon(store, ZONE, Configuration(), 600.0)
            running = asyncio.create_task(daemon.run(radio, store.bands(), []))
            await asyncio.sleep(HOUR_S)
            await until_cancelled(running)
        taken = cpu_s() - begin_s, rss_mb() - before_mb
    world.close()
    return alone_s, *taken


def show() -> None:
    """Print what bands in such numbers take."""
    table: list[Row] = []
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            alone_s, with_s, mb = live(hour(Path(folder), count), hours=100)
        table += [
            Row(f"{count} bands: CPU s in an hour, daemon and radio", f"{with_s - alone_s:.2f}"),
            Row("  a band, ms", f"{(with_s - alone_s) / count * 1000:.0f}"),
            Row("  the simulated world without it", f"{alone_s:.2f}"),
            Row("  memory that it added, MB", f"{mb:.1f}"),
        ]
    rows.show("The daemon, with its half of a simulated radio", table)
