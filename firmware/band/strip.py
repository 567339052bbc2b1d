"""The strip: found in either socket, whenever its contacts have moved."""

import asyncio

from band import lines
from band.tasks import Bell
from drivers.at24c02 import AT24C02
from drivers.max30102 import PART_ID
from veriband_protocol import items, sockets

_SETTLE_MS = 1500  # contacts bounce, and the hub takes a second to start
_TRIES = 3
_ONE = (sockets.SOCKET_CASE, sockets.SOCKET_COVER)


class Strip:
    """Looks for the chips of a strip, `light` (a MAX30102) and `hub` (a MAX32664D) among them, on
    `bus` and journals what has changed.

    `state` is what is in, as sockets.pack_strip has it. With a strip in both sockets nobody can be
    told apart: then no chip is in use.
    """

    def __init__(self, bus, board, light, hub, record) -> None:
        self.state = sockets.pack_strip(0, 0, 0)
        self._bus = bus
        self._light = light
        self._hub = hub
        self._eeprom = AT24C02(bus)
        self._record = record
        self.moved = Bell()
        self._sockets = []
        for bit, pin in ((sockets.SOCKET_CASE, board.CASE), (sockets.SOCKET_COVER, board.COVER)):
            self._sockets.append((bit, lines.watch(pin, self._on_edge)))

    def _on_edge(self, _) -> None:
        self.moved.set()

    def has(self, chip: int) -> bool:
        """Whether a chip (sockets.CHIP_*) is there."""
        return bool(self.state[1] & chip)

    def is_in(self) -> bool:
        """Whether one is in at this very moment, in whichever socket."""
        (_, case), (_, cover) = self._sockets
        return not (case.value() and cover.value())

    def opens_cover(self) -> bool:
        """Whether one was found in the cover's socket, and is there at this very moment."""
        (_, case), (_, cover) = self._sockets
        return self.state[0] == sockets.SOCKET_COVER and case.value() and not cover.value()

    def check(self) -> None:
        """Look again if another strip answers than was found: no edge is seen in a light sleep."""
        where, chips, identity = sockets.unpack_strip(self.state)
        if where in _ONE and self._answers() != (chips & ~sockets.CHIP_HUB, identity):
            self.moved.set()

    async def run(self) -> None:
        """Look now, and each time after a contact has moved."""
        await self._hub.reset()  # the band may have started again in mid-measurement
        while True:
            await self._settled()
            self._note(await self._look())
            await self.moved.wait()

    async def _settled(self) -> None:
        try:
            while True:
                await asyncio.wait_for_ms(self.moved.wait(), _SETTLE_MS)
        except asyncio.TimeoutError:
            pass

    async def _look(self) -> bytes:
        where = chips = identity = 0
        for bit, contact in self._sockets:
            if not contact.value():
                where |= bit
        if where in _ONE:
            _tried(self._bus.free)  # it may have been plugged in mid-transfer
            chips, identity = self._answers()
            if await self._has_hub():
                chips |= sockets.CHIP_HUB
        return sockets.pack_strip(where, chips, identity)

    def _answers(self):
        """(chips, identity) of the strip that is in; its hub is not asked, which takes time."""
        identity = _tried(self._eeprom.identity)
        chips = 0 if identity is None else sockets.CHIP_EEPROM
        if _tried(self._light.part_id) == PART_ID:
            chips |= sockets.CHIP_PULSE
        return chips, identity or 0

    async def _has_hub(self) -> bool:
        try:
            return await self._hub.is_known()
        except OSError:
            return False

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
