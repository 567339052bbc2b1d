"""Answers control requests: who are you, which files run, what time is it, whose key seals."""

import gc

from band import info
from veriband_protocol import VERSION, control, items


class Control:
    """Each request of an opcode and a body has an answer of a status and a body."""

    def __init__(self, clock, journal, seal, pressure, batteries, profile) -> None:
        self._clock = clock
        self._journal = journal
        self._seal = seal
        self._pressure = pressure
        self._batteries = batteries
        self._profile = profile

    def answer(self, request: bytes) -> bytes:
        """The response to `request`, errors included."""
        if not request:
            return bytes((control.REPLY, control.BAD_LENGTH))
        opcode = request[0]
        try:
            status, body = self._answer(opcode, request[1:])
        except ValueError:
            status, body = control.BAD_VALUE, b""
        except OSError:
            status, body = control.FAILED, b""
        return bytes((opcode | control.REPLY, status)) + body

    def _answer(self, opcode: int, body: bytes):
        if opcode == control.CLOCK:
            return self._set_clock(body)
        if opcode == control.SEAL:
            return self._enrol(body)
        if opcode == control.CALIBRATE:
            if len(body) not in (0, 2 * control.CUFF_READINGS):
                return control.BAD_LENGTH, b""
            return control.OK, self._pressure.calibrate(body)
        if opcode == control.PROFILE:
            return self._choose_profile(body)
        if opcode == control.FILE:
            return self._file(body) if len(body) == 1 else (control.BAD_LENGTH, b"")
        if opcode not in (control.INFO, control.TIME, control.MEASURE):
            return control.BAD_OPCODE, b""
        if opcode == control.MEASURE:  # what can be measured does not come here
            return (control.BAD_VALUE if len(body) == 1 else control.BAD_LENGTH), b""
        if body:
            return control.BAD_LENGTH, b""
        return control.OK, self._time() if opcode == control.TIME else self._info()

    def _info(self) -> bytes:
        paths = info.files()
        program = info.program_hash(paths)
        gc.collect()
        return control.pack_info(
            VERSION, len(paths), program, gc.mem_alloc(), gc.mem_free(),
            self._batteries.case_mv, self._batteries.cell_mv,
            info.implementation(), info.VERSION,
        )  # fmt: skip

    @staticmethod
    def _file(body: bytes):
        paths = info.files()
        if body[0] >= len(paths):
            return control.BAD_VALUE, b""
        return control.OK, info.file_hash(paths[body[0]]) + paths[body[0]].encode()

    def _set_clock(self, body: bytes):
        utc_s, ms, *zone = control.unpack_clock(body)
        utc_ms = utc_s * 1000 + ms
        after_ms = self._clock.set(utc_ms, *zone)
        self._journal.anchor(after_ms, utc_ms, self._clock.offset_min(), items.SOURCE_HOST)
        return control.OK, self._time()

    def _enrol(self, key: bytes):
        if key:
            if len(key) != control.KEY_BYTES:
                return control.BAD_LENGTH, b""
            self._seal.enrol(key)
            key_id = control.pack_key_id(self._seal.key_id)
            self._journal.event(self._clock.since_item_ms(), items.EVENT_KEY, key_id)
        return control.OK, control.pack_key_id(self._seal.key_id)

    def _choose_profile(self, body: bytes):
        if len(body) > 1:
            return control.BAD_LENGTH, b""
        if body:
            self._profile.choose(body[0])
        return control.OK, bytes((self._profile.current,))

    def _time(self) -> bytes:
        clock = self._clock
        utc_ms = clock.utc_ms() if clock.is_set else 0
        return control.pack_time(
            clock.uptime_ms(), clock.is_set, utc_ms // 1000, utc_ms % 1000, clock.offset_min()
        )
