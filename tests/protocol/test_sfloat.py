"""SFLOAT: as another codec has it, with numbers from elsewhere."""

import math

import pytest
from bleak_sigspec.formatter import decode_SFLOAT_ieee11073
from hypothesis import given
from hypothesis import strategies as st

from veriband_protocol.sfloat import NAN, pack_sfloat, unpack_sfloat


@pytest.mark.parametrize(
    ("mantissa", "exponent", "data"),
    [(97, 0, "6100"), (970, -1, "caf3"), (120, 0, "7800"), (366, -1, "6ef1"), (-5, 0, "fb0f")],
)
def test_known_numbers(mantissa: int, exponent: int, data: str) -> None:
    assert pack_sfloat(mantissa, exponent).to_bytes(2, "little").hex() == data
    assert unpack_sfloat(pack_sfloat(mantissa, exponent)) == mantissa * 10.0**exponent


@given(st.integers(-2045, 2045), st.integers(-8, 7))
def test_another_codec_reads_the_same(mantissa: int, exponent: int) -> None:
    bits = pack_sfloat(mantissa, exponent)
    other = decode_SFLOAT_ieee11073(bits.to_bytes(2, "little"))
    assert unpack_sfloat(bits) == pytest.approx(mantissa * 10.0**exponent, rel=1e-12)
    assert other == pytest.approx(mantissa * 10.0**exponent, rel=1e-9)


def test_what_is_no_number_is_none() -> None:
    assert [math.isnan(unpack_sfloat(bits)) for bits in (NAN, 0x0800, 0x0801)] == [True] * 3
    assert (unpack_sfloat(0x07FE), unpack_sfloat(0x0802)) == (math.inf, -math.inf)


@given(st.integers(0, 0xFFFF))
def test_whatever_comes_another_codec_reads_the_same(bits: int) -> None:
    other = decode_SFLOAT_ieee11073(bits.to_bytes(2, "little"))
    if isinstance(other, float):
        assert unpack_sfloat(bits) == pytest.approx(other, rel=1e-9)
    else:
        assert not math.isfinite(unpack_sfloat(bits))


@pytest.mark.parametrize(("mantissa", "exponent"), [(2046, 0), (-2046, 0), (1, 8), (1, -9)])
def test_what_does_not_fit_is_refused(mantissa: int, exponent: int) -> None:
    with pytest.raises(ValueError, match="no SFLOAT"):
        pack_sfloat(mantissa, exponent)
