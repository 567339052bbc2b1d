"""What standard meters send, decoded: every field, every special number, every lie."""

from __future__ import annotations

import struct
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriband.link.measurement import (
    Measurement,
    blood_pressure,
    oximetry,
    pack_time,
    sfloat,
)
from veriband.records import Sign
from veriband.store.entered import WHOEVER
from veriband_protocol.items import (
    STATUS_FAILED,
    STATUS_NO_SENSOR,
    STATUS_NOT_WORN,
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)

BERLIN = ZoneInfo("Europe/Berlin")
NAN, NRES, INF, MINUS_INF, RESERVED = 0x07FF, 0x0800, 0x07FE, 0x0802, 0x0801
HALF_PAST = bytes.fromhex("ea070b19071e00")  # 2026-11-25 07:30:00


def sf(mantissa: int, exponent: int = 0) -> bytes:
    return struct.pack("<H", (exponent & 0xF) << 12 | mantissa & 0xFFF)


def bp(systolic: int, diastolic: int) -> Sign:
    return Sign(VITAL_BLOOD_PRESSURE, STATUS_OK, systolic, diastolic)


def rate(bpm: int) -> Sign:
    return Sign(VITAL_HEART_RATE, STATUS_OK, bpm, 0)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("6100", 97), ("caf3", 97.0), ("7800", 120), ("6ef1", 36.6), ("0000", 0), ("ff0f", -1),
        ("fd07", 2045), ("0378", -2045 * 10**7), ("fd87", 2045e-8),
    ],
)  # fmt: skip
def test_a_number_has_a_mantissa_and_an_exponent_in_twos_complement(
    data: str, value: float
) -> None:
    assert sfloat(bytes.fromhex(data)) == pytest.approx(value)


@pytest.mark.parametrize("special", [NAN, NRES, INF, MINUS_INF, RESERVED])
@pytest.mark.parametrize("exponent", range(16))
def test_what_is_no_number_is_none(special: int, exponent: int) -> None:
    assert sfloat(struct.pack("<H", exponent << 12 | special)) is None


@given(st.integers(-2045, 2045), st.integers(-8, 7))
def test_every_other_number_is_one(mantissa: int, exponent: int) -> None:
    assert sfloat(sf(mantissa, exponent)) == pytest.approx(mantissa * 10.0**exponent)


def test_a_blood_pressure_with_every_field() -> None:
    data = b"\x1e" + sf(128) + sf(82) + sf(97) + HALF_PAST + sf(71) + b"\x02" + b"\x00\x00"
    found = blood_pressure(data)
    local = datetime(2026, 11, 25, 7, 30)
    assert found == Measurement((bp(128, 82), rate(71)), local, True, 2, ())


@pytest.mark.parametrize(
    ("data", "signs"),
    [
        (b"\x00" + sf(128) + sf(82) + sf(97), (bp(128, 82),)),
        (b"\x04" + sf(128) + sf(82) + sf(97) + sf(710, -1), (bp(128, 82), rate(71))),
        (b"\x04" + sf(128) + sf(82) + sf(97) + sf(NAN), (bp(128, 82),)),
        (b"\x00" + sf(1284, -1) + sf(818, -1) + sf(NAN), (bp(128, 82),)),
        (b"\x01" + sf(171, -1) + sf(109, -1) + sf(NRES), (bp(128, 82),)),
        (b"\x01" + sf(1707, -2) + sf(1093, -2) + sf(0), (bp(128, 82),)),
        (b"\x08" + sf(128) + sf(82) + sf(97) + b"\xff", (bp(128, 82),)),
        (b"\xe0" + sf(128) + sf(82) + sf(97) + b"what is to come", (bp(128, 82),)),
    ],
)
def test_units_and_what_may_be_missing(data: bytes, signs: tuple[Sign, ...]) -> None:
    found = blood_pressure(data)
    assert (found.signs, found.local, found.user) == (signs, None, WHOEVER)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("special", [NAN, NRES, INF, MINUS_INF])
def test_a_pressure_without_a_number_was_not_measured(which: int, special: int) -> None:
    numbers = [sf(128), sf(82), sf(97)]
    numbers[which] = sf(special)
    (sign,) = blood_pressure(b"\x00" + b"".join(numbers)).signs
    assert sign == (VITAL_BLOOD_PRESSURE, STATUS_FAILED, 0, 0)


@pytest.mark.parametrize(
    ("status", "remarks"),
    [
        (0x0001, ("moved",)),
        (0x0002, ("cuff too loose",)),
        (0x0004, ("irregular pulse",)),
        (0x0008, ("pulse above the meter's range",)),
        (0x0010, ("pulse below the meter's range",)),
        (0x0018, ()),
        (0x0020, ("measured in a wrong position",)),
        (0x0005, ("moved", "irregular pulse")),
        (0xFFC0, ()),
    ],
)
def test_what_a_cuff_says_about_a_reading_is_kept(status: int, remarks: tuple[str, ...]) -> None:
    data = b"\x10" + sf(128) + sf(82) + sf(97) + struct.pack("<H", status)
    assert blood_pressure(data).remarks == remarks


@pytest.mark.parametrize(
    ("flags", "rest", "sign", "remarks"),
    [
        (0x00, b"", (VITAL_SPO2, STATUS_OK, 97, 0), ()),
        (0x02, struct.pack("<H", 1 << 14), (VITAL_SPO2, STATUS_OK, 97, 0), ("questionable",)),
        (0x02, struct.pack("<H", 1 << 7 | 1 << 8), (VITAL_SPO2, STATUS_OK, 97, 0), ()),
        (0x02, struct.pack("<H", 1 << 6), (VITAL_SPO2, STATUS_OK, 97, 0), ("early estimate",)),
        (0x02, struct.pack("<H", 1 << 15), (VITAL_SPO2, STATUS_FAILED, 0, 0), ()),
        (0x02, struct.pack("<H", 1 << 13), (VITAL_SPO2, STATUS_FAILED, 0, 0), ()),
        (0x04, b"\x20\x00\x00", (VITAL_SPO2, STATUS_OK, 97, 0), ("low perfusion",)),
        (0x04, b"\x00\x08\x00", (VITAL_SPO2, STATUS_NOT_WORN, 0, 0), ()),
        (0x04, b"\x00\x80\x00", (VITAL_SPO2, STATUS_NO_SENSOR, 0, 0), ()),
        (0x0E, b"\0\0\x10\0\0" + sf(14, -1), (VITAL_SPO2, STATUS_OK, 97, 0), ("poor signal",)),
    ],
)
def test_what_an_oximeter_says_about_a_reading_is_kept(
    flags: int, rest: bytes, sign: tuple[int, ...], remarks: tuple[str, ...]
) -> None:
    found = oximetry(bytes((flags,)) + sf(970, -1) + sf(64) + rest)
    assert (found.signs[0], found.remarks) == (sign, remarks)
    assert (found.signs[1:] == (rate(64),)) == (sign[1] == STATUS_OK)


@pytest.mark.parametrize("bit", [10, 11])
def test_a_demonstration_is_no_measurement(bit: int) -> None:
    with pytest.raises(ValueError, match="it is a demonstration"):
        oximetry(b"\x02" + sf(97) + sf(64) + struct.pack("<H", 1 << bit))


def test_an_oximeter_without_a_number_has_not_measured() -> None:
    assert oximetry(b"\x00" + sf(NAN) + sf(NAN)).signs == ((VITAL_SPO2, STATUS_FAILED, 0, 0),)
    assert len(oximetry(b"\x00" + sf(97) + sf(NRES)).signs) == 1


@given(st.binary(max_size=40))
def test_any_bytes_are_a_plausible_measurement_or_refused(data: bytes) -> None:
    for decode in (blood_pressure, oximetry):
        with suppress(ValueError):
            for sign in decode(data).signs:
                assert sign.status != STATUS_OK or 20 <= sign.first <= 300


@pytest.mark.parametrize("extra", range(1, 18))
def test_whatever_is_cut_off_a_measurement_it_is_refused(extra: int) -> None:
    data = b"\x1e" + sf(128) + sf(82) + sf(97) + HALF_PAST + sf(71) + b"\x02" + b"\x00\x00"
    with pytest.raises(ValueError, match="cut"):
        blood_pressure(data[:-extra])


# Time.


def measured(local: datetime | None, clock_set: bool = True) -> Measurement:
    return Measurement((bp(128, 82),), local, clock_set, 2, ("moved",))


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-11-25T07:30", "2026-11-25T06:30"),
        ("2026-07-01T07:30", "2026-07-01T05:30"),
        ("2026-10-25T02:30", "2026-10-25T01:30"),  # comes twice: the later one
        ("2026-03-29T02:30", "2026-03-29T00:30"),  # never comes: its clock was not put forward
        ("2026-11-25T13:09", "2026-11-25T12:09"),  # nine minutes ahead
    ],
)
def test_a_meters_time_is_one_of_the_wearers_clock(local: str, utc: str) -> None:
    came = datetime.fromisoformat("2026-11-25T12:00+00:00")
    entry = measured(datetime.fromisoformat(local)).entry(
        "meter A", BERLIN, round(came.timestamp() * 1000)
    )
    assert entry.utc_ms == datetime.fromisoformat(f"{utc}+00:00").timestamp() * 1000
    assert (entry.stamp, entry.remarks) == (f"{local}:00 2", "moved")


def test_of_an_hour_that_comes_twice_the_one_that_has_been_is_taken() -> None:
    came = datetime.fromisoformat("2026-10-25T00:31+00:00")
    entry = measured(datetime(2026, 10, 25, 2, 30)).entry("A", BERLIN, came.timestamp() * 1000)
    assert entry.utc_ms == (came.timestamp() - 60) * 1000


@pytest.mark.parametrize(
    ("local", "clock_set", "remarks"),
    [
        (None, True, "moved"),
        (datetime(2026, 11, 25, 13, 11), True, "moved, its clock is ahead: dated by when it came"),
        (datetime(9999, 12, 31), True, "moved, its clock is ahead: dated by when it came"),
        (datetime(2015, 1, 1), True, "moved, its clock was never set: dated by when it came"),
        (datetime(1600, 1, 1), True, "moved, its clock was never set: dated by when it came"),
        (datetime(2026, 11, 25), False, "moved, its clock was never set: dated by when it came"),
    ],
)
def test_a_time_that_cannot_be_is_replaced_and_that_is_remarked(
    local: datetime | None, clock_set: bool, remarks: str
) -> None:
    came_ms = round(datetime.fromisoformat("2026-11-25T12:00+00:00").timestamp() * 1000)
    entry = measured(local, clock_set).entry("meter A", BERLIN, came_ms)
    assert (entry.utc_ms, entry.remarks) == (came_ms, remarks)
    assert bool(entry.stamp) == (local is not None), "so that it is known when it comes again"


@pytest.mark.parametrize(
    ("clock", "local"),
    [
        (HALF_PAST, datetime(2026, 11, 25, 7, 30)),
        (bytes(7), None),
        (b"\xea\x07\x00\x19\x07\x1e\x00", None),
        (b"\xea\x07\x0b\x00\x07\x1e\x00", None),
    ],
)
def test_a_time_that_is_not_known_is_none(clock: bytes, local: datetime | None) -> None:
    assert blood_pressure(b"\x02" + sf(128) + sf(82) + sf(97) + clock).local == local


def test_a_time_is_packed_as_it_is_read() -> None:
    now = datetime(2026, 11, 25, 7, 30, 59)
    data = b"\x02" + sf(128) + sf(82) + sf(97) + pack_time(now)
    assert blood_pressure(data).local == now


@pytest.mark.parametrize("pulse", [sf(0), sf(NAN)])
def test_a_meter_that_found_no_pulse_keeps_its_reading(pulse: bytes) -> None:
    pressure = b"\x04" + sf(128) + sf(82) + sf(97) + pulse
    assert blood_pressure(pressure).signs == (bp(128, 82),)
    oxygen = b"\x00" + sf(97) + pulse
    assert oximetry(oxygen).signs == (Sign(VITAL_SPO2, STATUS_OK, 97, 0),)
