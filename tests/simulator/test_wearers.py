"""What the chips see of a wearer: the pulse, the arm's motion in the light, the table."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from veriband_simulator.chips import Nack
from veriband_simulator.wearers import MINUTE_US, Minute, Walk, Wearer
from veriband_simulator.world import World, play

RATE_HZ = 25
SEEDS = range(6)


def seen(wearer: Wearer, begin_s: float, seconds: float = 40) -> npt.NDArray[np.float64]:
    """(n, 2) red and infrared at 25 Hz from `begin_s` on."""
    us = (begin_s * 1e6 + np.arange(seconds * RATE_HZ) * 1e6 / RATE_HZ).astype(int)
    return np.array([wearer.light(int(t)) for t in us], np.float64)


def spectrum(signal: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Frequencies a minute, and the amplitude at each, in the signal's unit."""
    window = np.hanning(len(signal))
    amplitude = np.abs(np.fft.rfft((signal - signal.mean()) * window, 8192)) * 2 / window.sum()
    return np.fft.rfftfreq(8192, 1 / RATE_HZ) * 60, amplitude


def strongest(signal: npt.NDArray[np.float64], low: float = 35, high: float = 230) -> float:
    """The strongest rate a minute between two."""
    rates, amplitude = spectrum(signal)
    among = (rates >= low) & (rates <= high)
    return float(rates[among][amplitude[among].argmax()])


def at(signal: npt.NDArray[np.float64], rate: float) -> float:
    """The amplitude within 2 a minute of a rate."""
    rates, amplitude = spectrum(signal)
    return float(amplitude[np.abs(rates - rate) <= 2].max())


@pytest.mark.parametrize("bpm", [48, 68, 95, 148])
def test_a_still_arm_shows_the_heart_rate_in_both_colours(bpm: int) -> None:
    for seed in SEEDS:
        both = seen(Wearer([Minute(0, bpm)] * 3, seed), 60)
        for colour in both.T:
            assert strongest(colour) == pytest.approx(bpm, abs=1.5)
        red, infrared = both.mean(axis=0)
        assert 50_000 < red < infrared == pytest.approx(100_000, rel=0.15)
        pulse = np.ptp(both[:100, 1]) / infrared
        assert 0.003 < pulse < 0.05


@pytest.mark.parametrize("percent", [80, 90, 97, 100])
def test_the_less_oxygen_the_more_of_the_red_light_a_beat_takes(percent: float) -> None:
    """The ratio of ratios, by the linear curve 110 - 25 R."""
    for seed in SEEDS:
        both = seen(Wearer([Minute(0, 72, spo2_percent=percent)] * 3, seed), 60)
        red, infrared = (at(colour, strongest(colour)) / colour.mean() for colour in both.T)
        assert 110 - 25 * red / infrared == pytest.approx(percent, abs=1)


def test_the_rate_goes_smoothly_from_minute_to_minute() -> None:
    wearer = Wearer([Minute(0, bpm) for bpm in (60, 80, 100, 100)], seed=1)
    rates = [wearer.heart_rate_bpm(s * 1_000_000) for s in range(240)]
    assert rates[30] == 60 and rates[90] == 80 and rates[150] == 100
    assert max(abs(b - a) for a, b in pairwise(rates)) < 0.4
    for begin in (20, 70, 100):  # what beats is what is told
        told = np.mean(rates[begin : begin + 20])
        assert strongest(seen(wearer, begin, 20)[:, 1]) == pytest.approx(told, abs=3)


def test_a_pulse_takes_light_away_steeply_and_gives_it_back_slowly() -> None:
    infrared = seen(Wearer([Minute(0, 60)] * 2, seed=2), 60, 30)[:, 1]
    change = np.diff(infrared)
    assert -change.min() > 1.5 * change.max()


@pytest.mark.parametrize("by_machine", [False, True])
def test_a_moving_arm_is_in_the_light_with_its_half_and_its_double(by_machine: bool) -> None:
    spm, bpm = 116, 84
    ratios: list[float] = []
    for seed in SEEDS:
        for minute in range(1, 9):
            still = seen(Wearer([Minute(0, bpm)] * 10, seed), minute * 60, 50)[:, 1]
            moving = Wearer([Minute(spm, bpm, by_machine=by_machine)] * 10, seed)
            artefact = seen(moving, minute * 60, 50)[:, 1] - still
            lines = [at(artefact, rate) for rate in (spm, spm / 2, 2 * spm)]
            assert min(lines) > 30
            assert at(artefact, bpm) < min(lines)  # the pulse itself is as it was
            ratios.append(np.ptp(artefact[100:]) / pulse_height(still))
    assert max(ratios) <= 3.2  # noise on both
    assert np.mean(ratios) > 1


def pulse_height(infrared: npt.NDArray[np.float64]) -> float:
    """From peak to peak within a beat, the slow baseline set aside."""
    beats = infrared[: len(infrared) // 25 * 25].reshape(-1, 25)
    return float(np.median(np.ptp(beats, axis=1)))


def test_nobodys_arm_is_dark_and_has_no_pulse() -> None:
    for seed in SEEDS:
        for steps in (0, 165):
            minutes = [Minute(steps, 70, worn=False, by_machine=True)] * 3
            both = seen(Wearer(minutes, seed), 60)
            assert both.max() < 10_000
            assert at(both[:, 1], 70) < 10
            assert (at(both[:, 1], 165) > 8) == bool(steps)


def test_the_accelerometer_feels_gravity_and_the_same_motion() -> None:
    wearer = Wearer([Minute(0, 70), Minute(118, 90), Minute(118, 90), Minute(0, 80)], seed=3)

    def felt(begin_s: int) -> npt.NDArray[np.float64]:
        us = begin_s * 1_000_000 + np.arange(40 * 26) * 1_000_000 // 26
        return np.linalg.norm([wearer.acceleration(int(t)) for t in us], axis=1)

    still, walking = felt(10), felt(70)
    assert still.mean() == pytest.approx(1, abs=0.02) and still.std() < 0.02
    assert walking.std() > 0.1
    window = np.hanning(len(walking))
    amplitude = np.abs(np.fft.rfft((walking - walking.mean()) * window, 8192))
    rate = np.fft.rfftfreq(8192, 1 / 26)[amplitude.argmax()] * 60
    assert rate == pytest.approx(118, abs=2)


def test_steps_of_each_minute_are_whole_and_made_at_a_walking_pace() -> None:
    steps = [0, 30, 120, 45, 0, 0, 80, 172, 5]
    wearer = Wearer([Minute(n, 70) for n in steps], seed=1, start_us=7_000_000)
    edges = [wearer.total(7_000_000 + m * MINUTE_US) for m in range(len(steps) + 1)]
    assert np.diff(edges).tolist() == steps
    assert wearer.total(0) == 0 and wearer.total(10**12) == sum(steps)
    a_second = np.diff([wearer.total(7_000_000 + s * 1_000_000) for s in range(60 * 9 + 1)])
    assert a_second.max() <= 3
    assert (a_second[60:120] > 0).sum() == pytest.approx(18, abs=2)  # 30 steps, at 100 a minute
    assert not a_second[60:100].any(), "a walk that begins in a minute goes on into the next"


def test_a_slow_machine_is_slow() -> None:
    wearer = Wearer([Minute(40, 70, by_machine=True)] * 2, seed=1)
    a_second = np.diff([wearer.total(s * 1_000_000) for s in range(121)])
    assert a_second.max() == 1 and a_second.sum() == 80


def test_each_sample_depends_on_its_time_and_the_seed_only() -> None:
    def wearer(seed: int) -> Wearer:
        return Wearer([Minute(100, 70), Minute(0, 75)], seed)

    times = [3_000_001, 90_000_000, 45_000_000]
    first = [(wearer(5).light(t), wearer(5).acceleration(t)) for t in times]
    again = wearer(5)
    assert [(again.light(t), again.acceleration(t)) for t in times[::-1]] == first[::-1]
    assert wearer(6).light(times[0]) != first[0][0]


def test_a_strip_that_is_pulled_is_off_the_bus_and_comes_back_as_new() -> None:
    async def story() -> None:
        world = World(1, datetime(2026, 3, 2, tzinfo=UTC))
        band = world.add_band(Wearer([Minute(0, 60)], seed=1))
        bus = band.board.bus
        bus.write(0x57, 0x0C, b"\x24")
        band.pull_strip()
        assert 0x57 not in bus.scan()
        with pytest.raises(Nack):
            bus.read(0x57, 0xFF, 1)
        band.plug_strip()
        assert bus.read(0x57, 0xFF, 1) == b"\x15"
        assert bus.read(0x57, 0x0C, 1) == b"\x00"
        assert 0x57 not in world.add_band(Walk([0])).board.bus.scan()

    play(1, story(), limit_s=10)
