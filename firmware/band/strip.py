"""The strip: found in either socket, whenever its contacts have moved."""

import asyncio

from machine import Pin

from drivers.at24c02 import AT24C02
from drivers.max30102 import PART_ID
from veriband_protocol import items, sockets

_SETTLE_MS = 1500  # contacts bounce, and the hub takes a second to start
_TRIES = 3
_HUB = 0x55
_READ_MODE = 0x02  # a whole request, so that it stays as it is


class Strip:
    """Looks for the chips of a strip, `light` (a MAX30102) among them, on `bus` and journals what
    has changed.

    `state` is what is in, as sockets.pack_strip has it. With a strip in both sockets nobody can be
    told apart: then no chip is in use.
    """

    def __init__(self, bus, board, light, record) -> None:
        self.state = sockets.pack_strip(0, 0, 0)
        self._bus = bus
        self._light = light
        self._eeprom = AT24C02(bus)
        self._record = record
        self._moved = asyncio.ThreadSafeFlag()
        self._sockets = []
        for bit, pin in ((sockets.SOCKET_CASE, board.CASE), (sockets.SOCKET_COVER, board.COVER)):
            contact = Pin(pin, Pin.IN, Pin.PULL_UP)
            contact.irq(self._on_edge, Pin.IRQ_FALLING | Pin.IRQ_RISING)
            self._sockets.append((bit, contact))

    def _on_edge(self, _) -> None:
        self._moved.set()

    def has(self, chip: int) -> bool:
        """Whether a chip (sockets.CHIP_*) is there."""
        return bool(self.state[1] & chip)

    async def run(self) -> None:
        """Look now, and each time after a contact has moved."""
        while True:
            await self._settled()
            self._note(self._look())
            await self._moved.wait()

    async def _settled(self) -> None:
        try:
            while True:
                await asyncio.wait_for_ms(self._moved.wait(), _SETTLE_MS)
        except asyncio.TimeoutError:
            pass

    def _look(self) -> bytes:
        where = chips = identity = 0
        for bit, contact in self._sockets:
            if not contact.value():
                where |= bit
        if where in (sockets.SOCKET_CASE, sockets.SOCKET_COVER):
            _tried(self._bus.free)  # it may have been plugged in mid-transfer
            identity = _tried(self._eeprom.identity)
            if identity is not None:
                chips |= sockets.CHIP_EEPROM
            if _tried(self._light.part_id) == PART_ID:
                chips |= sockets.CHIP_PULSE
            if _tried(self._hub_answers):
                chips |= sockets.CHIP_HUB
        return sockets.pack_strip(where, chips, identity or 0)

    def _hub_answers(self) -> bool:
        self._bus.writeto_mem(_HUB, _READ_MODE, b"\x00")
        return True

    def _note(self, state: bytes) -> None:
        if state != self.state:
            self.state = state
            self._record.event(items.EVENT_STRIP, state)


def _tried(probe):
    """What a probe gives, None when nobody answers it again and again."""
    for _ in range(_TRIES):
        try:
            return probe()
        except OSError:
            pass
    return None
