"""A bleak backend over a simulated computer: the host's own code runs on it unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bleak.uuids import normalize_uuid_str
from bumble import att, core, gatt
from bumble.core import AdvertisingData
from bumble.device import Advertisement, Connection

from veriband_simulator.air import plain
from veriband_simulator.central import Central
from veriband_simulator.remote import LinkLost, Remote, SecurityFailed, Service

_FAILED = "org.bluez.Error.Failed"
_AUTHENTICATION_FAILED = "org.bluez.Error.AuthenticationFailed"

_PROPERTIES: dict[gatt.Characteristic.Properties, CharacteristicPropertyName] = {
    gatt.Characteristic.Properties.BROADCAST: "broadcast",
    gatt.Characteristic.Properties.READ: "read",
    gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    gatt.Characteristic.Properties.WRITE: "write",
    gatt.Characteristic.Properties.NOTIFY: "notify",
    gatt.Characteristic.Properties.INDICATE: "indicate",
}


def bleak_backend(central: Central) -> tuple[type[BaseBleakClient], type[BaseBleakScanner]]:
    """The classes to give as `backend` to `bleak.BleakClient` and `bleak.BleakScanner`."""

    class SimulatedClient(_Client):
        _central = central

    class SimulatedScanner(_Scanner):
        _central = central

    return SimulatedClient, SimulatedScanner


def bonded_devices(central: Central) -> Callable[[str], Awaitable[BLEDevice | None]]:
    """What gives a device that the computer is bonded with, without a scan, as BlueZ does."""

    async def bonded(address: str) -> BLEDevice | None:
        keys = await central.bond(address)
        return BLEDevice(plain(address), None, None) if keys else None

    return bonded


@contextmanager
def _bleak_errors() -> Generator[None, None, None]:
    """Raise the simulated system's errors as bleak's BlueZ backend raises the true one's."""
    try:
        yield
    except att.ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from error
    except SecurityFailed as error:
        raise BleakDBusError(_AUTHENTICATION_FAILED, [str(error)]) from error
    except (LinkLost, core.BaseBumbleError) as error:
        raise BleakDBusError(_FAILED, [str(error)]) from error


class _Client(BaseBleakClient):
    _central: Central

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
            **kwargs,
        )
        self.address = plain(self.address)
        self._filter: set[str] | None = kwargs.get("services")
        self._name: str | None = None
        if isinstance(address_or_ble_device, BLEDevice):
            self._name = address_or_ble_device.name
        self._remote: Remote | None = None

    @property
    def name(self) -> str:
        """The name that was advertised, or else the address."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """The ATT MTU in bytes; 23 while there is no connection."""
        return self._remote.mtu if self._remote is not None else att.ATT_DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._remote is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect and learn the services.

        Raises BleakDeviceNotFoundError when the device was not heard within the timeout,
        TimeoutError when it was, but could not be connected to.
        """
        if self._remote is not None:
            raise BleakError("Client is already connected")
        timeout_s: float = kwargs.get("timeout", self._timeout)
        if self.address not in self._central.remotes:
            started_s = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._central.appears(self.address)
            except TimeoutError:
                raise BleakDeviceNotFoundError(
                    self.address, f"Device with address {self.address} was not found."
                ) from None
            timeout_s -= asyncio.get_running_loop().time() - started_s
        with _bleak_errors():
            async with asyncio.timeout(timeout_s):
                await self._connect(pair)

    async def _connect(self, pair: bool) -> None:
        remote = await self._central.connect(self.address, heard=True)
        try:
            if pair:
                await remote.pair()
            services = await remote.services()
            if not remote.is_connected:
                raise remote.lost()
        except BaseException:
            await remote.disconnect()
            raise
        self._remote = remote
        self.services = _collection(services, self._filter, lambda: remote.mtu - 3)
        remote.connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        self._remote = None
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _connected(self) -> Remote:
        if self._remote is None:
            raise BleakError("Not connected")
        return self._remote

    async def disconnect(self) -> None:
        """Disconnect; nothing happens when there is no connection."""
        if self._remote is not None:
            await self._remote.disconnect()

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Pair unless there is a bond. Raises BleakDBusError when that fails."""
        remote = self._connected()
        with _bleak_errors():
            await remote.pair()

    async def unpair(self) -> None:
        """Disconnect and forget the bond."""
        await self._central.unpair(self.address)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """The value; it is never taken from a cache."""
        remote = self._connected()
        with _bleak_errors():
            return bytearray(await remote.read(characteristic.handle))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        """The value; it is never taken from a cache."""
        remote = self._connected()
        with _bleak_errors():
            return bytearray(await remote.read(descriptor.handle))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write a value; without response at most MTU - 3 bytes, else BleakError."""
        remote = self._connected()
        value = bytes(data)
        if not response and len(value) > remote.mtu - 3:
            raise BleakError(f"{len(value)} bytes are too many to write without response")
        with _bleak_errors():
            await remote.write(characteristic.handle, value, response=response)

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a value."""
        remote = self._connected()
        with _bleak_errors():
            await remote.write(descriptor.handle, bytes(data), response=True)

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: Callable[[bytearray], None],
        **kwargs: Any,
    ) -> None:
        """Subscribe. Raises BleakError when the characteristic has neither kind of updates."""
        remote = self._connected()
        if not {"notify", "indicate"}.intersection(characteristic.properties):
            raise BleakError(f"{characteristic.uuid} neither notifies nor indicates")
        with _bleak_errors():
            await remote.subscribe(characteristic.obj, lambda value: callback(bytearray(value)))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Undo `start_notify`."""
        remote = self._connected()
        with _bleak_errors():
            await remote.unsubscribe(characteristic.obj)


def _collection(
    services: list[Service], wanted: set[str] | None, most_unanswered: Callable[[], int]
) -> BleakGATTServiceCollection:
    """The table as bleak has it. Handles of characteristics are those of their values."""
    collection = BleakGATTServiceCollection()
    for service in services:
        uuid = _normal(service.uuid)
        if wanted is not None and uuid not in wanted:
            continue
        bleak_service = BleakGATTService(service, service.handle, uuid)
        collection.add_service(bleak_service)
        for found in service.characteristics:
            names: list[CharacteristicPropertyName] = [
                name for flag, name in _PROPERTIES.items() if flag in found.properties
            ]
            characteristic = BleakGATTCharacteristic(
                found, found.handle, _normal(found.uuid), names, most_unanswered, bleak_service
            )
            collection.add_characteristic(characteristic)
            for descriptor in found.descriptors:
                collection.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, _normal(descriptor.uuid), characteristic
                    )
                )
    return collection


def _normal(uuid: core.UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))


class _Scanner(BaseBleakScanner):
    _central: Central

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],
        **kwargs: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        """Start to scan, always actively; the computer scans while anybody wants it to."""
        self.seen_devices = {}
        try:
            await self._central.start_scan(self._heard)
        except BaseException:
            await self._central.stop_scan(self._heard)
            raise

    async def stop(self) -> None:
        """Stop to scan."""
        await self._central.stop_scan(self._heard)

    def _heard(self, advertisement: Advertisement) -> None:
        address = plain(str(advertisement.address))
        advert = _advertisement_data(advertisement)
        if not self.is_allowed_uuid(advert.service_uuids):
            return
        name = advert.local_name or address.replace(":", "-")
        device = self.create_or_update_device(address, address, name, None, advert)
        self.call_detection_callbacks(device, advert)


_UUID_LISTS = {2: 2, 3: 2, 4: 4, 5: 4, 6: 16, 7: 16}  # AD type: bytes of each UUID
_SERVICE_DATA = {0x16: 2, 0x20: 4, 0x21: 16}


def _advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    name: str | None = None
    tx_power: int | None = None
    makers: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    uuids: list[str] = []
    for kind, data in advertisement.data.ad_structures:
        if size := _UUID_LISTS.get(kind):
            uuids += [_normal(u) for u in AdvertisingData.uuid_list_to_objects(data, size)]
        elif size := _SERVICE_DATA.get(kind):
            service_data[_normal(core.UUID.from_bytes(data[:size]))] = data[size:]
        elif kind in (AdvertisingData.SHORTENED_LOCAL_NAME, AdvertisingData.COMPLETE_LOCAL_NAME):
            name = data.decode(errors="replace")
        elif kind == AdvertisingData.MANUFACTURER_SPECIFIC_DATA:
            makers[int.from_bytes(data[:2], "little")] = data[2:]
        elif kind == AdvertisingData.TX_POWER_LEVEL:
            tx_power = int.from_bytes(data[:1], "little", signed=True)
    return AdvertisementData(
        name, makers, service_data, uuids, tx_power, advertisement.rssi, (advertisement,)
    )
