"""A simulated bus as SparkFun's drivers want it, which are another's hand on our chips' models."""

from __future__ import annotations

from collections.abc import Container, Sequence

from veriband_simulator.chips import Bus


class QwiicBus:
    """`bus`, on which there is a chip at `address`. Registers `elsewhere` are of functions that
    its model does not have: they read as 0, and what is written leads nowhere."""

    def __init__(self, bus: Bus, address: int, elsewhere: Container[int] = ()) -> None:
        self._bus = bus
        self._address = address
        self._elsewhere = elsewhere

    def isDeviceConnected(self, address: int) -> bool:  # noqa: N802
        return address == self._address

    def readByte(self, address: int, register: int) -> int:  # noqa: N802
        return 0 if register in self._elsewhere else self._bus.read(address, register, 1)[0]

    def writeByte(self, address: int, register: int, value: int) -> None:  # noqa: N802
        self.write_block(address, register, (value,))

    def readBlock(self, address: int, register: int, size: int) -> list[int]:  # noqa: N802
        return list(self._bus.read(address, register, size))

    read_block = readBlock

    def write_block(self, address: int, register: int, values: Sequence[int]) -> None:
        if register not in self._elsewhere:
            self._bus.write(address, register, bytes(values))
