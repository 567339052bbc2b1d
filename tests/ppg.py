"""Recorded pulses whose heart rate a chest strap knows, arms that shake them, and the firmware's
answers."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import pyarrow.parquet as pq

from tests.firmware.micropython import run_micropython

DATA = Path(__file__).parent / "data"
RATE_HZ, ARM_HZ = 25, 26
SAMPLES, ARM_SAMPLES = 256, 266
HOP = 128
G = 8197
LINES = (0.5, 1.0, 2.0)  # an arm's swing, step and double, of its step rate
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Counts = np.ndarray[tuple[int], np.dtype[np.int32]]


@dataclass(frozen=True)
class Window:
    """SAMPLES of infrared counts, the heart rate meanwhile, and the arm's step rate (0: at rest)
    with its acceleration, ARM_SAMPLES of three axes in 16 bits for +-4 g."""

    recording: int
    infrared: Counts
    bpm: float
    arm: tuple[array[int], array[int], array[int]]
    arm_bpm: float = 0.0
    steps: int = 0  # that the step chip counted meanwhile, 0 where it knows of none


def still() -> tuple[array[int], array[int], array[int]]:
    """The acceleration of an arm at rest."""
    return (
        array("h", [0] * ARM_SAMPLES),
        array("h", [0] * ARM_SAMPLES),
        array("h", [G] * ARM_SAMPLES),
    )


def windows(recordings: Sequence[int] = range(1, 22), hop: int = HOP) -> Iterator[Window]:
    """Windows of the recordings with these numbers, each `hop` samples after the one before, the
    heart rate being that of the intervals whose middle lies in it."""
    table = pq.read_table(DATA / "ppg_welltory.parquet").to_pylist()
    for number in recordings:
        row = table[number - 1]
        infrared = np.array(row["ir"], np.int32)
        rr_s = np.array(row["rr_ms"]) / 1000
        middle = np.cumsum(rr_s) - rr_s / 2
        for at in range(0, len(infrared) - SAMPLES + 1, hop):
            inside = (middle >= at / RATE_HZ) & (middle < (at + SAMPLES) / RATE_HZ)
            if inside.sum() >= 4:
                bpm = 60 / float(rr_s[inside].mean())
                yield Window(number, infrared[at : at + SAMPLES], bpm, still())


def _wandering(rng: np.random.Generator, times: Floats, size: float) -> Floats:
    """Something that changes within a few seconds, with that standard deviation."""
    knots = np.arange(0, times[-1] + 4, 2.0)
    return np.interp(times, knots, rng.normal(0, size, len(knots)))


def shaken(
    rng: np.random.Generator, window: Window, step_hz: float, counted: bool = True
) -> Window:
    """The window while the arm moves at `step_hz`, which the step chip counts, or does not.

    The light has the arm's swing, step and double, one of them with half to three times the
    pulse's amplitude, the others with up to half of that one's; each axis of the acceleration has
    them in any proportion, 0.1 to 1 g in all. The rate wanders by 1 %, the amplitude by 10 %.
    """
    times = np.arange(0, SAMPLES / RATE_HZ + 0.01, 0.01)
    turns = np.cumsum(step_hz * (1 + _wandering(rng, times, 0.01))) * 0.01
    strength = 1 + _wandering(rng, times, 0.1)

    def motion(sizes: Floats) -> Floats:
        phases = rng.uniform(0, 1, len(LINES))
        waves = [
            size * np.sin(2 * np.pi * (line * turns + phase))
            for size, line, phase in zip(sizes, LINES, phases, strict=True)
        ]
        return strength * np.sum(waves, axis=0)

    sizes = rng.uniform(0, 0.5, 3)
    sizes[rng.integers(3)] = 1.0
    sizes *= rng.uniform(0.5, 3) * amplitude(window.infrared)
    artefact = np.interp(np.arange(SAMPLES) / RATE_HZ, times, motion(sizes))
    seen = rng.uniform(0.1, 1, (3, 3)) * rng.choice([1, 1, 0.2], 3)
    seen *= rng.uniform(0.1, 1) / np.sqrt((seen**2).sum())  # g
    arm_times = np.arange(ARM_SAMPLES) / ARM_HZ
    axes: list[array[int]] = []
    for axis in seen:
        swing = np.interp(arm_times, times, motion(axis))
        felt = G * (rng.normal(0, 0.6) + swing + rng.normal(0, 0.01, ARM_SAMPLES))
        axes.append(array("h", np.clip(np.rint(felt), -32768, 32767).astype(int).tolist()))
    infrared = np.rint(window.infrared + artefact).astype(np.int32)
    return Window(
        window.recording,
        infrared,
        window.bpm,
        (axes[0], axes[1], axes[2]),
        60 * step_hz,
        int(step_hz * SAMPLES / RATE_HZ + rng.random()) if counted else 0,
    )


def amplitude(infrared: Counts) -> float:
    """Of the pulse in a window: a sine's that has its power."""
    light = infrared.astype(float)
    fast = light - np.convolve(np.pad(light, 16, "edge"), np.ones(33) / 33, "valid")
    most = 3 * np.abs(fast).mean()
    return float(np.clip(fast, -most, most).std() * 2**0.5)


_SCRIPT = """
from array import array
from band.heart import Heart

heart = Heart()
infrared = array("i", bytes(4 * {samples}))
axes = [array("h", bytes(2 * {arm})) for _ in range(3)]
steps = array("i", [0])
with open({path!r}, "rb") as file:
    while file.readinto(infrared):
        for axis in axes:
            file.readinto(axis)
        file.readinto(steps)
        status = heart.estimate(infrared, *axes, {arm}, steps[0])
        print(status, heart.bpm, heart.quality)
"""


@dataclass(frozen=True)
class Answers:
    """What the firmware said of windows: arrays of status, bpm and quality; and MicroPython's CPU
    time, its start included."""

    status: Counts
    bpm: Counts
    quality: Counts
    cpu_s: float


def answers(asked: Iterable[Window]) -> Answers:
    """What the built firmware says of each window."""
    with tempfile.NamedTemporaryFile() as file:
        for window in asked:
            file.write(window.infrared.astype("<i4").tobytes())
            for axis in window.arm:
                file.write(axis.tobytes())
            file.write(window.steps.to_bytes(4, "little"))
        file.flush()
        script = _SCRIPT.format(samples=SAMPLES, arm=ARM_SAMPLES, path=file.name)
        before = getrusage(RUSAGE_CHILDREN)
        printed = run_micropython(script)
        after = getrusage(RUSAGE_CHILDREN)
    said = np.array([line.split() for line in printed.splitlines()], np.int32).reshape(-1, 3)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Answers(said[:, 0], said[:, 1], said[:, 2], cpu_s)
