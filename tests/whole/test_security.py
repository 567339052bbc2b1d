"""Who gets what from a band: strangers nothing, a passkey one attempt, a bond stays."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from bleak import BleakClient
from bleak.exc import BleakError
from bumble import att
from bumble.core import UUID
from bumble.hci import Address, OwnAddressType

from tests.whole.rig import Rig, live, radio_of, rig, until_cancelled
from veriband.errors import NotPaired, PairingFailed, VeribandError
from veriband.link.pairing import current_passkey, pair
from veriband_protocol import control, items, uuids, wire
from veriband_protocol.passkey import passkey
from veriband_simulator.central import Central
from veriband_simulator.device import make_device
from veriband_simulator.firmware import find_firmware
from veriband_simulator.nimble import EALREADY, ENOMEM, RadioError
from veriband_simulator.remote import LinkLost

STRANGER = "F0:0D:5E:00:00:66"


async def _leave(client: BleakClient) -> None:
    with suppress(BleakError):
        await client.disconnect()


async def pair_with(r: Rig, code: int) -> None:
    """Pair with that passkey, whatever the band advertises."""
    device, _ = await r.radio.find(r.band.address, 20)
    assert r.radio.agent is not None
    async with r.radio.agent.answering(r.band.address, code):
        client = r.radio.connect(device, 20, lambda: None)
        try:
            await client.connect()
            await client.pair()
        finally:
            await _leave(client)


def paired(folder: Path, story: Callable[[Rig], Coroutine[Any, Any, None]]) -> None:
    """A story about a band and the computer that it is paired with."""

    async def whole() -> None:
        r = await rig(folder)
        try:
            await r.pair()
            await story(r)
        finally:
            r.close()

    live(whole())


async def pry(r: Rig, stranger: Central) -> list[bytes]:
    """On a connection each: read a value, write to it, subscribe to it; what that gave."""
    table = r.computer.table(r.band.address)
    assert table is not None
    standard = (UUID.from_16_bits(0x1800), UUID.from_16_bits(0x1801))  # open by their nature
    characteristics = [c for s in table if s.uuid not in standard for c in s.characteristics]
    assert len(characteristics) >= 12
    got: list[bytes] = []
    for characteristic in characteristics:
        remote = await stranger.connect(r.band.address)
        try:
            if characteristic.cccd is not None:
                await remote.write(characteristic.cccd, b"\1\0", response=True)
                await asyncio.sleep(700)
            if characteristic.properties & characteristic.properties.WRITE:
                await remote.write(
                    characteristic.handle, wire.pack_read(0, 0, 8, 1), response=True
                )
                got.append(b"written")
            got.append(await remote.read(characteristic.handle))
        except (LinkLost, att.ATT_Error):
            pass
        await remote.disconnect()
    return got


@pytest.mark.parametrize("io", ["none", "keyboard"])
def test_an_unpaired_central_reads_nothing_and_is_told_nothing(
    tmp_path: Path, io: Literal["none", "keyboard"]
) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            keeping = asyncio.create_task(r.supervisor(every_s=60).run())
            stranger = await r.world.computer(STRANGER, io=io)
            told: list[bytes] = []

            def listen(_: str, target: str, payload: bytes) -> bytes:
                if target == STRANGER and payload[4] in (0x1B, 0x1D):  # notification, indication
                    told.append(payload)
                return payload

            r.world.air.mangle = listen
            assert await pry(r, stranger) == []
            await r.band.press()  # nor while pairing is open, when no passkey is entered
            assert await pry(r, stranger) == []
            await until_cancelled(keeping)
            assert told == []
            r.check()
        finally:
            r.close()

    live(story())


def test_a_stranger_who_comes_and_goes_without_end_does_not_take_the_memory(
    tmp_path: Path,
) -> None:
    async def story(r: Rig) -> None:
        stranger = make_device(r.world.air, STRANGER, "stranger")
        await stranger.power_on()
        band = Address(r.band.address, Address.PUBLIC_DEVICE_ADDRESS)
        own = OwnAddressType.PUBLIC
        for _ in range(500):
            link = await stranger.connect(band, own_address_type=own, timeout=None)
            await link.disconnect()
        await r.supervisor().once()
        assert len(r.band.board.started_us) == 1

    paired(tmp_path, story)


def test_a_stranger_does_not_hold_the_connection(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            stranger = await r.world.computer(STRANGER)
            radio = radio_of(stranger)
            device, _ = await radio.find(r.band.address, 30)
            gone = asyncio.Event()
            client = radio.connect(device, 20, gone.set)
            await client.connect()
            async with asyncio.timeout(40):
                await gone.wait()
        finally:
            r.close()

    live(story())


@pytest.mark.parametrize("call", ["ble_pair", "ble_passkey"])
def test_a_stack_that_refuses_a_security_call_does_not_start_the_band_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """NimBLE does when the central encrypts of its own accord, or has just gone."""

    def refuse(*_: Any) -> None:
        raise RadioError(EALREADY)

    async def story(r: Rig) -> None:
        other = await r.world.computer(STRANGER)
        monkeypatch.setitem(r.band.board._calls, call, refuse)
        await r.band.press()
        with suppress(PairingFailed):
            await pair(radio_of(other), r.band.address, r.band.secret)
        await r.supervisor().once()
        assert len(r.band.board.started_us) == 1

    paired(tmp_path, story)


def jam(*_: Any) -> None:
    """What a notification does while those before it do not get out."""
    raise RadioError(ENOMEM)


def test_measurements_that_are_asked_for_faster_than_answered_do_not_take_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(r: Rig) -> None:
        async with r.session() as session:
            before = await session.info()
            with monkeypatch.context() as patch:
                patch.setitem(r.band.board._calls, "ble_notify", jam)
                for _ in range(250):
                    request = control.pack_measure(items.VITAL_HEART_RATE)
                    await session._write(uuids.CONTROL_REQUEST, request)
            await asyncio.sleep(30)
        async with r.session() as session:
            assert (await session.info()).heap_used < before.heap_used + 1024
        assert len(r.band.board.started_us) == 1

    paired(tmp_path, story)


def test_a_host_that_asks_on_and_takes_no_answer_does_not_start_the_band_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(r: Rig) -> None:
        async with r.session() as session:
            with monkeypatch.context() as patch:
                patch.setitem(r.band.board._calls, "ble_notify", jam)
                for _ in range(100):  # the watchdog bites after 150 s
                    await session._write(uuids.CONTROL_REQUEST, bytes((control.TIME,)))
                    await asyncio.sleep(2)
        assert len(r.band.board.started_us) == 1

    paired(tmp_path, story)


def test_who_comes_while_another_floods_the_band_does_not_lock_everybody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(r: Rig) -> None:
        other = await r.world.computer(STRANGER)
        await asyncio.sleep(60)  # pairing has ended, which would have it advertise again
        with monkeypatch.context() as patch:
            async with r.session() as session:
                patch.setitem(r.band.board._calls, "ble_notify", jam)
                for _ in range(20):
                    await session._write(uuids.CONTROL_REQUEST, bytes((control.TIME,)))
                await (await other.connect(r.band.address)).disconnect()
        await asyncio.sleep(10)
        await r.supervisor().once()

    paired(tmp_path, story)


def test_a_passkey_is_good_once_and_a_wrong_one_never(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            with pytest.raises(NotPaired, match="press its button for 3 seconds"):
                await pair(r.radio, r.band.address, r.band.secret)
            await r.band.press()
            first = await current_passkey(r.radio, r.band.address, r.band.secret)
            assert first == passkey(hashlib.sha1, r.band.secret, 0)
            with pytest.raises(PairingFailed):
                await pair(r.radio, r.band.address, b"another secret entirely")
            second = await current_passkey(r.radio, r.band.address, r.band.secret)
            assert second == passkey(hashlib.sha1, r.band.secret, 1), "the first is used up"
            with pytest.raises(BleakError):
                await pair_with(r, first)
            await pair(r.radio, r.band.address, r.band.secret)
            r.store.add_band(r.band.address, r.band.secret, 0)
            await r.supervisor().once()
        finally:
            r.close()

    live(story())


def test_pairing_closes_after_a_minute_and_after_three_attempts(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.band.press()
            await asyncio.sleep(61)
            with pytest.raises(NotPaired):
                await pair(r.radio, r.band.address, r.band.secret)
            with pytest.raises(BleakError):  # not even with the right passkey
                await pair_with(r, passkey(hashlib.sha1, r.band.secret, 0))
            await r.band.press(1.0)  # a short press does not open it
            with pytest.raises(NotPaired):
                await current_passkey(r.radio, r.band.address, r.band.secret)
            await r.band.press()
            for _ in range(3):
                with pytest.raises(PairingFailed):
                    await pair(r.radio, r.band.address, b"guesses of a neighbour")
            with pytest.raises(NotPaired):
                await pair(r.radio, r.band.address, r.band.secret)
        finally:
            r.close()

    live(story())


def test_pairing_stays_closed_when_ticks_wrap(tmp_path: Path) -> None:
    """Half a period of ticks_ms, 6.2 days, after a press that nobody used."""

    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.band.press()
            await asyncio.sleep(6.3 * 86_400)
            with pytest.raises(NotPaired):
                await current_passkey(r.radio, r.band.address, r.band.secret)
        finally:
            r.close()

    live(story(), hours=200)


def test_the_counter_never_goes_back_over_resets_and_losses_of_power(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            for counter in range(1, 4):
                await r.band.press()
                with pytest.raises(PairingFailed):
                    await pair(r.radio, r.band.address, b"wrong on purpose")
                r.band.board.power_off()
                await r.band.board.power_on()
                await r.band.press()
                expected = passkey(hashlib.sha1, r.band.secret, counter)
                assert await current_passkey(r.radio, r.band.address, r.band.secret) == expected
                await asyncio.sleep(61)
        finally:
            r.close()

    live(story())


def test_a_bond_outlives_resets_and_a_strangers_attempts_under_its_address(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            r.band.board.reset()
            await asyncio.sleep(5)
            await r.supervisor().once()
            r.computer.power_off()
            stranger = await r.world.computer(io="none")  # with the computer's own address
            radio = radio_of(stranger)
            for _ in range(2):
                device, _ = await radio.find(r.band.address, 30)
                client = radio.connect(device, 20, lambda: None)
                with pytest.raises((BleakError, VeribandError)):
                    await client.connect()
                    await client.pair()
                    await client.read_gatt_char("2a25")
                await _leave(client)
            stranger.power_off()
            bonds = r.computer.device.keystore
            r.computer = await r.world.computer()
            r.computer.device.keystore = bonds
            await r.supervisor().once()
        finally:
            r.close()

    live(story())


def test_info_names_the_files_that_were_built(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            async with r.session() as session:
                info = await session.info()
                files = dict([await session.file(n) for n in range(info.file_count)])
            built = find_firmware().files
            assert files == {
                path: hashlib.sha256(content).hexdigest() for path, content in built.items()
            }
            whole = b"".join(
                hashlib.sha256(built[path]).digest() + path.encode() + b"\n"
                for path in sorted(built)
            )
            assert info.program_sha256 == hashlib.sha256(whole).hexdigest()
            assert info.implementation == "micropython"
            assert sum(path.endswith(".mpy") for path in files) == len(files) - 2
        finally:
            r.close()

    live(story())
