"""Serves the radio: what centrals ask for, and what they are shown."""

from band import radio, tasks
from veriband_protocol import control, items

_MEASURE_MS = 120000  # the most that a measurement may take
_MEASURES = 4  # that may be under way, those that only wait to be answered included
_HEAD = bytes((control.MEASURE | control.REPLY, control.OK))  # of its answer


class Requests:
    """Takes what `the_radio` has queued to whom it concerns."""

    def __init__(self, the_radio, door, sync, control, vitals, services, record) -> None:
        self._radio = the_radio
        self._door = door
        self._sync = sync
        self._control = control
        self._vitals = vitals
        self._services = services
        self._record = record
        self._measures = 0  # under way
        the_radio.before_read = self._before_read

    def _before_read(self, handle: int) -> None:
        """Called in the radio's interrupt: make `handle` say what is true now."""
        if handle == self._radio.journal_state:
            self._radio.write(handle, self._sync.state())
        else:
            self._services.before_read(handle)

    async def run(self) -> None:
        """Serve for ever."""
        while True:
            await self._radio.ready.wait()
            if self._radio.queue:
                event = self._radio.queue.popleft()
                self._radio.ready.set()  # for the next one; between two the roll is answered
                await self._handle(*event)

    async def _handle(self, event: int, conn: int, handle: int, data: bytes) -> None:
        the_radio = self._radio
        if event != radio.WRITE:
            if event == radio.DISCONNECT:
                self._sync.forget(conn)
            code = self._door.passed(event, conn, handle)
            if code:
                self._record.event(code)
        elif handle == the_radio.journal_request:
            await self._sync.answer(conn, data)
        elif handle == the_radio.control_request:
            vital = control.unpack_measure(data)
            if vital in self._vitals.KNOWN and self._measures < _MEASURES:
                self._measures += 1
                tasks.begin(self._measure(conn, vital), _MEASURE_MS)
            elif vital in self._vitals.KNOWN:
                await self._respond(conn, _HEAD + items.pack_sign(vital, items.STATUS_BUSY))
            else:
                answer = self._control.answer(data)
                await self._respond(conn, answer)
                self._record.save()
                if answer[0] == control.CLOCK | control.REPLY and answer[1] == control.OK:
                    self._services.time_was_set()

    async def _measure(self, conn: int, vital: int) -> None:
        try:
            await self._respond(conn, _HEAD + await self._vitals.answer(vital))
        finally:
            self._measures -= 1

    async def _respond(self, conn: int, answer: bytes) -> None:
        await self._radio.notify(conn, self._radio.control_response, answer)
