"""The hub's driver and its model, against each other: every status, and what goes wrong.

There was no driver of another's on PyPI to run against the model; to the byte it is told what
the user guides print.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from drivers import max32664
from drivers.max32664 import MAX32664D, REFUSED, VECTOR_BYTES
from tests.firmware.i2c import MachineI2C
from veriband_simulator.chips import ENODEV, ETIMEDOUT, Chip, Unmodelled
from veriband_simulator.max32664 import DEPTH, SAMPLE_US, Max32664d, Signal
from veriband_simulator.world import play

DATE, TIME = 180828, 163808
SYSTOLIC, DIASTOLIC = bytes((128, 131, 127)), bytes((82, 84, 81))


class Bench:
    """A hub on a bus, its pins, and a clock that moves by sleeping only."""

    def __init__(self, version: tuple[int, int, int] = (40, 2, 2)) -> None:
        self.us = 0
        self.chip = Max32664d(lambda: self.us, version)
        self.bus = MachineI2C(self.chip)
        self.mfio = 1
        self.driver = MAX32664D(self.bus, self._rstn, self._mfio, self.sleep_ms)

    def _rstn(self, level: int) -> None:
        self.chip.pins(level, self.mfio)

    def _mfio(self, level: int) -> None:
        self.mfio = level

    async def sleep_ms(self, ms: int) -> None:
        self.us += 1000 * ms

    async def watch(self, seconds: float) -> list[tuple[int, int]]:
        """(status, progress) of the newest sample, again and again."""
        seen: list[tuple[int, int]] = []
        end_us = self.us + seconds * 1e6
        while self.us < end_us:
            await self.sleep_ms(200)
            await self.driver.read()
            seen.append((self.driver.status, self.driver.progress))
        return seen

    async def calibrated(self) -> bytes:
        """The vector of somebody with 128/82."""
        self.chip.finger(128, 82)
        await self.driver.start()
        await self.driver.calibrate(DATE, TIME, SYSTOLIC, DIASTOLIC)
        await self.watch(61)
        await self.driver.stop()
        return await self.driver.vector()

    async def estimating(self) -> None:
        vector = await self.calibrated()
        await self.driver.start()
        await self.driver.estimate(DATE, TIME, vector)


def played(
    story: Callable[[Bench], Coroutine[Any, Any, None]], version: tuple[int, int, int] = (40, 2, 2)
) -> None:
    asyncio.run(story(Bench(version)))


def test_a_user_is_learned_in_a_minute_and_then_known() -> None:
    async def story(bench: Bench) -> None:
        driver = bench.driver
        bench.chip.finger(128, 82)
        await driver.start()
        await driver.calibrate(DATE, TIME, SYSTOLIC, DIASTOLIC)
        seen = await bench.watch(61)
        progress = [percent for _, percent in seen]
        assert progress == sorted(progress)
        assert progress[-10] < 100 == progress[-1]
        assert seen[-1] == (max32664.SUCCESS, 100)
        await driver.stop()
        vector = await driver.vector()
        assert len(vector) == VECTOR_BYTES
        bench.chip.finger(141, 90, 76.6, 96.4)
        await driver.start()
        await driver.estimate(DATE, TIME, vector)
        assert {status for status, _ in await bench.watch(15)} == {max32664.IN_PROGRESS}
        await bench.watch(6)
        assert (driver.status, driver.progress) == (max32664.SUCCESS, 100)
        assert (driver.systolic, driver.diastolic) == (142, 90)  # 128.7 + 13, 82.3 + 8
        assert (driver.bpm, driver.spo2) == (77, 96)

    played(story)


def test_it_says_what_the_guide_says() -> None:
    """UG6921's sequences, to the byte."""

    async def story(bench: Bench) -> None:
        said: list[bytes] = []
        whole = bench.bus.writeto

        def writeto(address: int, data: bytes) -> None:
            said.append(data)
            whole(address, data)

        bench.bus.writeto = writeto
        vector = await bench.calibrated()
        samples = (b"\x00\x00", b"\x12\x00", b"\x12\x01")
        assert [command for command in said if command not in samples] == [
            bytes.fromhex(command)
            for command in (
                "0200", "500404 5cc20200 e07f0200", "500401 80837f", "500402 525451", "100003",
                "10010f", "440301", "520401", "440300", "520400", "510403",
            )
        ]  # fmt: skip
        said.clear()
        await bench.driver.estimate(DATE, TIME, vector)
        coefficients = struct.pack(">iii", 159584, -3465966, 11268987)
        assert said == [
            b"\x50\x04\x03" + vector,
            bytes.fromhex("500404 5cc20200 e07f0200"),
            b"\x50\x04\x06" + coefficients,
            *map(bytes.fromhex, ("520001", "100003", "10010f", "440301", "520402")),
        ]

    played(story)


@pytest.mark.parametrize(
    ("signal", "status"), [("weak", max32664.WEAK_SIGNAL), ("moving", max32664.MOTION)]
)
def test_a_finger_that_is_not_felt_well_is_told_and_waited_for(
    signal: Signal, status: int
) -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        bench.chip.finger(128, 82, signal=signal)
        assert {seen for seen, _ in await bench.watch(30)} == {status}
        bench.chip.finger(128, 82)
        assert (await bench.watch(21))[-1] == (max32664.SUCCESS, 100)

    played(story)


def test_a_finger_that_is_lifted_begins_anew() -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        await bench.watch(15)
        assert bench.driver.progress >= 75
        bench.chip.lifted()
        assert (await bench.watch(1))[-1] == (max32664.NO_SIGNAL, 0)
        bench.chip.finger(128, 82)
        await bench.watch(15)
        assert bench.driver.status == max32664.IN_PROGRESS
        assert 75 <= bench.driver.progress <= 80

    played(story)


def test_nothing_is_estimated_without_a_calibration_of_its_own() -> None:
    async def story(bench: Bench) -> None:
        vector = bytearray(await bench.calibrated())
        vector[400] ^= 1
        await bench.driver.start()
        await bench.driver.estimate(DATE, TIME, bytes(vector))
        assert (await bench.watch(25))[-1] == (max32664.FAILURE, 100)
        assert (bench.driver.systolic, bench.driver.diastolic) == (0, 0)

    played(story)


def test_what_is_far_from_the_calibration_fails() -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        bench.chip.finger(170, 100)
        assert (await bench.watch(25))[-1] == (max32664.FAILURE, 100)

    played(story)


@pytest.mark.parametrize(
    ("systolic", "date", "size"), [(b"\x10" * 3, DATE, 823), (SYSTOLIC, 180028, VECTOR_BYTES)]
)
def test_what_the_hub_refuses_is_an_error_at_once(systolic: bytes, date: int, size: int) -> None:
    async def story(bench: Bench) -> None:
        await bench.driver.start()
        with pytest.raises(OSError, match=rf"{REFUSED}\] status"):
            await bench.driver.calibrate(date, TIME, systolic, DIASTOLIC)
        with pytest.raises(OSError, match=rf"{REFUSED}\] status"):
            await bench.driver.estimate(date, TIME, bytes(size))

    played(story)


@pytest.mark.parametrize(
    ("version", "is_known"),
    [((40, 0, 0), True), ((40, 4, 9), True), ((40, 5, 0), False), ((30, 2, 0), False)],
)
def test_it_is_known_by_its_version(version: tuple[int, int, int], is_known: bool) -> None:
    async def story(bench: Bench) -> None:
        await bench.driver.start()
        assert await bench.driver.is_known() == is_known

    played(story, version)


def test_a_hub_in_its_bootloader_is_no_use_and_a_start_ends_that() -> None:
    async def story(bench: Bench) -> None:
        bench.chip.pins(0, 0)
        bench.chip.pins(1, 0)
        await bench.sleep_ms(2000)
        with pytest.raises(OSError, match="0x01"):
            await bench.driver.is_known()
        await bench.driver.start()
        assert await bench.driver.is_known()
        bench.driver._mfio = lambda _: None  # MFIO is shorted to ground
        bench.mfio = 0
        with pytest.raises(OSError, match="bootloader"):
            await bench.driver.start()

    played(story)


def test_what_is_asked_too_early_is_asked_again_with_more_patience() -> None:
    async def story(bench: Bench) -> None:
        bench.chip.finger(128, 82)
        await bench.driver.start()
        bench.bus.writeto(bench.chip.address, b"\x02\x00")
        early = bytearray(2)
        bench.bus.readfrom_into(bench.chip.address, early)
        assert early == b"\xfe\x00"
        bench.us += 2_000
        bench.bus.readfrom_into(bench.chip.address, early)
        assert early == b"\x00\x00"
        bench.us += 10_000
        bench.bus.readfrom_into(bench.chip.address, early)
        assert early[0] == 0xFE, "an answer is given once"

        def hurried(ms: int) -> Coroutine[Any, Any, None]:
            return bench.sleep_ms(ms if ms > 500 else ms // 8)

        hasty = MAX32664D(bench.bus, bench._rstn, bench._mfio, hurried)
        await hasty.calibrate(DATE, TIME, SYSTOLIC, DIASTOLIC)

    played(story)


@pytest.mark.parametrize("again", [0x05, 0xFE, 0xFF])
def test_each_way_to_say_try_again_is_understood(again: int) -> None:
    async def story(bench: Bench) -> None:
        await bench.driver.start()
        whole, left = bench.chip.receive, 4

        def receive(size: int) -> bytes:
            nonlocal left
            left -= 1
            return whole(size) if left < 0 else bytes((again,)).ljust(size, b"\0")

        bench.chip.receive = receive
        assert await bench.driver.is_known()
        left = 5
        with pytest.raises(OSError, match="never ready"):
            await bench.driver.is_known()

    played(story)


def test_a_fifo_that_overflowed_gives_what_is_newest() -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        await bench.watch(1)
        await bench.sleep_ms(10_000)
        assert await bench.driver.read() == DEPTH
        assert 50 < bench.driver.progress < 60
        await bench.sleep_ms(SAMPLE_US // 1000)
        assert await bench.driver.read() > 0

    played(story)


@pytest.mark.parametrize("nacks", [1, 4])
def test_a_transaction_that_is_not_acknowledged_is_tried_again(nacks: int) -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        for _ in range(90):
            bench.chip.nacks = nacks
            await bench.watch(0.25)
        assert (bench.driver.status, bench.driver.progress) == (max32664.SUCCESS, 100)
        bench.chip.nacks = 5
        with pytest.raises(OSError, match=str(ENODEV)):
            await bench.driver.read()

    played(story)


def test_a_bus_that_it_holds_is_an_error_until_somebody_frees_it() -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        bench.bus.hold(bench.chip)
        with pytest.raises(OSError, match=str(ETIMEDOUT)):
            await bench.driver.read()
        bench.bus._holding.clear()
        assert await bench.driver.read() > 0

    played(story)


def test_a_hub_that_goes_in_mid_transfer_is_an_error() -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        await bench.watch(1)

        def goes(chip: Chip) -> None:
            bench.bus.meanwhile = None
            bench.bus.remove(chip)

        bench.bus.meanwhile = goes
        with pytest.raises(OSError, match=str(ENODEV)):
            await bench.driver.read()

    played(story)


def test_after_a_brown_out_it_has_forgotten_all_and_says_nothing() -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        bench.chip.power_on()
        with pytest.raises(OSError, match=str(ENODEV)):
            await bench.driver.read()
        await bench.sleep_ms(1000)
        assert await bench.driver.read() == 0
        assert not bench.chip.is_lit

    played(story)


@pytest.mark.parametrize("trouble", ["hung", "sensor_lost"])
def test_a_hub_that_hangs_is_started_again(trouble: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.estimating()
        setattr(bench.chip, trouble, True)
        with pytest.raises(OSError, match=r"never ready|light sensor"):
            await bench.driver.read()
        await bench.driver.start()
        assert await bench.driver.is_known()

    played(story)


def test_two_who_ask_at_once_do_not_get_each_others_answers() -> None:
    """The strip is looked at while a measurement goes on."""

    async def story() -> None:
        bench = Bench()
        begun_s = asyncio.get_running_loop().time()

        async def sleep_ms(ms: int) -> None:
            await asyncio.sleep(ms / 1000)
            bench.us = round(1e6 * (asyncio.get_running_loop().time() - begun_s))

        bench.sleep_ms = sleep_ms
        bench.driver._sleep_ms = sleep_ms
        await bench.estimating()
        watching = asyncio.create_task(bench.watch(25))
        for k in range(100):
            await asyncio.sleep(0.2 + k / 1000)
            assert await bench.driver.is_known()
        statuses = {status for status, _ in await watching}
        assert statuses == {max32664.IN_PROGRESS, max32664.SUCCESS}

    play(1, story(), limit_s=1000)


def test_a_repeated_start_is_no_way_to_ask_it() -> None:
    with pytest.raises(Unmodelled):
        Bench().chip.read(0x02, 1)
