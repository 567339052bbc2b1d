"""The board's Bluetooth, where the order of events matters."""

import random

import pytest
from bumble.core import UUID

from veriband_simulator.air import Air
from veriband_simulator.central import Central
from veriband_simulator.clock import run
from veriband_simulator.entropy import seeded_entropy
from veriband_simulator.interpreter import Value
from veriband_simulator.nimble import DISCONNECT, WRITE, Nimble

BAND, COMPUTER = "C0:98:E5:00:00:01", "F0:0D:5E:00:00:01"
SERVICE = UUID("5b5e0000-1111-4222-8333-000000000000").to_bytes()
VALUE = UUID("5b5e0001-1111-4222-8333-000000000000").to_bytes()
WRITE_WITHOUT_RESPONSE = 0x04


def test_a_write_that_comes_together_with_a_disconnect_is_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[int] = []

    def raise_event(event: int, _: Value) -> Value:
        events.append(event)

    async def main() -> None:
        air = Air(random.Random(1))
        nimble = Nimble(air, BAND, raise_event)
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
