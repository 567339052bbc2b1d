"""Opens the database: private, of this version, all or nothing."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

from veriband.errors import StoreError
from veriband.store import schema

PRIVATE = 0o600


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


class Database:
    """The SQLite file at `path`, made when there is none, and of its version when it is older.

    With `reading` nothing can be written through it, and one that can only be read is opened, too.
    Raises StoreError.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self.path = path
        sealed = reading and path.is_file() and not _can_be_written(path)
        try:
            self.db = _open_sealed(path) if sealed else _open(path)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            version = self._version()
            if not sealed:
                self.db.execute("PRAGMA journal_mode = WAL")
                self.db.execute("PRAGMA synchronous = FULL")
                self.db.execute("PRAGMA foreign_keys = ON")
                if version < schema.VERSION:
                    self._update()
            elif version < schema.VERSION:
                raise StoreError(
                    f"The store {path} is of an older Veriband (schema {version}), and here it "
                    "can only be read: use it once where it can be written."
                )
            if reading:
                self.db.execute("PRAGMA query_only = ON")
        except (OSError, sqlite3.Error) as error:
            self.db.close()
            raise self._unusable(error) from error
        except StoreError:
            self.db.close()
            raise

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"The store {self.path} cannot be opened: {error}. Name another with --store."
        )

    def _version(self) -> int:
        """The schema's version; 0 of a new file."""
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        owner = self.db.execute("PRAGMA application_id").fetchone()[0]
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
        rows = self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in rows}
        return tables >= schema.FIRST_TABLES if version == 1 else version == 0 and not tables

    def _update(self) -> None:
        """Make the tables, or of an older store, which is copied before, one of this version."""
        with self.transaction():
            version = self._version()
            if version == schema.VERSION:
                return  # two that start at once: the second finds it done
            if version == 0:
                steps = schema.TABLES
            else:
                self._copy(self.path.with_name(f"{self.path.name}.version-{version}"))
                steps = ";".join(schema.MIGRATIONS[v] for v in range(version, schema.VERSION))
            for statement in steps.split(";"):
                self.db.execute(statement)
            self.db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self.db.execute(f"PRAGMA user_version = {schema.VERSION}")

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
    def transaction(self) -> Generator[None]:
        """All or nothing, of what is in it and of transactions in it. Raises StoreError."""
        if self.db.in_transaction:
            yield
            return
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):  # some errors have undone it already
                self.db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(
                    f"The store {self.path} could not be written: {error}. Nothing was lost; see "
                    "that the disk has room."
                ) from error
            raise

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows that a query gives. Raises StoreError."""
        try:
            return self.db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"The store {self.path} could not be read: {error}. If its file is damaged, put "
                "back a copy of it, or move it away: the bands still have what they recorded last."
            ) from error

    def changes(self) -> int:
        """A number that is another one when somebody else has written since. Raises StoreError."""
        return self.read("PRAGMA data_version")[0][0]

    def close(self) -> None:
        """Close the store."""
        self.db.close()
