"""What a day costs a band's battery, by the power model, in both profiles."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.bench import rows
from tests.bench.bytes import BPM_PER_STEP, REST_BPM
from tests.bench.rows import Row
from tests.bench.speed import recorded_days
from tests.whole.rig import Rig, live, rig, until_cancelled
from veriband.records import Kind
from veriband_protocol.profile import ENDURANCE, NAMES, RESPONSIVE
from veriband_simulator.power import BATTERY_MAH, CHIPS, Use, shares, use
from veriband_simulator.wearers import Minute, Wearer

DAY_S = 86_400.0
AIM_DAYS = 5.0

# Days on 200 mAh that others say, or that follow from what they say.
OTHERS = {
    "stock MicroPython, BLE on, nothing else: ESP32-S3 (93 mA)": BATTERY_MAH / 93 / 24,
    "stock MicroPython, BLE on, nothing else: ESP32-C3 (77 mA)": BATTERY_MAH / 77 / 24,
    "ESP-IDF with modem sleep: ESP32-S3 (17.9 mA)": BATTERY_MAH / 17.9 / 24,
    "ESP-IDF with modem sleep: ESP32-C3 (12 mA)": BATTERY_MAH / 12 / 24,
}


def median_day() -> list[Minute]:
    """A recorded day with as many steps as half of all days have, at most; a heart that was not
    recorded goes with the steps."""
    days, rates = recorded_days(), recorded_days("heart_rate_bpm")
    k = int(np.argsort(days.sum(axis=1))[len(days) // 2])
    beats = np.where(rates[k] > 0, rates[k], REST_BPM + BPM_PER_STEP * days[k])
    return [Minute(n, bpm) for n, bpm in zip(days[k].tolist(), beats.tolist(), strict=True)]


def lived(minutes: list[Minute], profile: int, every_s: float) -> tuple[Use, dict[str, int]]:
    """What a band does in such a day, synced every `every_s` seconds; and what it came to."""

    async def story() -> tuple[Use, dict[str, int]]:
        with tempfile.TemporaryDirectory() as folder:
            r = await rig(Path(folder), wearer=Wearer(minutes, 1))
            try:
                await r.pair()
                async with r.session() as session:
                    await session.choose_profile(profile)
                await r.supervisor().once()
                return await day(r, every_s)
            finally:
                r.close()

    return live(story())


async def day(r: Rig, every_s: float) -> tuple[Use, dict[str, int]]:
    """A day with the daemon."""
    before = use(r.band)
    keeping = asyncio.create_task(r.supervisor(every_s).run())
    await asyncio.sleep(DAY_S)
    await until_cancelled(keeping)
    used = use(r.band) - before
    r.check()
    readings = sum(item.kind is Kind.READING for item in r.items())
    return used, {"heart rates tried": readings, "troubles": len(r.troubles)}


def figures(used: Use, *, saving: bool = False) -> list[Row]:
    """Rows of each chip."""
    found: list[Row] = []
    for chip in CHIPS:
        its = shares(chip, used, saving=saving)
        worst = shares(chip, used, worst=True, saving=saving)
        found += [
            Row(f"{chip.name}: mAh a day (at worst {worst.mah:.0f})", f"{its.mah:.1f}"),
            Row(
                f"  days on {BATTERY_MAH:.0f} mAh (at worst {BATTERY_MAH / worst.mah:.1f})",
                f"{BATTERY_MAH / its.mah:.1f}",
                f"{AIM_DAYS:.0f} or more",
            ),
            Row("  light sleep, %", f"{100 * its.sleep / its.mah:.0f}"),
            Row("  CPU, %", f"{100 * its.cpu / its.mah:.0f}"),
            Row("  radio, %", f"{100 * its.radio / its.mah:.0f}"),
            Row("  LEDs, %", f"{100 * its.leds / its.mah:.1f}"),
            Row("  sensors, %", f"{100 * its.sensors / its.mah:.1f}"),
            Row("  regulator and contacts, %", f"{100 * its.rest / its.mah:.1f}"),
        ]
    return found


def done(used: Use, came: dict[str, int]) -> list[Row]:
    """Rows of what the band did."""
    return [
        Row("radio on, s", f"{used.radio_s:.0f}"),
        Row("  switched on so often", f"{used.radio_starts:.0f}"),
        Row("  connected so often", f"{used.connections:.0f}"),
        Row("asleep, s", f"{used.asleep_s:.0f}"),
        Row("the interpreter's CPU here, s", f"{used.cpu_s:.1f}"),
        Row("pulse sensor on, s", f"{used.sampling_s:.0f}"),
        *(Row(what, f"{count}") for what, count in came.items()),
    ]


def show() -> None:
    """Measure and print."""
    minutes = median_day()
    steps = sum(minute.steps for minute in minutes)
    for profile, every_s in ((ENDURANCE, 600.0), (ENDURANCE, 3600.0), (RESPONSIVE, 600.0)):
        how = f"{NAMES[profile]}, a sync every {every_s / 60:.0f} min"
        print(f"  {how}", file=sys.stderr, flush=True)
        used, came = lived(minutes, profile, every_s)
        rows.show(f"A day of {steps:,} steps, {how}", done(used, came), "simulated")
        rows.show(f"  {how}, stock MicroPython", figures(used), "modelled")
        if profile == RESPONSIVE:
            build = "a build with automatic light sleep and a crystal"
            rows.show(f"  {how}, {build}", figures(used, saving=True), "modelled")
    others = [Row(what, f"{days:.2f}") for what, days in OTHERS.items()]
    rows.show(f"Others, days on {BATTERY_MAH:.0f} mAh", others, "computed")
    print(
        "\nCurrents and their sources are in veriband_simulator/power.py. The largest unknowns: "
        "light sleep as a board has it (an\nESP32-S3 takes 0.24 mA with its flash off, 1.3 in "
        "MicroPython), how long it takes to switch the radio on (0.15 to 0.3 s), how\nlong a "
        "connection waits (1.5 to 4 s), and how much slower than here the CPU is (100 to 300)."
    )
