"""A Bluetooth device on our air: Bumble's host over our radio, set up for public addresses."""

from __future__ import annotations

from bumble import hci, link, smp
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.keys import MemoryKeyStore, PairingKeys

from veriband_simulator.radio import RadioController


class _Pairings(smp.Manager):
    """Ends a pairing with its outcome, so that another can follow on the same connection. (The
    stock one keeps its state, and takes whatever still comes in for a new pairing.)"""

    def on_smp_pdu(self, connection: Connection, pdu: bytes) -> None:
        begins = pdu[0] in (smp.CommandCode.PAIRING_REQUEST, smp.CommandCode.SECURITY_REQUEST)
        if begins or connection.handle in self.sessions:
            super().on_smp_pdu(connection, pdu)

    async def on_pairing(
        self, session: smp.Session, identity_address: hci.Address | None, keys: PairingKeys
    ) -> None:
        await super().on_pairing(session, identity_address, keys)
        session.on_disconnection(0)

    def on_pairing_failure(self, session: smp.Session, reason: smp.ErrorCode) -> None:
        super().on_pairing_failure(session, reason)
        session.on_disconnection(0)


def make_device(air: link.LocalLink, address: str, name: str) -> Device:
    """A Bluetooth host and its radio, with the public address `address`; not powered on.

    It keeps bonds in memory; put another key store or pairing configuration in before
    `power_on`. A second pairing on the same connection works (with stock Bumble it does not).
    Raises ValueError when the address is taken.
    """
    radio = RadioController(name, link=air, public_address=address)
    device = Device(
        host=Host(controller_source=radio, controller_sink=radio),
        config=DeviceConfiguration(
            name=name,
            address=radio.public_address,
            irk=bytes(radio.public_address) * 2 + bytes(4),
            # Peers have public addresses: never scan for a resolvable one before connecting.
            address_resolution_offload=True,
        ),
    )
    device.smp_manager = _Pairings(device, device.smp_manager.pairing_config_factory)
    device.keystore = MemoryKeyStore()
    return device


async def start_advertising(
    device: Device, interval_us: int, adv_data: bytes, scan_response: bytes, connectable: bool
) -> None:
    """Advertise from now on, in place of what was advertised before.

    `interval_us` is cut to slots of 625 us. Advertising ends with a connection.
    """
    interval_ms = interval_us / 1000
    await device.start_advertising(
        AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
        if connectable
        else AdvertisingType.UNDIRECTED_SCANNABLE,
        own_address_type=hci.OwnAddressType.PUBLIC,
        advertising_data=adv_data,
        scan_response_data=scan_response,
        advertising_interval_min=interval_ms,
        advertising_interval_max=interval_ms,
    )


async def stop_advertising(device: Device) -> None:
    """Stop to advertise; nothing happens if nothing was advertised."""
    await device.stop_advertising()
