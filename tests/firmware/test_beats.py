"""Intervals between beats: a chest strap's on recordings, none in doubt, within 31 bits."""

from __future__ import annotations

from array import array

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from band.heart import Heart
from tests.firmware import smallints
from tests.firmware.micropython import run_micropython
from tests.firmware.test_heart import made, pulse, waves
from tests.ppg import ARM_SAMPLES, DATA, RATE_HZ, SAMPLES, Floats, still
from veriband_protocol import items

HOP = 50
QUALITY = 70  # as of the firmware
MOST_LATE_S = 4.0  # by which a recording's light and its chest strap's clock may differ
CHECKED = smallints.load("band.spectra", "band.beats", "band.heart")


def intervals(infrared: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Floats:
    """(when it ended, how long it was) of each interval that windows, 2 s apart, are sure of."""
    heart, told, found = Heart(), 0.0, []
    for at in range(0, len(infrared) - SAMPLES + 1, HOP):
        light = array("i", infrared[at : at + SAMPLES].tolist())
        status = heart.estimate(light, *still(), ARM_SAMPLES, 0)
        if status != items.STATUS_OK or heart.quality < QUALITY:
            continue
        beats = heart.beats
        for k in range(1, beats.find(heart.bpm)):
            end, length = at + beats.at[k] / 32, (beats.at[k] - beats.at[k - 1]) / 32
            if end > told + length / 2:
                told = end
                found.append((end / RATE_HZ, length / RATE_HZ))
    return np.array(found).reshape(-1, 2)


def test_at_rest_the_intervals_are_the_chest_straps() -> None:
    wrong: list[float] = []
    beats = 0
    for row in pq.read_table(DATA / "ppg_welltory.parquet").to_pylist()[1:18:3]:
        straps = np.array(row["rr_ms"]) / 1000
        ends = np.cumsum(straps)
        ours = intervals(np.array(row["ir"], np.int32))
        best = min(
            (
                np.abs(ours[:, 1] - straps[np.abs(ends - late - ours[:, :1]).argmin(axis=1)])
                for late in np.arange(-MOST_LATE_S, MOST_LATE_S, 0.02)
            ),
            key=np.median,
            default=np.zeros(0),
        )
        wrong += best.tolist()
        beats += len(straps)
    assert len(wrong) >= 0.7 * beats
    assert np.median(wrong) < 0.008
    assert np.percentile(wrong, 90) < 0.025


@pytest.mark.parametrize("bpm", [45, 72, 110, 150, 200])
def test_a_made_pulse_has_its_intervals(bpm: int) -> None:
    heart = Heart()
    window = pulse(bpm, noise=5)
    light = array("i", window.infrared.tolist())
    assert heart.estimate(light, *still(), ARM_SAMPLES, 0) == items.STATUS_OK
    count = heart.beats.find(heart.bpm)
    found = np.diff(np.array(heart.beats.at[:count])) / 32 / RATE_HZ
    assert len(found) >= bpm / 60 * SAMPLES / RATE_HZ - 4
    assert np.abs(found - 60 / bpm).max() < 0.025


def test_a_beat_that_is_missing_makes_all_of_them_doubtful() -> None:
    heart = Heart()
    counts = pulse(72, noise=5).infrared.copy()
    counts[120:141] = counts[120]  # 0.84 s
    light = array("i", counts.tolist())
    assert heart.estimate(light, *still(), ARM_SAMPLES, 0) == items.STATUS_OK
    assert heart.beats.find(heart.bpm) == 0


@given(waves, st.integers(40, 220))
def test_whatever_the_light_is_the_arithmetic_stays_within_31_bits(
    wave: tuple[str, int, int], bpm: int
) -> None:
    beats = CHECKED.Heart().beats
    infrared = array("i", made(*wave, 40_000, 262_143, SAMPLES))
    beats.bpm(infrared, bpm * 16384 // 3000, (), 0)
    assert 0 <= beats.find(bpm) <= len(beats.at)


def test_to_find_them_allocates_nothing() -> None:
    printed = run_micropython("""
import micropython
from array import array
from band.heart import Heart

heart = Heart()
wave = (0, 31, 59, 81, 95, 100, 95, 81, 59, 31, 0, -31, -59, -81, -95, -100, -95, -81, -59, -31)
still = array("h", bytes(600))
pulse = array("i", [100000 + wave[k % 20] * 4 for k in range(256)])
heart.estimate(pulse, still, still, still, 266, 0)
micropython.heap_lock()
count = heart.beats.find(heart.bpm)
micropython.heap_unlock()
print(count, heart.beats.at[1] - heart.beats.at[0])
""")
    count, interval = map(int, printed.split())
    assert count >= 9
    assert interval == pytest.approx(20 * 32, abs=2)
