"""The skeleton: firmware, air and sync. CPU time, since machines are shared."""

from __future__ import annotations

import asyncio
import resource
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from statistics import median

from tests.bench import rows
from tests.bench.rows import Row
from tests.firmware.micropython import STEP_PATH, run_micropython
from tests.whole.rig import ZONE, Rig, live, rig, until_cancelled
from veriband.link.pairing import pair
from veriband.link.sync import sync
from veriband.records import decode
from veriband_simulator.board import Board
from veriband_simulator.firmware import find_firmware
from veriband_simulator.wearers import Walk

HOUR_S = 3600
DAY_S = 24 * HOUR_S
STILL = Walk([0])


def cpu_s(r: Rig) -> float:
    """CPU seconds of the world and the daemon (this process) and of the band's interpreter."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime + r.band.board.total_cpu_s()


def measured(
    story: Callable[[Rig], Awaitable[list[Row]]], walk: Walk = STILL, before: Sequence[int] = ()
) -> list[Row]:
    """Rows that a story with a rig of its own gives, whose journal has minutes `before`."""

    async def run() -> list[Row]:
        with tempfile.TemporaryDirectory() as folder:
            r = await rig(Path(folder), 1, walk, before=before)
            try:
                return await story(r)
            finally:
                r.close()

    return live(run(), hours=200)


async def idle_day(r: Rig) -> list[Row]:
    """A day without a step, synced every 10 minutes; and the band's heap after it."""
    await r.pair()
    await r.supervisor().once()
    begin, wakes, pdus = cpu_s(r), r.band.board.wakes, r.world.air.pdus
    band_begin = r.band.board.total_cpu_s()
    keeping = asyncio.create_task(r.supervisor().run())
    await asyncio.sleep(DAY_S)
    await until_cancelled(keeping)
    spent, band = cpu_s(r) - begin, r.band.board.total_cpu_s() - band_begin
    async with r.session() as session:
        info = await session.info()
    shims = await shim_heap_bytes(r)
    return [
        Row("CPU s per simulated day, idle, a sync every 10 min", f"{spent:.2f}", "3 or less"),
        Row("  of these the band's interpreter", f"{band:.2f}"),
        Row("wake-ups of the firmware in that day", f"{r.band.board.wakes - wakes}"),
        Row("PDUs on the air in that day", f"{r.world.air.pdus - pdus}"),
        Row("heap in use after that day, bytes", f"{info.heap_used}"),
        Row("  without the simulator's shims", f"{info.heap_used - shims}"),
        Row("  free", f"{info.heap_free}"),
    ]


async def shim_heap_bytes(r: Rig) -> int:
    """Heap that the shims and asyncio take before any firmware runs."""
    script = "import gc, asyncio, machine, time\ngc.collect()\nprint(gc.mem_alloc())\n"
    board = Board(
        r.world.firmware, r.world.air, "C0:98:E5:00:00:99", r.band.board.bus, {},
        r.world.rng("shims"), script=script + "time.sleep(10**6)\n",
    )  # fmt: skip
    await board.power_on()
    printed = board.console()
    board.close()
    return int(printed)


async def connecting(r: Rig) -> list[Row]:
    """Pairings and reconnections, each from the scan to a closed connection."""
    pairing_cpu: list[float] = []
    pairing_s: list[float] = []
    again_cpu: list[float] = []
    again_s: list[float] = []
    loop = asyncio.get_running_loop()
    r.store.add_band(r.band.address, r.band.secret, 0)
    for _ in range(10):
        await r.band.press()
        begin, begin_s = cpu_s(r), loop.time()
        await pair(r.radio, r.band.address, r.band.secret)
        pairing_cpu.append(cpu_s(r) - begin)
        pairing_s.append(loop.time() - begin_s)
        await asyncio.sleep(60)
        begin, begin_s = cpu_s(r), loop.time()
        await r.supervisor().once()
        again_cpu.append(cpu_s(r) - begin)
        again_s.append(loop.time() - begin_s)
        await r.computer.unpair(r.band.address)
        await asyncio.sleep(60)
    return [
        Row("scan + connect + pair + discover, CPU ms", f"{median(pairing_cpu) * 1000:.1f}"),
        Row("  virtual s", f"{median(pairing_s):.2f}"),
        Row("scan + reconnect + encrypt + sync, CPU ms", f"{median(again_cpu) * 1000:.1f}"),
        Row("  virtual s", f"{median(again_s):.2f}"),
    ]


async def streaming(r: Rig) -> list[Row]:
    """The journal from flash to the daemon, without the store."""
    await r.pair()
    async with r.session() as session:
        state = await session.state()
        frames, seq = 0, state.oldest
        loop = asyncio.get_running_loop()
        begin, begin_s = cpu_s(r), loop.time()
        async with aclosing(session.batches(state.epoch, seq)) as batches:
            while seq < state.upto:
                batch = await anext(batches)
                *_, last = decode(batch.items, batch.seq, batch.boot, batch.t_ms)
                seq = last.seq + last.count
                frames += -(-len(batch.data) // 243)
        spent, spent_s = cpu_s(r) - begin, loop.time() - begin_s
    carried = r.world.air.pdus_per_event / r.world.air.interval_s
    return [
        Row("notifications of 244 bytes per CPU s, flash to daemon", f"{frames / spent:.0f}"),
        Row("  items per CPU s", f"{(seq - state.oldest) / spent:.0f}"),
        Row(
            f"  of what this air carries ({carried:.0f} a virtual s), %",
            f"{frames / spent_s / carried * 100:.0f}", "80 or more",
        ),
    ]  # fmt: skip


async def backlog(r: Rig) -> list[Row]:
    """A backlog synced and stored."""
    await r.pair()
    loop = asyncio.get_running_loop()
    async with r.session() as session:
        begin, begin_s = cpu_s(r), loop.time()
        synced = await sync(session, r.store, r.known, r.world.utc_ms, ZONE)
        spent, spent_s = cpu_s(r) - begin, loop.time() - begin_s
    assert synced.items >= 7 * 1440
    return [
        Row(
            "7 days' backlog synced, every 30 ms, virtual s",
            f"{spent_s:.2f}",
            "10 or less",
        ),
        Row("  CPU s, the store's included", f"{spent:.2f}"),
    ]


def sizes() -> list[Row]:
    """What is flashed."""
    files = find_firmware().files
    mpy = {path: len(data) for path, data in files.items() if path.endswith(".mpy")}
    return [Row(".mpy bytes", f"{sum(mpy.values())}", "72000 or less")]


def allocations() -> list[Row]:
    """Heap taken by a thousand wake-ups in the step path."""
    script = STEP_PATH + (
        "def taken():\n    before = gc.mem_alloc()\n    for k in range(200):\n"
        "        minute(k % 100, False)\n    return gc.mem_alloc() - before\n"
        "gc.collect()\ngc.disable()\ntaken()\njournal.flush()\nprint(taken())\n"
    )
    taken = run_micropython(script).strip()
    return [Row("bytes allocated by 200 wake-ups in the step path", taken, "0")]


def measurements() -> list[Row]:
    """Measure all of it."""
    found = [*sizes(), *allocations()]
    month = [130 + m % 50 for m in range(30 * 1440)]  # of somebody who never stands still
    for story, before in (
        (idle_day, ()), (connecting, ()), (streaming, month), (backlog, month[: 7 * 1440]),
    ):  # fmt: skip
        found += measured(story, before=before)
    return found


def show() -> None:
    """Measure and print."""
    rows.show("Skeleton", measurements())
