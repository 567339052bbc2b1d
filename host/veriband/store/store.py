"""Opens the store and keeps its promises: rows and cursor in one transaction, nothing twice."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veriband.errors import StoreError
from veriband.records import Anchor, Item, Kind
from veriband.store import schema

PRIVATE = 0o600


@dataclass(frozen=True)
class Band:
    """A band that this host knows. `secret` is None when its passkeys are not known here."""

    id: int
    address: str
    secret: bytes | None


@dataclass(frozen=True)
class Notice:
    """Something that the host noticed about a band, `count` times in a row."""

    kind: str
    text: str
    first_utc_ms: int
    last_utc_ms: int
    count: int


@dataclass(frozen=True)
class Span:
    """Steps of an item of a known time: a minute when `kind` says so, else a gap or a boot.

    `boot` and `t_ms` are its begin by the band's own time.
    """

    utc_ms: int
    duration_ms: int
    steps: int
    kind: Kind
    boot: int = 0
    t_ms: int = 0


def _open(path: Path) -> sqlite3.Connection:
    """The database at `path`; a new one is its owner's only, as it holds secrets and health."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, PRIVATE))
    return sqlite3.connect(path, timeout=10, isolation_level=None)


def _open_sealed(path: Path) -> sqlite3.Connection:
    """The database at `path`, to be read only. Nothing can be put beside it."""
    is_whole = not path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro&immutable=1" if is_whole else "mode=ro"
    uri = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)


def _can_be_written(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


class Store:
    """The SQLite store at `path`, made when there is none, and of its version when it is older.

    With `reading`, one that cannot be written is opened to be read. Raises StoreError.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self.path = path
        sealed = reading and path.is_file() and not _can_be_written(path)
        try:
            self._db = _open_sealed(path) if sealed else _open(path)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            version = self._version()
            if not sealed:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA foreign_keys = ON")
                if version < schema.VERSION:
                    self._update()
            elif version < schema.VERSION:
                raise StoreError(
                    f"The store {path} is of an older Veriband (schema {version}), and here it "
                    "can only be read: use it once where it can be written."
                )
        except (OSError, sqlite3.Error) as error:
            self._db.close()
            raise self._unusable(error) from error
        except StoreError:
            self._db.close()
            raise

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"The store {self.path} cannot be opened: {error}. Name another with --store."
        )

    def _version(self) -> int:
        """The schema's version; 0 of a new file."""
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        owner = self._db.execute("PRAGMA application_id").fetchone()[0]
        if owner != schema.APPLICATION_ID and (owner or not self._is_first_or_new(version)):
            raise StoreError(
                f"The file {self.path} is another program's, not a store of Veriband's; it was "
                "left as it is. Name another with --store."
            )
        if version > schema.VERSION:
            raise StoreError(
                f"The store {self.path} was written by a newer Veriband (schema {version}, this "
                f"one knows {schema.VERSION}): update Veriband."
            )
        return version

    def _is_first_or_new(self, version: int) -> bool:
        rows = self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in rows}
        return tables >= schema.FIRST_TABLES if version == 1 else version == 0 and not tables

    def _update(self) -> None:
        """Make the tables, or of an older store, which is copied before, one of this version."""
        with self._transaction():
            version = self._version()
            if version == schema.VERSION:
                return  # two that start at once: the second finds it done
            if version == 0:
                steps = schema.TABLES
            else:
                self._copy(self.path.with_name(f"{self.path.name}.version-{version}"))
                steps = ";".join(schema.MIGRATIONS[v] for v in range(version, schema.VERSION))
            for statement in steps.split(";"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {schema.VERSION}")

    def _copy(self, target: Path) -> None:
        part = target.with_name(f"{target.name}.part")
        part.unlink(missing_ok=True)
        with (
            contextlib.closing(_open(part)) as copy,
            contextlib.closing(sqlite3.connect(self.path)) as source,
        ):
            source.backup(copy)
        part.replace(target)
        with contextlib.suppress(OSError):  # somebody else's
            self.path.chmod(PRIVATE)

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):  # some errors have undone it already
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(
                    f"The store {self.path} could not be written: {error}. Nothing was lost; see "
                    "that the disk has room."
                ) from error
            raise

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"The store {self.path} could not be read: {error}. If its file is damaged, put "
                "back a copy of it, or move it away: the bands still have what they recorded last."
            ) from error

    def close(self) -> None:
        """Close the store."""
        self._db.close()

    # Bands.

    def add_band(self, address: str, secret: bytes | None, utc_ms: int) -> Band:
        """Know a band; its secret is replaced when a new one is given."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO band (address, secret, added_utc_ms) VALUES (?, ?, ?) ON CONFLICT "
                "(address) DO UPDATE SET secret = coalesce(excluded.secret, secret)",
                (address.upper(), secret, utc_ms),
            )
        return self.band(address)

    def band(self, address: str) -> Band:
        """The band with that address. Raises StoreError when it is not known."""
        for band in self.bands():
            if band.address == address.upper():
                return band
        raise StoreError(f"Band {address} is not known here: run 'veriband pair {address}' first.")

    def bands(self) -> list[Band]:
        """The bands that are known, in the order they were added."""
        rows = self._read("SELECT id, address, secret FROM band ORDER BY id")
        return [Band(*row) for row in rows]

    # What bands recorded.

    def cursor(self, band: Band, epoch: int) -> int | None:
        """The next number wanted of that log; None when nothing of it was stored."""
        rows = self._read("SELECT seq FROM cursor WHERE band = ? AND epoch = ?", (band.id, epoch))
        return rows[0][0] if rows else None

    def commit(self, band: Band, epoch: int, items: Sequence[Item], next_seq: int) -> int:
        """Store items and the cursor behind them at once; how many were new."""
        with self._transaction():
            before = self._db.total_changes
            self._db.executemany(
                "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                list(self._dated(band, epoch, items)),
            )
            new = self._db.total_changes - before
            for item in items:
                if isinstance(item, Anchor):
                    self._anchor(band, epoch, item)
            self._db.execute(
                "INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT (band, epoch) DO UPDATE "
                "SET seq = max(seq, excluded.seq)",
                (band.id, epoch, next_seq),
            )
        return new

    def _dated(
        self, band: Band, epoch: int, items: Iterable[Item]
    ) -> Iterator[tuple[object, ...]]:
        """Rows of `items`, dated by the last anchor before each in its boot, if there is one."""
        boot, boot_utc_ms = -1, None
        for item in items:
            if item.boot != boot:
                boot, boot_utc_ms = item.boot, self._boot_utc_ms(band, epoch, item.boot, item.seq)
            if isinstance(item, Anchor):
                boot_utc_ms = item.utc_ms - item.t_ms
            utc_ms = None if boot_utc_ms is None else item.t_ms + boot_utc_ms
            yield (
                band.id, epoch, item.seq, item.kind, item.boot, item.t_ms, item.duration_ms,
                item.steps, utc_ms, item.count, item.detail, item.raw,
            )  # fmt: skip

    def _anchor(self, band: Band, epoch: int, anchor: Anchor) -> None:
        """Keep an anchor; the first of a boot dates what came before it."""
        boot_utc_ms = anchor.utc_ms - anchor.t_ms
        self._db.execute(
            "INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (band.id, epoch, anchor.seq, anchor.boot, boot_utc_ms, anchor.offset_min),
        )
        self._db.execute(
            "UPDATE item SET utc_ms = t_ms + ? WHERE band = ? AND epoch = ? AND boot = ? "
            "AND utc_ms IS NULL",
            (boot_utc_ms, band.id, epoch, anchor.boot),
        )

    def _boot_utc_ms(self, band: Band, epoch: int, boot: int, seq: int) -> int | None:
        row = self._db.execute(
            "SELECT boot_utc_ms FROM anchor WHERE band = ? AND epoch = ? AND boot = ? AND seq < ? "
            "ORDER BY seq DESC LIMIT 1",
            (band.id, epoch, boot, seq),
        ).fetchone()
        return row and row[0]

    def spans(self, band: Band, from_utc_ms: int, to_utc_ms: int) -> list[Span]:
        """Everything with steps that begins in that time, in its order."""
        rows = self._read(
            "SELECT utc_ms, duration_ms, steps, kind, boot, t_ms FROM item WHERE band = ? "
            "AND utc_ms >= ? AND utc_ms < ? AND steps IS NOT NULL ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms),
        )
        return [
            Span(utc_ms, duration_ms, steps, Kind(kind), boot, t_ms)
            for utc_ms, duration_ms, steps, kind, boot, t_ms in rows
        ]

    def count(self, band: Band, kind: Kind) -> int:
        """How many items of a kind are stored of a band, dated or not."""
        return self._read(
            "SELECT count(*) FROM item WHERE band = ? AND kind = ?", (band.id, kind)
        )[0][0]

    def undated_steps(self, band: Band) -> int:
        """Steps without a date: the band's clock was not set in that boot, or not yet."""
        return self._read(
            "SELECT coalesce(sum(steps), 0) FROM item INDEXED BY item_by_time WHERE band = ? "
            "AND utc_ms IS NULL",
            (band.id,),
        )[0][0]

    def undatable_steps(self, band: Band) -> int:
        """Those of the undated steps that stay so: the next boot came before the clock was set."""
        return self._read(
            "SELECT coalesce(sum(steps), 0) FROM item AS it INDEXED BY item_by_time "
            "WHERE band = ? AND utc_ms IS NULL AND boot < (SELECT boot FROM item "
            "WHERE band = it.band AND epoch = it.epoch ORDER BY seq DESC LIMIT 1)",
            (band.id,),
        )[0][0]

    # What the host noticed.

    def notice(self, utc_ms: int, band: Band | None, kind: str, text: str) -> None:
        """Note something; what was noted of the band last, too, is counted."""
        of = band and band.id
        with self._transaction():
            last = self._db.execute(
                "SELECT id, kind, text FROM notice WHERE band IS ? ORDER BY id DESC LIMIT 1", (of,)
            ).fetchone()
            if last and last[1:] == (kind, text):
                self._db.execute(
                    "UPDATE notice SET last_utc_ms = ?, count = count + 1 WHERE id = ?",
                    (utc_ms, last[0]),
                )
            else:
                self._db.execute(
                    "INSERT INTO notice (first_utc_ms, last_utc_ms, count, band, kind, text) "
                    "VALUES (?, ?, 1, ?, ?, ?)",
                    (utc_ms, utc_ms, of, kind, text),
                )

    def notices(self, band: Band, most: int = 100) -> list[Notice]:
        """The `most` last things that were noted of a band, oldest first."""
        rows = self._read(
            "SELECT kind, text, first_utc_ms, last_utc_ms, count FROM notice WHERE band = ? "
            "ORDER BY id DESC LIMIT ?",
            (band.id, most),
        )
        return [Notice(*row) for row in reversed(rows)]
