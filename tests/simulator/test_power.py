"""The power model: what is counted, and that charge is current times time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from veriband_simulator.max30102 import Max30102
from veriband_simulator.power import CHIPS, Use, shares
from veriband_simulator.usage import Usage

S3 = CHIPS[0]
HOUR_S = 3600.0
NOTHING = Use(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        return self.us


def test_usage_sums_levels_over_time() -> None:
    clock = Clock()
    usage = Usage(clock)
    for level, seconds in ((1, 10), (3, 2), (0, 100), (1, 5)):
        usage.level("it", level)
        clock.us += seconds * 1_000_000
    assert usage.total("it") == 10 + 6 + 5
    assert usage.rises["it"] == 2
    usage.stop()
    clock.us += 1_000_000
    assert usage.total("it") == 21
    assert usage.total("another") == 0


def test_an_led_is_lit_as_long_as_its_pulses_are() -> None:
    clock = Clock()
    pulse = Max30102(clock, lambda _: (0, 0))
    for register, data in ((0x08, b"\x40"), (0x0A, b"\x27"), (0x0C, bytes((0, 36)))):
        pulse.write(register, data)
    clock.us = 5_000_000
    pulse.write(0x09, b"\x03")
    clock.us += 10_000_000
    pulse.write(0x09, b"\x80")
    clock.us += 5_000_000
    assert pulse.usage.total("sampling") == 10
    # 7.2 mA for 411 us, a hundred times a second; averaging four samples changes nothing.
    assert pulse.usage.total("LED mA") == pytest.approx(10 * 7.2 * 0.0411)


@pytest.mark.parametrize(
    ("used", "mah"),
    [
        (replace(NOTHING, powered_s=HOUR_S, asleep_s=HOUR_S), 1.3 + 0.003 + 0.002),
        (replace(NOTHING, powered_s=HOUR_S), 22.0 + 0.003 + 0.002),
        (replace(NOTHING, powered_s=HOUR_S, radio_s=HOUR_S), 93.0 + 0.003 + 0.002),
        (replace(NOTHING, steps_high_s=HOUR_S), 0.170),
        (replace(NOTHING, plugged_s=HOUR_S), 0.073 + 0.0007 + 0.001),
        (replace(NOTHING, sampling_s=HOUR_S, led_mas=0.296 * HOUR_S), 0.6 + 0.296),
        (replace(NOTHING, radio_starts=1), 93 * 0.15 / 3600),
    ],
)
def test_charge_is_current_times_time(used: Use, mah: float) -> None:
    assert shares(S3, used).mah == pytest.approx(mah, rel=1e-6)


ASLEEP = replace(NOTHING, powered_s=HOUR_S, asleep_s=HOUR_S)


def test_what_the_cpu_takes_it_does_not_sleep() -> None:
    its = shares(S3, replace(ASLEEP, cpu_s=1.0))
    assert its.cpu == pytest.approx(28.4 * 100 / 3600)
    assert its.sleep == pytest.approx(1.3 * 3500 / 3600)


def test_a_connection_waits_for_who_is_slow_unless_the_radio_is_on_anyhow() -> None:
    its = shares(S3, replace(ASLEEP, connections=4))
    assert its.radio == pytest.approx(93 * 4 * 1.5 / 3600)
    assert its.sleep == pytest.approx(1.3 * 3594 / 3600)
    always_on = replace(NOTHING, powered_s=HOUR_S, radio_s=HOUR_S)
    assert shares(S3, replace(always_on, connections=4)) == shares(S3, always_on)


def test_the_worst_is_worse_and_a_build_that_saves_is_better() -> None:
    used = Use(HOUR_S, 1800, 900, 90, 2, 9000, 9000, 1, HOUR_S, 0, HOUR_S, 60, 20)
    for chip in CHIPS:
        expected = shares(chip, used).mah
        assert shares(chip, used, worst=True).mah > expected
        assert shares(chip, used, saving=True).mah < expected
