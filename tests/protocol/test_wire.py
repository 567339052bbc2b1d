"""Batches, frames and requests: what is packed is unpacked, what is damaged is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriband_protocol import control, sockets, wire
from veriband_protocol.passkey import passkey

U32 = st.integers(0, 2**32 - 1)


@given(U32, U32, U32, st.integers(0, 2**40), st.binary(max_size=2000), U32, st.integers(23, 247))
def test_a_batch_goes_through_frames(
    epoch: int, seq: int, boot: int, t_ms: int, body: bytes, upto: int, mtu: int
) -> None:
    batch = wire.pack_batch(1, epoch, seq, boot, t_ms, body, upto)
    size = mtu - 3
    frames = [wire.frame(batch, i, size) for i in range(-(-len(batch) // (size - 1)))]
    assert all(len(frame) <= size for frame in frames)
    assert frames[0][0] & wire.FIRST
    assert [bool(frame[0] & wire.LAST) for frame in frames] == [False] * (len(frames) - 1) + [True]
    joined = b"".join(frame[1:] for frame in frames)
    assert wire.unpack_batch(joined)[:7] == (1, epoch, seq, boot, t_ms, body, upto)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_flipped_bit_is_seen(body: bytes, data: st.DataObject) -> None:
    batch = bytearray(wire.pack_batch(1, 2, 3, 4, 5, body, 6))
    bit = data.draw(st.integers(0, len(batch) * 8 - 1))
    batch[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError, match="CRC"):
        wire.unpack_batch(bytes(batch))


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8), U32)
def test_a_seal_is_over_all_that_comes_before_it(before: bytes, seal: bytes, key_id: int) -> None:
    batch = wire.pack_batch(1, 2, 3, 4, 5, b"items", 6, key_id, before)
    over = bytes(wire.sealed(batch))
    wire.put_seal(batch, seal)
    assert bytes(batch)[: len(over)] == over
    assert bytes(batch)[len(over) : -4] == seal
    assert wire.unpack_batch(bytes(batch)) == (1, 2, 3, 4, 5, b"items", 6, key_id, before, seal)


@given(st.integers(1, 255))
def test_credit_is_understood_and_nothing_else_is(batches: int) -> None:
    assert wire.unpack_more(wire.pack_more(batches)) == batches
    assert wire.unpack_more(wire.pack_more(batches) + b"\0") == 0
    assert wire.unpack_more(wire.pack_read(1, 2, 3, 4)) == 0


@given(st.binary(max_size=70))
def test_any_request_is_understood_or_refused(data: bytes) -> None:
    for unpack in (
        wire.unpack_read,
        control.unpack_clock,
        wire.unpack_state,
        control.unpack_pairing,
    ):
        try:
            unpack(data)
        except ValueError:
            pass


@given(U32, U32, U32, U32, st.integers(0, 2**40), st.integers(0, 3), st.integers(0, 255), U32)
def test_the_state_tells_the_strip(
    epoch: int, oldest: int, upto: int, boot: int, t_ms: int, where: int, chips: int, number: int
) -> None:
    strip = sockets.pack_strip(where, chips, number)
    state = wire.pack_state(1, epoch, oldest, upto, boot, t_ms, strip)
    assert wire.unpack_state(state) == (1, epoch, oldest, upto, boot, t_ms, strip)
    assert sockets.unpack_strip(strip) == (where, chips, number)
    with pytest.raises(ValueError, match="a strip of"):
        sockets.unpack_strip(strip[1:])


def test_a_request_cut_by_the_radio_is_refused() -> None:
    whole = wire.pack_read(1, 2, 3, 4, b"12345678")
    assert wire.unpack_read(whole) == (1, 2, 3, 4, b"12345678")
    for n in range(len(whole)):
        with pytest.raises(ValueError, match="READ"):
            wire.unpack_read(whole[:n])


@pytest.mark.parametrize(
    ("utc_s", "ms", "offset"),
    [
        (0, 0, 0),
        (946684800, 0, 0),
        (3092601600, 0, 0),
        (1700000000, 1000, 0),
        (1700000000, 0, 1081),
    ],
)
def test_an_implausible_clock_is_refused(utc_s: int, ms: int, offset: int) -> None:
    with pytest.raises(ValueError, match="clock"):
        control.unpack_clock(control.pack_clock(utc_s, ms, offset, 0, 0))


def test_passkeys_are_hotp() -> None:
    """RFC 4226, appendix D."""
    expected = [755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489]
    secret = b"12345678901234567890"
    assert [passkey(hashlib.sha1, secret, n) for n in range(10)] == expected
