"""The battery gauge's driver and its model, and another's driver on the same."""

from __future__ import annotations

import pytest
from qwiic_max1704x import QwiicMAX1704X

from drivers.max17048 import MAX17048
from tests.firmware.i2c import MachineI2C
from tests.firmware.qwiic import QwiicBus
from veriband_simulator.chips import Max17048


def bus(percent: float) -> MachineI2C:
    return MachineI2C(Max17048(lambda: 0, lambda _: percent))


@pytest.mark.parametrize(("percent", "cell_mv"), [(0.0, 3300), (42.5, 3682), (100.0, 4200)])
def test_another_driver_reads_the_same(percent: float, cell_mv: int) -> None:
    its = bus(percent)
    ours = MAX17048(its)
    assert (ours.percent(), ours.cell_mv()) == (int(percent), cell_mv)
    other = QwiicMAX1704X(
        Max17048.address, QwiicBus(its, Max17048.address), QwiicMAX1704X.kDeviceTypeMAX17048
    )
    assert other.begin(), "its version is a MAX17048's"
    assert other.get_soc() == percent
    assert other.get_voltage() * 1000 == pytest.approx(cell_mv, abs=1)


def test_a_gauge_that_says_more_than_full_is_full() -> None:
    assert MAX17048(bus(101.5)).percent() == 100


def test_a_gauge_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="19"):
        MAX17048(MachineI2C()).percent()
