"""Erases a wearer: every row about them, and their bytes in the file and in its log.

What a band recorded while they wore it goes, sealed batches with it: a referee will find these
missing. The cursor stays, so that what the band still has is not fetched again. Copies that an
update of the store made hold everybody's data of then: they are deleted. What the disk itself
keeps of deleted blocks is beyond this program's reach.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from veriband.errors import StoreError
from veriband.store.roster import Wearer, Worn
from veriband.store.store import LATEST, Store
from veriband_protocol.wire import unpack_batch


@dataclass(frozen=True, slots=True)
class Erased:
    """What went: items of bands, entered readings, alerts; copies of the store."""

    items: int
    entered: int
    alerts: int
    copies: tuple[Path, ...]


def erase(store: Store, wearer: Wearer) -> Erased:
    """Erase a wearer from a store and its copies. Raises StoreError, which says if more than the
    rows is left."""
    copies = tuple(sorted(store.path.parent.glob(f"{store.path.name}.version-*")))
    db = store.db
    db.execute("PRAGMA secure_delete = ON")
    with store.transaction():
        items = sum(_erase_worn(store, worn) for worn in store.worn(wearer))
        (entered,) = store.read("SELECT count(*) FROM entered WHERE wearer = ?", (wearer.id,))[0]
        (alerts,) = store.read("SELECT count(*) FROM alert WHERE wearer = ?", (wearer.id,))[0]
        for table in ("alert_step", "outbox", "cause"):
            db.execute(
                f"DELETE FROM {table} WHERE alert IN (SELECT id FROM alert WHERE wearer = ?)",
                (wearer.id,),
            )
        for table in (
            "cause", "alert", "entered", "meter", "entry", "assignment", "consent", "residence",
        ):  # fmt: skip
            db.execute(f"DELETE FROM {table} WHERE wearer = ?", (wearer.id,))
        db.execute("DELETE FROM wearer WHERE id = ?", (wearer.id,))
    for copy in copies:
        try:
            copy.unlink()
        except OSError as error:
            raise StoreError(
                f"{wearer.name} was erased, but not from the older copy {copy} of the store "
                f"({error.strerror}): delete it yourself."
            ) from error
    scrub(store)
    return Erased(items, entered, alerts, copies)


def _erase_worn(store: Store, worn: Worn) -> int:
    """Erase what a band recorded while it was worn; how many items.

    Of each log from the first number that is known to be of that time to the last, as what has no
    date between these is of that time, too.
    """
    band, db = worn.band.id, store.db
    until_ms = LATEST if worn.to_utc_ms is None else worn.to_utc_ms
    logs = store.read(
        "SELECT epoch, min(seq), max(seq) FROM item INDEXED BY item_by_time WHERE band = ? "
        "AND utc_ms >= ? AND utc_ms < ? GROUP BY epoch",
        (band, worn.from_utc_ms, until_ms),
    )
    count = 0
    for epoch, first, last in logs:
        where = "WHERE band = ? AND epoch = ? AND seq BETWEEN ? AND ?"
        values = (band, epoch, first, last)
        count += db.execute(f"DELETE FROM item {where}", values).rowcount
        db.execute(f"DELETE FROM arrival {where}", values)
        db.executemany("DELETE FROM batch WHERE id = ?", _batches(store, band, epoch, first, last))
    db.execute(
        "DELETE FROM notice WHERE band = ? AND last_utc_ms >= ? AND first_utc_ms < ?",
        (band, worn.from_utc_ms, until_ms),
    )
    return count


def _batches(store: Store, band: int, epoch: int, first: int, last: int) -> list[tuple[int]]:
    """The ids of a log's sealed batches that may hold any of these numbers: each reaches up to
    where the next begins, and one that cannot be read anywhere."""
    found: list[tuple[int]] = []
    spans: list[tuple[int, int]] = []
    for number, data in store.read(
        "SELECT id, data FROM batch WHERE band = ? AND epoch = ?", (band, epoch)
    ):
        try:
            spans.append((unpack_batch(data)[2], number))
        except ValueError:
            found.append((number,))
    spans.sort()
    ends = [seq for seq, _ in spans[1:]]
    for (seq, number), end in zip(spans, [*ends, last + 2], strict=False):
        if seq <= last and end > first:
            found.append((number,))
    return found


def scrub(store: Store) -> None:
    """Write the file anew, without what was deleted, and empty its log. Raises StoreError."""
    try:
        store.db.execute("VACUUM")
        busy = store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error as error:
        raise _unfinished(store, str(error)) from error
    if busy:
        raise _unfinished(store, "another program reads it")


def _unfinished(store: Store, why: str) -> StoreError:
    return StoreError(
        f"Every row was erased, but bytes of them may be left in the file {store.path} ({why}): "
        "end 'veriband run' and 'veriband web', see that the disk has room for a second copy, and "
        "run 'veriband wearer scrub'."
    )
