"""The band: everything wired together, its tasks, and what happens when one of them fails."""

import asyncio
import sys
import time

import machine
from esp32 import Partition

from band import radio, settings, tasks
from band.bonds import Bonds
from band.bus import Bus
from band.button import Button
from band.clock import Clock
from band.control import Control
from band.door import Door
from band.journal import Journal
from band.kept import Kept
from band.pairing import Pairing
from band.pulse import Pulse
from band.ring import Ring
from band.seal import Seal
from band.steps import StepSampler
from band.strip import Strip
from band.sync import Sync
from band.vitals import Vitals
from drivers.lsm6dsox import LSM6DSOX
from drivers.max17048 import MAX17048
from drivers.max30102 import MAX30102
from veriband_protocol import control, items

_FLUSH_MIN = 10  # a loss of power costs at most so many minutes
_WATCHDOG_MS = 150000
_HEART_RATE = bytes((control.HEART_RATE,))
_REST_S = 30  # after a fault: faults that come again and again must not fill the journal

_CAUSES = {
    machine.PWRON_RESET: items.CAUSE_POWER_ON,
    machine.WDT_RESET: items.CAUSE_WATCHDOG,
    machine.SOFT_RESET: items.CAUSE_SOFT,
    machine.DEEPSLEEP_RESET: items.CAUSE_SLEEP,
}


class Band:
    """One band, from the step chip to the radio."""

    def __init__(self) -> None:
        given = settings.load("settings", {})
        board = getattr(__import__("boards." + given.get("board", "esp32s3")), given["board"])
        bus = Bus(board)
        bonds = Bonds()
        self.clock = Clock()
        self.radio = radio.Radio(bonds, self._before_read)
        self._kept = Kept()
        flash = Partition.find(Partition.TYPE_DATA, label="journal")[0]
        self.journal = Journal(Ring(flash))
        motion = LSM6DSOX(bus)
        self.sampler = StepSampler(
            motion, self.journal, self.clock, self._kept, given.get("upload") == "totals"
        )
        self._gauge = MAX17048(bus)
        light = MAX30102(bus)
        self._strip = Strip(bus, board, light, self.journal, self.clock, self.save)
        self._vitals = Vitals(
            Pulse(light, motion), self._strip, self.journal, self.clock, self.save
        )
        seal = Seal()
        self._sync = Sync(self.radio, self.journal, self.clock, seal, self._strip)
        self._control = Control(self.clock, self.journal, seal)
        self._door = Door(self.radio, bonds, Pairing(given["secret"]))
        self._button = Button(board.BUTTON)
        self._boot()
        self._measure_battery()
        self._watchdog = machine.WDT(timeout=_WATCHDOG_MS)

    def _boot(self) -> None:
        kept = self._kept.load()
        if kept and not (kept[0] == self.journal.epoch and self.journal.restore(kept[1], kept[5])):
            kept = None
        if kept is None:
            self.journal.close_hole()
        steps = self.sampler.begin(kept[2] if kept else None)
        cause = _CAUSES.get(machine.reset_cause(), items.CAUSE_RESET)
        self.journal.boot(self.journal.position().boot + 1, cause, steps or 0)
        if steps is None:
            self.sampler.miss()
        utc_ms = self.clock.kept_utc_ms()
        if kept and kept[3] and utc_ms is not None:
            after_ms = self.clock.set(utc_ms, *kept[4])
            self.journal.anchor(after_ms, utc_ms, self.clock.offset_min(), items.SOURCE_KEPT)
        self._flush()

    def save(self) -> None:
        """Keep what is not on flash in RTC memory."""
        self._kept.save(self.journal, self.sampler.count, self.clock)

    def _measure_battery(self) -> None:
        try:
            self.radio.write(self.radio.battery, bytes((self._gauge.percent(),)))
        except OSError:
            pass  # the last level stands

    def _before_read(self, handle: int) -> None:
        """Called in the radio's interrupt: make `handle` say what is true now."""
        if handle == self.radio.journal_state:
            self.radio.write(handle, self._sync.state())
        elif handle == self.radio.current_time:
            self.radio.write(handle, self.clock.current_time())
        elif handle == self.radio.local_time:
            self.radio.write(handle, bytes((self.clock.offset_min() // 15 & 0xFF, 0)))

    async def _minutes(self) -> None:
        waited = 0
        while True:
            self._watchdog.feed()
            await asyncio.sleep_ms(max(0, time.ticks_diff(self.clock.due, time.ticks_ms())))
            if not self.sampler.tick():
                continue
            self._vitals.walked(self.sampler.steps)
            waited += 1
            if waited >= _FLUSH_MIN or self.journal.full():
                self._measure_battery()
                if self._flush():
                    waited = 0

    def _flush(self) -> bool:
        """Put what waits on flash; False when it waits on, to be tried again after a minute."""
        self.save()  # so that a reset in mid-flush finds what goes to flash, there or here
        try:
            self.journal.flush()
        except OSError:
            return False  # minutes stay open when there is no room left for them
        self.save()
        return True

    async def _serve(self) -> None:
        while True:
            await self.radio.ready.wait()
            while self.radio.queue:
                await self._handle(*self.radio.queue.popleft())

    async def _handle(self, event: int, conn: int, handle: int, data: bytes) -> None:
        if event != radio.WRITE:
            if event == radio.DISCONNECT:
                self._sync.forget(conn)
            code = self._door.passed(event, conn, handle)
            if code:
                self.journal.event(self.clock.since_item_ms(), code)
                self.save()
        elif handle == self.radio.journal_request:
            await self._sync.answer(conn, data)
        elif handle == self.radio.control_request and data == _HEART_RATE:
            asyncio.create_task(self._measure_for(conn))
        elif handle == self.radio.control_request:
            answer = self._control.answer(data)
            self.save()
            await self.radio.notify(conn, self.radio.control_response, answer)

    async def _measure_for(self, conn: int) -> None:
        answer = (
            bytes((control.HEART_RATE | control.REPLY, control.OK)) + await self._vitals.answer()
        )
        await self.radio.notify(conn, self.radio.control_response, answer)

    async def _buttons(self) -> None:
        while True:
            if await self._button.pressed() == self._button.LONG:
                self._door.open()

    async def main(self) -> None:
        """Run every task; raises what the first one that fails raises."""
        await tasks.run(
            self._minutes(), self._serve(), self._buttons(), self._vitals.run(), self._strip.run()
        )

    def fault(self, error: Exception) -> None:
        """Put what went wrong in the journal."""
        text = (type(error).__name__ + ": " + str(error)).encode()
        self.journal.event(self.clock.since_item_ms(), items.EVENT_FAULT, text)
        self._flush()


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
