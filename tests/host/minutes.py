"""A store with minutes and heart rates in it, as a sync would put them there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from veriband.records import Anchor, Item, Kind, reading
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol.items import (
    MINUTE_MS,
    STATUS_NOT_WORN,
    STATUS_OK,
    VITAL_HEART_RATE,
    pack_sign,
)

NOON = round(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp() * 1000)
EPOCH = 7


def put(
    store: Store,
    band: Band,
    begin_utc_ms: int,
    steps: Sequence[int],
    bpm: Sequence[int | None] = (),
    came_utc_ms: int | None = None,
) -> None:
    """Minutes from `begin_utc_ms` on in a boot of their own, each with a heart rate taken in its
    middle (0: not worn, None: none)."""
    seq = store.cursor(band, EPOCH) or 0
    boot = seq + 1
    found: list[Item] = [Anchor(seq, Kind.ANCHOR, boot, 0, utc_ms=begin_utc_ms)]
    for k, count in enumerate(steps):
        rate = bpm[k] if k < len(bpm) else None
        if rate is not None:
            status = STATUS_OK if rate else STATUS_NOT_WORN
            raw = pack_sign(VITAL_HEART_RATE, status, rate or 0, 90)
            found.append(reading(seq + len(found), boot, k * MINUTE_MS + 30_000, raw))
        found.append(Item(seq + len(found), Kind.MINUTE, boot, k * MINUTE_MS, MINUTE_MS, count))
    came = begin_utc_ms + len(steps) * MINUTE_MS if came_utc_ms is None else came_utc_ms
    store.commit(band, EPOCH, found, seq + len(found), came)


def put_gap(store: Store, band: Band, begin_utc_ms: int, steps: int) -> None:
    """Ten minutes without readings, in which the step chip counted on."""
    seq = store.cursor(band, EPOCH) or 0
    boot = seq + 1
    found = [
        Anchor(seq, Kind.ANCHOR, boot, 0, utc_ms=begin_utc_ms),
        Item(seq + 1, Kind.GAP, boot, 0, 10 * MINUTE_MS, steps),
    ]
    store.commit(band, EPOCH, found, seq + 2, begin_utc_ms + 10 * MINUTE_MS)
