"""The oxygen saturation: right in the model, silent where it cannot know, within 31 bits."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from band.oxygen import Oxygen
from tests.firmware import smallints
from tests.firmware.micropython import run_micropython
from tests.ppg import SAMPLES
from veriband_protocol import items
from veriband_simulator.wearers import Minute, Wearer

CHECKED = smallints.load("band.oxygen")
Both = tuple["array[int]", "array[int]"]


def seen(bpm: float, percent: float, seed: int) -> Both:
    """Red and infrared of somebody who sits still, averaged as the sensor does."""
    wearer = Wearer([Minute(0, bpm, spo2_percent=percent)] * 2, seed)
    samples = np.array([wearer.light(5_000_000 + k * 10_000) for k in range(4 * SAMPLES)])
    red, infrared = samples.reshape(SAMPLES, 4, 2).mean(axis=1).astype(int).T.tolist()
    return array("i", red), array("i", infrared)


def made(red: float, infrared: float, sizes: tuple[float, float], noise: float = 10) -> Both:
    """A pulse of 72 a minute of those heights, on those levels."""
    rng = np.random.default_rng(1)
    turns = 2 * np.pi * 1.2 * np.arange(SAMPLES) / 25
    beat = (np.sin(turns) + 0.4 * np.sin(2 * turns + 1)) / 2.3
    colours = [
        np.clip(level - size * beat + rng.normal(0, noise, SAMPLES), 0, 262_143)
        for level, size in zip((red, infrared), sizes, strict=True)
    ]
    red_counts, infrared_counts = (np.rint(colour).astype(int).tolist() for colour in colours)
    return array("i", red_counts), array("i", infrared_counts)


def estimate(both: Both) -> tuple[int, int, int]:
    """Status, percent and quality, computed by CPython."""
    oxygen = Oxygen()
    oxygen.estimate(*both)
    return oxygen.status, oxygen.percent, oxygen.quality


@pytest.mark.parametrize("percent", range(80, 101, 2))
def test_a_saturation_is_found_within_two_percent(percent: int) -> None:
    for seed in range(4):
        for bpm in (45, 72, 120, 180):
            status, found, quality = estimate(seen(bpm, percent, seed))
            assert (status, found) == (items.STATUS_OK, pytest.approx(percent, abs=2))
            assert quality >= 60


@settings(max_examples=60, derandomize=True)
@given(st.floats(72, 100), st.floats(45, 180), st.integers(0, 10**6))
def test_of_anybody_it_is_found_within_three_percent(
    percent: float, bpm: float, seed: int
) -> None:
    status, found, _ = estimate(seen(bpm, percent, seed))
    assert (status, found) == (items.STATUS_OK, pytest.approx(percent, abs=3))


def test_how_bright_each_colour_is_does_not_matter() -> None:
    for red, infrared in ((30_000, 100_000), (100_000, 100_000), (200_000, 60_000)):
        both = made(red, infrared, (0.01 * 0.6 * red, 0.01 * infrared))
        assert estimate(both)[:2] == (items.STATUS_OK, pytest.approx(95, abs=1))


def test_a_pulse_too_weak_to_be_compared_is_none() -> None:
    assert estimate(made(60_000, 100_000, (15, 30), 4)) == (items.STATUS_NO_PULSE, 0, 0)
    assert estimate(made(60_000, 100_000, (60, 100), 4))[0] == items.STATUS_OK


@pytest.mark.parametrize("red", [0, 900, 262_143])
def test_red_light_that_is_out_or_too_much_is_no_pulse(red: int) -> None:
    assert estimate(made(red, 100_000, (300, 1000))) == (items.STATUS_NO_PULSE, 0, 0)


@pytest.mark.parametrize("ratio", [-0.5, 0.05, 0.25, 1.7, 3, 15, 60])
def test_a_ratio_that_no_living_body_has_is_refused(ratio: float) -> None:
    both = made(60_000, 100_000, (600 * ratio, 1000))
    assert estimate(both) == (items.STATUS_FAILED, 0, 0)


def test_colours_that_do_not_move_together_are_refused() -> None:
    red, _ = made(60_000, 100_000, (360, 1000))
    for shift in (3, 5, 8):
        _, infrared = made(60_000, 100_000, (360, 1000))
        late = array("i", infrared[shift:] + infrared[:shift])
        assert estimate((array("i", red), late)) == (items.STATUS_FAILED, 0, 0)


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 262_143), min_size=8, max_size=8),
    st.lists(st.integers(0, 262_143), min_size=8, max_size=8),
    st.integers(1, SAMPLES),
    st.integers(0, 20),
)
def test_whatever_the_sensor_says_the_arithmetic_stays_within_31_bits(
    red: list[int], infrared: list[int], period: int, small: int
) -> None:
    both = [
        array("i", [(colour[k // period % 8] >> shift) + 10_000 for k in range(SAMPLES)])
        for colour, shift in ((red, small), (infrared, 0))
    ]
    for colours in (both, both[::-1]):
        oxygen = CHECKED.Oxygen()
        oxygen.estimate(*(array("i", colour) for colour in colours))
        assert (oxygen.status == items.STATUS_OK) == (70 <= oxygen.percent <= 100)
        assert (oxygen.quality > 0) == (oxygen.percent > 0)
        assert oxygen.quality <= 100


def test_micropython_computes_what_cpython_does_and_allocates_nothing() -> None:
    both = seen(72, 91, 3)
    expected = estimate((array("i", both[0]), array("i", both[1])))
    printed = run_micropython(f"""
import micropython
from array import array
from band.oxygen import Oxygen

oxygen = Oxygen()
red, infrared = array("i", {list(both[0])}), array("i", {list(both[1])})
micropython.heap_lock()
oxygen.estimate(red, infrared)
micropython.heap_unlock()
print(oxygen.status, oxygen.percent, oxygen.quality)
""")
    assert tuple(map(int, printed.split())) == expected
    assert expected[0] == items.STATUS_OK
