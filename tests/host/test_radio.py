"""The radio's seam where the system's scanner has moods."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from veriband.errors import BandNotFound, NoRadio, NotReset
from veriband.link.radio import Radio
from veriband_protocol import uuids
from veriband_simulator import clock

BAND = "C0:98:E5:00:00:01"
ABSENT = "C0:98:E5:00:00:02"


class OncePerScan(BaseBleakScanner):
    """Reports the band once a scan, as systems do that drop what they reported before."""

    scanning = 0
    scans = 0

    def __init__(self, callback: Any, service_uuids: Any, scanning_mode: str, **_: Any) -> None:
        super().__init__(callback, service_uuids)

    async def start(self) -> None:
        assert type(self).scanning == 0, "BlueZ takes one discovery at a time"
        type(self).scanning += 1
        type(self).scans += 1
        asyncio.get_running_loop().call_later(1, self.report)

    async def stop(self) -> None:
        type(self).scanning -= 1

    def report(self) -> None:
        advertisement = AdvertisementData(None, {}, {}, [uuids.JOURNAL_SERVICE], None, -50, ())
        self.call_detection_callbacks(BLEDevice(BAND, "Veriband", None), advertisement)


class Hanging(OncePerScan):
    """Never begins."""

    async def start(self) -> None:
        await asyncio.sleep(10**6)


class Failing(OncePerScan):
    """Fails with what bleak lets through."""

    async def start(self) -> None:
        raise ValueError("address did not contain a transport")


def play(story: Coroutine[Any, Any, None]) -> None:
    clock.run(story, limit_s=3600)


def test_all_who_look_share_one_scan_and_what_was_reported_before_is_reported_again() -> None:
    async def story() -> None:
        radio = Radio(scanner=OncePerScan)
        now = asyncio.get_running_loop().time
        absent = asyncio.create_task(radio.find(ABSENT, 30))
        await asyncio.gather(*(radio.find(BAND, 30) for _ in range(3)))
        assert now() == 1
        assert OncePerScan.scans == 1
        await asyncio.sleep(14)
        await radio.find(BAND, 30)
        assert now() == 16
        assert OncePerScan.scans == 2
        with pytest.raises(BandNotFound):
            await absent
        assert now() == 30
        assert OncePerScan.scanning == 0

    play(story())


def test_a_scan_that_never_begins_fails_in_time_for_all_who_look() -> None:
    async def story() -> None:
        radio = Radio(scanner=Hanging)
        found = await asyncio.gather(
            *(radio.find(BAND, 30) for _ in range(20)), return_exceptions=True
        )
        assert {type(error) for error in found} == {NoRadio}
        assert asyncio.get_running_loop().time() <= 10

    play(story())


def test_whatever_keeps_a_scan_from_beginning_is_told() -> None:
    async def story() -> None:
        with pytest.raises(NoRadio, match="did not contain a transport"):
            await Radio(scanner=Failing).scan(5)

    play(story())


class WithALamp(OncePerScan):
    """Reports a device that is no band, too, unless only bands are asked for."""

    def __init__(self, callback: Any, service_uuids: Any, *what: Any, **how: Any) -> None:
        super().__init__(callback, service_uuids, *what, **how)
        self.wanted = service_uuids

    def report(self) -> None:
        if self.wanted is None:
            advertisement = AdvertisementData(None, {}, {}, [], None, -80, ())
            lamp = BLEDevice("AA:00:00:00:00:01", "a lamp", None)
            self.call_detection_callbacks(lamp, advertisement)
        super().report()


def test_listening_anew_hears_everything_and_whoever_looks_for_bands_finds_bands_only() -> None:
    async def story() -> None:
        radio = Radio(scanner=WithALamp)
        WithALamp.scans = 0
        looking = asyncio.create_task(radio.find(ABSENT, 30))
        scanning = asyncio.create_task(radio.scan(8))
        await asyncio.sleep(2)
        assert await radio.rescan()
        assert WithALamp.scans == 2, "a young one does not do"
        assert asyncio.get_running_loop().time() == 3
        assert [device.address for device, _ in await scanning] == [BAND]
        with pytest.raises(BandNotFound):
            await looking
        assert WithALamp.scanning == 0

    play(story())


def test_nobody_scans_while_the_adapter_is_reset() -> None:
    class Adapter:
        resets = 0

        async def reset(self) -> None:
            for _ in range(3):
                assert OncePerScan.scanning == 0
                await asyncio.sleep(1)
            self.resets += 1

    async def story() -> None:
        adapter = Adapter()
        radio = Radio(scanner=OncePerScan, adapter=adapter)
        looking = asyncio.create_task(radio.find(ABSENT, 30))
        await asyncio.sleep(2)
        assert OncePerScan.scanning == 1
        resetting = asyncio.create_task(radio.reset())
        await asyncio.sleep(1)
        await radio.find(BAND, 30)
        assert asyncio.get_running_loop().time() == 6, "a second after the reset"
        await resetting
        assert adapter.resets == 1
        with pytest.raises(BandNotFound):
            await looking

    play(story())


def test_a_radio_without_an_adapter_to_reset_says_so() -> None:
    async def story() -> None:
        with pytest.raises(NotReset, match="lets no program switch its adapter"):
            await Radio().reset()

    play(story())
