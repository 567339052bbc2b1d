"""What the standard services say: device, battery, time, and each vital sign as it is measured."""

import struct
from binascii import hexlify

from machine import unique_id

from band.info import VERSION
from veriband_protocol import items
from veriband_protocol.sfloat import NAN, pack_sfloat

_WRIST = b"\x02"
_CONTACT_KNOWN, _CONTACT, _INTERVALS = 0x04, 0x02, 0x10
_MOST_INTERVALS = 9  # fit beside a rate into the smallest MTU
_SPOT_TIME, _SPOT_STATUS, _SPOT_NO_CLOCK = 0x01, 0x02, 0x10
_QUESTIONABLE = 1 << 14  # the measurement: of an optic that nobody has calibrated
_OXIMETER = struct.pack("<HH", 0x09, _QUESTIONABLE)  # has a status, has the time; this status
_NO_FEATURES = bytes(2)
_PRESSURE_TIME, _PRESSURE_PULSE = 0x02, 0x04
_DATE_TIME = 7  # bytes of it, with which a Current Time begins
_TIME_WAS_SET = 0x02  # by an external reference


class Services:
    """Speaks through `the_radio` of what `record` journals, dated by `clock`."""

    def __init__(self, the_radio, clock, record) -> None:
        self._radio = the_radio
        self._clock = clock
        self._level = None
        self.is_live = False  # the heart rate is told once a second
        record.on_reading = self.reading
        the_radio.on_start = self._begin
        self._begin()

    def _begin(self) -> None:
        """The radio is on: what does not change, and the battery's level."""
        the_radio = self._radio
        texts = (b"Veriband", b"Veriband 1", hexlify(unique_id()), VERSION.encode())
        for i, text in enumerate(texts):
            the_radio.write(the_radio.description[i], text)
        the_radio.write(the_radio.sensor_location, _WRIST)
        the_radio.write(the_radio.oximeter_features, _OXIMETER)
        the_radio.write(the_radio.blood_pressure_features, _NO_FEATURES)
        if self._level is not None:
            the_radio.write(the_radio.battery, bytes((self._level,)))

    def before_read(self, handle: int) -> None:
        """Called in the radio's interrupt: make `handle` say what is true now."""
        if handle == self._radio.current_time:
            self._radio.write(handle, self._clock.current_time())
        elif handle == self._radio.local_time:
            self._radio.write(handle, bytes((self._clock.offset_min() // 15 & 0xFF, 0)))

    def time_was_set(self) -> None:
        """A host has set the clock."""
        now = self._clock.current_time()
        self._radio.tell(self._radio.current_time, now[:-1] + bytes((_TIME_WAS_SET,)))

    def battery(self, percent: int) -> None:
        """The battery's level; those who want to know are told when it changes."""
        if percent != self._level:
            self._level = percent
            self._radio.tell(self._radio.battery, bytes((percent,)))

    def reading(self, ago_ms: int, signs: bytes) -> None:
        """Vital signs (items.pack_sign) as they were so long ago: what was measured is told."""
        measured = {}
        for vital, status, first, second in items.unpack_signs(signs):
            if status == items.STATUS_OK:
                measured[vital] = (first, second)
        pulse = measured.get(items.VITAL_HEART_RATE)
        if pulse and not self.is_live:  # which has told it already
            self.heart_rate(pulse[0], True, ())
        if items.VITAL_SPO2 in measured:
            self._oxygen(measured[items.VITAL_SPO2][0], pulse, self._date_time(ago_ms))
        if items.VITAL_BLOOD_PRESSURE in measured:
            self._pressure(measured[items.VITAL_BLOOD_PRESSURE], pulse, self._date_time(ago_ms))

    def heart_rate(self, bpm: int, is_worn: bool, intervals) -> bool:
        """A heart rate (0: unknown) and the latest intervals between beats in 1/1024 s; whether
        it went to just those who have subscribed."""
        flags = _CONTACT_KNOWN | (_CONTACT if is_worn else 0)
        rest = b""
        if intervals:
            flags |= _INTERVALS
            for interval in intervals[-_MOST_INTERVALS:]:
                rest += struct.pack("<H", interval)
        return self._radio.tell(self._radio.heart_rate, bytes((flags, bpm)) + rest)

    def _date_time(self, ago_ms: int) -> bytes:
        """When that was by the wearer's clock; nothing while it is not set."""
        return self._clock.current_time(ago_ms)[:_DATE_TIME] if self._clock.is_set else b""

    def _oxygen(self, percent: int, pulse, when: bytes) -> None:
        flags = _SPOT_STATUS | (_SPOT_TIME if when else _SPOT_NO_CLOCK)
        head = struct.pack("<BHH", flags, pack_sfloat(percent), _rate(pulse))
        status = struct.pack("<H", _QUESTIONABLE)
        self._radio.tell(self._radio.spot_check, head + when + status)

    def _pressure(self, pair, pulse, when: bytes) -> None:
        """The mean pressure is not measured, and not guessed from the two."""
        flags = (_PRESSURE_TIME if when else 0) | (_PRESSURE_PULSE if pulse else 0)
        systolic, diastolic = pair
        head = struct.pack("<BHHH", flags, pack_sfloat(systolic), pack_sfloat(diastolic), NAN)
        rest = struct.pack("<H", _rate(pulse)) if pulse else b""
        self._radio.tell(self._radio.blood_pressure, head + when + rest)


def _rate(pulse) -> int:
    """The SFLOAT of a heart rate, beside which its quality stands; NaN without one."""
    return pack_sfloat(pulse[0]) if pulse else NAN
