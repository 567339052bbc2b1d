"""SFLOAT of IEEE 11073-20601: 16 bits, a decimal exponent of 4 above a mantissa of 12.

Both are in two's complement. Five of the values with exponent 0 are no numbers.
"""

NAN = 0x07FF
_MOST = 2045  # of a mantissa, either way; beyond it are those that are no numbers
_INFINITE = {0x07FE: float("inf"), 0x0802: float("-inf")}
_NONE = (NAN, 0x0800, 0x0801)  # no number, not at this resolution, reserved


def pack_sfloat(mantissa: int, exponent: int = 0) -> int:
    """The 16 bits of `mantissa` (-2045 to 2045) times ten to the power `exponent` (-8 to 7).

    Raises ValueError when it does not fit.
    """
    if not -_MOST <= mantissa <= _MOST or not -8 <= exponent <= 7:
        raise ValueError("no SFLOAT")
    return (exponent & 0x0F) << 12 | (mantissa & 0x0FFF)


def unpack_sfloat(bits: int) -> float:
    """The number that 16 bits stand for; NaN where they stand for none."""
    if bits in _NONE:
        return float("nan")
    if bits in _INFINITE:
        return _INFINITE[bits]
    exponent, mantissa = bits >> 12, bits & 0x0FFF
    if mantissa & 0x0800:
        mantissa -= 0x1000
    return mantissa / 10 ** (16 - exponent) if exponent & 8 else float(mantissa * 10**exponent)
