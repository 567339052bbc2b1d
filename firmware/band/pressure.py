"""Blood pressure from a finger on the hub: measured and calibrated on request, within a minute."""

import asyncio
import time
from binascii import a2b_base64, b2a_base64

from band import settings
from drivers import max32664
from veriband_protocol import control, items, sockets

_FILE = "calibration"
_READ_MS = 200  # the FIFO holds 320 ms, and reading takes 30
_SILENT_MS = 3000  # without a sample: it hangs
_FINGER_MS = 20000  # without a finger that is felt well
_MEASURE_MS = 60000
_CALIBRATE_MS = 120000
_AHEAD_S = 86400  # that a calibration may lie in the future, as a clock may have been set back
_EPOCH_2000 = 946684800
_AT_ONCE = (items.STATUS_NO_SENSOR, items.STATUS_UNCALIBRATED)  # in a row they are told once
_STATUS = {  # of what the hub says of the finger
    max32664.NO_SIGNAL: items.STATUS_NOT_WORN,
    max32664.IN_PROGRESS: items.STATUS_OK,
    max32664.PARTLY_CALIBRATED: items.STATUS_OK,
    max32664.SUCCESS: items.STATUS_OK,
    max32664.WEAK_SIGNAL: items.STATUS_NO_PULSE,
    max32664.MOTION: items.STATUS_MOVING,
}


class Pressure:
    """Measures with `hub` (a MAX32664D) on `strip`, into `record`; once at a time.

    What a cuff taught the hub is kept in a file, with the UTC of it.
    """

    def __init__(self, hub, strip, clock, record) -> None:
        self._hub = hub
        self._strip = strip
        self._clock = clock
        self._record = record
        self._utc_s, vector = settings.load(_FILE, (0, ""))
        self._has_vector = bool(vector)
        self._latest = b""  # signs
        self._is_busy = False
        self._is_calibrating = False
        self._ended = items.STATUS_UNCALIBRATED  # how the last calibration did

    async def answer(self) -> bytes:
        """The answer to MEASURE: signs; busy while the hub is at something else."""
        if self._is_busy:
            return items.pack_sign(items.VITAL_BLOOD_PRESSURE, items.STATUS_BUSY)
        self._is_busy = True
        begun = time.ticks_ms()
        try:
            status = await self._measure()
        finally:
            self._is_busy = False
        signs = self._signs(status)
        if signs != self._latest or status not in _AT_ONCE:
            self._record.reading(time.ticks_diff(time.ticks_ms(), begun) // 2, signs)
        self._latest = signs
        return signs

    async def _measure(self) -> int:
        if not self._strip.has(sockets.CHIP_HUB):
            return items.STATUS_NO_SENSOR
        if not self._holds():
            return items.STATUS_UNCALIBRATED
        vector = a2b_base64(settings.load(_FILE, (0, ""))[1])
        hub = self._hub
        status = await self._run(hub.estimate, vector, most_ms=_MEASURE_MS)
        if status == items.STATUS_OK and not 0 < hub.diastolic < hub.systolic:
            return items.STATUS_FAILED
        return status

    def _holds(self) -> bool:
        """Whether there is a calibration that is not too old, as far as the band knows."""
        if not (self._has_vector and self._clock.is_set):
            return False
        return -_AHEAD_S < self._clock.utc_ms() // 1000 - self._utc_s < control.CALIBRATION_S

    def _signs(self, status: int) -> bytes:
        """The reading; what comes with it is of the finger, too, and has no quality of its own."""
        hub = self._hub
        signs = items.pack_sign(items.VITAL_BLOOD_PRESSURE, status, hub.systolic, hub.diastolic)
        if status == items.STATUS_OK:
            if 40 <= hub.bpm <= 220:
                signs += items.pack_sign(items.VITAL_HEART_RATE, status, hub.bpm, 100)
            if 70 <= hub.spo2 <= 100:
                signs += items.pack_sign(items.VITAL_SPO2, status, hub.spo2, 100)
        return signs

    def calibrate(self, body: bytes) -> bytes:
        """The answer to CALIBRATE: begin with the references in `body`, or only say how it goes.

        Raises ValueError for references that no cuff reads.
        """
        if body:
            if control.unlikely(body):
                raise ValueError("references")
            if self._is_busy:
                return self._state(items.STATUS_BUSY)
            if not self._strip.has(sockets.CHIP_HUB):
                return self._state(items.STATUS_NO_SENSOR)
            if not self._clock.is_set:
                return self._state(items.STATUS_UNCALIBRATED)
            self._is_busy = self._is_calibrating = True
            count = control.CUFF_READINGS
            asyncio.create_task(self._calibrated(body[:count], body[count:]))
        return self._state(_status(self._hub) if self._is_calibrating else self._ended)

    def _state(self, status: int) -> bytes:
        progress = self._hub.progress if self._is_calibrating else 0
        return control.pack_calibration(self._is_calibrating, status, progress, self._utc_s)

    async def _calibrated(self, systolic: bytes, diastolic: bytes) -> None:
        hub = self._hub
        try:
            status = await self._run(hub.calibrate, systolic, diastolic, most_ms=_CALIBRATE_MS)
            if status == items.STATUS_OK:
                status = await self._keep()
            self._ended = status
        finally:
            self._is_busy = self._is_calibrating = False
        self._record.event(items.EVENT_CALIBRATED, bytes((status,)))

    async def _keep(self) -> int:
        """Put what the hub has learned into the file."""
        try:
            vector = await self._hub.vector()
            if vector != await self._hub.vector():  # it went, or was cut off
                return items.STATUS_NO_SENSOR
        except OSError as error:
            return _failed(error)
        utc_s = self._clock.utc_ms() // 1000
        try:
            settings.save(_FILE, (utc_s, b2a_base64(vector).decode()))
        except OSError:
            return items.STATUS_FAILED
        self._utc_s, self._has_vector = utc_s, True
        return items.STATUS_OK

    async def _run(self, begin, *arguments, most_ms: int) -> int:
        """The status of a run of the hub, which `begin` begins; it does nothing afterwards."""
        hub = self._hub
        try:
            await hub.start()
            await begin(*self._now(), *arguments)
            status = await self._watch(most_ms)
            await hub.stop()
            return status
        except OSError as error:
            try:
                await hub.stop()
            except OSError:  # it is not there, or hangs
                await hub.reset()
                return items.STATUS_NO_SENSOR
            return _failed(error)

    def _now(self):
        """(YYMMDD, HHMMSS), of UTC."""
        utc_s = self._clock.utc_ms() // 1000
        y, month, day, hour, minute, second = time.gmtime(utc_s - _EPOCH_2000)[:6]
        return y % 100 * 10000 + month * 100 + day, hour * 10000 + minute * 100 + second

    async def _watch(self, most_ms: int) -> int:
        hub = self._hub
        begun = heard = felt = time.ticks_ms()
        found = None
        while True:
            await asyncio.sleep_ms(_READ_MS)
            samples = await hub.read()
            now = time.ticks_ms()
            status = _status(hub)
            if samples:
                heard = now
            elif time.ticks_diff(now, heard) > _SILENT_MS:
                return items.STATUS_TIMED_OUT
            if status == items.STATUS_OK:
                felt = now
            if status == items.STATUS_FAILED or time.ticks_diff(now, felt) > _FINGER_MS:
                return status
            if hub.status == max32664.SUCCESS and hub.progress == 100:
                before, found = found, (hub.systolic, hub.diastolic)
                if found == before:  # said twice: no answer that was cut off
                    return status
            if time.ticks_diff(now, begun) > most_ms:
                return status or items.STATUS_TIMED_OUT


def _status(hub) -> int:
    return _STATUS.get(hub.status, items.STATUS_FAILED)


def _failed(error: OSError) -> int:
    is_refused = error.errno == max32664.REFUSED
    return items.STATUS_FAILED if is_refused else items.STATUS_NO_SENSOR
