"""A band's items as the host keeps them, decoded from the wire."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from veriband_protocol import control, items, readings
from veriband_protocol.items import MINUTE_MS, Position, get_varint

MOST_STEPS = 1 << 24
STRIP = "strip"


class Kind(IntEnum):
    """What an item is."""

    MINUTE = 1
    GAP = 2
    BOOT = 3
    ANCHOR = 4
    EVENT = 5
    HOLE = 6
    UNKNOWN = 7
    READING = 8
    COUNT = 9  # of the step chip, where it uploads totals


# Of both numbers of a vital sign: what a byte may say of a living body.
_BOUNDS = {
    items.VITAL_HEART_RATE: ((1, 255), (0, 100)),
    items.VITAL_SPO2: ((1, 100), (0, 100)),
    items.VITAL_BLOOD_PRESSURE: ((1, 255), (1, 255)),
}
GAP_REASONS = {
    items.REASON_CLOCK: "the clock was set",
    items.REASON_NO_READING: "the step sensor did not answer",
    items.REASON_SENSOR_RESET: "the step sensor was reset",
    items.REASON_LATE: "the band was busy",
    items.REASON_IMPLAUSIBLE: "more steps than a minute can hold",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `t_ms` is its begin in ms of its boot; `steps` None where it has none.

    `count` numbers from `seq` on belong to it (more than one for a hole only). `detail` is the
    item's reason, cause, code or status, `raw` its body as received. `total`: the step chip's
    count at its end, where the band uploads totals.
    """

    seq: int
    kind: Kind
    boot: int
    t_ms: int
    duration_ms: int = 0
    steps: int | None = None
    count: int = 1
    detail: int = 0
    raw: bytes = b""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Anchor(Item):
    """It was `utc_ms` at `t_ms` of the boot, the wearer's clock `offset_min` ahead of UTC."""

    utc_ms: int = 0
    offset_min: int = 0


class Sign(NamedTuple):
    """A vital sign (items.VITAL_*) with its status (items.STATUS_*); where that is ok, its value
    and its quality in percent, or of a blood pressure the systolic and diastolic in mmHg."""

    vital: int
    status: int
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Reading(Item):
    """Vital signs taken together; `detail` is the status of the first."""

    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """Vital signs of a wearer that were taken together at `utc_ms`.

    `source`: STRIP, "meter" and its address, or "typed in"; `remarks`: what a meter said of it.
    A sign of a meter, or typed in, has no quality, and may have a value though its status is not
    ok, as a doubtful one.
    """

    utc_ms: int
    source: str
    signs: tuple[Sign, ...]
    remarks: str = ""


class End(NamedTuple):
    """Where a row of items ends: what comes next begins at `t_ms` of `boot`, or not before that if
    it is not `is_exact`, as behind a hole or numbers that were overwritten."""

    boot: int
    t_ms: int
    is_exact: bool


TIMED = (Kind.MINUTE, Kind.GAP, Kind.BOOT, Kind.HOLE)  # what says where the next item begins


def end_of(items: Sequence[Item], boot: int, t_ms: int) -> End:
    """Where `items` end that begin at `t_ms` of `boot`."""
    for item in reversed(items):
        if item.kind in TIMED:
            return End(item.boot, item.t_ms + item.duration_ms, item.kind is not Kind.HOLE)
    return End(boot, t_ms, True)


def decode(
    data: bytes, seq: int, boot: int, t_ms: int, total: int | None = None
) -> Iterator[Item]:
    """The items in `data`, the first standing at number `seq`, at `t_ms` of `boot`.

    `total`: where the step chip stood by the last total before them, None where that is unknown.
    Raises ValueError when they are malformed.
    """
    at = Position(seq, boot, t_ms)
    i = 0
    while i < len(data):
        before = at.copy()
        after = at.step(data, i)
        minutes = items.minutes_at(data[i])
        if minutes:
            steps = data[i] if data[i] < 0x80 else 0
            if data[i] == items.LONG_MINUTE:
                steps = 128 + data[i + 1]
            for k in range(minutes):
                t = before.t_ms + k * MINUTE_MS
                yield Item(before.seq + k, Kind.MINUTE, boot, t, MINUTE_MS, steps)
        elif data[i] in (items.TOTAL, items.COUNT):
            item = _counted(data[i], data[i + 2 : after], before, total)
            total = item.total
            yield item
        else:
            yield _tagged(data[i], data[i + 2 : after], before, at)
        boot = at.boot
        i = after


def _counted(tag: int, body: bytes, at: Position, before: int | None) -> Item:
    """A minute from the chip's cumulative count (B [46]); a gap where none is known before."""
    if len(body) != 2:
        raise ValueError("a count of another length")
    now = int.from_bytes(body, "little")
    if tag == items.COUNT:
        return Item(at.seq, Kind.COUNT, at.boot, at.t_ms, raw=body, total=now)
    steps, kind, reason = 0, Kind.GAP, items.REASON_NO_READING
    if before is not None:
        steps, kind, reason = (now - before) & 0xFFFF, Kind.MINUTE, 0
    if steps > items.MAX_MINUTE_STEPS:
        raise ValueError(f"{steps} steps in a minute")
    return Item(at.seq, kind, at.boot, at.t_ms, MINUTE_MS, steps, 1, reason, body, now)


def _tagged(tag: int, body: bytes, before: Position, after: Position) -> Item:
    seq, boot, t_ms = before.seq, before.boot, before.t_ms
    if tag == items.GAP:
        duration, i = get_varint(body, 0)
        steps, i = get_varint(body, i)
        return Item(seq, Kind.GAP, boot, t_ms, duration, _plausible(steps), 1, body[i], body)
    if tag == items.BOOT:
        _, i = get_varint(body, 0)
        steps = get_varint(body, i + 1)[0]
        return Item(seq, Kind.BOOT, after.boot, 0, 0, _plausible(steps), 1, body[i], body)
    if tag == items.HOLE:
        count = after.seq - seq
        if count < 1:
            raise ValueError("an empty hole")
        return Item(seq, Kind.HOLE, boot, t_ms, count=count, raw=body)
    if tag == items.ANCHOR:
        ms, i = get_varint(body, 0)
        if len(body) != i + 9:
            raise ValueError("an anchor of another length")
        utc_s, utc_ms, offset_min, source = struct.unpack_from("<IHhB", body, i)
        if utc_s < control.EARLIEST_UTC or utc_ms > 999 or abs(offset_min) > control.MOST_OFFSET:
            raise ValueError("an anchor that no clock can give")
        return Anchor(
            seq, Kind.ANCHOR, boot, t_ms + ms, detail=source, raw=body,
            utc_ms=utc_s * 1000 + utc_ms, offset_min=offset_min,
        )  # fmt: skip
    if readings.is_reading(tag):
        s, signs = readings.unpack(tag, body)
        return reading(seq, boot, t_ms + s * 1000, signs)
    if tag == items.EVENT:
        ms, i = get_varint(body, 0)
        return Item(seq, Kind.EVENT, boot, t_ms + ms, detail=body[i], raw=body[i + 1 :])
    return Item(seq, Kind.UNKNOWN, boot, t_ms, detail=tag, raw=body)


def reading(seq: int, boot: int, t_ms: int, raw: bytes) -> Reading:
    """A reading from its signs' bytes."""
    signs = signs_of(raw)
    return Reading(
        seq, Kind.READING, boot, t_ms, detail=signs[0].status, raw=raw, signs=tuple(signs)
    )


def signs_of(raw: bytes) -> list[Sign]:
    """The vital signs in items.pack_sign's bytes. Raises ValueError when they cannot be."""
    signs = [Sign(*sign) for sign in items.unpack_signs(raw)]
    for sign in signs:
        if sign.vital in _BOUNDS and sign.status == items.STATUS_OK:
            for value, (low, high) in zip(sign[2:], _BOUNDS[sign.vital], strict=True):
                if not low <= value <= high:
                    raise ValueError(f"a vital sign that nobody has: {sign}")
    return signs


def _plausible(steps: int) -> int:
    if steps > MOST_STEPS:
        raise ValueError(f"{steps} steps in one item")
    return steps
