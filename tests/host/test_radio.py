"""The radio's seam where the system's scanner has moods."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from veriband.errors import BandNotFound, NoRadio
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
