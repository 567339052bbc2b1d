"""Whom a wearer has granted what of their data, until when."""

from __future__ import annotations

from dataclasses import dataclass

from veriband.errors import StoreError
from veriband.store.roster import Wearer
from veriband.store.store import LATEST, Store

DATA = STEPS, VITALS, ALERTS = "steps", "vital signs", "alerts"
TERMINAL, CONTEST, STATISTICS, RISK = "terminal", "contest", "statistics", "risk"
GRANTEES = (TERMINAL, CONTEST, STATISTICS, RISK)


@dataclass(frozen=True, slots=True)
class Grantee:
    """Who may be granted something: a terminal or a contest by its name, the regional statistics,
    or the risk analysis, which have none."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted to whom, from a time to before another."""

    data: str
    to: Grantee
    from_ms: int
    until_ms: int


def grant(
    store: Store, wearer: Wearer, data: str, to: Grantee, now_ms: int, until_ms: int = LATEST
) -> None:
    """Grant it from now on, in place of what was granted before. Raises StoreError."""
    if until_ms <= now_ms:
        raise StoreError("A grant ends in the future: name a later day with --until.")
    with store.transaction():
        _end(store, wearer, data, to, now_ms)
        store.db.execute(
            "INSERT INTO consent VALUES (?, ?, ?, ?, ?, ?)",
            (wearer.id, data, to.kind, to.name, now_ms, until_ms),
        )
        if to.kind == CONTEST:
            store.db.execute(
                "INSERT OR IGNORE INTO entry SELECT id, ? FROM contest WHERE name = ?",
                (wearer.id, to.name),
            )


def revoke(store: Store, wearer: Wearer, data: str, to: Grantee, now_ms: int) -> bool:
    """Grant it no more; whether it was, or they took part in that contest. Raises StoreError."""
    with store.transaction():
        left = 0
        if to.kind == CONTEST:
            left = store.db.execute(
                "DELETE FROM entry WHERE wearer = ? AND contest = "
                "(SELECT id FROM contest WHERE name = ?)",
                (wearer.id, to.name),
            ).rowcount
        return _end(store, wearer, data, to, now_ms) or left > 0


def _end(store: Store, wearer: Wearer, data: str, to: Grantee, now_ms: int) -> bool:
    ended = store.db.execute(
        "UPDATE consent SET until_ms = ? WHERE wearer = ? AND data = ? AND kind = ? AND name = ? "
        "AND until_ms > ?",
        (now_ms, wearer.id, data, to.kind, to.name, now_ms),
    )
    return ended.rowcount > 0


def is_granted(store: Store, wearer: int, data: str, to: Grantee, now_ms: int) -> bool:
    """Whether the wearer of that number grants it at that time. Raises StoreError."""
    return bool(
        store.read(
            "SELECT 1 FROM consent WHERE wearer = ? AND data = ? AND kind = ? AND name = ? "
            "AND from_ms <= ? AND until_ms > ?",
            (wearer, data, to.kind, to.name, now_ms, now_ms),
        )
    )


def grants(store: Store, wearer: Wearer) -> list[Grant]:
    """All that were ever given, in the order of time."""
    rows = store.read(
        "SELECT data, kind, name, from_ms, until_ms FROM consent WHERE wearer = ? "
        "ORDER BY from_ms, data, kind, name",
        (wearer.id,),
    )
    return [Grant(data, Grantee(kind, name), *times) for data, kind, name, *times in rows]
