"""One connection to a band: its journal, its control requests, with deadlines on everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError

from veriband.errors import (
    BadBatch,
    BandNotFound,
    BandVanished,
    BondRefused,
    NoConnection,
    NotPaired,
    VersionUnknown,
)
from veriband.link.deadline import started, within
from veriband.link.radio import Radio
from veriband.records import Sign, signs_of
from veriband.strip import NO_STRIP, Strip
from veriband_protocol import VERSION, control, uuids, wire
from veriband_protocol.items import VITAL_BLOOD_PRESSURE, VITAL_HEART_RATE
from veriband_protocol.profile import NAMES, PERIOD_S
from veriband_protocol.sockets import unpack_strip

T = TypeVar("T")

CONNECT_S = PERIOD_S + 10.0  # a band that sleeps is awake once in PERIOD_S
ANSWER_S = 10.0  # for one answer or frame; a band that writes flash needs a moment
FRAMES = 18  # of a batch: at the usual MTU it takes a whole page of the journal
AHEAD = 8  # batches under way at once, at most
MOST_WAITING = 512  # frames; a band that has credit for AHEAD batches never has so many under way
MEASURE_S = 40.0  # for a vital sign that is measured first
PRESSURE_S = 80.0  # for a blood pressure, which waits for a finger
_UNAUTHENTICATED = (0x05, 0x0F)
_ERRORS = {
    wire.ERROR_LENGTH: "it did not understand the request",
    wire.ERROR_EPOCH: "its journal was formatted meanwhile",
    wire.ERROR_AHEAD: "it has not reached that number",
    wire.ERROR_INTERNAL: "it could not read its journal",
}


@dataclass(frozen=True)
class JournalState:
    """Numbers `oldest` to `upto` - 1 of log `epoch` can be read; time `t_ms` of `boot` runs; the
    `strip` is in now."""

    epoch: int
    oldest: int
    upto: int
    boot: int
    t_ms: int
    strip: Strip = NO_STRIP


@dataclass(frozen=True)
class Batch:
    """Items as received, the first at number `seq` and `t_ms` of `boot`; `upto` is the end.

    `data` is the whole batch: sealed with the key `key_id` unless that is 0, after `before`.
    """

    seq: int
    boot: int
    t_ms: int
    items: bytes
    upto: int
    key_id: int
    before: bytes
    seal: bytes
    data: bytes


@dataclass(frozen=True)
class BandClock:
    """The band's clock: uptime, UTC (None: never set), offset of the wearer's clock."""

    t_ms: int
    utc_ms: int | None
    offset_min: int


@dataclass(frozen=True)
class HeartRate:
    """What a band measured on request: items.STATUS_*, bpm (0 unless ok), quality in percent."""

    status: int
    bpm: int
    quality: int


@dataclass(frozen=True)
class Calibration:
    """How a calibration with a cuff goes, if it `is_running`, else how the last one ended
    (items.STATUS_*); its percent; when the one that holds was made (UTC s; 0: there is none)."""

    is_running: bool
    status: int
    progress: int
    utc_s: int


@dataclass(frozen=True)
class BandInfo:
    """What runs on the band, its heap in bytes, and the mV of the battery in its case and of the
    coin cell on its strip; 0: not known."""

    implementation: str
    firmware: str
    file_count: int
    program_sha256: str
    heap_used: int
    heap_free: int
    case_mv: int
    cell_mv: int


@contextmanager
def translated(
    address: str, what: str, vanished: type[BandVanished] = BandVanished
) -> Generator[None]:
    """Turn bleak's errors into ours."""
    try:
        yield
    except BleakDeviceNotFoundError:
        raise BandNotFound(address) from None
    except BleakGATTProtocolError as error:
        if error.code in _UNAUTHENTICATED:
            raise NotPaired(address) from error
        raise vanished(address, f"{what} ({error})") from error
    except (BleakError, TimeoutError, OSError, EOFError) as error:
        raise vanished(address, what) from error


@asynccontextmanager
async def connected(radio: Radio, device: BLEDevice) -> AsyncGenerator[Session]:
    """A Session with `device`: connected, encrypted, subscribed; disconnected at the end."""
    gone = asyncio.Event()
    client = radio.connect(device, CONNECT_S, gone.set)
    try:
        with translated(device.address, "connecting", NoConnection):
            await within(CONNECT_S + ANSWER_S, client.connect())
        session = Session(client, device.address, gone)
        await session.begin()
        yield session
    finally:
        with suppress(Exception):
            await within(ANSWER_S, client.disconnect())


class Session:
    """An open, trusted connection. Any call may raise BandVanished, NotPaired or BadBatch."""

    def __init__(self, client: BleakClient, address: str, gone: asyncio.Event) -> None:
        self._client = client
        self.address = address
        self._gone = gone  # set when the connection is lost
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._is_flooded = False  # a frame had no place in the queue
        self._replies: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._lock = asyncio.Lock()

    async def begin(self) -> None:
        """Read the state first: an unencrypted link is encrypted by the system then."""
        try:
            await self.state()
        except BandVanished as error:
            if self._gone.is_set():
                raise BondRefused(self.address) from error
            raise

        def frame(_: BleakGATTCharacteristic, data: bytearray) -> None:
            try:
                self._frames.put_nowait(bytes(data))
            except asyncio.QueueFull:
                self._is_flooded = True

        def reply(_: BleakGATTCharacteristic, data: bytearray) -> None:
            with suppress(asyncio.QueueFull):  # nobody asked for it
                self._replies.put_nowait(bytes(data))

        await self._within(self._client.start_notify(uuids.JOURNAL_DATA, frame), "subscribing")
        await self._within(self._client.start_notify(uuids.CONTROL_RESPONSE, reply), "subscribing")

    async def _within(self, work: Awaitable[T], what: str, most_s: float = ANSWER_S) -> T:
        """Await `work`, with a deadline and with our errors. `what` the band is doing."""
        with translated(self.address, what):
            async with asyncio.timeout(most_s):
                return await self._unless_gone(work)

    async def _unless_gone(self, work: Awaitable[T]) -> T:
        task = started(work)
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise BleakError("disconnected")
            return task.result()
        finally:
            gone.cancel()
            task.cancel()

    async def state(self) -> JournalState:
        """The journal's state."""
        data = await self._within(
            self._client.read_gatt_char(uuids.JOURNAL_STATE), "reading the journal's state"
        )
        try:
            version, epoch, oldest, upto, boot, t_ms, strip = wire.unpack_state(bytes(data))
        except ValueError as error:
            raise BadBatch(self.address, str(error)) from error
        if version != VERSION:
            raise VersionUnknown(self.address, version)
        if oldest > upto:
            raise BadBatch(self.address, f"its journal begins at {oldest} and ends at {upto}")
        return JournalState(epoch, oldest, upto, boot, t_ms, Strip(*unpack_strip(strip)))

    async def batches(
        self, epoch: int, seq: int, before: bytes = wire.NO_SEAL
    ) -> AsyncGenerator[Batch]:
        """The journal from number `seq` on, batch by batch, for as long as the band has more.

        Asking for the next one says that all before are stored; the first one's seal follows
        `before`. To be closed (aclosing) when it is broken off.
        """
        async with self._lock:
            while not self._frames.empty():
                self._frames.get_nowait()
            self._is_flooded = False
            request = wire.pack_read(epoch, seq, FRAMES, AHEAD, before)
            await self._write(uuids.JOURNAL_REQUEST, request)
            while True:
                for _ in range(AHEAD // 2):
                    batch = self._batch(await self._assemble(), epoch)
                    if batch.before != before:
                        raise BadBatch(self.address, "a seal that follows another batch's")
                    before = batch.seal
                    yield batch
                await self._write(uuids.JOURNAL_REQUEST, wire.pack_more(AHEAD // 2))

    def _batch(self, data: bytes, epoch: int) -> Batch:
        try:
            found = wire.unpack_batch(data)
        except ValueError as error:
            raise BadBatch(self.address, str(error)) from error
        version, its_epoch, seq, boot, t_ms, items, upto, key_id, before, seal = found
        if version != VERSION:
            raise VersionUnknown(self.address, version)
        if its_epoch != epoch:
            raise BadBatch(self.address, "it answered from another journal")
        return Batch(seq, boot, t_ms, items, upto, key_id, before, seal, data)

    async def _assemble(self) -> bytes:
        data, index = bytearray(), 0
        while True:
            if self._is_flooded:
                raise BadBatch(self.address, "far more frames than it was asked for")
            frame = await self._within(self._frames.get(), "sending its journal")
            if not frame:
                raise BadBatch(self.address, "an empty frame")
            head = frame[0]
            if head == 0:
                code = frame[1] if len(frame) > 1 else 0
                raise BadBatch(self.address, _ERRORS.get(code, f"an unknown error, {code}"))
            if head & wire.INDEX != index or bool(head & wire.FIRST) != (index == 0):
                raise BadBatch(self.address, f"frame {head & wire.INDEX} instead of {index}")
            data += frame[1:]
            if head & wire.LAST:
                return bytes(data)
            index += 1
            if index >= FRAMES:
                raise BadBatch(self.address, "a batch without an end")

    async def request(self, opcode: int, body: bytes = b"", most_s: float = ANSWER_S) -> bytes:
        """A control request; the body of its answer, which comes within `most_s`."""
        async with self._lock:
            while not self._replies.empty():
                self._replies.get_nowait()
            await self._write(uuids.CONTROL_REQUEST, bytes((opcode,)) + body)
            reply = await self._within(self._replies.get(), "answering a request", most_s)
        if len(reply) < 2 or reply[0] != opcode | control.REPLY:
            raise BadBatch(self.address, "an answer to another request")
        if reply[1] != control.OK:
            why = control.STATUS_TEXT.get(reply[1], f"an unknown status, {reply[1]}")
            raise BadBatch(self.address, why)
        return reply[2:]

    async def info(self) -> BandInfo:
        """What runs on the band."""
        body = await self.request(control.INFO)
        try:
            version, files, program, used, free, *mv, name, firmware = control.unpack_info(body)
        except ValueError as error:
            raise BadBatch(self.address, f"INFO of another form: {error}") from error
        if version != VERSION:
            raise VersionUnknown(self.address, version)
        return BandInfo(name, firmware, files, program.hex(), used, free, *mv)

    async def file(self, index: int) -> tuple[str, str]:
        """(path, SHA-256) of file `index` of the program."""
        body = await self.request(control.FILE, bytes((index,)))
        if len(body) < 32:
            raise BadBatch(self.address, f"a file's hash of {len(body)} bytes")
        return body[32:].decode(errors="replace"), body[:32].hex()

    async def heart_rate(self) -> HeartRate:
        """The heart rate, measured now; the band journals it, too."""
        for sign in await self.measure(VITAL_HEART_RATE):
            if sign.vital == VITAL_HEART_RATE:
                return HeartRate(*sign[1:])
        raise BadBatch(self.address, "an answer without a heart rate")

    async def measure(self, vital: int) -> list[Sign]:
        """A vital sign, measured now, and others that come with it; the band journals them."""
        most_s = PRESSURE_S if vital == VITAL_BLOOD_PRESSURE else MEASURE_S
        body = await self.request(control.MEASURE, control.pack_measure(vital)[1:], most_s)
        try:
            return signs_of(body)
        except ValueError as error:
            raise BadBatch(self.address, str(error)) from error

    async def calibration(self, references: bytes = b"") -> Calibration:
        """How the calibration of the hub stands; begun now with `references`
        (control.pack_references) of a cuff. It goes on without this connection."""
        body = await self.request(control.CALIBRATE, references)
        try:
            return Calibration(*control.unpack_calibration(body))
        except ValueError as error:
            raise BadBatch(self.address, str(error)) from error

    async def key_id(self) -> int:
        """The id of the key that the band seals with; 0: it has none."""
        return self._key_id(await self.request(control.SEAL))

    async def enrol(self, key: bytes) -> int:
        """Have the band seal with `key` (control.KEY_BYTES) from now on; the key's id."""
        return self._key_id(await self.request(control.SEAL, key))

    def _key_id(self, body: bytes) -> int:
        try:
            return control.unpack_key_id(body)
        except ValueError as error:
            raise BadBatch(self.address, str(error)) from error

    async def profile(self) -> int:
        """The band's power profile, veriband_protocol.profile."""
        return self._profile(await self.request(control.PROFILE))

    async def choose_profile(self, profile: int) -> int:
        """Have the band go on in another power profile; the one it has then."""
        return self._profile(await self.request(control.PROFILE, bytes((profile,))))

    def _profile(self, body: bytes) -> int:
        if len(body) != 1 or body[0] >= len(NAMES):
            raise BadBatch(self.address, f"a power profile that is none: {body.hex()}")
        return body[0]

    async def clock(self) -> BandClock:
        """What time the band has."""
        return self._clock(await self.request(control.TIME))

    async def set_clock(
        self, utc_ms: int, offset_min: int, change_utc_s: int, then_min: int
    ) -> BandClock:
        """Set the band's clock."""
        body = control.pack_clock(
            utc_ms // 1000, utc_ms % 1000, offset_min, change_utc_s, then_min
        )
        return self._clock(await self.request(control.CLOCK, body))

    def _clock(self, body: bytes) -> BandClock:
        try:
            t_ms, is_set, utc_ms, offset_min = control.unpack_time(body)
        except ValueError as error:
            raise BadBatch(self.address, str(error)) from error
        return BandClock(t_ms, utc_ms if is_set else None, offset_min)

    async def _write(self, uuid: str, data: bytes) -> None:
        await self._within(
            self._client.write_gatt_char(uuid, data, response=True), "taking a request"
        )
