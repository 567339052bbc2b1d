"""The pulse sensor's driver and its register model: against each other, and against another's."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qwiic_max3010x import QwiicMax3010x

from drivers.max30102 import MAX30102, RATE_HZ
from tests.firmware.i2c import MachineI2C
from tests.firmware.micropython import run_micropython
from tests.firmware.qwiic import QwiicBus
from veriband_simulator.chips import Nack
from veriband_simulator.max30102 import Max30102

PERIOD_US = 1_000_000 // RATE_HZ


class World:
    """A clock, the chip's model, and a bus as MicroPython's is. Light tells which sample it is."""

    def __init__(self) -> None:
        self.us = 0
        self.chip = Max30102(
            lambda: self.us, lambda us: (us // PERIOD_US, 200_000 - us // PERIOD_US)
        )
        self.bus = MachineI2C(self.chip)


def begun() -> tuple[World, MAX30102]:
    world = World()
    driver = MAX30102(world.bus)
    driver.begin(0x24, 0x24)
    return world, driver


def read(driver: MAX30102, room: int = 64) -> list[int]:
    """The numbers of the samples that were read."""
    red, infrared = array("i", [0] * room), array("i", [0] * room)
    count = driver.read(red, infrared, 0)
    assert [200_000 - value for value in infrared[:count]] == list(red[:count]), "red is red"
    return list(red[:count])


waits = st.lists(st.integers(1, 3_000_000), max_size=40)


@given(waits, st.integers(32, 40))
def test_every_sample_is_read_once_or_counted_as_lost(waits_us: list[int], room: int) -> None:
    world, driver = begun()
    expected, missing = 1, 0
    for wait in waits_us:
        world.us += wait
        for number in read(driver, room):
            if number != expected:
                assert number - expected == missing or 31 == missing < number - expected
            expected, missing = number + 1, 0
        missing = driver.lost or missing


@given(waits, st.integers(1, 31))
def test_little_room_keeps_the_order_and_a_gap_is_told_before(
    waits_us: list[int], room: int
) -> None:
    world, driver = begun()
    latest, told = 0, 0
    for wait in waits_us:
        world.us += wait
        for number in read(driver, room):
            assert number > latest
            told -= number - latest - 1
            latest = number
        told += driver.lost if driver.lost < 31 else 10_000
        assert told >= 0


def test_a_full_fifo_is_told_from_an_empty_one() -> None:
    world, driver = begun()
    assert read(driver) == []
    world.us += 32 * PERIOD_US
    assert read(driver) == list(range(1, 33))
    assert driver.lost == 0
    assert read(driver) == []
    world.us += 35 * PERIOD_US
    assert read(driver) == list(range(33, 65))
    assert driver.lost == 3


def test_the_whole_fifo_is_one_burst() -> None:
    world, driver = begun()
    world.us += 20 * PERIOD_US
    before = world.bus.transactions
    assert len(read(driver)) == 20
    assert world.bus.transactions == before + 3, "status, pointers, samples"


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("samples", [5, 32])
def test_a_transaction_that_fails_loses_no_sample(at: int, samples: int) -> None:
    world, driver = begun()
    world.us += samples * PERIOD_US
    whole, count = world.chip.read, 0

    def failing(register: int, size: int) -> bytes:
        nonlocal count
        count += 1
        if count == at:
            raise Nack
        return whole(register, size)

    world.chip.read = failing
    with pytest.raises(OSError, match="19"):
        read(driver)
    world.us += PERIOD_US  # a full FIFO overflows meanwhile, which tells it from an empty one
    got = read(driver)
    assert got == list(range(1, samples + 1 + (samples < 32)))


@pytest.mark.parametrize("registers", [{0xFF: 0x15 + 1}, {}])
def test_another_chip_is_refused(registers: dict[int, int]) -> None:
    world = World()
    world.chip._registers |= registers
    world.chip.silent = not registers
    with pytest.raises(OSError, match="19"):
        MAX30102(world.bus).begin(0, 0)


def test_the_first_led_is_the_red_one() -> None:
    world = World()
    MAX30102(world.bus).begin(11, 22)
    assert world.bus.read(0x57, 0x0C, 2) == bytes((11, 22))


def test_a_stopped_chip_takes_no_sample_and_starts_anew() -> None:
    world, driver = begun()
    world.us += 3 * PERIOD_US
    driver.stop()
    world.us += 100 * PERIOD_US
    assert read(driver) == [1, 2, 3]
    driver.begin(0x24, 0x24)
    world.us += 2 * PERIOD_US
    assert read(driver) == [104, 105]


def test_reading_allocates_nothing() -> None:
    """In MicroPython, under heap_lock; the shifts stay within small integers of 31 bits."""
    printed = run_micropython("""
import micropython
from array import array
from drivers.max30102 import MAX30102

class Bus:
    def readfrom_mem_into(self, address, register, buf):
        if register == 0x07:
            for i in range(len(buf)):
                buf[i] = 255
        elif register == 0x04:
            buf[0] = 20
            buf[1] = buf[2] = 0
        else:
            buf[0] = 0x15

    def writeto_mem(self, address, register, value):
        pass

chip = MAX30102(Bus())
chip.begin(1, 2)
red, infrared = array("i", [0] * 200), array("i", [0] * 200)
micropython.heap_lock()
count = 0
while count < 200:
    count += chip.read(red, infrared, count)
micropython.heap_unlock()
print(count, min(red), max(infrared))
""")
    assert printed.split() == ["200", str(2**18 - 1), str(2**18 - 1)]


# Another's driver, SparkFun's for the whole family.


THIRD_LED = (0x0E, 0x10)  # of the MAX30105


def independent(world: World) -> QwiicMax3010x:
    driver = QwiicMax3010x(Max30102.address, QwiicBus(world.bus, Max30102.address, THIRD_LED))
    assert driver.begin()
    driver.setup(ledMode=2, sampleAverage=4, sampleRate=100)
    return driver


def test_another_driver_reads_the_same_samples() -> None:
    """It keeps the last four of what it reads at once; over several turns of the pointers."""
    world = World()
    driver = independent(world)
    taken = 0
    for samples in (1, 4, 2, 30, 3, 31, 17, 4):
        world.us += samples * PERIOD_US
        taken += samples
        assert driver.check() == samples
        for k in range(min(samples, 4)):
            at = (driver.head - k) % driver.STORAGE_SIZE
            assert driver.red[at] == taken - k
            assert driver.IR[at] == 200_000 - (taken - k)


def test_another_driver_reads_the_temperature() -> None:
    world = World()
    world.chip._celsius = 36.5625
    assert independent(world).readTemperature() == 36.5625


def settings(make: Callable[[World], object]) -> Sequence[int]:
    world = World()
    make(world)
    return [*world.bus.read(0x57, 0x09, 1), *world.bus.read(0x57, 0x0A, 1)]


def test_both_drivers_choose_the_same_mode_range_and_rate() -> None:
    assert settings(lambda w: MAX30102(w.bus).begin(1, 1)) == settings(independent)
