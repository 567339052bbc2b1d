"""The seam to the radio: which bleak backend, and who answers the system's pairing prompts."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from veriband.errors import BandNotFound, NoRadio, NotReset
from veriband.link.deadline import within
from veriband_protocol import uuids

BEGIN_S = 10.0  # for the system to begin or end a scan
YOUNG_S = 10.0
LISTEN_S = 10.0  # for anything that advertises

PRESSURE_METER, OXIMETER = uuids.standard(0x1810), uuids.standard(0x1822)
_WANTED = (uuids.JOURNAL_SERVICE, PRESSURE_METER, OXIMETER)

_Seen = asyncio.Queue[tuple[BLEDevice, AdvertisementData]]


class PairingAgent(Protocol):
    """Answers the operating system when it asks for a passkey."""

    def answering(self, address: str, passkey: int) -> AbstractAsyncContextManager[None]:
        """While entered, the passkey for that device is `passkey`."""
        ...


class Adapter(Protocol):
    """Switches this computer's Bluetooth adapter."""

    async def reset(self) -> None:
        """Switch it off and on, unless that would disturb somebody. Raises NotReset."""
        ...


@dataclass(eq=False)
class Radio:
    """bleak with a backend (None: the platform's own), a pairing agent and an adapter that can be
    reset (None: none). `bonded` gives a device that the system is bonded with, without looking for
    it (None: this system does not).

    BlueZ takes one discovery at a time from a program: all who look for a band share one.
    """

    client: type[BaseBleakClient] | None = None
    scanner: type[BaseBleakScanner] | None = None
    agent: PairingAgent | None = None
    adapter: Adapter | None = None
    bonded: Callable[[str], Awaitable[BLEDevice | None]] | None = None
    _looking: list[_Seen] = field(default_factory=list[_Seen], init=False, repr=False)
    _discovery: BleakScanner | None = field(default=None, init=False, repr=False)
    _begun_s: float = field(default=0.0, init=False, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def find(
        self,
        address: str,
        timeout_s: float,
        wanted: Callable[[AdvertisementData], bool] = lambda _: True,
    ) -> tuple[BLEDevice, AdvertisementData]:
        """The device with that address, once it advertises something `wanted`.

        Raises BandNotFound when it was looked for for `timeout_s` in vain, NoRadio.
        """
        async with self._seen() as seen:
            try:
                async with asyncio.timeout(timeout_s):
                    while True:
                        device, advertisement = await seen.get()
                        if device.address.upper() == address.upper() and wanted(advertisement):
                            return device, advertisement
            except TimeoutError:
                raise BandNotFound(address) from None

    async def scan(self, seconds: float) -> list[tuple[BLEDevice, AdvertisementData]]:
        """The bands and meters that advertise within `seconds`, strongest first. Raises
        NoRadio."""
        bands: dict[str, tuple[BLEDevice, AdvertisementData]] = {}
        async with self._seen() as seen:
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        device, advertisement = await seen.get()
                        if not set(_WANTED).isdisjoint(advertisement.service_uuids):
                            bands[device.address] = (device, advertisement)
            except TimeoutError:
                pass
        return sorted(bands.values(), key=lambda entry: -entry[1].rssi)

    async def rescan(self) -> bool:
        """Listen anew, to whatever advertises: whether anything was heard. Raises NoRadio."""
        async with self._seen(everything=True) as seen:
            try:
                async with asyncio.timeout(LISTEN_S):
                    await seen.get()
            except TimeoutError:
                return False
            return True

    async def reset(self) -> None:
        """Reset the adapter while nobody scans. Raises NotReset."""
        if self.adapter is None:
            raise NotReset("this system lets no program switch its adapter")
        async with self._turn:
            await self._end()
            await self.adapter.reset()

    @asynccontextmanager
    async def _seen(self, *, everything: bool = False) -> AsyncGenerator[_Seen]:
        seen: _Seen = asyncio.Queue()
        try:
            async with asyncio.timeout(BEGIN_S), self._turn:
                await self._begin(everything)
                self._looking.append(seen)
        except TimeoutError:
            raise NoRadio(f"no scan has begun within {BEGIN_S:.0f} seconds") from None
        try:
            yield seen
        finally:
            self._looking.remove(seen)
            async with self._turn:
                if not self._looking:
                    await self._end()

    async def _begin(self, everything: bool) -> None:
        """Have a discovery that is young: some systems report a device once in each only.

        One of `everything` is always new; it does for bands and meters, too.
        """
        now_s = asyncio.get_running_loop().time()
        if everything or now_s - self._begun_s >= YOUNG_S:
            await self._end()
        if self._discovery is not None:
            return
        self._begun_s = -math.inf  # until it has: what hangs now may begin behind our back
        self._discovery = BleakScanner(
            self._tell,
            service_uuids=None if everything else [*_WANTED],
            backend=self.scanner,
        )
        try:
            await within(BEGIN_S, self._discovery.start())
        except TimeoutError:
            raise
        except Exception as error:  # of D-Bus, too, which bleak lets through
            raise NoRadio(str(error) or type(error).__name__) from error
        self._begun_s = now_s

    async def _end(self) -> None:
        discovery, self._discovery = self._discovery, None
        if discovery is not None:
            with suppress(Exception):
                await within(BEGIN_S, discovery.stop())

    def _tell(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        for seen in self._looking:
            seen.put_nowait((device, advertisement))

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
    """This computer's own radio; on Linux with a pairing agent of our own, and BlueZ's adapter."""
    if sys.platform == "linux":
        from veriband.link.bluez import BlueZAdapter, BlueZAgent, bonded

        return Radio(agent=BlueZAgent(), adapter=BlueZAdapter(), bonded=bonded)
    return Radio()
