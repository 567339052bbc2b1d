"""The radio model: connection events, loss, range, advertising, traces and their entropy."""

import asyncio
import hashlib
import random
import sys
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from bumble import att, hci
from bumble.device import Advertisement, Connection, Device

from veriband_simulator.air import Air, make_device, start_advertising, stop_advertising
from veriband_simulator.clock import VirtualLoop, run
from veriband_simulator.entropy import SECRETIVE_MODULES, seeded_entropy

T = TypeVar("T")
BAND, OTHER, COMPUTER = "C0:98:E5:00:00:01", "C0:98:E5:00:00:02", "F0:0D:5E:00:00:01"
FLAGS = b"\x02\x01\x06"
NAME = b"\x05\x09band"


def play(main: Coroutine[Any, Any, T], seed: int = 1, limit_s: float = 1000) -> T:
    with seeded_entropy(seed):
        return run(main, limit_s=limit_s)


def an_air(seed: int = 1, **options: Any) -> Air:
    return Air(random.Random(seed), **options)


async def on(air: Air, address: str) -> Device:
    device = make_device(air, address, "band")
    await device.power_on()
    return device


async def advertising(air: Air, address: str, interval_us: int = 100_000) -> Device:
    device = await on(air, address)
    await start_advertising(device, interval_us, FLAGS, NAME, True)
    return device


async def connect(central: Device, address: str) -> Connection:
    return await central.connect(
        hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS),
        own_address_type=hci.OwnAddressType.PUBLIC,
        timeout=None,
    )


def notify(device: Device, connection: Connection, value: bytes) -> None:
    device.gatt_server.send_gatt_pdu(
        connection,
        bytes(att.ATT_Handle_Value_Notification(attribute_handle=9, attribute_value=value)),
    )


async def linked(air: Air) -> tuple[Device, Connection, Device, Connection]:
    """A band and a computer, and each one's end of the connection between."""
    band, computer = await advertising(air, BAND), await on(air, COMPUTER)
    theirs: list[Connection] = []
    band.on(Device.EVENT_CONNECTION, theirs.append)
    connection = await connect(computer, BAND)
    await asyncio.sleep(1)
    return band, theirs[0], computer, connection


def collect(connection: Connection) -> list[tuple[float, bytes]]:
    """Notifications that come in, with their times."""
    loop = asyncio.get_running_loop()
    came: list[tuple[float, bytes]] = []
    connection.gatt_client.notification_subscribers[9] = {
        lambda value: came.append((loop.time(), bytes(value)))
    }
    return came


def test_both_ends_know_the_true_parameters():
    async def main() -> None:
        air = an_air()
        _, theirs, _, ours = await linked(air)
        for end in (theirs, ours):
            assert end.parameters.connection_interval == 30.0
            assert end.parameters.supervision_timeout == 4000.0
            assert end.data_length.max_tx_octets == 251
        assert str(ours.self_address) == f"{COMPUTER}/P" == str(theirs.peer_address)
        assert str(theirs.self_address) == f"{BAND}/P" == str(ours.peer_address)

    play(main())


def test_six_pdus_leave_at_each_connection_event_in_order():
    async def main() -> None:
        air = an_air()
        band, theirs, _, ours = await linked(air)
        came = collect(ours)
        for number in range(30):
            notify(band, theirs, bytes([number]))
        assert air.queued(BAND, f"{COMPUTER}/P") == 30
        assert air.queued(COMPUTER, BAND) == 0
        await asyncio.sleep(1)
        assert air.queued(BAND, COMPUTER) == 0
        assert [value[0] for _, value in came] == list(range(30))
        times = sorted({at_s for at_s, _ in came})
        assert [sum(t == at_s for t, _ in came) for at_s in times] == [6] * 5
        assert times[-1] - times[0] == pytest.approx(4 * 0.030, abs=1e-9)

    play(main())


def test_loss_delays_and_keeps_the_order():
    async def main(loss: float) -> tuple[list[int], float]:
        air = an_air(loss=loss)
        band, theirs, _, ours = await linked(air)
        came = collect(ours)
        for number in range(60):
            notify(band, theirs, bytes([number]))
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(20)
        return [value[0] for _, value in came], came[-1][0] - began_s

    clean, lossy = play(main(0.0)), play(main(0.4))
    assert clean[0] == lossy[0] == list(range(60))
    assert lossy[1] > 2 * clean[1]


def test_a_value_longer_than_a_pdu_is_sent_in_pieces():
    async def main() -> None:
        air = an_air()
        band, theirs, _, ours = await linked(air)
        came = collect(ours)
        notify(band, theirs, bytes(range(256)) * 2)
        assert air.queued(BAND, COMPUTER) == 3
        await asyncio.sleep(1)
        assert [value for _, value in came] == [bytes(range(256)) * 2]

    play(main())


def test_out_of_range_is_a_supervision_timeout_at_both_ends():
    async def main() -> None:
        air = an_air()
        band, theirs, _, ours = await linked(air)
        loop = asyncio.get_running_loop()
        ends: list[tuple[float, int]] = []
        for end in (theirs, ours):
            end.on(Connection.EVENT_DISCONNECTION, lambda r: ends.append((loop.time(), r)))
        began_s = loop.time()
        air.set_in_range(BAND, False)
        notify(band, theirs, b"nobody hears this")
        await asyncio.sleep(10)
        assert ends == [(began_s + 4.0, 0x08)] * 2

    play(main())


def test_a_short_absence_only_delays():
    async def main() -> None:
        air = an_air()
        band, theirs, _, ours = await linked(air)
        came = collect(ours)
        air.set_in_range(COMPUTER, False)
        notify(band, theirs, b"late")
        await asyncio.sleep(3.9)
        assert came == []
        air.set_in_range(COMPUTER, True)
        await asyncio.sleep(10)
        assert [value for _, value in came] == [b"late"]

    play(main())


def test_a_band_that_vanishes_is_missed_and_its_address_is_free_at_once():
    async def main() -> None:
        air = an_air()
        _, theirs, computer, ours = await linked(air)
        own: list[int] = []
        reasons: list[int] = []
        theirs.on(Connection.EVENT_DISCONNECTION, own.append)
        ours.on(Connection.EVENT_DISCONNECTION, reasons.append)
        air.vanish(BAND)
        await advertising(air, BAND)
        await asyncio.sleep(5)
        assert (own, reasons) == ([], [0x08])
        await connect(computer, BAND)

    play(main())


def test_a_goodbye_ends_both_ends_with_their_reasons():
    async def main() -> None:
        _, theirs, _, ours = await linked(an_air())
        reasons: list[tuple[str, int]] = []
        theirs.on(Connection.EVENT_DISCONNECTION, lambda r: reasons.append(("band", r)))
        ours.on(Connection.EVENT_DISCONNECTION, lambda r: reasons.append(("computer", r)))
        await theirs.disconnect()
        await asyncio.sleep(1)
        assert sorted(reasons) == [("band", 0x16), ("computer", 0x13)]

    play(main())


def test_mangle_changes_and_swallows_data():
    async def main() -> None:
        air = an_air()
        band, theirs, _, ours = await linked(air)
        came = collect(ours)

        def mangle(source: str, target: str, payload: bytes) -> bytes | None:
            assert (source, target) == (BAND, COMPUTER)
            return None if payload.endswith(b"no") else payload.replace(b"x", b"y")

        air.mangle = mangle
        for value in (b"x", b"no", b"z"):
            notify(band, theirs, value)
        await asyncio.sleep(1)
        assert [value for _, value in came] == [b"y", b"z"]

    play(main())


def test_up_to_four_centrals_are_served_at_once():
    async def main() -> None:
        air = an_air()
        band = await advertising(air, BAND)
        for number in range(4):
            computer = await on(air, f"F0:0D:5E:00:01:{number:02X}")
            await connect(computer, BAND)
            await asyncio.sleep(0.1)
            await start_advertising(band, 100_000, FLAGS, NAME, True)
        fifth = asyncio.create_task(connect(await on(air, COMPUTER), BAND))
        await asyncio.sleep(30)
        assert len(band.connections) == 4 and not fifth.done()

    play(main())


def test_a_scan_sees_name_and_flags_at_the_true_interval():
    async def main() -> list[tuple[float, bytes]]:
        air = an_air()
        computer = await on(air, COMPUTER)
        band = await advertising(air, BAND, 500_000)
        loop = asyncio.get_running_loop()
        seen: list[tuple[float, bytes]] = []

        def heard(advertisement: Advertisement) -> None:
            assert advertisement.is_connectable
            seen.append((loop.time(), bytes(advertisement.data)))

        computer.on(Device.EVENT_ADVERTISEMENT, heard)
        await computer.start_scanning()
        await asyncio.sleep(100)
        await stop_advertising(band)
        await asyncio.sleep(100)
        return seen

    seen = play(main())
    assert {data for _, data in seen} == {FLAGS + NAME}
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(seen)]
    assert 195 <= len(seen) <= 200
    assert min(gaps) >= 0.495 and max(gaps) <= 0.515 and len(set(gaps)) > 50


def test_advertising_instants_do_not_depend_on_who_listened_before():
    async def main(early: bool) -> list[float]:
        air = an_air()
        await advertising(air, BAND)
        computer = await on(air, COMPUTER)
        loop = asyncio.get_running_loop()
        seen: list[float] = []
        if early:
            await computer.start_scanning()
            await asyncio.sleep(3)
            await computer.stop_scanning()
        await asyncio.sleep(10 - loop.time())
        computer.on(Device.EVENT_ADVERTISEMENT, lambda _: seen.append(loop.time()))
        await computer.start_scanning()
        await asyncio.sleep(10)
        return seen

    assert play(main(True)) == play(main(False))


def test_an_idle_day_with_a_band_that_advertises_costs_nothing():
    turns = 0

    class Counting(VirtualLoop):
        def _run_once(self) -> None:
            nonlocal turns
            turns += 1
            super()._run_once()

    async def main() -> int:
        air = an_air()
        await linked(air)
        await advertising(air, OTHER)
        before = turns
        await asyncio.sleep(86_400)
        return turns - before

    with asyncio.Runner(loop_factory=lambda: Counting(limit_s=100_000)) as runner:
        assert runner.run(main()) < 20


def test_two_radios_cannot_have_one_address():
    async def main() -> None:
        air = an_air()
        make_device(air, BAND, "one")
        with pytest.raises(ValueError, match=BAND):
            make_device(air, BAND, "two")

    play(main())


def test_the_same_seed_gives_the_same_trace_and_another_another():
    async def main(seed: int) -> tuple[str, int]:
        air = an_air(seed, loss=0.2)
        band, theirs, _, ours = await linked(air)
        for number in range(20):
            notify(band, theirs, bytes([number]))
        await asyncio.sleep(2)
        await ours.pair()
        return air.trace_sha256, air.pdus

    first, again, other = (play(main(seed), seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(bytes.fromhex(first[0])) == hashlib.sha256().digest_size


def test_every_source_of_entropy_in_bumble_is_known():
    """A new release that draws randomness elsewhere must not go unnoticed."""
    import random as random_module
    import secrets as secrets_module

    known = {module.__name__ for module in SECRETIVE_MODULES}
    for name, module in list(sys.modules.items()):
        if name.startswith("bumble."):
            held = vars(module).values()
            if any(value is secrets_module for value in held):
                assert name in known
            if any(value is random_module for value in held):
                assert name == "bumble.controller"


def test_entropy_is_given_back():
    import secrets as secrets_module

    before = [vars(module)["secrets"] for module in SECRETIVE_MODULES]
    with seeded_entropy(1), pytest.raises(RuntimeError), seeded_entropy(2):
        raise RuntimeError
    assert [vars(module)["secrets"] for module in SECRETIVE_MODULES] == before
    assert all(value is secrets_module for value in before)
