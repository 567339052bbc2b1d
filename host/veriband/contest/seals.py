"""What bands have sealed: batches opened with a contest's keys, and what somebody did to them.

A batch's seal is right when nobody has changed a bit of it. Its numbers and the seal before it say
where it belongs. So what was altered, left out, put elsewhere or given twice is seen.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from veriband.judge.diary import Diary, written
from veriband.records import Anchor, Item, Kind, Reading, decode
from veriband.store import Store
from veriband.store.roster import Band, Wearer
from veriband.store.store import LATEST
from veriband_protocol import VERSION, wire
from veriband_protocol.control import unpack_key_id
from veriband_protocol.items import MINUTE_MS, VITAL_HEART_RATE

_TOLD = 5  # differences of a band, by number


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
        """Every item by its log's epoch and its number, of each log in order."""
        found = {(batch.epoch, its.seq): its for batch in self.batches for its in batch.items}
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
    totals: dict[bytes, int | None] = {wire.NO_SEAL: None}  # by the seal that they stand at
    begins: dict[int, bytes] = {}  # by log, the seal before the first batch
    for data in batches:
        try:
            batch, before, total = _open(data, known, totals)
        except ValueError as error:
            faults.append(str(error))
            continue
        if batch.seal in totals:
            faults.append(f"The batch {_place(batch)} is there more than once.")
            continue
        begin = begins.setdefault(batch.epoch, before)
        if (before != begin and before not in totals) or batch.seal == begin:
            faults.append(
                f"The batch {_place(batch)} does not stand where it was sent: it was put "
                "elsewhere, or what it follows was left out or altered."
            )
        totals[batch.seal] = total
        good.append(batch)
    return Sealed(good, [*faults, *_left_out(good)])


def _open(
    data: bytes, keys: Mapping[int, bytes], totals: Mapping[bytes, int | None]
) -> tuple[Opened, bytes, int | None]:
    """(the batch, the seal before, the step chip's total at its end). Raises ValueError with a
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
    try:
        found = list(decode(items, seq, boot, t_ms, totals.get(before)))
    except (ValueError, IndexError) as error:
        raise ValueError(f"The batch {place} cannot be read: {error}.") from error
    after = found[-1].seq + found[-1].count if found else seq
    total = totals.get(before)
    total = next((item.total for item in reversed(found) if item.total is not None), total)
    return Opened(epoch, seq, after, found, seal, data), before, total


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
                "or overwritten on the band before they were fetched."
            )
        reached[epoch] = max(after, reached.get(epoch, 0))


def keys_of(store: Store, band: Band) -> list[bytes]:
    """The keys that a band was enrolled with here."""
    return [key for key, its in store.seal_keys() if its.id == band.id]


def sealed(store: Store, band: Band, as_of_utc_ms: int = LATEST) -> Sealed:
    """What a band has sealed and this store keeps, without what came after `as_of_utc_ms`."""
    return opened(store.batches(band, as_of_utc_ms), keys_of(store, band))


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
    beyond that are in no minute."""
    steps: list[tuple[int, int, int]] = []
    rates: list[tuple[int, int, int]] = []
    for worn in store.worn(wearer):
        begin = max(from_utc_ms, worn.from_utc_ms)
        end = to_utc_ms if worn.to_utc_ms is None else min(to_utc_ms, worn.to_utc_ms)
        items = sealed(store, worn.band, as_of_utc_ms).items()
        for utc_ms, _, item in dated(items):
            if not begin <= utc_ms < end:
                continue
            if item.steps is not None:
                steps.append((utc_ms, item.steps, item.kind))
            elif isinstance(item, Reading) and item.vital == VITAL_HEART_RATE:
                rates.append((utc_ms, item.detail, item.value))
        steps += [
            (utc_ms, count, Kind.GAP)
            for utc_ms, count, *number in store.numbered_steps(worn.band, begin, end, as_of_utc_ms)
            if tuple(number) not in items
        ]
    return written(steps, rates)


def altered(store: Store, band: Band, items: Mapping[tuple[int, int], Item]) -> list[str]:
    """In what the store's own table differs from what is sealed of a band, in sentences."""
    stands = store.numbered(band)
    when = {number: utc_ms for utc_ms, number, _ in dated(items)}
    found: list[str] = []
    for number, item in items.items():
        epoch, seq = number
        where = f"Number {seq} of log {epoch:08X}"
        row = stands.get(number)
        if row is None:
            found.append(f"{where} is sealed and was taken out of the store.")
            continue
        kind, steps, utc_ms, raw = row
        if (kind, steps, raw) != (item.kind, item.steps, item.raw):
            stood, was = (
                f"{n} steps" if n is not None else "no steps" for n in (steps, item.steps)
            )
            found.append(f"{where} was altered in the store: {stood}; sealed: {was}.")
        elif utc_ms is not None and abs(utc_ms - when.get(number, utc_ms)) > MINUTE_MS:
            found.append(f"{where} was given another time in the store.")
    return found[:_TOLD] + ([f"And {len(found) - _TOLD} more."] if len(found) > _TOLD else [])


def clock_jumps(items: Mapping[tuple[int, int], Item]) -> list[str]:
    """Where a band's clock was set to another time than its own had reached, by minutes."""
    found: list[str] = []
    anchors = [(epoch, item) for (epoch, _), item in items.items() if isinstance(item, Anchor)]
    for (epoch, before), (its_epoch, after) in pairwise(anchors):
        ms = (after.utc_ms - after.t_ms) - (before.utc_ms - before.t_ms)
        if (epoch, before.boot) == (its_epoch, after.boot) and abs(ms) >= MINUTE_MS:
            way = "forward" if ms > 0 else "back"
            found.append(f"The band's clock was set {way} by {abs(ms) // MINUTE_MS} min.")
    return found
