"""The ESP32's `bluetooth` (NimBLE binding): a thin face of the world's GATT server.

The traps are the world's: 20-byte values that truncate silently, ENOMEM on a full queue, no
subscribe event. One is here: an exception that leaves the handler deafens the radio for good.
"""

import struct
from binascii import unhexlify

import world

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010
FLAG_INDICATE = 0x0020

_ENODEV = 19


def UUID(value) -> bytes:  # noqa: N802
    """A 16-bit or 128-bit UUID: its bytes, little-endian, as bytes() of the board's class."""
    if isinstance(value, int):
        return struct.pack("<H", value)
    if isinstance(value, str):
        return bytes(reversed(unhexlify(value.replace("-", ""))))
    return bytes(value)


class BLE:
    """The radio; one object, as on the board."""

    _the = None

    def __new__(cls):
        if BLE._the is None:
            BLE._the = object.__new__(cls)
            BLE._the._handler = None
            BLE._the._active = False
            world.handlers["ble"] = BLE._the._event
        return BLE._the

    def _event(self, kind: int, data):
        if self._handler is None:
            return None
        try:
            return self._handler(
                kind, tuple(memoryview(d) if type(d) is bytes else d for d in data)
            )
        except Exception as error:
            self._handler = None
            print("Unhandled exception in IRQ callback handler", repr(error))
            return None

    def active(self, active=None):
        """Switch the radio on or off."""
        if active is not None:
            self._active = bool(active)
            if not active:
                self._handler = None
            world.call("ble_active", self._active)
        return self._active

    def irq(self, handler) -> None:
        """Have `handler(event, data)` called."""
        self._handler = handler

    def _check(self) -> None:
        if not self._active:
            raise OSError(_ENODEV)

    def config(self, *names, **values):
        """Read `mac`, or set gap_name, mtu, bond, mitm, le_secure, io, addr_mode, rxbuf."""
        self._check()
        if names:
            return (0, world.call("unique_id")) if names[0] == "mac" else None
        for name in values:
            world.call("ble_config", name, values[name])

    def gap_advertise(
        self, interval_us, adv_data=None, *, resp_data=None, connectable=True
    ) -> None:
        """Advertise, or stop with None."""
        self._check()
        world.call("ble_advertise", interval_us, adv_data, resp_data, connectable)

    def gatts_register_services(self, services):
        """Register the whole table; tuples of value handles."""
        self._check()
        table = []
        for uuid, characteristics in services:
            table.append((bytes(uuid), tuple((bytes(c[0]), c[1]) for c in characteristics)))
        return world.call("ble_services", tuple(table))

    def gatts_read(self, handle: int) -> bytes:
        """The local value."""
        return world.call("ble_read", handle)

    def gatts_write(self, handle: int, data, send_update: bool = False) -> None:
        """Set the local value; with `send_update` whoever has subscribed to it is sent it, a
        moment later, after an interrupt that reads it for nobody (connection 0xFFFF)."""
        world.call("ble_write", handle, data, send_update)

    def gatts_set_buffer(self, handle: int, size: int, append: bool = False) -> None:
        """How long a write to it may be."""
        world.call("ble_buffer", handle, size, append)

    def gatts_notify(self, conn: int, handle: int, data=None) -> None:
        """Notify, subscribed or not. ENOMEM when the queue is full."""
        self._check()
        world.call("ble_notify", conn, handle, data)

    def gatts_indicate(self, conn: int, handle: int, data=None) -> None:
        """Indicate, subscribed or not. An error while an earlier one is not confirmed."""
        self._check()
        world.call("ble_indicate", conn, handle, data)

    def gap_disconnect(self, conn: int) -> bool:
        """Disconnect."""
        self._check()
        return world.call("ble_disconnect", conn)

    def gap_pair(self, conn: int) -> None:
        """As a peripheral: a security request."""
        self._check()
        world.call("ble_pair", conn)

    def gap_passkey(self, conn: int, action: int, passkey: int) -> None:
        """Answer a passkey action."""
        self._check()
        world.call("ble_passkey", conn, action, passkey)
