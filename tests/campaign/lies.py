"""Lies to the daemon: notifications with a right CRC that no honest band sends, each refused."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

from tests.whole.rig import EDGE_US, ZONE, Rig, frame_head, live, rig, until_cancelled
from veriband.errors import VeribandError
from veriband.link import session
from veriband.link.supervisor import Supervisor
from veriband.store import Store
from veriband_protocol import control, items, uuids, wire
from veriband_protocol.items import Position
from veriband_simulator.wearers import MINUTE_US, Walk

VISITS = 4  # before the lies; a lie is told to the store that one of them left
MOST_S = 120.0  # from a lie to the next honest sync's end
FRAME_BYTES = 244  # at the MTU that is agreed on


@dataclass(frozen=True)
class Told:
    """A batch as the band sent it: its frames, those of the one before, what it says.

    `is_last`: it ends where the journal does.
    """

    frames: list[bytes]
    before: list[bytes]
    fields: tuple[int, int, int, int, int, bytes, int, int, bytes, bytes]
    after: int

    @property
    def items(self) -> bytes:
        """Its items."""
        return self.fields[5]

    @property
    def upto(self) -> int:
        """Where its journal ends."""
        return self.fields[6]

    @property
    def is_last(self) -> bool:
        """Whether it ends where the journal does."""
        return self.after == self.upto


Frames = list[bytes] | None  # in place of the true ones; None: this batch does not do for the lie
BatchLie = Callable[[random.Random, Told], Frames]
AnswerLie = Callable[[random.Random, bytes], list[bytes]]


@dataclass(frozen=True)
class Lie:
    """A lie about a batch or about an answer, and what the notice says of it.

    `says` is a regular expression; "": it does no harm and is not noted. `or_nothing`: it depends
    on what follows.
    """

    name: str
    says: str
    batch: BatchLie | None = None
    answer: AnswerLie | None = None
    or_nothing: bool = False


def _cut(batch: bytes | bytearray) -> list[bytes]:
    count = -(-len(batch) // (FRAME_BYTES - 1))
    return [wire.frame(batch, index, FRAME_BYTES) for index in range(count)]


def _whole(frames: list[bytes]) -> bytes:
    return b"".join(frame[1:] for frame in frames)


_FIELDS = ("version", "epoch", "seq", "boot", "t_ms", "items", "upto")


def _but(told: Told, **others: int | bytes) -> list[bytes]:
    """That batch with other content, its CRC right."""
    its = dict(zip(_FIELDS, told.fields, strict=False)) | others
    return _cut(wire.pack_batch(**its, key_id=told.fields[7], before=told.fields[8]))  # type: ignore[arg-type]


def _number(name: str, draw: Callable[[random.Random, int], int | None]) -> BatchLie:
    """Another number in the header."""

    def lie(rng: random.Random, told: Told) -> Frames:
        other = draw(rng, int(told.fields[_FIELDS.index(name)]))
        is_start = name in ("boot", "t_ms") and told.items[0] in (items.BOOT, items.HOLE)
        return None if other is None or is_start else _but(told, **{name: other})

    return lie


def _back(rng: random.Random, value: int) -> int | None:
    return value - rng.randrange(1, value + 1) if value else None


def _forward(most: int) -> Callable[[random.Random, int], int]:
    return lambda rng, value: value + 2 + int(2 ** rng.uniform(0, most))


def _ends_with(*tails: bytes) -> BatchLie:
    """More items at the end."""
    return lambda rng, told: _but(told, items=told.items + rng.choice(tails))


def _tagged(tag: int, body: bytes) -> bytes:
    return bytes((tag, len(body))) + body


def _varint(value: int) -> bytes:
    buffer = bytearray(9)
    return bytes(buffer[: items.put_varint(buffer, 0, value)])


_MALFORMED = (
    b"\xc0", b"\xc1", b"\xc1\xff\x05", b"\xe0\x40abc",
    _tagged(items.GAP, b""), _tagged(items.GAP, b"\xff" * 9), _tagged(items.GAP, b"\x05\x05"),
    _tagged(items.GAP, _varint(60_000) + _varint(2**30) + b"\1"), _tagged(items.BOOT, b""),
    _tagged(items.BOOT, b"\x7f\x01"), _tagged(items.HOLE, b"\0"), _tagged(items.HOLE, b""),
    _tagged(items.ANCHOR, bytes(3)), _tagged(items.ANCHOR, bytes(10)), _tagged(items.EVENT, b""),
    _tagged(items.EVENT, b"\x05"), _tagged(items.READING, b"\x05"), _tagged(items.COUNT, b"\1"),
    _tagged(items.READING, b"\x05\x01\x00\x48"), _tagged(items.TOTAL, b"\1\2\3"),
    _tagged(0xD1, b"\x05\x48"), _tagged(0xD3, b"\x05\x48\x5a\x65\x5a"),
)  # fmt: skip


def _far_hole(rng: random.Random, told: Told) -> Frames:
    beyond = told.upto - told.after + 1 + int(2 ** rng.uniform(0, 40))
    return _but(told, items=told.items + _tagged(items.HOLE, _varint(beyond)))


def _boot_back(rng: random.Random, told: Told) -> Frames:
    boot = rng.randrange(told.fields[3] + 1)
    return _but(told, items=told.items + _tagged(items.BOOT, _varint(boot) + b"\1\0"))


def _time_ahead(rng: random.Random, told: Told) -> Frames:
    gap = _varint(int(2 ** rng.uniform(38, 48))) + b"\0\1"
    boot = _varint(told.fields[3] + 50) + b"\1\0"
    more = rng.choice((_tagged(items.GAP, gap), _tagged(items.BOOT, boot)))
    return _but(told, items=told.items[: _last(told.items)] + more)


def _too_many(rng: random.Random, told: Told) -> Frames:
    return _but(told, items=told.items + rng.choice((b"\5", b"\x83"))) if told.is_last else None


def _spoilt(rng: random.Random, told: Told) -> Frames:
    """Not even its CRC is right."""
    batch = bytearray(_whole(told.frames))
    how = rng.randrange(3)
    if how == 0:
        batch[rng.randrange(len(batch))] ^= 1 << rng.randrange(8)
    elif how == 1:
        del batch[rng.randrange(1, len(batch)) :]
    else:
        batch += rng.randbytes(rng.randrange(1, 40))
    return _cut(batch)


def _missing(rng: random.Random, told: Told) -> Frames:
    frames = list(told.frames)
    del frames[rng.randrange(len(frames))]
    return frames


def _doubled(rng: random.Random, told: Told) -> Frames:
    at = rng.randrange(len(told.frames))
    return [*told.frames[: at + 1], *told.frames[at:]]


def _swapped(rng: random.Random, told: Told) -> Frames:
    frames = list(told.frames)
    if len(frames) < 2:
        return None
    while frames == told.frames:
        rng.shuffle(frames)
    return frames


def _misnumbered(rng: random.Random, told: Told) -> Frames:
    at = rng.randrange(len(told.frames))
    its = told.frames[at]
    other = its[0] ^ rng.choice((0x80, *range(1, wire.INDEX + 1)))
    if not other:  # an error frame
        return None
    return [*told.frames[:at], bytes((other,)) + its[1:], *told.frames[at + 1 :]]


def _endless(rng: random.Random, told: Told) -> Frames:
    return [
        bytes((k or wire.FIRST,)) + rng.randbytes(FRAME_BYTES - 1) for k in range(wire.INDEX + 1)
    ]


def _errors(rng: random.Random, told: Told) -> Frames:
    at = rng.randrange(len(told.frames))
    error = rng.choice((b"\0", bytes((0, rng.randrange(6))), b"\0" + rng.randbytes(3)))
    return [*told.frames[:at], error, *told.frames[at:]]


def _empty_frame(rng: random.Random, told: Told) -> Frames:
    at = rng.randrange(len(told.frames))
    return [*told.frames[:at], b"", *told.frames[at:]]


def _noise(rng: random.Random, told: Told) -> Frames:
    return [bytes((wire.FIRST | wire.LAST,)) + rng.randbytes(rng.randrange(FRAME_BYTES))]


def _flood(rng: random.Random, told: Told) -> Frames:
    return told.frames * 3_000


def _again(rng: random.Random, told: Told) -> Frames:
    return told.before or None


def _withheld(rng: random.Random, told: Told) -> Frames:
    return []


def _behind_the_end(rng: random.Random, told: Told) -> Frames:
    more = [*told.frames, b"", b"\0\2", *_but(told, seq=told.after)]
    return told.frames + more if told.is_last else None


def _other_seal(rng: random.Random, told: Told) -> Frames:
    its = dict(zip(_FIELDS, told.fields, strict=False))
    return _cut(wire.pack_batch(**its, before=rng.randbytes(8)))  # type: ignore[arg-type]


def _other_opcode(rng: random.Random, answer: bytes) -> list[bytes]:
    return [bytes((answer[0] ^ rng.randrange(1, 256),)) + answer[1:]]


def _status(rng: random.Random, answer: bytes) -> list[bytes]:
    return [bytes((answer[0], rng.randrange(1, 256))) + rng.randbytes(rng.randrange(20))]


def _other_length(rng: random.Random, answer: bytes) -> list[bytes]:
    longer = answer + rng.randbytes(rng.randrange(1, 200))
    return [rng.choice((answer[: rng.randrange(len(answer))], longer))]


_LONGER = "|a batch without an end"  # what is added may not fit into the frames asked for
LIES = (
    Lie("an earlier number", "comes next", _number("seq", _back)),
    Lie("a later number", "numbers .* of|beyond its own end", _number("seq", _forward(31))),
    Lie("an earlier end", "ended at|beyond its own", _number("upto", _back)),
    Lie("a later end", "numbers .* of", _number("upto", _forward(31))),
    Lie("another epoch", "from another journal",
        _number("epoch", lambda rng, its: its ^ rng.randrange(1, 2**32))),
    Lie("another version", "speaks wire format",
        _number("version", lambda rng, its: rng.choice((0, *range(2, 256))))),
    Lie("an earlier boot", "comes next", _number("boot", _back)),
    Lie("a later boot", "comes next|now is|after boot", _number("boot", _forward(31))),
    Lie("an earlier time", "comes next", _number("t_ms", _back)),
    Lie("a later time", "comes next|now is", _number("t_ms", _forward(47))),
    Lie("no items", "no items", lambda rng, told: _but(told, items=b"")),
    Lie("malformed items", "malformed items: (?!index)" + _LONGER, _ends_with(*_MALFORMED)),
    Lie("a hole that is far too long", "beyond its own end" + _LONGER, _far_hole),
    Lie("a boot that runs back", "after boot|beyond its own" + _LONGER, _boot_back),
    Lie("a time that has not come", "now is" + _LONGER, _time_ahead),
    Lie("more items than it has", "beyond its own end" + _LONGER, _too_many),
    Lie("another batch's seal before it", "follows another", _other_seal),
    Lie("a spoilt batch", "CRC|batch of" + _LONGER, _spoilt),
    Lie("a missing frame", "instead of|went silent|numbers .* of", _missing),
    Lie("a doubled frame", "instead of|comes next", _doubled, or_nothing=True),
    Lie("swapped frames", "instead of", _swapped),
    Lie("a frame of another number", "instead of", _misnumbered),
    Lie("a batch without an end", "without an end", _endless),
    Lie("an error", "did not understand|formatted|reached|not read|unknown error", _errors),
    Lie("an empty frame", "an empty frame", _empty_frame),
    Lie("noise", "CRC|batch of", _noise),
    Lie("a flood", "far more frames", _flood),
    Lie("a batch again", "comes next", _again),
    Lie("a batch withheld", "numbers .* of|went silent", _withheld),
    Lie("batches behind the end", "", _behind_the_end),
    Lie("an answer to another request", "another request", answer=_other_opcode),
    Lie("an answer with another status",
        "|".join((*control.STATUS_TEXT.values(), "unknown status")), answer=_status),
    Lie("an answer of another length", "bytes|another request", answer=_other_length),
    Lie("no answer", "went silent", answer=lambda rng, answer: []),
    Lie("an answer again and again", "", answer=lambda rng, answer: [answer] * 1_000),
)  # fmt: skip


@dataclass
class Liar:
    """Lies once: about an answer, or about batch number `nth` of a stream, or its last."""

    r: Rig
    lie: Lie
    rng: random.Random
    nth: int
    done: bool = False
    _frames: list[bytes] = field(default_factory=list[bytes])
    _before: list[bytes] = field(default_factory=list[bytes])
    _count: int = 0

    def __call__(self, source: str, _: str, payload: bytes) -> bytes | list[bytes]:
        """What the air carries instead (Air.mangle)."""
        uuid = uuids.JOURNAL_DATA if self.lie.batch else uuids.CONTROL_RESPONSE
        frame = self.r.frame(source, payload, uuid)
        if self.done or frame is None:
            return payload
        if self.lie.answer:
            self.done = True
            frames = self.lie.answer(self.rng, frame)
        else:
            frames = self._batch(frame)
        handle = int.from_bytes(payload[5:7], "little")
        return [frame_head(7 + len(frame), handle) + frame for frame in frames]

    def _batch(self, frame: bytes) -> list[bytes]:
        """Keep the frames of a batch back until it is whole; what is sent then."""
        assert self.lie.batch is not None
        self._frames.append(frame)
        if not frame[0] & wire.LAST:
            return []
        frames, self._frames = self._frames, []
        fields = wire.unpack_batch(_whole(frames))
        told = Told(frames, self._before, fields, _after(fields[5], fields[2]))
        self._before = frames
        self._count += 1
        if self._count <= self.nth and not told.is_last:
            return frames
        lie = self.lie.batch(self.rng, told)
        self.done = lie is not None
        return frames if lie is None else lie


def _after(data: bytes, seq: int) -> int:
    """The number behind the last item."""
    at, i = Position(seq), 0
    while i < len(data):
        i = at.step(data, i)
    return at.seq


def _last(data: bytes) -> int:
    """Where the last item begins."""
    at, begin, i = Position(), 0, 0
    while i < len(data):
        begin, i = i, at.step(data, i)
    return begin


def play_case(seed: int, number: int, count: int) -> int:
    """A band that lived for some hours, and so many lies about it; how many were told."""
    rng = random.Random(f"{seed} lies {number}")
    with (
        tempfile.TemporaryDirectory(prefix="veriband-lies-") as folder,
        patch.object(session, "FRAMES", rng.choice((2, 3, 18))),
    ):
        return live(_story(Path(folder), rng, count), seed * 1_000_003 + number)


async def _story(folder: Path, rng: random.Random, count: int) -> int:
    busy = Walk([rng.randrange(60, 180) for _ in range(1440)], MINUTE_US // 3)
    upload = rng.choice(("increments", "totals"))
    r = await rig(folder, rng.getrandbits(30), busy, upload=upload)
    try:
        await r.pair()
        left = [await _left(r, folder / f"{n}.db", rng) for n in range(VISITS)]
        told = 0
        for number in range(count):
            lie = LIES[number % len(LIES)]
            shutil.copy(rng.choice(left), folder / "now.db")
            its = replace(r, store=Store(folder / "now.db"), troubles=[])
            try:
                told += await _lied_to(its, lie, rng)
            except Exception as error:
                raise AssertionError(f"lie {number}, {lie.name}: {error!r}") from error
            finally:
                its.store.close()
        return told
    finally:
        r.close()


async def _left(r: Rig, path: Path, rng: random.Random) -> Path:
    """The store as a visit leaves it; then the band goes on for some hours."""
    await r.supervisor().once()
    backup = sqlite3.connect(path)
    r.store.db.backup(backup)
    backup.close()
    await asyncio.sleep(rng.uniform(1800, 3 * 3600))
    if rng.randrange(3) == 0:
        r.band.board.reset()
        await asyncio.sleep(rng.uniform(60, 600))
    return path


async def _lied_to(r: Rig, lie: Lie, rng: random.Random) -> bool:
    """Lie to a daemon once; it refuses that, says why, and syncs. Whether the lie was told."""
    synced = asyncio.Event()

    def trouble(error: VeribandError) -> None:
        r.troubles.append(error)
        r.check(EDGE_US)

    keeper = Supervisor(
        r.radio, r.store, r.known, r.world.utc_ms, ZONE, rng=rng, on_trouble=trouble,
        on_sync=lambda _: synced.set(),
    )  # fmt: skip
    begun_us = r.world.now_us()
    liar = r.world.air.mangle = Liar(r, lie, rng, rng.choice((0, 0, 1, 2, 9)))
    keeping = asyncio.create_task(keeper.run())
    waiting = asyncio.create_task(synced.wait())
    await asyncio.wait((keeping, waiting), timeout=MOST_S, return_when=asyncio.FIRST_COMPLETED)
    r.world.air.mangle = None
    if keeping.done():
        await keeping
    await until_cancelled(keeping)
    await until_cancelled(waiting)
    assert synced.is_set(), f"no sync within {MOST_S} s, but {r.troubles}"
    r.check(EDGE_US)
    last = r.items()[-1]
    end_us = r.band.board.us_of(last.boot, last.t_ms + last.duration_ms)
    # the minute in which the band has started again is longer
    assert end_us > begun_us - 2 * MINUTE_US, "not all was synced"
    notices = [(notice.kind, notice.text) for notice in r.store.notices(r.known)]
    if not liar.done or not lie.says or (lie.or_nothing and not notices):
        assert not notices, f"noted: {notices}"
    else:
        ((kind, text),) = notices
        assert [kind] == [type(error).__name__ for error in r.troubles]
        assert re.search(lie.says, text), f"it says {text!r}"
    return liar.done
