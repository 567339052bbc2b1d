"""Checks the store: its file, who may read it, whether it is whole, and the room beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from veriband.doctor.finding import Finding, note, well, wrong
from veriband.store import schema
from veriband.store.database import PRIVATE

_OTHERS = 0o077
_BUSY_S = 5.0


def store(path: Path, *, is_named: bool) -> Iterator[Finding]:
    """What is found of the store at `path`, which stays as it is; `is_named`: not the default."""
    if not path.exists():
        yield _missing(path, is_named)
        return
    if not path.is_file() or not os.access(path, os.R_OK):
        yield wrong("store", f"{path} cannot be read", f"'ls -l {path}' says whose it is")
        return
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        yield wrong(
            "store", f"{path} or its folder can only be read, so nothing can be fetched",
            "make both yours ('chown'), or name another with --store",
        )  # fmt: skip
    yield from _inside(path)
    yield from _privacy(path)
    yield _room(path)


def _missing(path: Path, is_named: bool) -> Finding:
    if is_named:
        return wrong("store", f"there is no {path}", "see --store and VERIBAND_STORE")
    folder = next(its for its in path.parents if its.exists())
    if not os.access(folder, os.W_OK):
        return wrong(
            "store", f"there is no {path}, and {folder} lets nobody make it",
            "name another with --store",
        )  # fmt: skip
    return note("store", f"there is no {path} yet", "'veriband pair' makes it")


def _inside(path: Path) -> Iterator[Finding]:
    can_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    has_log = path.with_name(f"{path.name}-wal").exists()
    how = "mode=rw" if can_write else "mode=ro" if has_log else "mode=ro&immutable=1"
    uri = f"{path.absolute().as_uri()}?{how}"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as db:
            db.execute("PRAGMA query_only = ON")
            yield _version(path, db)
            damage = [row for (row,) in db.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError as error:
        yield wrong(
            "store", f"{path} cannot be looked into: {error}",
            "end what else uses it ('veriband run', 'veriband web'), and ask again",
        )  # fmt: skip
        return
    except sqlite3.Error as error:
        damage = [str(error)]
    if damage == ["ok"]:
        yield well("store is whole", "PRAGMA quick_check finds nothing")
    else:
        yield wrong(
            "store is whole", f"{path} is damaged: {'; '.join(damage)}",
            "put back a copy of it, or move it away: the bands still have what they recorded last",
        )  # fmt: skip


def _version(path: Path, db: sqlite3.Connection) -> Finding:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    if owner != schema.APPLICATION_ID and not (owner == 0 and version == 1):
        return wrong(
            "store", f"{path} is no store of Veriband's",
            "it was left as it is; name another with --store",
        )  # fmt: skip
    if version > schema.VERSION:
        return wrong(
            "store", f"{path} is of a newer Veriband (schema {version}, here {schema.VERSION})",
            "update Veriband",
        )  # fmt: skip
    if version < schema.VERSION:
        return note(
            "store", f"{path} is of an older Veriband (schema {version}, here {schema.VERSION})",
            "the next command that uses it copies it and brings it up to date",
        )  # fmt: skip
    return well("store", f"{path}, schema {version}")


def _privacy(path: Path) -> Iterator[Finding]:
    if os.name != "posix":
        return
    family = [path, *sorted(path.parent.glob(f"{path.name}[-.]*"))]
    open_ones = [its for its in family if its.is_file() and its.stat().st_mode & _OTHERS]
    if open_ones:
        names = " ".join(str(its) for its in open_ones)
        yield wrong(
            "store is private", f"others may read it: {names}", f"chmod {PRIVATE:o} {names}"
        )
    else:
        yield well("store is private", "only its owner may read it")


def _room(path: Path) -> Finding:
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    told = f"the store takes {_megabytes(size)}, {_megabytes(free)} are free"
    if free < size:
        return wrong(
            "room", f"{told}: too little for the second copy that an erasure or update needs",
            f"make room on the disk of {path.parent}",
        )  # fmt: skip
    return well("room", told)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
