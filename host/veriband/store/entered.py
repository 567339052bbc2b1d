"""Readings that no band took: typed in, or from a standard meter, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from veriband.errors import StoreError
from veriband.records import Sign, Taken
from veriband.store.roster import Roster, Wearer

TYPED_IN = "typed in"
WHOEVER = -1  # uses a meter
REPEAT_MS = 600_000  # within this a meter that gives no time may send a reading again


@dataclass(frozen=True, slots=True)
class Entry(Taken):
    """A reading as it was entered. `stamp`: when that was by a meter's own clock, and of whom by
    its own number; empty where it does not say."""

    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """A standard meter, whose user of the number `user` (WHOEVER: any) is a `wearer`; it measures
    the `vital` sign."""

    address: str
    user: int
    wearer: Wearer
    vital: int

    @property
    def source(self) -> str:
        """As in Entry."""
        return f"meter {self.address}"


class Entries(Roster):
    """What was entered, and the meters."""

    def enter(self, wearer: Wearer, entry: Entry, came_utc_ms: int) -> int | None:
        """Store a reading that came at `came_utc_ms`; its number, None if a meter sends it again.

        A meter's reading is the same as one with its stamp and its values, also of one that was
        taken back; without a stamp, if that came within REPEAT_MS before.
        """
        with self.transaction():
            if entry.source != TYPED_IN and self._is_known(entry, came_utc_ms):
                return None
            number = self.db.execute(
                "INSERT INTO entered (wearer, utc_ms, source, stamp, remarks, came_utc_ms) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    wearer.id, entry.utc_ms, entry.source, entry.stamp, entry.remarks, came_utc_ms,
                ),
            ).lastrowid  # fmt: skip
            self.db.executemany(
                "INSERT INTO entered_sign VALUES (?, ?, ?, ?, ?)",
                [(number, *sign) for sign in entry.signs],
            )
        return number

    def _is_known(self, entry: Entry, came_utc_ms: int) -> bool:
        since = 0 if entry.stamp else came_utc_ms - REPEAT_MS
        rows = self.read(
            "SELECT id FROM entered WHERE source = ? AND stamp = ? AND came_utc_ms >= ?",
            (entry.source, entry.stamp, since),
        )
        return any(self._signs(number) == tuple(sorted(entry.signs)) for (number,) in rows)

    def _signs(self, number: int) -> tuple[Sign, ...]:
        rows = self.read(
            "SELECT vital, status, first, second FROM entered_sign WHERE entered = ? "
            "ORDER BY vital",
            (number,),
        )
        return tuple(Sign(*row) for row in rows)

    def entered(self, wearer: Wearer, from_utc_ms: int, to_utc_ms: int) -> list[tuple[int, Entry]]:
        """(number, reading) of what was entered of that time, in its order."""
        rows = self.read(
            "SELECT id, utc_ms, source, remarks, stamp FROM entered WHERE wearer = ? "
            "AND utc_ms >= ? AND utc_ms < ? AND NOT forgotten ORDER BY utc_ms, id",
            (wearer.id, from_utc_ms, to_utc_ms),
        )
        return [
            (number, Entry(utc_ms, source, self._signs(number), *rest))
            for number, utc_ms, source, *rest in rows
        ]

    def last_typed_in(self, wearer: Wearer) -> int:
        """The number of what was typed in last. Raises StoreError when there is nothing."""
        rows = self.read(
            "SELECT max(id) FROM entered WHERE wearer = ? AND source = ?", (wearer.id, TYPED_IN)
        )
        if rows[0][0] is None:
            raise StoreError(
                f"Nothing of {wearer.name} was typed in, so there is nothing to undo."
            )
        return rows[0][0]

    def forget(self, number: int) -> tuple[Wearer, Entry]:
        """Take a reading back, for ever; whose it was, and what. Raises StoreError."""
        with self.transaction():
            rows = self.read(
                "SELECT name, utc_ms, source, remarks, stamp FROM entered "
                "JOIN wearer ON wearer.id = wearer WHERE entered.id = ? AND NOT forgotten",
                (number,),
            )
            if not rows:
                raise StoreError(
                    f"There is no entered reading {number}: see 'veriband enter list'."
                )
            name, utc_ms, source, *rest = rows[0]
            entry = Entry(utc_ms, source, self._signs(number), *rest)
            if source == TYPED_IN:
                self.db.execute("DELETE FROM entered WHERE id = ?", (number,))
            else:
                self.db.execute("UPDATE entered SET forgotten = 1 WHERE id = ?", (number,))
        return self.wearer(name), entry

    # Meters.

    def add_meter(self, address: str, user: int, wearer: Wearer, vital: int) -> Meter:
        """Know a meter, or who its user of that number is from now on."""
        with self.transaction():
            self.db.execute(
                "INSERT INTO meter VALUES (?, ?, ?, ?) ON CONFLICT (address, user) DO UPDATE "
                "SET wearer = excluded.wearer, vital = excluded.vital",
                (address.upper(), user, wearer.id, vital),
            )
        return Meter(address.upper(), user, wearer, vital)

    def meters(self) -> list[Meter]:
        """The meters that are known, with each of their users, in the order of addresses."""
        names = {wearer.id: wearer for wearer in self.wearers()}
        rows = self.read("SELECT address, user, wearer, vital FROM meter ORDER BY address, user")
        return [Meter(address, user, names[of], vital) for address, user, of, vital in rows]

    def forget_meter(self, address: str) -> None:
        """Know a meter no more; what it measured stays. Raises StoreError for an unknown one."""
        with self.transaction():
            count = self.db.execute("DELETE FROM meter WHERE address = ?", (address.upper(),))
            if not count.rowcount:
                raise StoreError(f"Meter {address} is not known here: see 'veriband meter list'.")
