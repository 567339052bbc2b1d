"""An MCP2221 at a USB port: its HID reports (Microchip DS20005292, section 3), over a bus.

What the data sheet leaves open (bytes 18 and 21 of the status, the engine's states) is as the
library EasyMCP2221 found it on real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from veriband_simulator.chips import Bus, Held, Nack, Unmodelled

VENDOR, PRODUCT = 0x04D8, 0x00DD
REPORT = 64
CHUNK = 60
# States of the I2C engine.
IDLE, START_TIMEOUT, NACKED, NO_STOP = 0x00, 0x12, 0x25, 0x45
READING, MORE, LAST = 0x50, 0x54, 0x55
_OK, _BUSY, _NOT_READ = 0x00, 0x01, 0x41
_STRINGS = {2: "Microchip Technology Inc.", 3: "MCP2221 USB-I2C/UART Combo", 4: "0000000001"}


class Unplugged(OSError):
    """There is no bridge at the port any more; hidapi's errors have no number."""


class Mcp2221:
    """The bridge, with `bus` at its pins. A register's address and what follows are one transfer:
    a write without a stop, and a read with a repeated start.
    """

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.reports = 0  # that it has answered
        self.meanwhile: Callable[[], None] = lambda: None  # called before each is answered
        self._state = IDLE
        self._used = False
        self._wanted = 0  # bytes of the transfer, for the status
        self._register = 0  # where a read with a repeated start begins
        self._out = bytearray()  # of a write that comes in several reports
        self._in = b""  # what was read and not fetched
        self._late = False  # the next fetch comes too early

    def answer(self, report: Sequence[int]) -> list[int]:
        """The report that answers a `report`; both have REPORT bytes."""
        if len(report) != REPORT:
            raise Unmodelled(f"a report of {len(report)} bytes")
        self.reports += 1
        self.meanwhile()
        command = report[0]
        if command == 0x10:
            return self._status(report)
        if command == 0xB0:
            return self._flash(report[1])
        if command == 0x61:
            return _filled([command, _OK, 18, 4])
        if command == 0x60:
            return _filled([command, _OK])
        if command in (0x90, 0x92, 0x94):
            return self._write(report)
        if command in (0x91, 0x93):
            return self._read(report)
        if command == 0x40:
            return self._fetch()
        raise Unmodelled(f"MCP2221 command {command:#04x}")

    def _status(self, report: Sequence[int]) -> list[int]:
        answer = _filled([0x10, _OK])
        if report[2] == 0x10:
            if not self._used:
                raise Unmodelled("a transfer is cancelled on an engine that was never used")
            answer[2] = 0x11 if self._state == IDLE else 0x10
            self._state, self._out, self._in = IDLE, bytearray(), b""
        if report[3] == 0x20:
            answer[3] = 0x20 if self._state == IDLE else 0x21
            answer[4] = report[4]
        answer[8] = self._state
        answer[9], answer[10] = self._wanted & 0xFF, self._wanted >> 8
        answer[18] = 0x10 if self._used else 0x00
        answer[20] = 0x40 if self._state == NACKED else 0x00
        answer[21] = 0x60 if self._used else 0x00
        answer[22], answer[23] = 1, self.bus.sda
        return answer

    def _flash(self, part: int) -> list[int]:
        if part in _STRINGS:
            text = _STRINGS[part].encode("utf-16-le")
            return _filled([0xB0, _OK, len(text) + 2, 3, *text])
        if part == 5:
            return _filled([0xB0, _OK, 8, 3, *b"01234567"])
        return _filled([0xB0, _OK, 10 if part == 0 else 4])

    def _write(self, report: Sequence[int]) -> list[int]:
        command, address = report[0], report[3] >> 1
        size = report[1] | report[2] << 8
        if not self._out and self._state != (NO_STOP if command == 0x92 else IDLE):
            return _filled([command, _BUSY, self._state])
        self._used, self._wanted = True, size
        self._out += bytes(report[4 : 4 + min(CHUNK, size - len(self._out))])
        if len(self._out) < size:
            return _filled([command, _OK, IDLE])
        data, self._out = bytes(self._out), bytearray()
        try:
            if command == 0x94:
                self._begin(address, data)
            else:
                self.bus.write(address, data[0], data[1:])
                self._state = IDLE
        except Nack:
            self._state = NACKED
        except Held:
            self._state = START_TIMEOUT
        return _filled([command, _OK, self._state])

    def _begin(self, address: int, data: bytes) -> None:
        """A register's address goes out, and the bus stays taken. Raises Nack, Held."""
        if len(data) != 1:
            raise Unmodelled("a write without a stop of more than a register's address")
        if self.bus.sda == 0:
            raise Held
        if address not in self.bus.scan():
            raise Nack
        self._register, self._state = data[0], NO_STOP

    def _read(self, report: Sequence[int]) -> list[int]:
        command = report[0]
        if command == 0x91:
            raise Unmodelled("a read that does not say from where")
        if self._state != NO_STOP:
            return _filled([command, _BUSY, self._state])
        self._wanted = report[1] | report[2] << 8
        try:
            self._in = self.bus.read(report[3] >> 1, self._register, self._wanted)
            self._state, self._late = READING, True
        except Nack:
            self._state = NACKED
        except Held:
            self._state = START_TIMEOUT
        return _filled([command, _OK, self._state])

    def _fetch(self) -> list[int]:
        if self._late or self._state != READING:
            self._late = False
            return _filled([0x40, _NOT_READ, self._state, 127])
        chunk, self._in = self._in[:CHUNK], self._in[CHUNK:]
        if self._in:
            return _filled([0x40, _OK, MORE, len(chunk), *chunk])
        self._state = IDLE
        return _filled([0x40, _OK, LAST, len(chunk), *chunk])


class UsbPorts:
    """The face of hidapi's module `hid`: ports of a computer, with a bridge in the first or none.

    With `locked` it may be seen, but not be opened, as by who has no right to.
    """

    def __init__(self, bridge: Mcp2221 | None, *, locked: bool = False) -> None:
        self.bridge = bridge
        self.locked = locked
        self.opened = 0  # and not closed

    def enumerate(self, vendor: int, product: int) -> list[dict[str, object]]:
        """What is there of that kind."""
        if self.bridge is None or (vendor, product) != (VENDOR, PRODUCT):
            return []
        return [{"path": b"%d" % id(self), "serial_number": ""}]

    def device(self) -> HidDevice:
        """One that is not open yet."""
        return HidDevice(self)


class HidDevice:
    """hidapi's `device`."""

    def __init__(self, ports: UsbPorts) -> None:
        self._ports = ports
        self._is_open = False
        self._answers: list[list[int]] = []

    def open_path(self, path: bytes) -> None:
        """Raises OSError."""
        if self._ports.locked or self._ports.bridge is None:
            raise OSError("open failed")
        self._is_open = True
        self._ports.opened += 1

    def _bridge(self) -> Mcp2221:
        if not self._is_open:
            raise ValueError("not open")
        if self._ports.bridge is None:
            raise Unplugged("read error")
        return self._ports.bridge

    def write(self, report: Sequence[int]) -> int:
        """Send a report behind its number. Raises Unplugged."""
        self._answers.append(self._bridge().answer(report[1:]))
        return len(report)

    def read(self, size: int, timeout_ms: int = 0) -> list[int]:
        """The next answer, empty when there is none. Raises Unplugged."""
        self._bridge()
        return self._answers.pop(0)[:size] if self._answers else []

    def close(self) -> None:
        """Nothing happens if it is closed."""
        self._ports.opened -= self._is_open
        self._is_open = False


def _filled(head: Sequence[int]) -> list[int]:
    return [*head, *[0] * (REPORT - len(head))]
