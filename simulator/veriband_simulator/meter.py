"""A standard meter: a blood-pressure cuff (1810) or a pulse oximeter (1822), real ATT and SMP.

Asleep but for after a measurement: then it advertises, sends to who subscribes what was not
confirmed yet, one indication after the other, and goes back to sleep.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Bumble's attributes are typed in part only.

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Literal

from bumble import att, core, gatt, hci
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.pairing import PairingConfig, PairingDelegate

from veriband_simulator.air import Air, make_device, start_advertising, stop_advertising
from veriband_simulator.remote import in_background, unbroken

AWAKE_S = 60.0  # at most, from the last measurement on
LINGER_S = 1.0  # connected, when everything is sent
_INTERVAL_US = 100_000
_KINDS = {
    "blood pressure": (0x1810, 0x2A35),
    "oximeter": (0x1822, 0x2A5E),
    "continuous oximeter": (0x1822, 0x2A5F),
}
_RECORDS, _DATE_TIME, _READ_ALL = 0x2A52, 0x2A08, b"\x01\x01"

Kind = Literal["blood pressure", "oximeter", "continuous oximeter"]


class Meter:
    """The meter at `address`.

    `security`: "none", "bond" (pairing without a passkey), or the six digits that its label has.
    `has_records`: it keeps what it has sent, and sends it again when that is asked for.
    `has_clock`: its clock can be set.
    """

    def __init__(
        self,
        air: Air,
        address: str,
        kind: Kind = "blood pressure",
        security: Literal["none", "bond"] | int = "none",
        *,
        has_records: bool = False,
        has_clock: bool = False,
    ) -> None:
        self.address = address
        self.waiting: list[bytes] = []  # measured, and not confirmed
        self.sent: list[bytes] = []  # confirmed
        self.clock = b""  # what it was set to
        self.linger_s = LINGER_S
        self._air = air
        self._security = security
        self._service, measurement = _KINDS[kind]
        self._device: Device = make_device(air, address, "meter")
        properties = gatt.Characteristic.Properties
        self._measurement = self._characteristic(measurement, properties.INDICATE)
        self._records = self._characteristic(_RECORDS, properties.INDICATE | properties.WRITE)
        self._clock = self._characteristic(_DATE_TIME, properties.WRITE)
        optional = [(has_records, self._records), (has_clock, self._clock)]
        has = [self._measurement, *(each for is_there, each in optional if is_there)]
        self._device.add_service(gatt.Service(UUID.from_16_bits(self._service), has))
        self._measurement.on(gatt.Characteristic.EVENT_SUBSCRIPTION, self._subscribed)
        self._sending: asyncio.Task[None] | None = None
        self._asleep: asyncio.TimerHandle | None = None
        if security != "none":
            for attribute in self._device.gatt_server.attributes:
                if attribute.permissions & att.Attribute.WRITEABLE:
                    attribute.permissions |= att.Attribute.WRITE_REQUIRES_ENCRYPTION

    def _characteristic(
        self, uuid: int, properties: gatt.Characteristic.Properties
    ) -> gatt.Characteristic[bytes]:
        def write(connection: Connection, value: bytes) -> None:
            self._written(connection, uuid, value)

        return gatt.Characteristic[bytes](
            UUID.from_16_bits(uuid),
            properties,
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE,
            gatt.CharacteristicValue(read=lambda _: b"", write=write),
        )

    # The world's hand on it.

    async def power_on(self) -> None:
        """Put the battery in."""
        await self._device.power_on()
        self._device.pairing_config_factory = self._pairing_config
        self._device.on(Device.EVENT_CONNECTION, self._connected)

    async def measure(self, *readings: bytes) -> None:
        """It has measured that, and wakes."""
        self.waiting += readings
        await self.wake()

    async def wake(self) -> None:
        """Advertise for AWAKE_S, or until somebody connects."""
        uuids = self._service.to_bytes(2, "little")
        flags = core.AdvertisingData.FLAGS, b"\x06"
        service = core.AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, uuids
        data = bytes(core.AdvertisingData([flags, service]))
        await start_advertising(self._device, _INTERVAL_US, data, b"", True)
        loop = asyncio.get_running_loop()
        if self._asleep is not None:
            self._asleep.cancel()
        self._asleep = loop.call_later(
            AWAKE_S, lambda: in_background(stop_advertising(self._device))
        )

    async def disconnect(self) -> None:
        """End all connections."""
        for connection in list(self._device.connections.values()):
            with suppress(hci.HCI_Error):
                await connection.disconnect()

    # What the air brings.

    def _connected(self, connection: Connection) -> None:
        def gone(_: int) -> None:
            if self._sending is not None:
                self._sending.cancel()

        connection.on(Connection.EVENT_DISCONNECTION, gone)

    def _written(self, connection: Connection, uuid: int, value: bytes) -> None:
        if uuid == _DATE_TIME:
            self.clock = value
        elif uuid == _RECORDS and value == _READ_ALL:
            self.waiting, self.sent = self.sent + self.waiting, []
            self._send(connection, answer=True)

    def _subscribed(self, connection: Connection, _notify: bool, indicate: bool) -> None:
        if indicate:
            self._send(connection)

    def _send(self, connection: Connection, *, answer: bool = False) -> None:
        before = self._sending
        self._sending = asyncio.get_running_loop().create_task(
            self._all(connection, before, answer)
        )

    async def _all(
        self, connection: Connection, before: asyncio.Task[None] | None, answer: bool
    ) -> None:
        if before is not None and not before.done():
            before.cancel()  # in mid-indication; what was not confirmed is sent again
            await asyncio.wait((before,))
        while self.waiting:
            await self._indicate(connection, self._measurement, self.waiting[0])
            self.sent.append(self.waiting.pop(0))
        if answer:
            await self._indicate(connection, self._records, b"\x06\x00\x01\x01")
        await asyncio.sleep(self.linger_s)
        with suppress(hci.HCI_Error):
            await unbroken(connection.disconnect())

    async def _indicate(
        self, connection: Connection, what: gatt.Characteristic[Any], value: bytes
    ) -> None:
        await unbroken(self._device.gatt_server.indicate_subscriber(connection, what, value))

    def _pairing_config(self, connection: Connection) -> PairingConfig:
        needs_passkey = isinstance(self._security, int)
        return PairingConfig(
            sc=True, mitm=needs_passkey, bonding=True,
            delegate=_Label(self._security) if isinstance(self._security, int) else None,
        )  # fmt: skip


class _Label(PairingDelegate):
    """A passkey that stands on the meter."""

    def __init__(self, passkey: int) -> None:
        super().__init__(PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY)
        self._passkey = passkey

    async def generate_passkey(self) -> int:
        """The one on the label."""
        return self._passkey

    async def display_number(self, number: int, digits: int) -> None:
        """It stands there already."""
