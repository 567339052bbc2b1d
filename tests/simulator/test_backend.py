"""The bleak backend and the system below it, against a small peripheral."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bumble import att, gatt
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.pairing import PairingConfig, PairingDelegate

from veriband_simulator.air import Air, make_device, start_advertising
from veriband_simulator.backend import bleak_backend
from veriband_simulator.central import Central
from veriband_simulator.clock import run
from veriband_simulator.entropy import seeded_entropy

T = TypeVar("T")
BAND, OTHER, COMPUTER = "C0:98:E5:00:00:01", "C0:98:E5:00:00:02", "F0:0D:5E:00:00:01"
PASSKEY = 123_456
SERVICE = "5b5e0000-1111-4222-8333-000000000000"
VALUE = "5b5e0001-1111-4222-8333-000000000000"
STREAM = "5b5e0002-1111-4222-8333-000000000000"
SECRET = "5b5e0003-1111-4222-8333-000000000000"
SLOW = "5b5e0004-1111-4222-8333-000000000000"
PROPERTIES = gatt.Characteristic.Properties
Agent = Callable[[str], Awaitable[int | None]]


class Display(PairingDelegate):
    """A band's display."""

    def __init__(self) -> None:
        super().__init__(PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY)

    async def generate_passkey(self) -> int:
        return PASSKEY


class Band:
    """A peripheral with one open value, one stream, and one secret behind a passkey pairing."""

    def __init__(self, air: Air, address: str, name: str = "band") -> None:
        self.name = name
        self.value = b"open"
        self.asks_for_security = False
        self.links: list[Connection] = []
        self.device = make_device(air, address, name)
        self.device.gatt_server.max_mtu = 247
        self.device.pairing_config_factory = lambda _: PairingConfig(
            sc=True, mitm=True, bonding=True, delegate=Display()
        )
        self.device.on(Device.EVENT_CONNECTION, self._connected)

    def _characteristic(
        self, uuid: str, properties: gatt.Characteristic.Properties, read: Any, write: Any = None
    ) -> gatt.Characteristic[bytes]:
        return gatt.Characteristic[bytes](
            UUID(uuid),
            properties,
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE,
            gatt.CharacteristicValue(read=read, write=write),
        )

    async def start(self) -> None:
        await self.device.power_on()
        self.stream = self._characteristic(STREAM, PROPERTIES.NOTIFY, lambda _: b"")
        self.device.add_service(
            gatt.Service(
                UUID(SERVICE),
                [
                    self._characteristic(
                        VALUE, PROPERTIES.READ | PROPERTIES.WRITE, self._read, self._write
                    ),
                    self.stream,
                    self._characteristic(SECRET, PROPERTIES.READ, self._read_secret),
                    self._characteristic(SLOW, PROPERTIES.READ, self._read_slowly),
                ],
            )
        )
        await self.advertise()

    async def advertise(self) -> None:
        name = self.name.encode()
        response = bytes([len(name) + 1, 9]) + name
        advert = b"\x02\x01\x06" + b"\x11\x07" + UUID(SERVICE).to_bytes()
        await start_advertising(self.device, 100_000, advert, response, True)

    def _connected(self, connection: Connection) -> None:
        self.links.append(connection)
        connection.on(Connection.EVENT_DISCONNECTION, lambda _: self.links.remove(connection))
        asyncio.get_running_loop().create_task(self.advertise())
        if self.asks_for_security:
            connection.request_pairing()

    def _read(self, _: Connection) -> bytes:
        return self.value

    def _write(self, _: Connection, value: bytes) -> None:
        self.value = value

    async def _read_secret(self, connection: Connection) -> bytes:
        keys = await self.device.keystore.get(str(connection.peer_address))
        if not connection.is_encrypted or not (keys and keys.ltk and keys.ltk.authenticated):
            raise att.ATT_Error(att.ErrorCode.INSUFFICIENT_AUTHENTICATION)
        return b"secret"

    async def _read_slowly(self, _: Connection) -> bytes:
        await asyncio.sleep(10)
        return b"slow"

    def notify(self, value: bytes) -> None:
        for connection in self.links:
            self.device.gatt_server.send_gatt_pdu(
                connection,
                bytes(
                    att.ATT_Handle_Value_Notification(
                        attribute_handle=self.stream.handle, attribute_value=value
                    )
                ),
            )


class Bench:
    """An air with one band and one computer."""

    def __init__(self, **options: Any) -> None:
        self.air = Air(random.Random(1), **options)
        self.band = Band(self.air, BAND)
        self.central = Central(self.air, COMPUTER, name="computer")
        self.drops: list[float] = []

    async def start(self) -> None:
        await self.band.start()
        await self.central.start()

    def client(
        self, address: str = BAND, central: Central | None = None, **kw: Any
    ) -> BleakClient:
        loop = asyncio.get_running_loop()
        return BleakClient(
            address,
            disconnected_callback=lambda _: self.drops.append(loop.time()),
            backend=bleak_backend(central or self.central)[0],
            **kw,
        )

    def scanner(self) -> type[Any]:
        return bleak_backend(self.central)[1]


def play(scenario: Callable[[Bench], Coroutine[Any, Any, T]], **options: Any) -> T:
    """Run a scenario; an error in any callback or task of the world fails it."""
    errors: list[dict[str, Any]] = []

    async def main() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        bench = Bench(**options)
        await bench.start()
        return await scenario(bench)

    with seeded_entropy(1):
        result = run(main(), limit_s=10_000)
    assert errors == [], errors
    return result


def answering(passkey: int | None) -> Agent:
    async def agent(address: str) -> int | None:
        assert address == BAND
        return passkey

    return agent


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_a_scan_finds_name_and_services():
    async def scenario(bench: Bench) -> None:
        device = await BleakScanner.find_device_by_name("band", backend=bench.scanner())
        assert device is not None and device.address == BAND
        found = await BleakScanner.discover(3, return_adv=True, backend=bench.scanner())
        _, advert = found[BAND]
        assert (advert.local_name, advert.service_uuids) == ("band", [SERVICE])
        assert not bench.central.device.scanning
        async with BleakClient(device, backend=bleak_backend(bench.central)[0]) as client:
            assert client.name == "band"

    play(scenario)


def test_two_scanners_share_the_radio():
    async def scenario(bench: Bench) -> None:
        one, other = BleakScanner(backend=bench.scanner()), BleakScanner(backend=bench.scanner())
        await one.start()
        await other.start()
        await one.stop()
        await asyncio.sleep(1)
        assert [d.address for d in other.discovered_devices] == [BAND]
        await other.stop()
        assert not bench.central.device.scanning

    play(scenario)


def test_connect_read_write_and_disconnect():
    async def scenario(bench: Bench) -> None:
        client = bench.client()
        await client.connect()
        assert client.is_connected and client.mtu_size == 247
        characteristic = client.services.get_characteristic(VALUE)
        assert characteristic is not None and characteristic.properties == ["read", "write"]
        assert characteristic.max_write_without_response_size == 244
        assert await client.read_gatt_char(VALUE) == bytearray(b"open")
        for value in (b"short", bytes(range(200)) * 2):
            await client.write_gatt_char(VALUE, value, response=True)
            assert await client.read_gatt_char(VALUE) == value
        await client.disconnect()
        assert not client.is_connected and len(bench.drops) == 1 and bench.band.links == []
        with pytest.raises(BleakError):
            _ = client.services
        with pytest.raises(BleakError):
            await client.read_gatt_char(VALUE)
        await client.connect()
        assert await client.read_gatt_char(VALUE) == value

    play(scenario)


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_notifications_come_in_order(loss: float):
    async def scenario(bench: Bench) -> None:
        came: list[bytes] = []

        def hear(_: BleakGATTCharacteristic, data: bytearray) -> None:
            came.append(bytes(data))

        async with bench.client() as client:
            await client.start_notify(STREAM, hear)
            sent = [bytes([number]) * 100 for number in range(100)]
            for value in sent:
                bench.band.notify(value)
            await asyncio.sleep(10)
            assert came == sent
            await client.stop_notify(STREAM)
            with pytest.raises(BleakError):
                await client.start_notify(VALUE, hear)

    play(scenario, loss=loss)


def test_going_out_of_range_in_a_read_and_coming_back():
    async def scenario(bench: Bench) -> None:
        client = bench.client()
        await client.connect()
        reads = [asyncio.create_task(client.read_gatt_char(SLOW)) for _ in range(3)]
        await asyncio.sleep(1)
        bench.air.set_in_range(BAND, False)
        left_s = now_s()
        for read in reads:
            with pytest.raises(BleakError, match="CONNECTION_TIMEOUT"):
                await read
        assert now_s() == bench.drops[0] == pytest.approx(left_s + 4)
        assert not client.is_connected
        bench.air.set_in_range(BAND, True)
        await client.connect()
        assert await client.read_gatt_char(VALUE) == b"open"
        assert len(bench.drops) == 1

    play(scenario)


def test_an_absent_device_is_not_found_after_the_timeout():
    async def scenario(bench: Bench) -> None:
        began_s = now_s()
        with pytest.raises(BleakDeviceNotFoundError):
            await bench.client(OTHER, timeout=5.0).connect()
        assert now_s() == pytest.approx(began_s + 5)
        await bench.client().connect()
        assert bench.drops == []

    play(scenario)


@pytest.mark.parametrize("after_s", [0.05, 0.15, 0.25, 0.31, 0.35, 0.4, 0.5, 0.7])
def test_a_cancelled_connect_and_then_a_good_one(after_s: float):
    async def scenario(bench: Bench) -> None:
        client = bench.client()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(after_s):
                await client.connect()
        assert not client.is_connected and bench.drops == []
        await client.connect()
        assert await client.read_gatt_char(VALUE) == b"open"

    play(scenario)


def test_a_connect_that_waits_does_not_hold_up_another():
    async def scenario(bench: Bench) -> None:
        waiting = asyncio.create_task(bench.client(OTHER, timeout=60).connect())
        await asyncio.sleep(1)
        began_s = now_s()
        await bench.client().connect()
        assert now_s() - began_s < 2
        other = Band(bench.air, OTHER)
        await other.start()
        await waiting

    play(scenario)


def test_a_cancelled_read_does_not_answer_the_next():
    async def scenario(bench: Bench) -> None:
        async with bench.client() as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await client.read_gatt_char(SLOW)
            assert await client.read_gatt_char(VALUE) == b"open"

    play(scenario)


def test_two_bands_on_one_computer_and_two_computers_on_one_band():
    async def scenario(bench: Bench) -> None:
        other = Band(bench.air, OTHER, "other")
        other.value = b"other"
        await other.start()
        second = Central(bench.air, "F0:0D:5E:00:00:02", name="second")
        await second.start()
        clients = [
            bench.client(),
            bench.client(OTHER),
            bench.client(BAND, second),
            bench.client(OTHER, second),
        ]
        await asyncio.gather(*(client.connect() for client in clients))
        values = await asyncio.gather(*(client.read_gatt_char(VALUE) for client in clients))
        assert values == [b"open", b"other"] * 2
        await clients[0].disconnect()
        assert [client.is_connected for client in clients] == [False, True, True, True]
        assert len(bench.drops) == 1

    play(scenario)


def test_a_band_that_loses_power_is_missed():
    async def scenario(bench: Bench) -> None:
        client = bench.client()
        await client.connect()
        bench.air.vanish(BAND)
        with pytest.raises(BleakError):
            await client.read_gatt_char(VALUE)
        again = Band(bench.air, BAND)
        await again.start()
        await client.connect()
        assert await client.read_gatt_char(VALUE) == b"open"

    play(scenario)


def test_without_an_agent_a_protected_value_is_refused():
    async def scenario(bench: Bench) -> None:
        async with bench.client() as client:
            with pytest.raises(BleakGATTProtocolError) as refusal:
                await client.read_gatt_char(SECRET)
            assert refusal.value.code == 0x05
            with pytest.raises(BleakError, match="no pairing agent"):
                await client.pair()

    play(scenario)


@pytest.mark.parametrize("explicit", [True, False])
def test_pairing_with_the_passkey_opens_what_is_protected(explicit: bool):
    async def scenario(bench: Bench) -> None:
        bench.central.passkey_agent = answering(PASSKEY)
        async with bench.client() as client:
            if explicit:
                await client.pair()
            assert await client.read_gatt_char(SECRET) == b"secret"
        bond = await bench.central.bond(BAND)
        assert bond is not None and bond.ltk is not None and bond.ltk.authenticated

    play(scenario)


@pytest.mark.parametrize("answer", [PASSKEY + 1, None])
def test_a_wrong_passkey_fails_and_the_right_one_then_works(answer: int | None):
    async def scenario(bench: Bench) -> None:
        async with bench.client() as client:
            bench.central.passkey_agent = answering(answer)
            with pytest.raises(BleakError, match="pairing failed"):
                await client.pair()
            with pytest.raises(BleakGATTProtocolError):
                await client.read_gatt_char(SECRET)
            assert await bench.central.bond(BAND) is None
            bench.central.passkey_agent = answering(PASSKEY)
            await client.pair()
            assert await client.read_gatt_char(SECRET) == b"secret"

    play(scenario)


def test_an_agent_that_never_answers():
    async def scenario(bench: Bench) -> None:
        async def sleepy(_: str) -> int | None:
            await asyncio.sleep(1000)
            return None

        bench.central.passkey_agent = sleepy
        async with bench.client() as client:
            with pytest.raises(BleakError, match="pairing failed"):
                await client.pair()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await client.pair()
            bench.central.passkey_agent = answering(PASSKEY)
            await client.pair()

    play(scenario)


def test_a_stranger_without_a_keyboard_gets_no_further_than_just_works():
    async def scenario(bench: Bench) -> None:
        stranger = Central(bench.air, "F0:0D:5E:00:00:09", name="stranger", io="none")
        await stranger.start()
        async with bench.client(BAND, stranger) as client:
            with pytest.raises(BleakGATTProtocolError):
                await client.read_gatt_char(SECRET)
            bond = await stranger.bond(BAND)
            assert bond is not None and bond.ltk is not None and not bond.ltk.authenticated

    play(scenario)


def test_a_bond_encrypts_on_the_security_request_and_keeps_the_table():
    async def scenario(bench: Bench) -> None:
        bench.central.passkey_agent = answering(PASSKEY)
        bench.band.asks_for_security = True
        async with bench.client() as client:
            await asyncio.sleep(5)
            assert bench.band.links[0].is_encrypted
        bench.central.passkey_agent = None
        before = bench.air.pdus
        async with bench.client() as client:
            assert bench.air.pdus - before < 40  # discovery alone takes more
            await asyncio.sleep(1)
            assert bench.band.links[0].is_encrypted
            assert await client.read_gatt_char(SECRET) == b"secret"

    play(scenario)


def test_a_bond_encrypts_when_a_request_needs_it():
    async def scenario(bench: Bench) -> None:
        bench.central.passkey_agent = answering(PASSKEY)
        async with bench.client(pair=True):
            pass
        bench.central.passkey_agent = None
        async with bench.client() as client:
            assert not bench.band.links[0].is_encrypted
            assert await client.read_gatt_char(SECRET) == b"secret"

    play(scenario)


def test_a_lost_bond_is_an_error_until_unpaired():
    async def scenario(bench: Bench) -> None:
        bench.central.passkey_agent = answering(PASSKEY)
        client = bench.client()
        await client.connect()
        await client.pair()
        await client.disconnect()
        await bench.band.device.keystore.delete_all()
        await client.connect()
        with pytest.raises(BleakError, match="no longer knows its bond"):
            await client.read_gatt_char(SECRET)
        assert not client.is_connected
        assert await bench.central.bond(BAND) is not None
        await client.connect()
        await client.unpair()
        assert not client.is_connected and await bench.central.bond(BAND) is None
        await client.connect()
        assert await client.read_gatt_char(SECRET) == b"secret"

    play(scenario)


def test_losing_the_link_in_a_pairing():
    async def scenario(bench: Bench) -> None:
        async def agent(_: str) -> int | None:
            bench.air.set_in_range(BAND, False)
            return PASSKEY

        bench.central.passkey_agent = agent
        client = bench.client()
        await client.connect()
        with pytest.raises(BleakError, match="CONNECTION_TIMEOUT"):
            await client.pair()
        assert len(bench.drops) == 1

    play(scenario)


def test_the_same_seed_gives_the_same_trace():
    async def scenario(bench: Bench) -> str:
        bench.central.passkey_agent = answering(PASSKEY)
        async with bench.client() as client:
            await client.read_gatt_char(SECRET)
        return bench.air.trace_sha256

    assert play(scenario, loss=0.1) == play(scenario, loss=0.1)
