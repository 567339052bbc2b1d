"""Pairs this computer with a band: the passkey of the moment, answered through the system."""

from __future__ import annotations

import asyncio
import hashlib

from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from veriband.errors import BandNotFound, NotPaired, PairingFailed, VeribandError
from veriband.link.radio import Radio
from veriband.link.session import ANSWER_S, CONNECT_S, Session, translated
from veriband_protocol import control, uuids
from veriband_protocol.passkey import passkey

FIND_S = 20.0
PAIR_S = 45.0


async def current_passkey(radio: Radio, address: str, secret: bytes) -> int:
    """The passkey that the band will want next. Raises BandNotFound, and NotPaired when the band
    is there but its pairing is closed."""
    _, counter = await _find_open(radio, address)
    return passkey(hashlib.sha1, secret, counter)


async def _find_open(radio: Radio, address: str):  # -> tuple[BLEDevice, int]
    try:
        device, advertisement = await radio.find(address, FIND_S, _is_open)
    except BandNotFound:
        await radio.find(address, 5.0)  # it is there, but closed; or this says that it is not
        raise NotPaired(address) from None
    _, counter = control.unpack_pairing(advertisement.manufacturer_data[uuids.COMPANY])
    return device, counter


def _is_open(advertisement: AdvertisementData) -> bool:
    try:
        control.unpack_pairing(advertisement.manufacturer_data.get(uuids.COMPANY, b""))
    except ValueError:
        return False
    return True


async def pair(radio: Radio, address: str, secret: bytes) -> None:
    """Pair, and see that the band trusts us. Raises PairingFailed, NotPaired, BandNotFound."""
    device, counter = await _find_open(radio, address)
    if radio.agent is None:
        raise PairingFailed(
            address,
            "this system takes no passkey from a program; use 'veriband pair --code' and type the "
            "passkey into the system's Bluetooth settings",
        )
    gone = asyncio.Event()
    client = radio.connect(device, CONNECT_S, gone.set)
    async with radio.agent.answering(address, passkey(hashlib.sha1, secret, counter)):
        try:
            async with asyncio.timeout(PAIR_S):
                with translated(address, "pairing"):
                    await client.connect()
                    await client.pair()
                    await Session(client, address, gone).state()
        except (VeribandError, TimeoutError) as error:
            raise PairingFailed(address, "the band refused") from error
        finally:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await client.disconnect()
            except (BleakError, TimeoutError, OSError, EOFError):
                pass
