"""The seam to the radio: which bleak backend, and who answers the system's pairing prompts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError

from veriband.errors import BandNotFound, NoRadio
from veriband_protocol import uuids


class PairingAgent(Protocol):
    """Answers the operating system when it asks for a passkey."""

    def answering(self, address: str, passkey: int) -> AbstractAsyncContextManager[None]:
        """While entered, the passkey for that device is `passkey`."""
        ...


@dataclass(frozen=True)
class Radio:
    """bleak with a backend (None: the platform's own) and a pairing agent (None: none)."""

    client: type[BaseBleakClient] | None = None
    scanner: type[BaseBleakScanner] | None = None
    agent: PairingAgent | None = None
    # BlueZ takes one discovery at a time from a program; several bands take turns.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)

    async def find(
        self,
        address: str,
        timeout_s: float,
        wanted: Callable[[AdvertisementData], bool] = lambda _: True,
    ) -> tuple[BLEDevice, AdvertisementData]:
        """The device with that address, once it advertises something `wanted`.

        Raises BandNotFound when it was looked for for `timeout_s` in vain, NoRadio.
        """
        async with self._turn, self._seen() as seen:
            try:
                async with asyncio.timeout(timeout_s):
                    while True:
                        device, advertisement = await seen.get()
                        if device.address.upper() == address.upper() and wanted(advertisement):
                            return device, advertisement
            except TimeoutError:
                raise BandNotFound(address) from None

    async def scan(self, seconds: float) -> list[tuple[BLEDevice, AdvertisementData]]:
        """The bands that advertise within `seconds`, strongest first. Raises NoRadio."""
        bands: dict[str, tuple[BLEDevice, AdvertisementData]] = {}
        async with self._seen() as seen:
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        device, advertisement = await seen.get()
                        bands[device.address] = (device, advertisement)
            except TimeoutError:
                pass
        return sorted(bands.values(), key=lambda entry: -entry[1].rssi)

    @asynccontextmanager
    async def _seen(self) -> AsyncGenerator[asyncio.Queue[tuple[BLEDevice, AdvertisementData]]]:
        seen: asyncio.Queue[tuple[BLEDevice, AdvertisementData]] = asyncio.Queue()
        scanner = BleakScanner(
            lambda device, advertisement: seen.put_nowait((device, advertisement)),
            service_uuids=[uuids.JOURNAL_SERVICE],
            backend=self.scanner,
        )
        try:
            await scanner.start()
        except (BleakError, OSError, EOFError) as error:
            raise NoRadio(str(error) or type(error).__name__) from error
        try:
            yield seen
        finally:
            with suppress(BleakError, OSError, EOFError):
                await scanner.stop()

    def connect(
        self, device: BLEDevice, timeout_s: float, on_disconnect: Callable[[], None]
    ) -> BleakClient:
        """A client for `device`, to be entered."""
        return BleakClient(
            device,
            disconnected_callback=lambda _: on_disconnect(),
            timeout=timeout_s,
            backend=self.client,
        )


def system_radio() -> Radio:
    """This computer's own radio; on Linux with a pairing agent of our own."""
    if sys.platform == "linux":
        from veriband.link.bluez import BlueZAgent

        return Radio(agent=BlueZAgent())
    return Radio()
