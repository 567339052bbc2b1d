"""A battery in an event."""

import pytest

from veriband_protocol.battery import CELL, pack_battery, unpack_battery


def test_a_battery_is_read_as_it_was_written() -> None:
    assert unpack_battery(pack_battery(CELL, 2550)) == (CELL, 2550)


@pytest.mark.parametrize("size", [0, 2, 4])
def test_a_battery_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes"):
        unpack_battery(bytes(size))
