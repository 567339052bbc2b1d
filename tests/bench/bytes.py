"""How many bytes a minute costs, on flash and on the air, over real people's days."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from tests.bench import rows
from tests.bench.rows import Row
from tests.bench.speed import recorded_days
from tests.firmware.backlog import backlog, lived
from tests.whole.rig import ZONE, Rig, live, rig
from veriband.link.session import connected
from veriband.link.sync import sync
from veriband.records import Kind
from veriband_protocol import items
from veriband_simulator.flash import SECTOR, Flash
from veriband_simulator.wearers import Minute, Wearer

MEBIBYTE = 1 << 20
DAY_MIN = 1440
EVERY = 8  # of the days, from the largest down, this one is played on a whole band
REST_BPM, BPM_PER_STEP = 70.0, 0.4  # of a heart that was not recorded
SLOT_MIN = 10  # of Bangle.js
AIM = "1 or less"

# Bytes of a day in other projects' formats, from the sizes in their sources.
FLASH_PEERS = {
    "PebbleOS: 15 minutes of 7 bytes and a header of 9": DAY_MIN / 15 * (15 * 7 + 9),
    "Mi Band 2 and later: 4 bytes a minute": 4.0 * DAY_MIN,
    "Mi Band 1: 3 bytes a minute": 3.0 * DAY_MIN,
    "Bangle.js: 10 bytes every 10 minutes, and a sum a day": DAY_MIN / SLOT_MIN * 10 + 10,
    "wasp-os: 2 bytes every 6 minutes, steps only": DAY_MIN / 6 * 2.0,
}
AIR_PEERS = {
    "PebbleOS: data logging, 16.6 bytes a minute": 16.6 * DAY_MIN,
    "Mi Band 2 and later: 4 bytes a minute": 4.0 * DAY_MIN,
}


@dataclass(frozen=True)
class Played:
    """A day of a whole band: bytes on flash; on the air both ways, L2CAP's and ATT's headers
    included, in the sync after it and in that whole visit; heart rates that it tried, and found.
    """

    flash: int
    sync: int
    visit: int
    tried: int
    found: int


def used(flash: Flash, place: range) -> int:
    """Bytes of a journal that has not been round yet, from the begin of its place on."""
    return len(bytes(flash.image[place.start : place.stop]).rstrip(b"\xff"))


def on_flash(days: np.ndarray) -> np.ndarray:
    """Bytes of each of the days in one journal: after each active minute a heart rate is found, in
    each period SpO2 with it, a cycle begins, and a host sets the clock."""
    flash, place = Flash(MEBIBYTE), range(MEBIBYTE)
    journal = backlog(flash, place, (), 0)
    ends = [used(flash, place)]
    for day in days.tolist():
        journal.anchor(0, 0, 0, items.SOURCE_HOST)
        lived(journal, day)
        ends.append(used(flash, place))
    assert flash.erases < MEBIBYTE // SECTOR, "the journal has been round"
    return np.diff(ends)


def played(steps: np.ndarray, rates: np.ndarray) -> Played:
    """A day as a whole band lives it, and the daemon's visit after it."""
    beats = np.where(rates > 0, rates, REST_BPM + BPM_PER_STEP * steps)
    minutes = [Minute(n, bpm) for n, bpm in zip(steps.tolist(), beats.tolist(), strict=True)]

    async def story() -> Played:
        with tempfile.TemporaryDirectory() as folder:
            r = await rig(Path(folder), wearer=Wearer(minutes, 1))
            try:
                await r.pair()
                await r.supervisor().once()
                flash, place = r.band.board.flash, r.partition("journal")
                before = used(flash, place)
                await asyncio.sleep(60.0 * DAY_MIN)
                written = used(flash, place) - before
                synced, visit = await fetched(r)
                told = [item.detail for item in r.items() if item.kind is Kind.READING]
                found = told.count(items.STATUS_OK)
                return Played(written, synced, visit, len(told), found)
            finally:
                r.close()

    return live(story())


async def fetched(r: Rig) -> tuple[int, int]:
    """Bytes that a visit's sync puts on the air, and the whole visit."""
    carried = 0

    def count(_: str, __: str, payload: bytes) -> bytes:
        nonlocal carried
        carried += len(payload)
        return payload

    device, _ = await r.radio.find(r.band.address, 30)
    r.world.air.mangle = count
    async with connected(r.radio, device) as session:
        before = carried
        await sync(session, r.store, r.known, r.world.utc_ms, ZONE)
        synced = carried - before
    return synced, carried


def bangle_air(steps: np.ndarray) -> int:
    """Bytes of the JSON lines in which Bangle.js sends a day, as short as they can be."""
    slots = steps.reshape(-1, SLOT_MIN).sum(axis=1).tolist()
    lines = (
        {"t": "act", "ts": 1460505600000, "stp": n, "hrm": 70, "mov": 0, "act": "UNKNOWN"}
        for n in slots
    )
    return sum(len(json.dumps(line, separators=(",", ":"))) + 4 for line in lines)


def over_days(sizes: np.ndarray, mean_aim: str = AIM) -> list[Row]:
    """Bytes a minute of days: on average, at two percentiles, and the worst."""
    return [
        Row(f"bytes a minute, mean of {len(sizes)} days", a_minute(sizes.mean()), mean_aim),
        Row("  the median day", a_minute(np.median(sizes))),
        Row("  the day at the 95th percentile", a_minute(np.percentile(sizes, 95))),
        Row("  the worst day", a_minute(sizes.max())),
    ]


def a_minute(day: float) -> str:
    """Bytes of a day, as bytes a minute."""
    return f"{day / DAY_MIN:.3f}"


def computed(peers: dict[str, float]) -> list[Row]:
    """Rows of other projects' formats."""
    return [Row(f"  {name}", a_minute(day)) for name, day in peers.items()]


def show() -> None:
    """Measure and print."""
    days = recorded_days()
    sizes = on_flash(days)
    order = np.argsort(sizes)[::-1]
    rates = recorded_days("heart_rate_bpm")
    lives: list[Played] = []
    for n, k in enumerate(order[::EVERY], 1):
        print(f"  day {n} of {len(order[::EVERY])}", file=sys.stderr, end="\r", flush=True)
        lives.append(played(days[k], rates[k]))
    flash, synced, visit, tried, found = np.array([astuple(life) for life in lives]).T

    most = over_days(sizes)
    fits = (MEBIBYTE - SECTOR) / sizes.mean()
    most.append(Row("days that fit into 1 MiB", f"{fits:.0f}", "365 or more"))
    rows.show("Flash, every heart rate and SpO2 found, the clock set daily", most)
    whole = over_days(flash)
    whole.append(Row("heart rates found, %", f"{100 * found.sum() / tried.sum():.0f}"))
    rows.show("Flash, the whole band, simulated", whole)
    rows.show("Flash, other formats", computed(FLASH_PEERS), "computed")
    rows.show("Air, a day's backlog in one sync, the whole band", over_days(synced))
    rows.show("Air, from connecting to disconnecting", over_days(visit))
    json_lines = float(np.mean([bangle_air(day) for day in days]))
    name = "Bangle.js: a JSON line every 10 minutes, at least"
    rows.show("Air, other formats", computed(AIR_PEERS | {name: json_lines}), "computed")
    print(
        "\nFlash has pages' headers and ends, blocks, reservations, readings and anchors in it. "
        f"The whole band plays every {EVERY}th\nof the days, by size; a heart that was not "
        f"recorded beats {REST_BPM:g} + {BPM_PER_STEP:g} a step and minute. Air is all data PDUs, "
        "both\nways, with L2CAP's and ATT's headers, requests and acknowledgements; not what the "
        "link layer adds (headers, CRC, MIC,\nempty PDUs, advertising, encryption), nor "
        "discovery, which was at pairing. The other formats are without such headers."
    )
