"""Sends the journal: batch after batch from the number that a host names, while it has credit."""

import asyncio

from band.collect import collect
from band.ring import MAX_ITEMS
from veriband_protocol import VERSION, wire

_CREDIT_MS = 20000  # so long a host may take to store a batch
_STEP_MS = 300000  # what takes longer is broken off: a batch over the worst link does not


class _Stream:
    """What the host of a connection still wants."""

    def __init__(self) -> None:
        # The next number, most frames of a batch, the seal before; None once the host has gone.
        self.read: tuple | None = None
        self.credit = 0  # batches
        self.changed = asyncio.Event()


class Sync:
    """Answers READ and MORE over `radio`. What a host gives more credit for, it has stored."""

    def __init__(self, radio, journal, clock, seal, strip) -> None:
        self._radio = radio
        self._journal = journal
        self._clock = clock
        self._seal = seal
        self._strip = strip
        self._streams = {}  # by connection; each has a task
        self._turn = asyncio.Lock()  # there is memory for one batch

    def state(self) -> bytes:
        """The journal's state characteristic."""
        journal = self._journal
        at = journal.position()
        return wire.pack_state(
            VERSION, journal.epoch, journal.ring.oldest(), journal.seq, at.boot,
            self._clock.uptime_ms(), self._strip.state,
        )  # fmt: skip

    async def answer(self, conn: int, request: bytes) -> None:
        """Begin to send what is asked for, go on with it, or send an error frame."""
        stream = self._streams.get(conn)
        more = wire.unpack_more(request)
        if more:
            if stream:
                stream.credit += more
                stream.changed.set()
            return
        try:
            epoch, seq, frames, credit, before = wire.unpack_read(request)
        except ValueError:
            return await self._error(conn, wire.ERROR_LENGTH)
        if epoch != self._journal.epoch:
            return await self._error(conn, wire.ERROR_EPOCH)
        if seq > self._journal.seq:
            return await self._error(conn, wire.ERROR_AHEAD)
        if _room(self._frame_size(conn), frames) < MAX_ITEMS:
            return await self._error(conn, wire.ERROR_LENGTH)
        if not stream:
            stream = self._streams[conn] = _Stream()
            asyncio.create_task(self._send(conn, stream))
        stream.read = seq, frames, before
        stream.credit = credit
        stream.changed.set()

    def forget(self, conn: int) -> None:
        """A connection has gone."""
        stream = self._streams.pop(conn, None)
        if stream:
            stream.read = None
            stream.changed.set()

    def _frame_size(self, conn: int) -> int:
        """Bytes of a notification; 0 once the connection has gone, as it may at any moment."""
        peer = self._radio.peers.get(conn)
        return peer.mtu - 3 if peer else 0

    async def _send(self, conn: int, stream: _Stream) -> None:
        try:
            while await asyncio.wait_for_ms(self._go_on(conn, stream), _STEP_MS):
                pass
        except asyncio.TimeoutError:
            pass  # the host asks again
        finally:
            if self._streams.get(conn) is stream:
                del self._streams[conn]

    async def _go_on(self, conn: int, stream: _Stream) -> bool:
        """Send a batch, or wait for the credit to; False when there is nothing more to send."""
        if not stream.credit:
            stream.changed.clear()
            try:
                await asyncio.wait_for_ms(stream.changed.wait(), _CREDIT_MS)
            except asyncio.TimeoutError:
                pass
            return stream.read is not None and stream.credit > 0
        async with self._turn:
            read = stream.read
            stream.credit -= 1
            after = read and await self._send_batch(conn, stream, *read)
        if stream.read is read:
            stream.read = after
        return stream.read is not None and stream.read[0] < self._journal.seq

    async def _send_batch(self, conn: int, stream: _Stream, seq: int, frames: int, before: bytes):
        """Send what is asked for; what comes then, None when it could not be sent."""
        size = self._frame_size(conn)
        room = _room(size, frames)
        if room < MAX_ITEMS:
            return None
        try:
            at, items, batch, seal = self._batch(seq, room, before)
        except (OSError, ValueError, MemoryError):
            return await self._error(conn, wire.ERROR_INTERNAL)
        i = 0
        while i < len(items):
            i = at.step(items, i)
        index = 0
        while index * (size - 1) < len(batch):
            if stream.read is None:
                return None
            frame = wire.frame(batch, index, size)
            if not await self._radio.notify(conn, self._radio.journal_data, frame):
                return None
            index += 1
        return at.seq, frames, seal

    def _batch(self, seq: int, room: int, before: bytes):
        """(where it begins, its items, the batch, its seal), smaller while memory is short."""
        journal = self._journal
        while True:
            try:
                at, items = collect(journal, seq, room)
                batch = wire.pack_batch(
                    VERSION, journal.epoch, at.seq, at.boot, at.t_ms, items, journal.seq,
                    self._seal.key_id, before,
                )  # fmt: skip
                seal = self._seal.of(wire.sealed(batch))
                wire.put_seal(batch, seal)
                return at, items, batch, seal
            except MemoryError:
                if room == MAX_ITEMS:
                    raise
                room = max(MAX_ITEMS, room // 2)

    async def _error(self, conn: int, code: int) -> None:
        await self._radio.notify(conn, self._radio.journal_data, bytes((0, code)))


def _room(size: int, frames: int) -> int:
    """Bytes of items that fit into so many frames of `size`."""
    return frames * (size - 1) - wire.HEADER_BYTES - wire.TRAILER_BYTES
