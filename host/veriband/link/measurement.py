"""What standard meters send: a blood pressure (2A35) or a spot check of a pulse oximeter (2A5E).

Layouts: GATT Specification Supplement, 3.31 and 3.167. What a meter sends is never believed
before it is plausible.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, tzinfo

from veriband.records import Sign
from veriband.store.entered import WHOEVER, Entry
from veriband.vitals import plausible
from veriband_protocol.control import EARLIEST_UTC
from veriband_protocol.items import (
    STATUS_FAILED,
    STATUS_NO_SENSOR,
    STATUS_NOT_WORN,
    VITAL_BLOOD_PRESSURE,
    VITAL_SPO2,
)
from veriband_protocol.sfloat import unpack_sfloat

MMHG = 7.500617  # in a kPa
AHEAD_MS = 600_000  # so far ahead of ours a meter's clock may be
UNKNOWN_USER = 255
_SPECIAL = range(0x7FE, 0x803)  # mantissas of +INF, NaN, NRes, reserved, -INF
_PRESSURE_REMARKS = {
    0: "moved",
    1: "cuff too loose",
    2: "irregular pulse",
    5: "measured in a wrong position",
}
_RATES = {1: "pulse above the meter's range", 2: "pulse below the meter's range"}
_OXIMETRY_REMARKS = {
    5: "still being measured",
    6: "early estimate",
    14: "questionable",
}
_OXIMETRY_FAILED = (12, 13, 15)  # calibrating, unavailable, invalid
_OXIMETRY_TRIAL = (10, 11)  # demonstration, test
_SENSOR_REMARKS = {
    2: "irregular signal",
    3: "inadequate signal",
    4: "poor signal",
    5: "low perfusion",
    6: "erratic signal",
    7: "no pulsation",
    8: "questionable pulse",
    13: "sensor displaced",
}
_SENSOR_OFF_FINGER, _SENSOR_DISCONNECTED = 11, 15


@dataclass(frozen=True, slots=True)
class Measurement:
    """`signs` taken together. `local`: when, by the meter's clock, None where it does not say;
    `clock_set`: False when it says that nobody has set that. `user`: the meter's number of whom,
    WHOEVER where it does not say. `remarks`: what it says about them."""

    signs: tuple[Sign, ...]
    local: datetime | None
    clock_set: bool
    user: int
    remarks: tuple[str, ...]

    def entry(self, source: str, zone: tzinfo, came_utc_ms: int) -> Entry:
        """As it is stored, the meter's clock being one in `zone`.

        One whose time cannot be is dated by when it came, which is remarked. Of an hour that comes
        twice the later one is taken, if it has been.
        """
        utc_ms, doubt = came_utc_ms, None
        if self.local is not None:
            both = [self.local.replace(tzinfo=zone, fold=fold) for fold in (1, 0)]
            times = [round(each.timestamp() * 1000) for each in both]
            past = [time for time in times if time <= came_utc_ms + AHEAD_MS]
            if not self.clock_set or times[0] < EARLIEST_UTC * 1000:
                doubt = "its clock was never set"
            elif not past:
                doubt = "its clock is ahead"
            else:
                utc_ms = past[0]
        remarks = (*self.remarks, *([f"{doubt}: dated by when it came"] if doubt else []))
        stamp = f"{self.local.isoformat()} {self.user}" if self.local else ""
        return Entry(utc_ms, source, self.signs, ", ".join(remarks), stamp)


def sfloat(data: bytes) -> float | None:
    """An SFLOAT's number; None for NaN, the infinities and what else is none, whatever exponent a
    meter gives them."""
    bits = int.from_bytes(data, "little")
    return None if bits & 0x0FFF in _SPECIAL else unpack_sfloat(bits)


def pack_time(now: datetime) -> bytes:
    """A 2A08: that time of day on the clock."""
    return struct.pack("<H5B", now.year, now.month, now.day, now.hour, now.minute, now.second)


class _Fields:
    """Takes field after field. Raises ValueError when one is cut."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def take(self, size: int) -> bytes:
        if len(self._rest) < size:
            raise ValueError("it is cut")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.take(size), "little")

    def value(self) -> float | None:
        return sfloat(self.take(2))

    def time(self) -> datetime | None:
        year, month, day, hour, minute, second = struct.unpack("<H5B", self.take(7))
        if not (year and month and day):  # not known
            return None
        try:
            return datetime(year, month, day, hour, minute, second)
        except ValueError as error:
            raise ValueError("a time that no clock shows") from error


def blood_pressure(data: bytes) -> Measurement:
    """A 2A35. Raises ValueError when it cannot be."""
    fields = _Fields(data)
    flags = fields.number()
    systolic, diastolic, _ = fields.value(), fields.value(), fields.value()
    local = fields.time() if flags & 0x02 else None
    pulse = fields.value() if flags & 0x04 else None
    user = fields.number() if flags & 0x08 else UNKNOWN_USER
    status = fields.number(2) if flags & 0x10 else 0
    unit = MMHG if flags & 0x01 else 1.0
    if systolic is None or diastolic is None:  # so meters say that they could not measure
        signs = [Sign(VITAL_BLOOD_PRESSURE, STATUS_FAILED, 0, 0)]
    else:
        signs = [plausible.blood_pressure(round(systolic * unit), round(diastolic * unit))]
    if pulse:  # 0: some say so that they found none
        signs.append(plausible.heart_rate(round(pulse)))
    remarks = _set(_PRESSURE_REMARKS, status)
    rate = _RATES.get(status >> 3 & 3)
    return Measurement(
        tuple(signs), local, True, WHOEVER if user == UNKNOWN_USER else user,
        (*remarks, *([rate] if rate else [])),
    )  # fmt: skip


def oximetry(data: bytes) -> Measurement:
    """A 2A5E. Raises ValueError when it cannot be."""
    fields = _Fields(data)
    flags = fields.number()
    saturation, pulse = fields.value(), fields.value()
    local = fields.time() if flags & 0x01 else None
    status = fields.number(2) if flags & 0x02 else 0
    sensor = fields.number(3) if flags & 0x04 else 0
    if _any(_OXIMETRY_TRIAL, status):
        raise ValueError("it is a demonstration, and was not measured")
    failure = _failure(saturation, status, sensor)
    if failure or saturation is None:
        signs = [Sign(VITAL_SPO2, failure or STATUS_FAILED, 0, 0)]
    else:
        signs = [plausible.spo2(round(saturation))]
        if pulse:
            signs.append(plausible.heart_rate(round(pulse)))
    remarks = (*_set(_OXIMETRY_REMARKS, status), *_set(_SENSOR_REMARKS, sensor))
    return Measurement(tuple(signs), local, not flags & 0x10, WHOEVER, remarks)


def _failure(saturation: float | None, status: int, sensor: int) -> int:
    """items.STATUS_* of what was not measured, else 0."""
    if sensor >> _SENSOR_DISCONNECTED & 1:
        return STATUS_NO_SENSOR
    if sensor >> _SENSOR_OFF_FINGER & 1:
        return STATUS_NOT_WORN
    return STATUS_FAILED if saturation is None or _any(_OXIMETRY_FAILED, status) else 0


def _any(bits: tuple[int, ...], of: int) -> bool:
    return any(of >> bit & 1 for bit in bits)


def _set(names: dict[int, str], bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in names.items() if bits >> bit & 1)
