"""Sends the journal: one batch for each READ, from the number that the host names."""

from band.collect import collect
from veriband_protocol import VERSION, wire


class Sync:
    """Answers READ requests over `radio`. The host's next READ is its acknowledgement."""

    def __init__(self, radio, journal, clock) -> None:
        self._radio = radio
        self._journal = journal
        self._clock = clock

    def state(self) -> bytes:
        """The journal's state characteristic."""
        journal = self._journal
        at = journal.position()
        return wire.pack_state(
            VERSION, journal.epoch, journal.ring.oldest(), journal.seq, at.boot,
            self._clock.uptime_ms(),
        )  # fmt: skip

    async def answer(self, conn: int, request: bytes) -> None:
        """Send the batch asked for, or an error frame."""
        peer = self._radio.peers.get(conn)
        if peer is None:
            return
        size = peer.mtu - 3
        try:
            epoch, seq, frames = wire.unpack_read(request)
        except ValueError:
            return await self._error(conn, wire.ERROR_LENGTH)
        if epoch != self._journal.epoch:
            return await self._error(conn, wire.ERROR_EPOCH)
        if seq > self._journal.seq:
            return await self._error(conn, wire.ERROR_AHEAD)
        room = frames * (size - 1) - wire.HEADER_BYTES - wire.TRAILER_BYTES
        try:
            at, items = collect(self._journal, seq, max(room, 1))
        except (OSError, ValueError):
            return await self._error(conn, wire.ERROR_INTERNAL)
        batch = wire.pack_batch(VERSION, epoch, at.seq, at.boot, at.t_ms, items, self._journal.seq)
        index = 0
        while index * (size - 1) < len(batch):
            if not await self._radio.notify(
                conn, self._radio.journal_data, wire.frame(batch, index, size)
            ):
                return
            index += 1

    async def _error(self, conn: int, code: int) -> None:
        await self._radio.notify(conn, self._radio.journal_data, bytes((0, code)))
