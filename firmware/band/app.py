"""The band: everything wired together, its tasks, and what happens when one of them fails."""

import asyncio
import sys
import time

import machine
from esp32 import Partition
from machine import Pin

from band import restart, settings, tasks
from band.bonds import Bonds
from band.bus import Bus
from band.button import Button
from band.clock import Clock
from band.control import Control
from band.cycles import Cycles
from band.door import Door
from band.journal import Journal
from band.kept import Kept
from band.minutes import Minutes
from band.pairing import Pairing
from band.pressure import Pressure
from band.pulse import Pulse
from band.radio import Radio
from band.record import Record
from band.requests import Requests
from band.ring import Ring
from band.seal import Seal
from band.steps import StepSampler
from band.strip import Strip
from band.sync import Sync
from band.vitals import Vitals
from drivers.lsm6dsox import LSM6DSOX
from drivers.max17048 import MAX17048
from drivers.max30102 import MAX30102
from drivers.max32664 import MAX32664D
from veriband_protocol import items

_WATCHDOG_MS = 150000
_REST_S = 30  # after a fault: faults that come again and again must not fill the journal


class Band:
    """One band, from the step chip to the radio."""

    def __init__(self) -> None:
        given = settings.load("settings", {})
        board = getattr(__import__("boards." + given.get("board", "esp32s3")), given["board"])
        bus = Bus(board)
        clock = Clock()
        bonds = Bonds()
        self.radio = Radio(bonds)
        kept = Kept()
        journal = Journal(Ring(Partition.find(Partition.TYPE_DATA, label="journal")[0]))
        motion = LSM6DSOX(bus)
        sampler = StepSampler(motion, journal, clock, kept, given.get("upload") == "totals")
        self._record = record = Record(journal, clock, kept, sampler)
        self._gauge = MAX17048(bus)
        light = MAX30102(bus)
        hub = MAX32664D(bus, _released(board.RSTN), _released(board.MFIO), asyncio.sleep_ms)
        self._strip = strip = Strip(bus, board, light, hub, record)
        pressure = Pressure(hub, strip, clock, record)
        cycles = Cycles(clock, kept, record)
        self._vitals = Vitals(Pulse(light, motion), pressure, strip, record, cycles)
        self._minutes = Minutes(
            clock, sampler, journal, record, self._vitals, self._measure_battery
        )
        seal = Seal()
        self._door = Door(self.radio, bonds, Pairing(given["secret"]))
        self._requests = Requests(
            self.radio, self._door, Sync(self.radio, journal, clock, seal, strip),
            Control(clock, journal, seal, pressure), self._vitals, clock, record,
        )  # fmt: skip
        self._button = Button(board.BUTTON)
        restart.resume(kept.load(), journal, sampler, clock)
        record.flush()
        self._measure_battery()
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)

    def _measure_battery(self) -> None:
        try:
            self.radio.write(self.radio.battery, bytes((self._gauge.percent(),)))
        except OSError:
            pass  # the last level stands

    async def _buttons(self) -> None:
        while True:
            if await self._button.pressed() == self._button.LONG:
                self._door.open()

    async def main(self) -> None:
        """Run every task; raises what the first one that fails raises."""
        await tasks.run(
            self._minutes.run(self._watchdog.feed), self._requests.run(), self._buttons(),
            self._vitals.run(), self._strip.run(),
        )  # fmt: skip

    def fault(self, error: Exception) -> None:
        """Put what went wrong in the journal."""
        text = type(error).__name__ + ": " + str(error)
        self._record.event(items.EVENT_FAULT, text.encode())
        self._record.flush()


def _released(pin: int) -> Pin:
    """A pin that is pulled low, or let go."""
    return Pin(pin, Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)


def run() -> None:
    """Run the band. Whatever happens, it is noted and the board starts again."""
    band = None
    try:
        band = Band()
        asyncio.run(band.main())
    except Exception as error:
        sys.print_exception(error)
        try:
            if band is not None:
                band.fault(error)
        except Exception:
            pass
        time.sleep(_REST_S)
    machine.reset()
