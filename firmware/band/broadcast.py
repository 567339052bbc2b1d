"""The heart-rate broadcast: for four hours anybody may connect and listen, to that alone."""

import asyncio

from veriband_protocol import items

_LASTS_MS = 4 * 3600 * 1000


class Broadcast:
    """Begins and ends by the wearer's hand only, through `door`; `record` notes both. A restart
    ends it, too."""

    def __init__(self, door, record) -> None:
        self._door = door
        self._record = record
        self._ending = None  # the task

    def toggle(self) -> None:
        """Begin, or end it at once."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._expire())
            self._say(True)
        else:
            self._ending.cancel()
            self._end()

    async def _expire(self) -> None:
        await asyncio.sleep_ms(_LASTS_MS)
        self._end()

    def _end(self) -> None:
        self._ending = None
        self._say(False)

    def _say(self, begins: bool) -> None:
        self._door.broadcast(begins)
        self._record.event(items.EVENT_BROADCAST, bytes((begins,)))
