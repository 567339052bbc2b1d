"""The step chip's motion FIFO: the driver and the register model against each other."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qwiic_lsm6dso import QwiicLSM6DSO

from drivers.lsm6dsox import DEPTH, LOST, LSM6DSOX, G
from tests.firmware.i2c import MachineI2C
from tests.firmware.micropython import run_micropython
from tests.firmware.qwiic import QwiicBus
from veriband_simulator.chips import Lsm6dsox

HZ = 26
MG = 0.122  # of a bit


class World:
    """A clock, the chip's model and a bus as MicroPython's is. Motion tells which sample it is."""

    def __init__(self) -> None:
        self.us = 0
        self.chip = Lsm6dsox(
            lambda: self.us,
            lambda us: us // 500_000,
            lambda us: (round(us * HZ / 1e6) * MG / 1000, -us * 1e-9, 1.0),
        )
        self.bus = MachineI2C(self.chip)


def counting() -> tuple[World, LSM6DSOX]:
    world = World()
    chip = LSM6DSOX(world.bus)
    chip.start()
    return world, chip


def read(chip: LSM6DSOX, room: int = DEPTH) -> list[int]:
    """The numbers of the samples that were read; [LOST] when some were lost."""
    x, y, z = (array("h", [0] * room) for _ in range(3))
    count = chip.read_motion(x, y, z)
    if count == LOST:
        return [LOST]
    assert all(abs(value - G) <= 1 for value in z[:count])
    assert all(value <= 0 for value in y[:count])
    return list(x[:count])


@given(st.lists(st.integers(1, 19_000_000), max_size=12), st.integers(1, DEPTH))
def test_every_sample_is_read_once_and_in_order(waits_us: list[int], room: int) -> None:
    world, chip = counting()
    world.us = 123_456
    chip.start_motion()
    start, expected = world.us, 1
    for wait in waits_us:
        world.us += wait
        numbers = read(chip, room)
        if numbers == [LOST]:
            return
        first = round(start * HZ / 1e6)
        assert [n - first for n in numbers] == list(range(expected, expected + len(numbers)))
        expected += len(numbers)
        total = (world.us - start) * HZ // 1_000_000
        assert expected - 1 == total or len(numbers) == room


def test_more_than_the_fifo_holds_is_told() -> None:
    world, chip = counting()
    chip.start_motion()
    world.us += 511 * 1_000_000 // HZ + 1000
    assert len(read(chip)) == 511
    world.us += 20_000_000
    assert read(chip) == [LOST]


def test_it_is_empty_when_it_is_started_and_off_when_it_is_stopped() -> None:
    world, chip = counting()
    world.us += 5_000_000
    assert read(chip) == []
    chip.start_motion()
    world.us += 1_000_000
    chip.stop_motion()
    assert read(chip) == []
    world.us += 1_000_000
    assert read(chip) == []
    chip.start_motion()
    world.us += 1_000_000
    assert len(read(chip)) == HZ


def test_motion_does_not_disturb_the_steps() -> None:
    world, chip = counting()
    assert chip.steps() == 0
    chip.start_motion()
    world.us += 10_000_000
    assert chip.steps() == 20
    assert len(read(chip)) == 260
    assert chip.steps() == 20
    chip.stop_motion()
    world.us += 10_000_000
    assert chip.steps() == 40
    assert world.chip.counted(world.us) == 40


def test_a_bank_that_was_left_open_is_closed_first() -> None:
    world, chip = counting()
    for motion in (chip.start_motion, lambda: read(chip), chip.stop_motion):
        world.bus.write(chip._address, 0x01, b"\x80")
        motion()
        assert world.bus.read(chip._address, 0x01, 1) == b"\x00"


def test_acceleration_has_its_sign_and_its_scale() -> None:
    world, chip = counting()
    world.chip._fifo._acceleration = lambda us: (-1.0, 3.9, -9.0)
    chip.start_motion()
    world.us += 100_000
    x, y, z = (array("h", [0] * 2) for _ in range(3))
    assert chip.read_motion(x, y, z) == 2
    assert (x[1], y[1], z[1]) == (-G, round(3900 / MG), -32768)


def test_a_chip_that_was_reset_gives_no_sample() -> None:
    world, chip = counting()
    chip.start_motion()
    world.us += 1_000_000
    world.chip.reset()
    world.us += 1_000_000
    assert read(chip) == []


def test_a_silent_chip_is_an_error() -> None:
    world, chip = counting()
    world.chip.silent = True
    for motion in (chip.start_motion, lambda: read(chip), chip.stop_motion):
        with pytest.raises(OSError, match="19"):
            motion()


def test_reading_motion_allocates_nothing() -> None:
    printed = run_micropython("""
import micropython
from array import array
from drivers.lsm6dsox import LSM6DSOX

class Bus:
    def readfrom_mem_into(self, address, register, buf):
        for i in range(len(buf)):
            buf[i] = 0xff
        if register == 0x3A:
            buf[0] = 44
            buf[1] = 1
        elif register == 0x78:
            for i in range(0, len(buf), 7):
                buf[i] = 2 << 3 | 5
        else:
            buf[0] = 0x6C

    def writeto_mem(self, address, register, value):
        pass

chip = LSM6DSOX(Bus())
chip.start_motion()
x, y, z = (array("h", bytes(600)) for _ in range(3))
count = 0
micropython.heap_lock()
count = chip.read_motion(x, y, z)
micropython.heap_unlock()
print(count, sum(x), sum(y), sum(z))
""")
    assert printed.split() == ["300", "-300", "-300", "-300"]


# Another's driver, SparkFun's for the LSM6DSO, whose accelerometer is the same. It knows neither
# the pedometer nor the FIFO; nor does Adafruit's, whose pedometer is at another chip's registers.


def independent(world: World) -> QwiicLSM6DSO:
    gyroscope_and_filters = (0x11, 0x15, 0x17)
    bus = QwiicBus(world.bus, Lsm6dsox.address, gyroscope_and_filters)
    return QwiicLSM6DSO(Lsm6dsox.address, bus)


def test_another_driver_finds_the_range_and_the_rate_that_ours_set() -> None:
    world, _ = counting()
    other = independent(world)
    assert other.is_connected(), "by its WHO_AM_I"
    assert (other.get_accel_range_g(), other.get_accel_data_rate_odr()) == (4, 26)


def test_both_drivers_set_the_same_for_them() -> None:
    ours, _ = counting()
    world = World()
    other = independent(world)
    assert other.begin()
    assert other.set_accel_range(other.FS_XL_4g)
    assert other.set_accel_data_rate(other.ODR_26Hz)
    assert world.bus.read(0x6A, 0x10, 1) == ours.bus.read(0x6A, 0x10, 1)
    assert other.calc_accel(G) == pytest.approx(1, abs=0.001), "so much is one g for both"
