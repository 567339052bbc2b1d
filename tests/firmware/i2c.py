"""A simulated bus as drivers want it: MicroPython's machine.I2C."""

from __future__ import annotations

from veriband_simulator.chips import ENODEV, ETIMEDOUT, Bus, Held, Nack


class MachineI2C(Bus):
    """OSError where a chip does not acknowledge, or the bus is held."""

    def readfrom_mem_into(self, address: int, register: int, buf: bytearray | memoryview) -> None:
        try:
            buf[:] = self.read(address, register, len(buf))
        except Nack:
            raise OSError(ENODEV) from None
        except Held:
            raise OSError(ETIMEDOUT) from None

    def writeto_mem(self, address: int, register: int, buf: bytes) -> None:
        try:
            self.write(address, register, buf)
        except Nack:
            raise OSError(ENODEV) from None
        except Held:
            raise OSError(ETIMEDOUT) from None

    def readfrom_into(self, address: int, buf: bytearray | memoryview) -> None:
        try:
            buf[:] = self.receive(address, len(buf))
        except Nack:
            raise OSError(ENODEV) from None
        except Held:
            raise OSError(ETIMEDOUT) from None

    def writeto(self, address: int, buf: bytes) -> None:
        self.writeto_mem(address, buf[0], buf[1:])
