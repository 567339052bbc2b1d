"""A measurement of the pulse on the band: what it says, what stays behind, what may go wrong."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from veriband_protocol import items
from veriband_simulator.board import Board
from veriband_simulator.chips import Bus, Lsm6dsox
from veriband_simulator.max30102 import Max30102
from veriband_simulator.world import World, play

SCRIPT = """
import asyncio, machine, time
from band.pulse import Pulse
from drivers.lsm6dsox import LSM6DSOX
from drivers.max30102 import MAX30102

bus = machine.I2C(0)
arm = LSM6DSOX(bus)
arm.start()
pulse = Pulse(MAX30102(bus), arm)
begin = time.ticks_ms()

def say(*what):
    print(*what, time.ticks_diff(time.ticks_ms(), begin))

async def measure(name="said"):
    status = await pulse.measure()
    say(name, status, pulse.bpm, pulse.quality)

async def oxygen():
    status = await pulse.measure(True)
    say("said", status, pulse.bpm, pulse.oxygen.status, pulse.oxygen.percent, pulse.oxygen.quality)

async def main():
    await measure()

"""
OXYGEN = """
async def main():
    await oxygen()
"""
RUN = """
asyncio.run(main())
time.sleep(10**6)
"""
ADDRESS = "C0:98:E5:00:00:01"
WHOLE_MS = 11_300  # settling and a window


def beat(us: int, bpm: float = 72) -> float:
    """A pulse's light, about -1 to 1."""
    turns = 2 * math.pi * bpm / 60 * us / 1e6
    return math.sin(turns) + 0.4 * math.sin(2 * turns + 1)


class Wrist:
    """A board that measures, on a wrist whose light and motion can be set."""

    def __init__(self) -> None:
        self.world = World(1, datetime(2026, 1, 1, tzinfo=UTC))
        self.infrared: Callable[[int], float] = lambda us: 100_000 - 300 * beat(us)
        self.motion: Callable[[int], float] = lambda us: 0.0
        self.red: Callable[[int], float] = lambda us: 60_000 - 90 * beat(us)
        self.light = Max30102(
            self.world.now_us, lambda us: (round(self.red(us)), round(self.infrared(us)))
        )
        self.arm = Lsm6dsox(
            self.world.now_us,
            lambda us: us // 600_000,
            lambda us: (self.motion(us), 0.0, 1.0),
        )
        self.board: Board

    async def run(self, seconds: float, script: str = "") -> list[list[int]]:
        """What was said within so many seconds: status, bpm, quality, ms."""
        self.board = Board(
            self.world.firmware, self.world.air, ADDRESS, Bus(self.light, self.arm), {},
            self.world.rng("band"), script=SCRIPT + script + RUN,
        )  # fmt: skip
        await self.board.power_on()
        await asyncio.sleep(seconds)
        lines = [line.split() for line in self.board.console().splitlines()]
        return [[int(word) for word in line[1:]] for line in lines if line[:1] == ["said"]]

    @property
    def is_dark(self) -> bool:
        """Whether no LED is lit and the step chip collects no motion."""
        return self.light.is_shut_down and self.arm._fifo._scale is None

    def at(self, seconds: float, event: Callable[[], object]) -> None:
        """Let something happen later."""
        asyncio.get_running_loop().call_later(seconds, event)


def measured(
    change: Callable[[Wrist], object], seconds: float = 15, script: str = ""
) -> tuple[Wrist, list[list[int]]]:
    """The wrist, changed, and what the board on it said."""

    async def story() -> tuple[Wrist, list[list[int]]]:
        wrist = Wrist()
        change(wrist)
        try:
            said = await wrist.run(seconds, script)
        finally:
            if hasattr(wrist, "board"):
                wrist.board.close()
        return wrist, said

    return play(1, story(), limit_s=1000)


def status_of(change: Callable[[Wrist], object], seconds: float = 15) -> int:
    """The status of one measurement, after which all is dark; no rate without OK."""
    wrist, said = measured(change, seconds)
    ((status, bpm, quality, _),) = said
    assert (bpm > 0) == (quality > 0) == (status == items.STATUS_OK)
    assert wrist.is_dark
    return status


def test_a_pulse_is_measured_in_eleven_seconds_and_all_is_dark_again() -> None:
    wrist, said = measured(lambda _: None)
    ((status, bpm, quality, ms),) = said
    assert (status, bpm) == (items.STATUS_OK, 72)
    assert quality >= 90
    assert ms <= WHOLE_MS
    assert wrist.is_dark


def test_off_the_wrist_is_known_after_a_second() -> None:
    wrist, said = measured(lambda w: setattr(w, "infrared", lambda us: 2000))
    assert said == [[items.STATUS_NOT_WORN, 0, 0, pytest.approx(1000, abs=20)]]
    assert wrist.is_dark


def test_a_worn_band_without_a_pulse_says_so() -> None:
    def flat(wrist: Wrist) -> None:
        wrist.infrared = lambda us: 100_000 + us * 7919 % 301

    assert status_of(flat) == items.STATUS_NO_PULSE


def test_an_arm_that_drowns_the_pulse_is_moving() -> None:
    def swing(wrist: Wrist) -> None:
        wrist.infrared = lambda us: 100_000 - 300 * beat(us) + 900 * beat(us, 140)
        wrist.motion = lambda us: 0.4 * beat(us, 140)

    assert status_of(swing) == items.STATUS_MOVING


def test_a_pulse_beside_an_arm_is_heard() -> None:
    def swing(wrist: Wrist) -> None:
        wrist.infrared = lambda us: 100_000 - 300 * beat(us, 90) + 600 * beat(us, 140)
        wrist.motion = lambda us: 0.4 * beat(us, 140)

    _, said = measured(swing)
    assert said[0][:2] == [items.STATUS_OK, pytest.approx(90, abs=2)]


@pytest.mark.parametrize("chip", ["light", "arm"])
@pytest.mark.parametrize("seconds", [0, 0.5, 6.2, 11])
def test_a_chip_that_is_pulled_out_is_no_sensor(chip: str, seconds: float) -> None:
    def pull(wrist: Wrist) -> None:
        wrist.at(seconds or 1e-6, lambda: setattr(getattr(wrist, chip), "silent", True))

    wrist, said = measured(pull)
    assert said[0][:3] == [items.STATUS_NO_SENSOR, 0, 0]
    assert chip == "arm" or wrist.arm._fifo._scale is None
    assert chip == "light" or wrist.light.is_shut_down


@pytest.mark.parametrize("seconds", [0.5, 3.7, 10.5])
def test_a_transaction_that_is_not_acknowledged_is_tried_again(seconds: float) -> None:
    def disturb(wrist: Wrist) -> None:
        wrist.at(seconds, lambda: setattr(wrist.light, "nacks", 2))

    assert status_of(disturb) == items.STATUS_OK


def test_lost_samples_begin_the_window_anew() -> None:
    """The board is busy for two seconds: the FIFO runs over."""
    busy = """
async def block():
    await asyncio.sleep_ms(5000)
    time.sleep_ms(2000)

async def main():
    await asyncio.gather(measure(), block())
"""
    wrist, said = measured(lambda _: None, 30, busy)
    ((status, bpm, _, ms),) = said
    assert (status, bpm) == (items.STATUS_OK, 72)
    assert 7000 + WHOLE_MS - 50 <= ms <= 7000 + WHOLE_MS + 1100
    assert wrist.is_dark


def test_a_board_that_is_always_too_late_gives_up() -> None:
    busy = """
async def block():
    while True:
        await asyncio.sleep_ms(3000)
        time.sleep_ms(2000)

async def main():
    await asyncio.gather(measure(), block())
"""
    wrist, said = measured(lambda _: None, 40, busy)
    assert [line[0] for line in said] == [items.STATUS_TIMED_OUT]
    assert wrist.is_dark


@pytest.mark.parametrize("chip", ["light", "arm"])
@pytest.mark.parametrize("seconds", [0.5, 5.5])
def test_samples_that_stop_time_out(chip: str, seconds: float) -> None:
    """The chip loses its power for a moment."""

    def reset(wrist: Wrist) -> None:
        chips = {"light": wrist.light._reset, "arm": wrist.arm.reset}
        wrist.at(seconds, chips[chip])

    _, said = measured(reset)
    # Before its FIFO is on a step chip only loses its accelerometer: nothing comes either.
    assert [line[:3] for line in said] == [[items.STATUS_TIMED_OUT, 0, 0]]


def test_a_measurement_that_is_cancelled_leaves_all_dark() -> None:
    cancel = """
async def main():
    try:
        await asyncio.wait_for(pulse.measure(), 4)
    except asyncio.TimeoutError:
        print("cancelled")
    await measure()
"""
    wrist, said = measured(lambda _: None, 4.5, cancel)
    assert said == []
    wrist, said = measured(lambda _: None, 20, cancel)
    assert said[0][:2] == [items.STATUS_OK, 72]
    assert wrist.is_dark


def test_the_red_led_stays_dark_unless_it_is_needed() -> None:
    wrist, _ = measured(lambda _: None)
    assert wrist.light._registers[0x0C] == 0 < wrist.light._registers[0x0D]
    wrist, _ = measured(lambda _: None, script=OXYGEN)
    assert wrist.light._registers[0x0C] == wrist.light._registers[0x0D] > 0
    assert wrist.is_dark


def test_with_red_light_the_saturation_is_measured_in_the_same_eleven_seconds() -> None:
    """The pulse takes 0.15 % of the red light and 0.3 % of the infrared: R is 0.5."""
    _, said = measured(lambda _: None, script=OXYGEN)
    ((status, bpm, its, percent, quality, ms),) = said
    assert (status, bpm, its) == (items.STATUS_OK, 72, items.STATUS_OK)
    assert percent == pytest.approx(97.5, abs=1)
    assert quality >= 90
    assert ms <= WHOLE_MS


def test_an_arm_that_moves_has_a_heart_rate_and_no_saturation() -> None:
    def swing(wrist: Wrist) -> None:
        wrist.infrared = lambda us: 100_000 - 300 * beat(us, 90) + 600 * beat(us, 140)
        wrist.motion = lambda us: 0.4 * beat(us, 140)

    _, said = measured(swing, script=OXYGEN)
    assert said[0][:5] == [items.STATUS_OK, pytest.approx(90, abs=2), items.STATUS_MOVING, 0, 0]


@pytest.mark.parametrize(
    ("infrared", "status"),
    [
        (lambda us: 2000, items.STATUS_NOT_WORN),
        (lambda us: 100_000 + us * 7919 % 301, items.STATUS_NO_PULSE),
    ],
)
def test_without_a_pulse_there_is_no_saturation_either(
    infrared: Callable[[int], float], status: int
) -> None:
    _, said = measured(lambda w: setattr(w, "infrared", infrared), script=OXYGEN)
    assert said[0][:5] == [status, 0, status, 0, 0]


def test_steps_go_on_while_it_measures() -> None:
    steps = """
async def main():
    measuring = asyncio.create_task(measure())
    for _ in range(3):
        await asyncio.sleep_ms(3000)
        say("said", arm.steps())
    await measuring
    say("said", arm.steps())
"""
    _, said = measured(lambda _: None, 15, steps)
    *before, (status, bpm, _, _), after = said
    assert [line[0] for line in (*before, after)] == [5, 10, 15, 18]
    assert (status, bpm) == (items.STATUS_OK, 72)


def test_nothing_wakes_while_nothing_is_measured() -> None:
    idle = """
async def main():
    await measure()
    await asyncio.sleep(600)
    await measure()
"""
    wrist, said = measured(lambda _: None, 700, idle)
    assert len(said) == 2
    assert wrist.board.wakes <= 2 * 14 + 3


def test_a_second_measurement_is_as_the_first() -> None:
    again = """
async def main():
    await measure()
    await measure()
"""
    _, said = measured(lambda _: None, 30, again)
    assert [line[:2] for line in said] == [[items.STATUS_OK, 72]] * 2
