"""What bands have sealed: batches opened with a contest's keys, and what somebody did to them.

A batch's seal is right when nobody has changed a bit of it. Its numbers and the seal before it say
where it belongs. So what was altered, left out, put elsewhere or given twice is seen. Each host
has a chain of its own, which may begin behind a seal of another key's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from veriband.judge.diary import Diary, written
from veriband.records import Anchor, Item, Kind, Reading, decode
from veriband.store import Store
from veriband.store.roster import Band, Wearer
from veriband.store.store import LATEST
from veriband_protocol import VERSION, wire
from veriband_protocol.control import pack_key_id, unpack_key_id
from veriband_protocol.items import EVENT_KEY, MINUTE_MS, SOURCE_HOST, VITAL_HEART_RATE

_TOLD = 20  # of what is wrong with a band


@dataclass(frozen=True)
class Opened:
    """A batch whose seal is right: of log `epoch` the items from number `seq` to `after` - 1."""

    epoch: int
    seq: int
    after: int
    items: Sequence[Item]
    seal: bytes
    data: bytes


@dataclass(frozen=True)
class Sealed:
    """What a band has sealed: batches in the order in which they came, and `faults`, what is
    wrong with them, in sentences."""

    batches: Sequence[Opened]
    faults: Sequence[str]

    def items(self) -> dict[tuple[int, int], Item]:
        """Every item by its log's epoch and its number, of each log in order. Of what hosts have
        under one number the first that tells something: to one it may be a hole that a loss of
        power left, or a total of which it does not know the one before."""
        found: dict[tuple[int, int], Item] = {}
        for batch in self.batches:
            for its in batch.items:
                number = batch.epoch, its.seq
                if number not in found or _tells_nothing(found[number]):
                    found[number] = its
        return dict(sorted(found.items()))


def id_of(key: bytes) -> int:
    """The id that batches name the key by which they are sealed."""
    return unpack_key_id(hashlib.sha256(key).digest()[:4])


def seal_of(key: bytes, data: bytes | bytearray) -> bytes:
    """The seal of a batch under a key: HMAC-SHA256 (RFC 2104) over what comes before it, cut."""
    return hmac.digest(key, wire.sealed(data), "sha256")[: wire.SEAL_BYTES]


def key_id(data: bytes) -> int:
    """The id of the key that a batch says it is sealed with. Raises ValueError."""
    return wire.unpack_batch(data)[7]


def opened(batches: Iterable[bytes], keys: Iterable[bytes]) -> Sealed:
    """Open the batches of a band, as received and in that order, with its keys."""
    known = {id_of(key): key for key in keys}
    good: list[Opened] = []
    faults: list[str] = []
    totals: dict[tuple[int, int], int | None] = {}  # of the step chip, before a log's number
    seen: set[bytes] = set()  # seals
    begins: set[bytes] = set()  # seals that a batch follows which came before they did, if at all
    for data in batches:
        try:
            batch, before = _open(data, known, totals)
        except ValueError as error:
            faults.append(str(error))
            continue
        if batch.seal in seen:
            faults.append(f"The batch {_place(batch)} is there more than once.")
            continue
        if batch.seal in begins:
            faults.append(f"The batch {_place(batch)} does not stand where it was sent.")
        if before not in seen:
            begins.add(before)
        seen.add(batch.seal)
        good.append(batch)
    return Sealed(good, _few([*faults, *_left_out(good)]))


def _few(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _TOLD
    return [*sentences[:_TOLD], *([f"And {more} more."] if more > 0 else [])]


def _open(
    data: bytes, keys: Mapping[int, bytes], totals: dict[tuple[int, int], int | None]
) -> tuple[Opened, bytes]:
    """(the batch, the seal before), the total behind it noted. Raises ValueError with a
    sentence."""
    try:
        version, epoch, seq, boot, t_ms, items, _, its_key, before, seal = wire.unpack_batch(data)
    except ValueError as error:
        raise ValueError(f"A batch is damaged: {error}.") from error
    place = f"from number {seq} on of log {epoch:08X}"
    if version != VERSION or its_key not in keys:
        raise ValueError(f"The batch {place} is not sealed with a key that was enrolled here.")
    if not hmac.compare_digest(seal, seal_of(keys[its_key], data)):
        raise ValueError(f"The batch {place} was altered: its seal is another.")
    total = totals.get((epoch, seq))
    try:
        found = list(decode(items, seq, boot, t_ms, total))
    except (ValueError, IndexError) as error:
        raise ValueError(f"The batch {place} cannot be read: {error}.") from error
    after = found[-1].seq + found[-1].count if found else seq
    total = next((item.total for item in reversed(found) if item.total is not None), total)
    totals[epoch, after] = total
    return Opened(epoch, seq, after, found, seal, data), before


def _tells_nothing(item: Item) -> bool:
    """Whether it is a hole, or a total of which the one before is not known."""
    return item.kind is Kind.HOLE or (item.kind is Kind.GAP and item.total is not None)


def _place(batch: Opened) -> str:
    return f"from number {batch.seq} on of log {batch.epoch:08X}"


def _left_out(batches: Iterable[Opened]) -> Iterator[str]:
    """Numbers between the first and the last of a log that no batch has."""
    spans = sorted((batch.epoch, batch.seq, batch.after) for batch in batches)
    reached: dict[int, int] = {}
    for epoch, seq, after in spans:
        if seq > reached.get(epoch, seq):
            yield (
                f"Numbers {reached[epoch]} to {seq - 1} of log {epoch:08X} are missing: left out, "
                "sealed with another's key, or overwritten on the band before they were fetched."
            )
        reached[epoch] = max(after, reached.get(epoch, 0))


def keys_of(store: Store, band: Band) -> list[bytes]:
    """The keys that a band was enrolled with here."""
    return [key for key, its in store.seal_keys() if its.id == band.id]


def sealed(store: Store, band: Band, as_of_utc_ms: int = LATEST) -> Sealed:
    """What a band has sealed with keys of this store, which keeps it, without what came after
    `as_of_utc_ms`. What it sealed for somebody else is left."""
    keys = keys_of(store, band)
    ids = set(map(id_of, keys))
    batches = store.batches(band, as_of_utc_ms)
    return opened((data for data in batches if not _is_elsewhere(data, ids)), keys)


def _is_elsewhere(data: bytes, ids: Collection[int]) -> bool:
    try:
        return key_id(data) not in ids
    except ValueError:
        return False  # damaged: to be told


def dated(items: Mapping[tuple[int, int], Item]) -> Iterator[tuple[int, tuple[int, int], Item]]:
    """(UTC ms, epoch and number, item) of what can be dated: by the last anchor of its boot before
    it, else the first one after. `items` of each log in order."""
    begun: dict[tuple[int, int], int] = {}  # the UTC ms of a boot's begin, by epoch and boot
    for (epoch, _), item in items.items():
        if isinstance(item, Anchor):
            begun.setdefault((epoch, item.boot), item.utc_ms - item.t_ms)
    for (epoch, seq), item in items.items():
        if isinstance(item, Anchor):
            begun[epoch, item.boot] = item.utc_ms - item.t_ms
        if (epoch, item.boot) in begun:
            yield item.t_ms + begun[epoch, item.boot], (epoch, seq), item


def read(
    store: Store, wearer: Wearer, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
) -> Diary:
    """As judge.diary.read, out of what the wearer's bands have sealed. Steps that the store has
    beyond that are in no minute: of numbers that are not sealed, or that cannot be dated or
    counted by what is sealed."""
    steps: list[tuple[int, int, int]] = []
    rates: list[tuple[int, int, int]] = []
    for worn in store.worn(wearer):
        begin = max(from_utc_ms, worn.from_utc_ms)
        end = to_utc_ms if worn.to_utc_ms is None else min(to_utc_ms, worn.to_utc_ms)
        known: set[tuple[int, int]] = set()
        for utc_ms, number, item in dated(sealed(store, worn.band, as_of_utc_ms).items()):
            if not _tells_nothing(item):
                known.add(number)
            if not begin <= utc_ms < end:
                continue
            if item.steps is not None:
                steps.append((utc_ms, item.steps, item.kind))
            elif isinstance(item, Reading):
                rates += [
                    (utc_ms, sign.status, sign.first)
                    for sign in item.signs
                    if sign.vital == VITAL_HEART_RATE
                ]
        steps += [
            (utc_ms, count, Kind.GAP)
            for utc_ms, count, *number in store.numbered_steps(worn.band, begin, end, as_of_utc_ms)
            if tuple(number) not in known
        ]
    return written(steps, rates)


def altered(store: Store, band: Band, its: Sealed) -> list[str]:
    """In what the store's own table differs from what is sealed of a band, in sentences."""
    stands = store.numbered(band)
    items = its.items()
    sealed_ones = {
        (batch.epoch, item.seq, item.kind, item.steps, item.raw)
        for batch in its.batches
        for item in batch.items
    }
    begins: dict[tuple[int, int], list[int]] = {}  # UTC ms, by the anchors of a log's boot
    for (epoch, _), item in items.items():
        if isinstance(item, Anchor):
            begins.setdefault((epoch, item.boot), []).append(item.utc_ms - item.t_ms)
    is_anchored: set[tuple[int, int]] = set()
    found: list[str] = []
    for number, item in items.items():
        epoch, seq = number
        of_boot = epoch, item.boot
        if isinstance(item, Anchor):
            is_anchored.add(of_boot)
        where = f"Number {seq} of log {epoch:08X}"
        row = stands.get(number)
        if row is None:
            found.append(f"{where} is sealed and was taken out of the store.")
            continue
        kind, steps, utc_ms, raw = row
        is_counted_here = _tells_nothing(item) and raw == item.raw
        if (*number, kind, steps, raw) not in sealed_ones and not is_counted_here:
            stood, was = (
                f"{n} steps" if n is not None else "no steps" for n in (steps, item.steps)
            )
            found.append(f"{where} was altered in the store: {stood}; sealed: {was}.")
        # What stands before the first sealed anchor of its boot may have been dated by another.
        elif raw == item.raw and utc_ms is not None and of_boot in is_anchored:
            off_ms = min(abs(utc_ms - item.t_ms - begin) for begin in begins[of_boot])
            if off_ms > MINUTE_MS:
                found.append(f"{where} was given another time in the store.")
    return _few(found)


def is_from_enrolment(items: Mapping[tuple[int, int], Item], keys: Iterable[bytes]) -> bool:
    """Whether there is in it that the band was enrolled with one of the keys."""
    enrolled = {pack_key_id(id_of(key)) for key in keys}
    return any(
        item.kind is Kind.EVENT and item.detail == EVENT_KEY and item.raw in enrolled
        for item in items.values()
    )


def clock_jumps(items: Mapping[tuple[int, int], Item]) -> list[str]:
    """Where a band's clock was set to another time than its own had reached, by a minute in all;
    and where it had none until it was set."""
    found: list[str] = []
    log, boot, begin, off_ms = -1, -1, 0, 0
    end: int | None = None  # UTC ms of what was dated last
    for (epoch, _), item in items.items():
        if epoch != log:
            log, boot, off_ms, end = epoch, -1, 0, None
        if isinstance(item, Anchor):
            now = item.utc_ms - item.t_ms
            if item.boot == boot:
                off_ms += now - begin
                if abs(off_ms) >= MINUTE_MS:
                    way = "forward" if off_ms > 0 else "back"
                    min_ = abs(off_ms) // MINUTE_MS
                    found.append(f"The band's clock was set {way} by {min_} min.")
                    off_ms = 0
            elif item.detail == SOURCE_HOST and end is not None:
                way = "after" if now >= end else "before"
                found.append(
                    f"In boot {item.boot} the band had no clock for {item.t_ms // MINUTE_MS} min, "
                    f"then it was set: the boot began {abs(now - end) // MINUTE_MS} min {way} "
                    "what came before it ended."
                )
            boot, begin = item.boot, now
        if item.boot == boot:
            end = begin + item.t_ms + item.duration_ms
    return _few(found)
