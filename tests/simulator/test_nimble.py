"""The board's Bluetooth, where the order of events matters."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from bumble.core import UUID

from veriband_simulator.air import Air
from veriband_simulator.central import Central
from veriband_simulator.clock import run
from veriband_simulator.entropy import seeded_entropy
from veriband_simulator.interpreter import Value
from veriband_simulator.nimble import (
    DISCONNECT,
    EALREADY,
    INDICATED,
    NOBODY,
    READ_REQUEST,
    WRITE,
    Nimble,
    RadioError,
)
from veriband_simulator.remote import Remote
from veriband_simulator.usage import Usage

BAND, COMPUTER = "C0:98:E5:00:00:01", "F0:0D:5E:00:00:01"
SERVICE = UUID("5b5e0000-1111-4222-8333-000000000000").to_bytes()
VALUE = UUID("5b5e0001-1111-4222-8333-000000000000").to_bytes()
WRITE_WITHOUT_RESPONSE, NOTIFY, INDICATE = 0x04, 0x10, 0x20


def test_a_write_that_comes_together_with_a_disconnect_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[int] = []

    def raise_event(event: int, _: Value) -> Value:
        events.append(event)

    async def main() -> None:
        air = Air(random.Random(1))
        nimble = Nimble(air, BAND, raise_event, Usage(lambda: 0))
        await nimble.power_on()
        ((handle,),) = nimble.ble_services(((SERVICE, ((VALUE, WRITE_WITHOUT_RESPONSE),)),))
        nimble.ble_advertise(100_000, b"\x02\x01\x06", None, True)
        computer = Central(air, COMPUTER, name="computer")
        await computer.start()
        remote = await computer.connect(BAND)
        await remote.write(handle, b"x", response=False)
        await remote.disconnect()

    with seeded_entropy(1):
        run(main(), limit_s=100)
    assert DISCONNECT in events and WRITE not in events
    assert caplog.records == []


def told(
    flags: int, story: Callable[[Nimble, int, Remote], Coroutine[Any, Any, None]]
) -> list[tuple[int, Value]]:
    """The events of a story about a characteristic with these flags and one central."""
    events: list[tuple[int, Value]] = []

    def raise_event(event: int, data: Value) -> Value:
        events.append((event, data))

    async def main() -> None:
        air = Air(random.Random(1))
        nimble = Nimble(air, BAND, raise_event, Usage(lambda: 0))
        await nimble.power_on()
        ((handle,),) = nimble.ble_services(((SERVICE, ((VALUE, flags),)),))
        nimble.ble_advertise(100_000, b"\x02\x01\x06", None, True)
        computer = Central(air, COMPUTER, name="computer")
        await computer.start()
        await story(nimble, handle, await computer.connect(BAND))

    with seeded_entropy(1):
        run(main(), limit_s=100)
    return events


async def heard(remote: Remote) -> list[bytes]:
    """Subscribe; what comes from now on."""
    got: list[bytes] = []
    (characteristic,) = (await remote.services())[-1].characteristics
    await remote.subscribe(characteristic, got.append)
    return got


def test_an_update_goes_to_subscribers_only_and_is_read_for_nobody_first() -> None:
    async def story(nimble: Nimble, handle: int, remote: Remote) -> None:
        nimble.ble_write(handle, b"early", True)
        await asyncio.sleep(1)
        got = await heard(remote)
        nimble.ble_write(handle, b"lost", True)
        nimble.ble_write(handle, b"last", True)  # before the first was fetched
        await asyncio.sleep(1)
        assert got == [b"last"]

    reads = [data for event, data in told(NOTIFY, story) if event == READ_REQUEST]
    assert [data[0] for data in reads if isinstance(data, tuple)] == [NOBODY]


def test_one_indication_at_a_time_and_the_last_value_after_it() -> None:
    async def story(nimble: Nimble, handle: int, remote: Remote) -> None:
        got = await heard(remote)
        nimble.ble_write(handle, b"1", True)
        await asyncio.sleep(0)
        with pytest.raises(RadioError) as refusal:
            nimble.ble_indicate(0, handle, b"2")
        assert refusal.value.errno == EALREADY
        nimble.ble_write(handle, b"3", True)
        await asyncio.sleep(0)
        nimble.ble_write(handle, b"4", True)
        await asyncio.sleep(1)
        assert got == [b"1", b"4"]
        nimble.ble_indicate(0, handle, b"5")
        await asyncio.sleep(1)
        assert got == [b"1", b"4", b"5"]

    assert [event for event, _ in told(INDICATE, story)].count(INDICATED) == 3


def test_a_radio_that_is_switched_off_is_gone_and_comes_back_with_nothing() -> None:
    async def main() -> None:
        usage = Usage(lambda: round(asyncio.get_running_loop().time() * 1e6))
        air = Air(random.Random(1))
        nimble = Nimble(air, BAND, lambda *_: None, usage)
        await nimble.power_on()
        computer = Central(air, COMPUTER, name="computer")
        await computer.start()

        def open_shop() -> int:
            nimble.ble_active(True)
            ((handle,),) = nimble.ble_services(((SERVICE, ((VALUE, WRITE_WITHOUT_RESPONSE),)),))
            nimble.ble_advertise(100_000, b"\x02\x01\x06", None, True)
            assert isinstance(handle, int)
            return handle

        handle = open_shop()
        remote = await computer.connect(BAND)
        await asyncio.sleep(1)
        nimble.ble_active(False)
        await asyncio.sleep(air.supervision_s + 1)
        assert not remote.is_connected
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await computer.connect(BAND)
        on_s = usage.total("radio on")
        assert open_shop() == handle
        remote = await computer.connect(BAND)
        await remote.write(handle, b"x", response=False)
        await asyncio.sleep(1)
        assert nimble.ble_read(handle) == b"x"
        assert usage.total("radio on") > on_s and usage.rises["radio on"] == 2

    with seeded_entropy(1):
        run(main(), limit_s=100)
