"""Recordings: how they become light and motion, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from veriband_simulator.recording import LEVEL, BadRecording, Signal, read_recording

LINES = ["time_s,ir", *(f"{k / 25},{100_000 + k}" for k in range(400))]


def written(folder: Path, *lines: str) -> Path:
    path = folder / "recording.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@given(
    arrays(float, 20, elements=st.floats(0.01, 0.5)),
    arrays(float, 21, elements=st.floats(0, 262143)),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_mean_is_the_lines_mean(
    steps: np.ndarray, values: np.ndarray, one: float, other: float
) -> None:
    times = np.concatenate(([0.0], np.cumsum(steps)))
    start, end = sorted((one * times[-1], other * times[-1]))
    assume(end == start or end - start > 1e-6)  # a sample's is 0.04 s
    mean = Signal(times, values).mean(start, end)
    fine = np.interp(np.linspace(start, end, 20_001), times, values)
    assert mean == pytest.approx(np.trapezoid(fine, dx=1) / 20_000, rel=1e-3, abs=30)
    assert fine.min() - 1e-3 <= mean <= fine.max() + 1e-3


def test_a_fast_rhythm_is_averaged_away_as_in_the_chip() -> None:
    """50 Hz, sampled 400 times a second, would be a rhythm of its own at 25."""
    times = np.arange(4000) / 400
    signal = Signal(times, 1000 + 500 * np.sin(2 * np.pi * 50 * times))
    assert np.ptp([signal.mean(k / 25 - 0.04, k / 25) for k in range(1, 200)]) < 5


def test_light_and_motion_are_those_of_the_file(tmp_path: Path) -> None:
    lines = [f"{3 + k / 25},{200_000},{150_000},{0.1},{0.2},{0.9}" for k in range(400)]
    recording = read_recording(written(tmp_path, "time_s,ir,red,ax,ay,az", *lines), 25, 0.5)
    assert recording.light(5_000_000) == (75_000, 100_000)
    assert recording.acceleration(5_000_000) == pytest.approx((0.1, 0.2, 0.9))
    assert recording.seconds == pytest.approx(399 / 25)
    assert recording.notes == ()


def test_without_red_and_motion_the_band_is_worn_and_at_rest(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, *LINES), None, 1)
    assert recording.light(1_000_000) == (LEVEL, pytest.approx(100_025, abs=1))
    assert recording.acceleration(1_000_000) == (0.0, 0.0, 1.0)


def test_auto_brings_the_mean_to_the_usual_level(tmp_path: Path) -> None:
    lines = [f"{k / 25},{0.5 + 0.01 * (k % 2)}" for k in range(400)]
    recording = read_recording(written(tmp_path, "time_s,ir", *lines), None, None)
    assert recording.infrared.mean(0, 15.96) == pytest.approx(LEVEL, rel=1e-3)


def test_metres_per_second_squared_are_recognised_and_it_is_said(tmp_path: Path) -> None:
    lines = [f"{k / 25},100000,0,0,9.7" for k in range(400)]
    recording = read_recording(written(tmp_path, "time_s,ir,ax,ay,az", *lines), None, 1)
    assert recording.acceleration(1_000_000)[2] == pytest.approx(9.7 / 9.80665)
    assert ["m/s2" in note for note in recording.notes] == [True]


def test_the_rate_gives_the_times_that_are_missing(tmp_path: Path) -> None:
    lines = [str(100_000 + k) for k in range(500)]
    assert read_recording(written(tmp_path, "ir", *lines), 50, 1).seconds == pytest.approx(9.98)


def test_a_clock_that_is_coarser_than_the_samples_is_taken(tmp_path: Path) -> None:
    lines = [f"{k // 4 * 0.016},{100_000 + k}" for k in range(2000)]
    recording = read_recording(written(tmp_path, "time_s,ir", *lines), None, 1)
    assert recording.light(4_000_000)[1] == pytest.approx(101_000, abs=10)


def test_too_much_light_is_noted(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, *LINES), None, 3)
    assert ["clipped" in note for note in recording.notes] == [True]


@pytest.mark.parametrize(
    ("lines", "rate", "said"),
    [
        ([], None, "The file is empty."),
        (["time_s,ir"], None, "no samples"),
        (["time_s,light", "0,1"], None, "Line 1: there is no column ir"),
        (["time_s,ir,ir", "0,1,1"], None, "Line 1: the column ir is there twice"),
        (["time_s,ir,ax,ay", "0,1,1,1"], None, "Line 1: of ax, ay and az"),
        ([*LINES[:3], "0.08,dark"], None, "Line 4, column ir: 'dark' is no number"),
        ([*LINES[:3], "0.08,nan"], None, "Line 4, column ir: nan"),
        ([*LINES[:3], "inf,1"], None, "Line 4, column time_s: inf"),
        ([*LINES[:3], "0.08"], None, "Line 4, column ir: there is nothing"),
        ([*LINES[:3], "0.01,1"], None, "Line 4, column time_s: time goes back"),
        ([*LINES[:4], "9.04,1"], None, "Line 5, column time_s: 9.0 s without a sample"),
        ([*LINES, "50,100000"], None, "Line 402, column time_s: 34.0 s without a sample"),
        (["ir", "1", "2"], None, "Line 1: there is no column time_s: give --rate"),
        (LINES, 100, "25.0 samples a second, but --rate says 100"),
        (LINES, 0, "--rate 0: "),
        (LINES, float("nan"), "--rate nan: "),
        (["time_s,ir", *(f"{k * 40},1" for k in range(9))], None, "0.0 samples a second"),
        (["time_s,ir", *(f"{k / 9000},1" for k in range(9))], None, "9000.0 samples a second"),
        (["time_s,ir", *(f"{k},1" for k in range(9))], None, "1.0 samples a second"),
        (["time_s,ir", *("0,1" for k in range(9))], None, "time stands still"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_place(
    lines: list[str], rate: float | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRecording) as refusal:
        read_recording(written(tmp_path, *lines), rate, 1)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_has_no_level_cannot_be_brought_to_one(tmp_path: Path) -> None:
    lines = [f"{k / 25},{(-1) ** k}" for k in range(400)]
    with pytest.raises(BadRecording, match="mean of ir"):
        read_recording(written(tmp_path, "time_s,ir", *lines), None, None)


def test_a_picture_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    with pytest.raises(BadRecording, match="no text"):
        read_recording(path, None, 1)
