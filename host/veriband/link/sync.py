"""Brings the store up to what a band has: clock first, then batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import tzinfo

from veriband.civil import next_change, offset_min
from veriband.errors import BadBatch, BandWentBack, ClockImplausible
from veriband.link.doubt import beyond, contradiction
from veriband.link.session import Batch, Session
from veriband.records import Item, decode, end_of
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol.control import EARLIEST_UTC, LATEST_UTC

CLOCK_SLACK_MS = 2000  # a band's clock that is off by more is set

UtcMs = Callable[[], int]


@dataclass(frozen=True)
class Synced:
    """What one sync brought: new items, and whether the band's clock had to be set."""

    items: int
    clock_set: bool


async def sync(session: Session, store: Store, band: Band, utc_ms: UtcMs, zone: tzinfo) -> Synced:
    """Set the clock if need be, then fetch and store everything that is new.

    Its clock is that of who wears it, else of `zone`.
    Rows and cursor are committed together before the next batch is asked for, so it may be broken
    off anywhere. Raises what Session raises, BandWentBack, ClockImplausible and StoreError.
    """
    clock_set = await right_clock(session, utc_ms, store.zone_on(band, utc_ms(), zone))
    state = await session.state()
    epoch = state.epoch
    cursor, total = store.cursor(band, epoch), store.total(band, epoch)
    end = store.end(band, epoch)
    if cursor is None:
        cursor = state.oldest
    if state.upto < cursor:
        raise BandWentBack(band.address, cursor)
    count, upto = 0, state.upto
    before = store.last_seal(band, epoch)
    async with aclosing(session.batches(epoch, cursor, before)) as batches:
        while cursor < upto:
            batch = await anext(batches)
            if batch.seq < cursor:
                why = f"number {batch.seq}, where {cursor} comes next"
                raise BadBatch(band.address, why)
            if batch.seq > cursor:
                total = None  # increments of what was overwritten belong to no minute
            items = _decoded(band, batch, total)
            why = contradiction(batch, items, cursor, upto, end)
            if not why and beyond(batch, items, cursor, state):
                state = await session.state()  # more was recorded or overwritten meanwhile, or not
                why = beyond(batch, items, cursor, state)
            if why:
                raise BadBatch(band.address, why)
            if batch.seq > cursor:
                store.notice(
                    utc_ms(), band, "overwritten",
                    f"Items {cursor} to {batch.seq - 1} were overwritten on band {band.address} "
                    "before this host had read them.",
                )  # fmt: skip
            total = next((item.total for item in reversed(items) if item.total is not None), total)
            cursor, upto = items[-1].seq + items[-1].count, batch.upto
            end = end_of(items, batch.boot, batch.t_ms)
            sealed = batch.data if batch.key_id else b""
            count += store.commit(band, epoch, items, cursor, utc_ms(), total, sealed)
    return Synced(count, clock_set)


def _decoded(band: Band, batch: Batch, total: int | None) -> list[Item]:
    """Its items, at least one. Raises BadBatch."""
    try:
        items = list(decode(batch.items, batch.seq, batch.boot, batch.t_ms, total))
    except ValueError as error:
        raise BadBatch(band.address, f"malformed items: {error}") from error
    except IndexError as error:
        raise BadBatch(band.address, "malformed items: the body of one is cut") from error
    if not items:
        raise BadBatch(band.address, f"no items from number {batch.seq} on")
    return items


async def right_clock(session: Session, utc_ms: UtcMs, zone: tzinfo) -> bool:
    """Set the band's clock if it is not right; whether it had to be. Raises as `set_clock`."""
    before = utc_ms()
    clock = await session.clock()
    middle = (before + utc_ms()) // 2
    offset = offset_min(zone, middle // 1000)
    is_right = clock.utc_ms is not None and abs(clock.utc_ms - middle) <= CLOCK_SLACK_MS
    if is_right and clock.offset_min == offset:
        return False
    await set_clock(session, utc_ms, zone)
    return True


async def set_clock(session: Session, utc_ms: UtcMs, zone: tzinfo) -> None:
    """Set the band's clock. Raises ClockImplausible, and what Session raises."""
    now = utc_ms()
    if not EARLIEST_UTC <= now // 1000 <= LATEST_UTC:
        raise ClockImplausible(now // 1000)
    offset = offset_min(zone, now // 1000)
    await session.set_clock(now, offset, *next_change(zone, now // 1000))
