"""The standard services, decoded by readers that are not ours: paired, and in the broadcast."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient
from bleak.exc import BleakError
from bleak_sigspec.formatter import decode_SFLOAT_ieee11073
from bleak_sigspec.utils import get_char_value, get_xml_char
from bluetooth_sig.gatt.characteristics.battery_level import BatteryLevelCharacteristic
from bluetooth_sig.gatt.characteristics.body_sensor_location import (
    BodySensorLocationCharacteristic,
)
from bluetooth_sig.gatt.characteristics.current_time import CurrentTimeCharacteristic
from bluetooth_sig.gatt.characteristics.heart_rate_measurement import (
    HeartRateData,
    HeartRateMeasurementCharacteristic,
    SensorContactState,
)
from bluetooth_sig.gatt.characteristics.plx_features import PLXFeaturesCharacteristic
from bluetooth_sig.gatt.characteristics.plx_spot_check_measurement import (
    PLXMeasurementStatus,
    PLXSpotCheckMeasurementCharacteristic,
)
from bumble import att
from bumble.core import UUID

from tests.whole.rig import START, Rig, live, radio_of, rig
from veriband.link.pairing import pair
from veriband.link.session import connected
from veriband_protocol import control, items, uuids
from veriband_simulator.central import Central
from veriband_simulator.remote import LinkLost
from veriband_simulator.wearers import Minute, Wearer

# A band whose own record is told readings at moments of the story's choosing: (after s, signs).
FED = """
import boot
import asyncio
from band.app import Band

band = Band()

async def feed():
    for after_s, ago_ms, signs in {readings!r}:
        await asyncio.sleep(after_s)
        band._vitals._record.reading(ago_ms, signs)

async def main():
    asyncio.create_task(feed())
    await band.main()

asyncio.run(main())
"""
SITS = (Minute(0, 72),) * 60
LIES_ASIDE = (Minute(0, 72, worn=False),)  # no measurement of its own finds anything then
SIGNS = (
    items.pack_sign(items.VITAL_HEART_RATE, items.STATUS_OK, 72, 80)
    + items.pack_sign(items.VITAL_SPO2, items.STATUS_OK, 97, 70)
    + items.pack_sign(items.VITAL_BLOOD_PRESSURE, items.STATUS_OK, 128, 82)
)


def told(
    story: Callable[[Rig], Coroutine[Any, Any, None]],
    folder: Path,
    does: Sequence[Minute] = SITS,
) -> None:
    """A story about a band on somebody who does that, paired."""

    async def whole() -> None:
        r = await rig(folder, wearer=Wearer(does, "wearer"))
        try:
            await r.pair()
            await story(r)
        finally:
            r.close()

    live(whole())


@asynccontextmanager
async def reader(r: Rig, computer: Central | None = None) -> AsyncGenerator[BleakClient]:
    """A computer, the rig's unless another is named, connected to the band by bleak."""
    radio = radio_of(computer or r.computer)
    device, _ = await radio.find(r.band.address, 30)
    client = radio.connect(device, 20, lambda: None)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def collect(client: BleakClient, uuid: int, into: list[bytearray]) -> None:
    """Subscribe."""
    await client.start_notify(uuids.standard(uuid), lambda _, data: into.append(data))


def standard(value: bytes, name: str) -> dict[str, Any]:
    """What bleak-sigspec reads: the value of each field."""
    return {
        field: content.get("Value", content)
        for field, content in get_char_value(bytes(value), get_xml_char(name)).items()
    }


async def fed(r: Rig, *readings: tuple[float, int, bytes]) -> None:
    """Start the band again, its record being told these."""
    r.band.board._script = FED.format(readings=readings)
    r.band.board.reset()
    await asyncio.sleep(5)


def local(r: Rig) -> datetime:
    """What the wearer's clock shows."""
    return START.replace(tzinfo=None) + timedelta(microseconds=r.world.now_us())


def test_there_are_eight_services_and_a_strip_or_a_reset_changes_none(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        async def table() -> list[tuple[str, int, str, list[str]]]:
            await r.computer.unpair(r.band.address)  # which forgets the table, too
            async with reader(r) as client:
                return [
                    (service.uuid, c.handle, c.uuid, sorted(c.properties))
                    for service in client.services
                    for c in service.characteristics
                ]

        first = await table()
        own = {service for service, *_ in first} - {uuids.standard(s) for s in (0x1800, 0x1801)}
        shorts = (0x180A, 0x180D, 0x180F, 0x1805, 0x1810, 0x1822)
        assert own == {uuids.standard(short) for short in shorts} | {
            uuids.JOURNAL_SERVICE, uuids.CONTROL_SERVICE,
        }  # fmt: skip
        r.band.pull_strip()
        await asyncio.sleep(5)
        assert await table() == first
        r.band.board.reset()
        await asyncio.sleep(5)
        assert await table() == first

    told(story, tmp_path)


def test_what_does_not_change_reads_as_the_standard_has_it(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.supervisor().once()  # which sets the band's clock
        async with reader(r) as client:

            async def read(uuid: int) -> bytearray:
                return await client.read_gatt_char(uuids.standard(uuid))

            place = BodySensorLocationCharacteristic().parse_value(await read(0x2A38))
            assert place.name == "WRIST"
            assert BatteryLevelCharacteristic().parse_value(await read(0x2A19)) == 99
            now = CurrentTimeCharacteristic().parse_value(await read(0x2A2B))
            assert now is not None
            assert abs(now.date_time - local(r)) < timedelta(seconds=1)
            assert now.day_of_week.name == "MONDAY"
            assert (await read(0x2A0F))[0] == 256 - 5 * 4, "New York in winter, quarters of hours"
            assert PLXFeaturesCharacteristic().parse_value((await read(0x2A60))[:2]) == 0b1001
            features = standard(await read(0x2A49), "Blood Pressure Feature")
            assert "not supported" in str(features["Blood Pressure Feature"])
            texts = [bytes(await read(uuid)).decode() for uuid in (0x2A29, 0x2A24, 0x2A25, 0x2A26)]
            assert texts[:2] == ["Veriband", "Veriband 1"]
            assert texts[2] == r.band.address.replace(":", "").lower()

    told(story, tmp_path)


def test_the_battery_and_the_clock_tell_when_they_change(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        levels: list[int] = []
        times: list[datetime] = []
        async with reader(r) as client:
            await client.start_notify(
                uuids.standard(0x2A19),
                lambda _, data: levels.append(BatteryLevelCharacteristic().parse_value(data)),
            )
            await client.start_notify(
                uuids.standard(0x2A2B),
                lambda _, data: times.append(
                    CurrentTimeCharacteristic().parse_value(data).date_time
                ),
            )
            await asyncio.sleep(4 * 3600)  # 5 % of it last 4.8 h
            assert levels == [98, 97, 96]
            await r.supervisor().once()
            await asyncio.sleep(1)
            assert len(times) == 1
            assert abs(times[0] - local(r)) < timedelta(seconds=2)

    told(story, tmp_path)


def test_oxygen_and_blood_pressure_are_indicated_as_they_are_measured(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.supervisor().once()
        await fed(r, (60, 5_000, SIGNS), (60, 0, SIGNS[:6]), (60, 0, b"\x21" + b"\x31"))
        oxygen: list[bytearray] = []
        pressure: list[bytearray] = []
        async with reader(r) as client:
            await client.start_notify(uuids.standard(0x2A5E), lambda _, data: oxygen.append(data))
            await client.start_notify(
                uuids.standard(0x2A35), lambda _, data: pressure.append(data)
            )
            async with asyncio.timeout(100):
                while not pressure:
                    await asyncio.sleep(0.1)
            measured = local(r) - timedelta(seconds=5)
            await asyncio.sleep(200)
        spot = PLXSpotCheckMeasurementCharacteristic().parse_value(oxygen[0])
        # Whose SFLOAT is wrong; the other's timestamp is misplaced beside a status.
        assert decode_SFLOAT_ieee11073(oxygen[0][1:3]) == 97
        assert decode_SFLOAT_ieee11073(oxygen[0][3:5]) == 72
        assert abs(spot.timestamp - measured) < timedelta(seconds=2)
        assert spot.measurement_status == PLXMeasurementStatus.QUESTIONABLE_MEASUREMENT_DETECTED
        assert len(oxygen) == 2, "what was not measured is not indicated"
        its = standard(pressure[0], "Blood Pressure Measurement")
        compound = "Blood Pressure Measurement Compound Value - "
        assert its[f"{compound}Systolic (mmHg)"] == 128
        assert its[f"{compound}Diastolic (mmHg)"] == 82
        assert its[f"{compound}Mean Arterial Pressure (mmHg)"] == "NaN"
        assert its["Pulse Rate"] == 72
        assert its["Time Stamp"]["Date Time"]["Hours"]["Value"] == measured.hour
        assert its["Time Stamp"]["Date Time"]["Minutes"]["Value"] == measured.minute
        assert len(pressure) == 1

    told(story, tmp_path, LIES_ASIDE)


def test_without_a_clock_a_spot_check_has_no_time_and_says_so(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await fed(r, (60, 0, SIGNS), (20, 0, SIGNS[3:6]))
        oxygen: list[bytearray] = []
        pressure: list[bytearray] = []
        async with reader(r) as client:
            await client.start_notify(uuids.standard(0x2A5E), lambda _, data: oxygen.append(data))
            await client.start_notify(
                uuids.standard(0x2A35), lambda _, data: pressure.append(data)
            )
            await asyncio.sleep(100)
        its = standard(oxygen[0], "PLX Spot-Check Measurement")
        assert its["SpO2PR-Spot-Check - SpO2"] == 97
        assert its["SpO2PR-Spot-Check - PR"] == 72
        assert its["Measurement Status"]["Questionable Measurement Detected"] == "True"
        assert oxygen[0][0] & 0x11 == 0x10
        assert decode_SFLOAT_ieee11073(oxygen[1][3:5]) == "NaN", "as none was measured with it"
        assert "Time Stamp" not in standard(pressure[0], "Blood Pressure Measurement")

    told(story, tmp_path, LIES_ASIDE)


def test_oxygen_that_is_asked_for_is_indicated_too(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        oxygen: list[bytearray] = []
        async with reader(r) as client:
            await collect(client, 0x2A5E, oxygen)
            await client.start_notify(uuids.CONTROL_RESPONSE, lambda *_: None)
            request = control.pack_measure(items.VITAL_SPO2)
            await client.write_gatt_char(uuids.CONTROL_REQUEST, request)
            await asyncio.sleep(20)
        assert abs(decode_SFLOAT_ieee11073(oxygen[-1][1:3]) - 97) <= 1
        assert abs(decode_SFLOAT_ieee11073(oxygen[-1][3:5]) - 72) <= 1

    told(story, tmp_path)


# The heart rate, live.


class Listener:
    """Hears 2A37: what bluetooth-sig reads of it, with the world's time in us."""

    def __init__(self, r: Rig) -> None:
        self._r = r
        self.heard: list[tuple[int, HeartRateData]] = []

    async def listen(self, client: BleakClient) -> None:
        """Subscribe."""
        await client.start_notify(uuids.standard(0x2A37), self._hear)

    def _hear(self, _: Any, data: bytearray) -> None:
        assert len(data) <= 20, "more than fits into the smallest MTU"
        its = HeartRateMeasurementCharacteristic().parse_value(data)
        self.heard.append((self._r.world.now_us(), its))

    def since(self, us: int) -> list[HeartRateData]:
        """What was heard after that."""
        return [its for at_us, its in self.heard if at_us > us]


def truth(wearer: Wearer, from_us: int, to_us: int) -> list[float]:
    """The times in s at which the heart beat."""
    beats = [(us / 1e6, wearer.beats(us)) for us in range(from_us, to_us, 20_000)]
    return [
        s + (t - s) * (math.floor(b) - a) / (b - a)
        for (s, a), (t, b) in pairwise(beats)
        if math.floor(a) < math.floor(b)
    ]


def test_a_heart_at_rest_is_heard_beat_by_beat(tmp_path: Path) -> None:
    """Each interval between beats within 25 ms of the heart's own, 6 ms on average; none is told
    twice, none missing."""
    does = [Minute(0, bpm) for bpm in (58, 66, 76, 70, 64)]

    async def story(r: Rig) -> None:
        its = Listener(r)
        async with reader(r) as client:
            await its.listen(client)
            begin_us = r.world.now_us()
            await asyncio.sleep(120)
        heard = its.since(begin_us + 20_000_000)
        assert len(heard) == pytest.approx(100, abs=2), "one a second"
        assert {h.sensor_contact for h in heard} == {SensorContactState.DETECTED}
        wearer = Wearer(does, "wearer")
        for at_us, h in its.heard[20:]:
            assert abs(h.heart_rate - wearer.heart_rate_bpm(at_us - 6_000_000)) <= 2
        intervals = [s for h in its.since(0) for s in h.rr_intervals]
        times = truth(wearer, begin_us, r.world.now_us())
        own = [b - a for a, b in pairwise(times)]
        wrong = min(
            (
                [abs(a - b) for a, b in zip(intervals, own[k:], strict=False)]
                for k in range(len(own) - len(intervals) + 1)
            ),
            key=sum,
        )
        assert len(intervals) >= 0.9 * len(own)
        assert max(wrong) < 0.025
        assert sum(wrong) / len(wrong) < 0.006

    told(story, tmp_path, does)


def test_an_arm_that_moves_gives_a_heart_rate_and_no_intervals(tmp_path: Path) -> None:
    does = [Minute(0, 148)] + [Minute(172, 148)] * 5

    async def story(r: Rig) -> None:
        its = Listener(r)
        await asyncio.sleep(90)
        begin_us = r.world.now_us()
        async with reader(r) as client:
            await its.listen(client)
            await asyncio.sleep(90)
        rates = [h.heart_rate for h in its.since(begin_us + 20_000_000)]
        assert sum(abs(rate - 148) <= 3 for rate in rates) >= 0.8 * len(rates)
        assert not any(h.rr_intervals for _, h in its.heard)

    told(story, tmp_path, does)


def test_a_band_that_is_taken_off_has_no_contact_and_no_heart_rate(tmp_path: Path) -> None:
    does = [Minute(0, 72), Minute(0, 72), Minute(0, 72, worn=False), Minute(0, 72), Minute(0, 72)]

    async def story(r: Rig) -> None:
        its = Listener(r)
        async with reader(r) as client:
            await its.listen(client)
            await asyncio.sleep(215)
            r.band.pull_strip()
            await asyncio.sleep(20)
            r.band.plug_strip()
            await asyncio.sleep(30)
        off = [h for at_us, h in its.heard if 122 < at_us / 1e6 < 178]
        assert {(h.sensor_contact, h.heart_rate) for h in off} == {
            (SensorContactState.NOT_DETECTED, 0)
        }
        assert len(off) >= 55, "still one a second"
        worn = [h for at_us, h in its.heard if 195 < at_us / 1e6 < 220]
        assert {h.sensor_contact for h in worn} == {SensorContactState.DETECTED}
        assert all(abs(h.heart_rate - 72) <= 2 for h in worn)
        ends_us = its.heard[-1][0]
        pulled = [h for at_us, h in its.heard if 32 < (ends_us - at_us) / 1e6 < 48]
        assert {h.heart_rate for h in pulled} == {0}
        assert its.heard[-1][1].heart_rate == pytest.approx(72, abs=2)

    told(story, tmp_path, does)


def test_it_measures_on_only_while_somebody_listens_and_counts_on(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        assert r.band.pulse is not None
        board, its = r.band.board, Listener(r)
        async with reader(r) as client:
            await asyncio.sleep(65)
            wakes = board.wakes
            await asyncio.sleep(600)
            assert board.wakes - wakes <= 60, "a connection alone is no reason to wake"
            assert its.heard == [] and r.band.pulse.is_shut_down
            await its.listen(client)
            await asyncio.sleep(70)
            assert not r.band.pulse.is_shut_down
            await client.stop_notify(uuids.standard(0x2A37))
            await asyncio.sleep(10)
            assert r.band.pulse.is_shut_down
            count = len(its.heard)
            await its.listen(client)
            await asyncio.sleep(70)
            assert len(its.heard) > count
        await asyncio.sleep(10)
        assert r.band.pulse.is_shut_down, "who leaves listens no more"
        await r.supervisor().once()
        r.check()

    told(story, tmp_path, [Minute(30 + m % 9, 90) for m in range(30)])


def test_a_request_meanwhile_has_the_same_heart_rate(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        its = Listener(r)
        async with reader(r) as client:
            answers: list[bytearray] = []
            await client.start_notify(uuids.CONTROL_RESPONSE, lambda _, data: answers.append(data))
            await its.listen(client)
            await asyncio.sleep(60)
            for vital in (items.VITAL_HEART_RATE, items.VITAL_SPO2):
                begin_us = r.world.now_us()
                await client.write_gatt_char(uuids.CONTROL_REQUEST, control.pack_measure(vital))
                while len(answers) < vital:
                    await asyncio.sleep(0.1)
                assert r.world.now_us() - begin_us < 4_000_000, "the next window's, not one more"
                signs = items.unpack_signs(bytes(answers[-1][2:]))
                bpm = next(first for kind, _, first, _ in signs if kind == 1)
                assert bpm == its.heard[-1][1].heart_rate == pytest.approx(72, abs=1)
            assert abs(signs[-1][2] - 97) <= 1
            await asyncio.sleep(30)
        intervals = [h.rr_intervals for h in its.since(begin_us - 4_000_000)]
        assert sum(map(len, filter(None, intervals))) >= 30, "the sensor was shared"

    told(story, tmp_path)


# The broadcast.


async def press_twice(r: Rig) -> None:
    """What begins or ends the broadcast."""
    await r.band.press(0.2)
    await asyncio.sleep(0.2)
    await r.band.press(0.2)
    await asyncio.sleep(0.5)


async def neighbour(r: Rig, number: int = 1) -> Central:
    """A computer that is not paired, and has nobody who would."""
    return await r.world.computer(f"F0:0D:5E:00:01:{number:02X}")


async def advertised(r: Rig) -> list[str]:
    """The services that the band advertises."""
    _, advertisement = await r.radio.find(r.band.address, 30)
    return advertisement.service_uuids


def test_the_broadcast_is_heard_unpaired_for_four_hours(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        heart = uuids.standard(0x180D)
        assert heart not in await advertised(r)
        await press_twice(r)
        assert heart in await advertised(r)
        begin_us, its = r.world.now_us(), Listener(r)
        async with reader(r, await neighbour(r)) as client:
            await its.listen(client)
            await asyncio.sleep(95)
            heard = its.since(begin_us + 35_000_000)
            assert len(heard) >= 60
            assert all(abs(h.heart_rate - 72) <= 2 for h in heard)
            assert sum(len(h.rr_intervals or ()) for h in heard) >= 60
            await client.stop_notify(uuids.standard(0x2A37))
            await asyncio.sleep(begin_us / 1e6 + 4 * 3600 - 30 - r.world.now_us() / 1e6)
            assert client.is_connected
            await asyncio.sleep(60)
            assert not client.is_connected
        assert heart not in await advertised(r)
        await r.supervisor().once()
        events = [item.raw for item in r.items() if item.detail == items.EVENT_BROADCAST]
        assert [raw[-1] for raw in events] == [1, 0]

    told(story, tmp_path)


def test_a_second_double_press_ends_it_and_a_single_one_does_not(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await press_twice(r)
        its = Listener(r)
        async with reader(r, await neighbour(r)) as client:
            await its.listen(client)
            await r.band.press(0.2)
            await asyncio.sleep(60)
            assert client.is_connected
            count = len(its.heard)
            assert count > 40
            await press_twice(r)
            await asyncio.sleep(5)
            assert not client.is_connected
            assert len(its.heard) <= count + 2
        await asyncio.sleep(10)
        assert r.band.pulse is not None
        assert r.band.pulse.is_shut_down

    told(story, tmp_path)


def test_outside_the_broadcast_an_unpaired_listener_hears_nothing(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        its, own = Listener(r), Listener(r)
        async with reader(r, await neighbour(r)) as stranger:
            await its.listen(stranger)
            async with reader(r) as client:  # who may, and whose heart rate is on the air
                await own.listen(client)
                await asyncio.sleep(60)
        assert len(own.heard) >= 20
        assert its.heard == []

    told(story, tmp_path)


def test_a_hostile_listener_gets_the_heart_rate_and_nothing_else(tmp_path: Path) -> None:
    """It reads, writes and subscribes to all there is; everything is measured and
    changes meanwhile, and a host syncs."""

    async def story(r: Rig) -> None:
        await fed(r, *((20, 0, SIGNS) for _ in range(6)))
        await press_twice(r)
        stranger = await neighbour(r)
        told_of: set[int] = set()

        def listen(_: str, target: str, payload: bytes) -> bytes:
            if target == stranger.address and payload[4] in (0x1B, 0x1D):
                told_of.add(int.from_bytes(payload[5:7], "little"))
            return payload

        r.world.air.mangle = listen
        remote = await stranger.connect(r.band.address)
        table = await remote.services()
        generic = (UUID.from_16_bits(0x1800), UUID.from_16_bits(0x1801))
        all_of_it = [c for s in table if s.uuid not in generic for c in s.characteristics]
        (heart,) = [c.handle for c in all_of_it if c.uuid == UUID.from_16_bits(0x2A37)]
        got: list[bytes] = []
        for characteristic in all_of_it:
            with suppress(att.ATT_Error):
                if characteristic.cccd is not None:
                    await remote.write(characteristic.cccd, b"\3\0", response=True)
            with suppress(att.ATT_Error):
                got.append(await remote.read(characteristic.handle))
            with suppress(att.ATT_Error):
                await remote.write(characteristic.handle, b"\1", response=True)
                got.append(b"written")
        await r.supervisor().once()
        await asyncio.sleep(90)
        await r.supervisor().once()
        assert got == []
        assert told_of == {heart}
        assert remote.is_connected, "to try is no reason to be dropped"
        r.check()

    told(story, tmp_path)


def test_neighbours_who_listen_leave_a_place_for_the_host(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await press_twice(r)
        listeners = [await (await neighbour(r, n)).connect(r.band.address) for n in (1, 2)]
        for number in (3, 4):
            with pytest.raises(LinkLost):
                await (await neighbour(r, number)).connect(r.band.address)
        await r.supervisor().once()
        await r.band.press()  # who might pair now is let in, and leaves when it does not
        third = await (await neighbour(r, 5)).connect(r.band.address)
        await asyncio.sleep(29)
        assert third.is_connected
        await asyncio.sleep(2)
        assert not third.is_connected
        await r.supervisor().once()
        assert all(remote.is_connected for remote in listeners)

    told(story, tmp_path)


def test_a_listener_that_asks_to_pair_stays_and_is_given_no_passkey(tmp_path: Path) -> None:
    """As a phone does by itself when an app reads more than it may."""

    async def story(r: Rig) -> None:
        await press_twice(r)
        stranger, asked, its = await neighbour(r), [], Listener(r)

        async def answer(address: str) -> int:
            asked.append(address)
            return 123456

        stranger.passkey_agent = answer
        async with reader(r, stranger) as client:
            await its.listen(client)
            with pytest.raises(BleakError):
                await client.read_gatt_char(uuids.standard(0x2A19))
            assert client.is_connected
            await asyncio.sleep(30)
            assert its.heard[-1][1].heart_rate == pytest.approx(72, abs=2)
        await r.supervisor().once()
        assert not [i for i in r.items() if i.detail == items.EVENT_PAIRING_FAILED and i.raw]

    told(story, tmp_path)


def test_pairing_goes_on_in_the_broadcast(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await press_twice(r)
        other = radio_of(await neighbour(r))
        await r.band.press()
        await pair(other, r.band.address, r.band.secret)
        device, _ = await other.find(r.band.address, 30)
        async with connected(other, device) as session:
            assert (await session.info()).implementation == "micropython"

    told(story, tmp_path)
