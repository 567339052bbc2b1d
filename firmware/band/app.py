"""The band: everything wired together, and its tasks."""

import asyncio

import machine
from esp32 import Partition
from machine import Pin

from band import files, handover, restart, settings, sleep, tasks, wiring
from band.batteries import Batteries
from band.bonds import Bonds
from band.broadcast import Broadcast
from band.bus import Bus
from band.button import Button
from band.clock import Clock
from band.control import Control
from band.cycles import Cycles
from band.door import Door
from band.journal import Journal
from band.kept import Kept
from band.live import Live
from band.minutes import Minutes
from band.motor import Motor, QuietFlash
from band.notes import Notes
from band.pairing import Pairing
from band.pressure import Pressure
from band.profile import Profile
from band.radio import Radio
from band.record import Record
from band.requests import Requests
from band.ring import Ring
from band.seal import Seal
from band.services import Services
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
_HELD_MS = 30000  # so long may the button stay down when the band is handed over


class Band:
    """One band, from the step chip to the radio."""

    def __init__(self) -> None:
        given = settings.given()
        board = wiring.board()
        self._motor = Motor(board.MOTOR, given.get("motor_s"))
        log, wearer = [
            QuietFlash(Partition.find(Partition.TYPE_DATA, label=label)[0], self._motor)
            for label in ("journal", "wearer")
        ]
        self._notes = Notes(self._motor.pause)
        self._is_new = is_new = handover.wiped(self._notes, log, wearer)
        bus = Bus(board)
        bus.free()  # the reset may have cut a chip off in mid-byte
        self._clock = clock = Clock()
        kept = Kept()
        journal = Journal(Ring(log))
        motion = LSM6DSOX(bus)
        sampler = StepSampler(motion, journal, clock, kept, given.get("upload") == "totals")
        record = Record(journal, clock, kept, sampler)
        restart.resume(kept.load(), journal, sampler, clock)
        is_told = self._report(record, is_new)
        has_files = files.mount(wearer, record, is_new)
        if is_new and is_told and has_files:
            self._notes.keep(self._notes.HAND_OVER, 0)
        bonds = Bonds()
        self._radio = Radio(bonds)
        self._services = Services(self._radio, clock, record)
        light = MAX30102(bus)
        hub = MAX32664D(bus, _released(board.RSTN), _released(board.MFIO), asyncio.sleep_ms)
        self._strip = strip = Strip(bus, board, light, hub, record)
        self._batteries = Batteries(MAX17048(bus), board.CELL, strip, record)
        pressure = Pressure(hub, strip, clock, record)
        cycles = Cycles(clock, kept, record)
        self._live = Live(light, motion, self._radio, self._services)
        self._vitals = Vitals(self._live, pressure, strip, record, cycles)
        self._minutes = Minutes(
            clock, sampler, journal, record, self._vitals, self._measure_batteries
        )
        seal = Seal()
        self._door = Door(self._radio, bonds, Pairing(given["secret"], self._notes))
        self._broadcast = Broadcast(self._door, record)
        self._profile = Profile(
            self._radio, self._door, record, given.get("profile", "responsive")
        )
        self._requests = Requests(
            self._radio, self._door, Sync(self._radio, journal, clock, seal, strip),
            Control(clock, journal, seal, pressure, self._batteries, self._profile), self._vitals,
            self._services, record,
        )  # fmt: skip
        self._button = Button(board.BUTTON)
        self._measure_batteries()
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)

    def _report(self, record, is_new: bool) -> bool:
        """Journal what the boot before left to be told; whether that is on flash."""
        if is_new:
            record.event(items.EVENT_HANDED_OVER)
        fault = self._notes.fault()
        if fault:
            record.event(items.EVENT_FAULT, fault)
        if not record.flush():
            return False
        if fault:
            self._notes.forget_fault()
        return True

    def _measure_batteries(self) -> None:
        self._batteries.measure()
        if self._batteries.percent is not None:
            self._services.battery(self._batteries.percent)

    async def _buttons(self) -> None:
        button = self._button
        acts = {
            button.SHORT: self._motor.toggle,
            button.DOUBLE: self._toggle_broadcast,
            button.LONG: self._open_door,
            button.OVERLONG: self._hand_over,
        }
        if self._is_new:
            await button.released()  # one that stays down must not hand it on again and again
        while True:
            press = await button.pressed()
            if press in acts:
                acts[press]()
            if press == button.OVERLONG:
                await button.released(_HELD_MS)  # it may be the one that starts the bootloader
                machine.reset()

    def _toggle_broadcast(self) -> None:
        self._profile.rouse()
        self._broadcast.toggle()

    def _open_door(self) -> None:
        self._profile.rouse()
        self._door.open()

    def _hand_over(self) -> None:
        self._notes.keep(self._notes.HAND_OVER, 1)
        self._motor.pulse()

    def _motor_may_run(self) -> bool:
        return self._strip.opens_cover() and not self._batteries.case_is_low()

    async def main(self) -> None:
        """Run every task; raises what the first one that fails raises."""
        roll = tasks.Roll(
            self._watchdog.feed, self._radio.ready, self._button.edge, self._vitals.wanted,
            self._strip.moved, self._motor.asked, self._radio.arrival,
            self._profile.changed,
        )  # fmt: skip
        sleep.when(lambda: not (self._radio.is_on or self._motor.runs()))
        turning = self._motor.run(self._motor_may_run, self._clock)
        await tasks.run(
            self._minutes.run(roll.call), self._requests.run(), self._buttons(),
            self._vitals.run(), self._strip.run(), turning, self._live.run(),
            self._profile.run(),
        )  # fmt: skip


def _released(pin: int) -> Pin:
    """A pin that is pulled low, or let go."""
    return Pin(pin, Pin.OPEN_DRAIN, Pin.PULL_UP, value=1)


def run() -> None:
    """Run the band until something fails, which is raised."""
    asyncio.run(Band().main())
