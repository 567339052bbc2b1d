"""The journal's items: what is written is read, cut anywhere, never misread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriband.records import Anchor, Item, Kind, Reading, decode
from veriband_protocol import items, readings
from veriband_protocol.items import Position, get_varint, put_varint, tail


def minute(steps: int) -> bytes:
    return bytes((steps,)) if steps < 128 else bytes((items.LONG_MINUTE, steps - 128))


def tagged(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def varint(value: int) -> bytes:
    buf = bytearray(8)
    return bytes(buf[: put_varint(buf, 0, value)])


ITEM = st.one_of(
    st.integers(1, items.MAX_MINUTE_STEPS).map(minute),
    st.integers(1, items.MAX_RUN).map(lambda n: bytes((0x7F + n,))),
    st.tuples(st.integers(0, 10**8), st.integers(0, 10**5)).map(
        lambda g: tagged(items.GAP, varint(g[0]) + varint(g[1]) + b"\x01")
    ),
    st.integers(1, 10**6).map(lambda n: tagged(items.HOLE, varint(n))),
    st.integers(1, 1000).map(lambda n: tagged(items.BOOT, varint(n) + b"\x01" + varint(3))),
    st.binary(max_size=20).map(lambda body: tagged(0xF0, body)),
    st.integers(0, 255).map(lambda s: tagged(items.READING, varint(s) + b"\x10\x48\x5a\x23")),
    st.integers(0, 255).map(lambda s: tagged(0xD3, varint(s) + b"\x48\x5a\x60\x5b")),
)


def counted(tag: int, count: int) -> bytes:
    return tagged(tag, count.to_bytes(2, "little"))


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Items, among them totals, each after a count that it may go on from."""
    parts = draw(st.lists(ITEM, min_size=1, max_size=20))
    count = draw(st.integers(0, 0xFFFF))
    places = st.lists(st.integers(0, len(parts)), max_size=5)
    for at in sorted(draw(places), reverse=True):
        more = (count + draw(st.integers(0, items.MAX_MINUTE_STEPS))) & 0xFFFF
        parts[at:at] = [counted(items.COUNT, count), counted(items.TOTAL, more)]
        count = draw(st.integers(0, 0xFFFF))
    return parts


@given(st.integers(0, 2**40))
def test_a_varint_is_read_as_written(value: int) -> None:
    data = varint(value)
    assert get_varint(data, 0) == (value, len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 8])
def test_a_cut_or_endless_varint_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="varint"):
        get_varint(data, 0)


@given(logs())
def test_position_and_decoder_agree(parts: list[bytes]) -> None:
    data = b"".join(parts)
    at = Position(7, 3, 1000)
    i = 0
    while i < len(data):
        i = at.step(data, i)
    decoded = list(decode(data, 7, 3, 1000))
    following = [item.seq + item.count for item in decoded]
    assert [item.seq for item in decoded] + [at.seq] == [7, *following], "every number once"


@given(logs(), st.data())
def test_a_tail_holds_exactly_what_follows_the_number(
    parts: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(parts)
    end = Position(100, 1, 0)
    i = 0
    while i < len(whole):
        i = end.step(whole, i)
    seq = data.draw(st.integers(100, end.seq - 1))
    at = Position(100, 1, 0)
    rest = tail(whole, at, seq)
    assert at.seq == seq

    def facts(found: list[Item]) -> list[tuple[int, Kind, int, int | None]]:
        return [
            (i.seq, i.kind, i.t_ms, i.steps) for i in found if i.seq >= seq and i.kind != Kind.HOLE
        ]

    whole_items = list(decode(whole, 100, 1, 0))
    totals = [item.total for item in whole_items if item.seq < seq and item.total is not None]
    rest_items = list(decode(rest, at.seq, at.boot, at.t_ms, totals[-1] if totals else None))
    assert facts(rest_items) == facts(whole_items)
    assert rest_items[-1].seq + rest_items[-1].count == end.seq


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        list(decode(data, 0, 0, 0))
    except (ValueError, IndexError):
        pass


def test_each_kind_says_what_it_is() -> None:
    data = (
        minute(5) + minute(200) + b"\x81"
        + tagged(items.GAP, varint(90_000) + varint(12) + bytes((items.REASON_CLOCK,)))
        + tagged(items.ANCHOR, varint(500) + bytes.fromhex("00f15365 fa00 10ff 01"))
        + tagged(items.BOOT, varint(2) + bytes((items.CAUSE_WATCHDOG,)) + varint(9))
        + tagged(0xF7, b"new")
        + tagged(items.READING, varint(15) + bytes((0x10, 72, 90, 0x23)))
        + tagged(items.READING, varint(16) + b"\x11")
    )  # fmt: skip
    m1, m2, zero1, zero2, gap, anchor, boot, unknown, rate, off = decode(data, 10, 1, 0)
    assert [i.steps for i in (m1, m2, zero1, zero2)] == [5, 200, 0, 0]
    assert [i.t_ms for i in (m1, m2, zero1, zero2, gap)] == [0, 60_000, 120_000, 180_000, 240_000]
    assert (gap.kind, gap.duration_ms, gap.steps) == (Kind.GAP, 90_000, 12)
    assert isinstance(anchor, Anchor)
    assert (anchor.t_ms, anchor.utc_ms, anchor.offset_min) == (330_500, 1_700_000_000_250, -240)
    assert (boot.boot, boot.t_ms, boot.steps) == (2, 0, 9)
    assert (unknown.kind, unknown.raw, unknown.seq) == (Kind.UNKNOWN, b"new", 17)
    assert isinstance(rate, Reading)
    assert isinstance(off, Reading)
    assert (rate.t_ms, rate.detail) == (15_000, items.STATUS_OK)
    assert rate.signs == ((items.VITAL_HEART_RATE, 0, 72, 90), (items.VITAL_SPO2, 3, 0, 0))
    assert (off.t_ms, off.detail) == (16_000, items.STATUS_NOT_WORN)
    assert off.signs == ((items.VITAL_HEART_RATE, items.STATUS_NOT_WORN, 0, 0),)


SIGN = st.tuples(
    st.integers(1, 4),
    st.sampled_from([0, 0, 0, 1, 3, 8]),
    st.integers(0, 255),
    st.integers(0, 255),
)


@given(
    st.integers(0, 10**6), st.lists(SIGN, min_size=1, unique_by=lambda sign: sign[0]).map(sorted)
)
def test_a_reading_is_read_as_written(s: int, signs: list[tuple[int, int, int, int]]) -> None:
    raw = b"".join(items.pack_sign(*sign) for sign in signs)
    tag, body = readings.pack(s, raw)
    assert readings.is_reading(tag)
    assert readings.unpack(tag, body) == (s, raw)
    short = all(status == items.STATUS_OK for _, status, _, _ in signs)
    assert len(body) == len(varint(s)) + len(raw) - short * len(signs)


def test_a_reading_that_is_ok_is_the_same_in_either_form() -> None:
    short = tagged(0xD3, varint(15) + bytes((72, 90, 97, 91)))
    long = tagged(items.READING, varint(15) + bytes((0x10, 72, 90, 0x20, 97, 91)))
    assert list(decode(short, 5, 1, 0)) == list(decode(long, 5, 1, 0))


@pytest.mark.parametrize("body", ["", "0f", "0f48", "0f485a60", "0f485a605b00"])
def test_a_short_reading_of_another_length_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"another length|varint"):
        list(decode(tagged(0xD3, bytes.fromhex(body)), 0, 1, 0))


@pytest.mark.parametrize("raw", ["", "10", "1048", "100000", "104865", "2065ff", "300050"])
def test_signs_that_are_cut_or_of_nobody_are_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="sign"):
        list(decode(tagged(items.READING, varint(15) + bytes.fromhex(raw)), 0, 1, 0))


def test_totals_become_increments_over_the_counters_wrap() -> None:
    data = counted(items.COUNT, 65_500) + counted(items.TOTAL, 65_530) + counted(items.TOTAL, 40)
    base, first, second = decode(data, 0, 1, 0)
    assert base.kind is Kind.COUNT
    assert [(i.kind, i.steps, i.t_ms) for i in (first, second)] == [
        (Kind.MINUTE, 30, 0), (Kind.MINUTE, 46, 60_000),
    ]  # fmt: skip
    (gap,) = decode(counted(items.TOTAL, 40), 0, 1, 0)
    assert (gap.kind, gap.steps, gap.duration_ms, gap.total) == (Kind.GAP, 0, 60_000, 40)
    with pytest.raises(ValueError, match="384 steps"):
        list(decode(counted(items.TOTAL, 384), 0, 1, 0, 0))
