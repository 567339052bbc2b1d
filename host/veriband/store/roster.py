"""Who there is: bands, wearers, who wears which band since when, and contests between them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo

from veriband.analysis.cycles import Stay
from veriband.civil import zone_named
from veriband.errors import StoreError, VeribandError
from veriband.store.database import Database


@dataclass(frozen=True)
class Band:
    """A band that this host knows. `secret` is None when its passkeys are not known here."""

    id: int
    address: str
    secret: bytes | None


@dataclass(frozen=True)
class Wearer:
    """A pseudonym; what is None is not known. `sex`: "m" or "f". `zone`: the name of a zone."""

    id: int
    name: str
    sex: str | None
    birth_year: int | None
    height_m: float | None
    rest_bpm: float | None
    zone: str | None

    def zone_or(self, default: tzinfo) -> tzinfo:
        """The zone in which they live, or `default`. Raises VeribandError for an unknown one."""
        return zone_named(self.zone) if self.zone else default


@dataclass(frozen=True)
class Worn:
    """A band that a wearer has from a time to another; None: still."""

    band: Band
    from_utc_ms: int
    to_utc_ms: int | None

    def is_at(self, utc_ms: int) -> bool:
        """Whether it is worn at that time."""
        is_over = self.to_utc_ms is not None and self.to_utc_ms <= utc_ms
        return self.from_utc_ms <= utc_ms and not is_over

    def within(self, from_utc_ms: int, to_utc_ms: int) -> tuple[int, int]:
        """The part of that time in which it is worn; none if it ends before it begins."""
        end = to_utc_ms if self.to_utc_ms is None else min(to_utc_ms, self.to_utc_ms)
        return max(from_utc_ms, self.from_utc_ms), end


@dataclass(frozen=True)
class Contest:
    """Most steps from a time to another win: those that `rule` does not strike, and with
    `counts_unverified` those, too, of which nobody can tell. With `sealed` nobody can tell of what
    no enrolled band has sealed."""

    id: int
    name: str
    from_utc_ms: int
    to_utc_ms: int
    rule: str
    counts_unverified: bool
    sealed: bool = False


_WEARER = "wearer.id, name, sex, birth_year, height_m, rest_bpm, zone"


class Roster(Database):
    """Bands, wearers and contests."""

    def add_band(self, address: str, secret: bytes | None, utc_ms: int) -> Band:
        """Know a band; its secret is replaced when a new one is given."""
        with self.transaction():
            self.db.execute(
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
        rows = self.read("SELECT id, address, secret FROM band ORDER BY id")
        return [Band(*row) for row in rows]

    # Wearers.

    def add_wearer(
        self,
        name: str,
        sex: str | None = None,
        birth_year: int | None = None,
        height_m: float | None = None,
        rest_bpm: float | None = None,
        zone: str | None = None,
    ) -> Wearer:
        """Know a wearer. Raises StoreError when there is one of that name."""
        self._add(
            f"There is a wearer {name} already: choose another name.",
            "INSERT INTO wearer (name, sex, birth_year, height_m, rest_bpm, zone) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (name, sex, birth_year, height_m, rest_bpm, zone),
        )
        return self.wearer(name)

    def wearer(self, name: str) -> Wearer:
        """The wearer of that name. Raises StoreError when there is none."""
        rows = self.read(f"SELECT {_WEARER} FROM wearer WHERE name = ?", (name,))
        if not rows:
            there = ", ".join(wearer.name for wearer in self.wearers()) or "none"
            raise StoreError(
                f"There is no wearer {name} (there are: {there}): add one with 'veriband wearer "
                "add'."
            )
        return Wearer(*rows[0])

    def wearers(self) -> list[Wearer]:
        """All wearers, in the order they were added."""
        return [Wearer(*row) for row in self.read(f"SELECT {_WEARER} FROM wearer ORDER BY id")]

    def change_wearer(self, wearer: Wearer, utc_ms: int) -> None:
        """Know a wearer of that number as they are from now on; where they lived is kept.

        Raises StoreError when another has the name.
        """
        with self.transaction():
            before = next(its for its in self.wearers() if its.id == wearer.id)
            if before.zone and wearer.zone != before.zone:
                self.db.execute(
                    "INSERT INTO residence VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (wearer.id, utc_ms, before.zone),
                )
            self._insert(
                f"There is a wearer {wearer.name} already: choose another name.",
                "UPDATE wearer SET name = ?, sex = ?, birth_year = ?, height_m = ?, rest_bpm = ?, "
                "zone = ? WHERE id = ?",
                (
                    wearer.name, wearer.sex, wearer.birth_year, wearer.height_m, wearer.rest_bpm,
                    wearer.zone, wearer.id,
                ),
            )  # fmt: skip

    def residences(self, wearer: Wearer) -> list[tuple[int, str]]:
        """(UTC ms, zone) of where they have lived before, up to when, in the order of time."""
        return self.read(
            "SELECT until_utc_ms, zone FROM residence WHERE wearer = ? ORDER BY until_utc_ms",
            (wearer.id,),
        )

    def stays(self, wearer: Wearer, default: tzinfo) -> list[Stay]:
        """The zones of a wearer's clock, in the order of time; `default` where none is known.

        Raises VeribandError for a zone that is unknown to this computer.
        """
        begins, zones = [0], list[tzinfo]()
        for until_ms, zone in self.residences(wearer):
            begins.append(until_ms)
            zones.append(zone_named(zone))
        zones.append(wearer.zone_or(default))
        return [Stay(*stay) for stay in zip(begins, zones, strict=True)]

    def assign(
        self, band: Band, wearer: Wearer, from_utc_ms: int, to_utc_ms: int | None = None
    ) -> None:
        """`wearer` wears `band` from then on, in place of who has worn it up to then.

        Raises StoreError when another wears it later in that time.
        """
        with self.transaction():
            later = self.db.execute(
                "SELECT name FROM assignment JOIN wearer ON wearer.id = wearer WHERE band = ? "
                "AND from_utc_ms >= ? AND from_utc_ms < coalesce(?, from_utc_ms + 1)",
                (band.id, from_utc_ms, to_utc_ms),
            ).fetchone()
            if later:
                raise StoreError(
                    f"Band {band.address} is worn by {later[0]} in that time: name another time."
                )
            self.db.execute(
                "UPDATE assignment SET to_utc_ms = ? "
                "WHERE band = ? AND from_utc_ms < ? AND (to_utc_ms IS NULL OR to_utc_ms > ?)",
                (from_utc_ms, band.id, from_utc_ms, from_utc_ms),
            )
            self.db.execute(
                "INSERT INTO assignment VALUES (?, ?, ?, ?)",
                (band.id, from_utc_ms, to_utc_ms, wearer.id),
            )

    def worn(self, wearer: Wearer) -> list[Worn]:
        """The bands that somebody wears or wore, in the order of time."""
        rows = self.read(
            "SELECT id, address, secret, from_utc_ms, to_utc_ms FROM assignment "
            "JOIN band ON band.id = band WHERE wearer = ? ORDER BY from_utc_ms, id",
            (wearer.id,),
        )
        return [Worn(Band(*row[:3]), *row[3:]) for row in rows]

    def wearer_of(self, band: Band, utc_ms: int) -> Wearer | None:
        """Who wears a band at that time, if it is known."""
        rows = self.read(
            f"SELECT {_WEARER} FROM assignment JOIN wearer ON wearer.id = wearer WHERE band = ? "
            "AND from_utc_ms <= ? AND (to_utc_ms IS NULL OR to_utc_ms > ?)",
            (band.id, utc_ms, utc_ms),
        )
        return Wearer(*rows[0]) if rows else None

    def zone_on(self, band: Band, utc_ms: int, default: tzinfo) -> tzinfo:
        """The zone of the clock on a band at that time: of who wears it, or `default`, as where
        theirs is unknown to this computer."""
        wearer = self.wearer_of(band, utc_ms)
        try:
            return wearer.zone_or(default) if wearer else default
        except VeribandError:
            return default

    # Contests.

    def add_contest(
        self,
        name: str,
        from_utc_ms: int,
        to_utc_ms: int,
        rule: str,
        counts_unverified: bool,
        wearers: Iterable[Wearer],
        sealed: bool = False,
    ) -> Contest:
        """A contest between wearers. Raises StoreError when there is one of that name."""
        with self.transaction():
            cursor = self._insert(
                f"There is a contest {name} already: choose another name.",
                "INSERT INTO contest "
                "(name, from_utc_ms, to_utc_ms, rule, counts_unverified, sealed) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (name, from_utc_ms, to_utc_ms, rule, counts_unverified, sealed),
            )
            self.db.executemany(
                "INSERT INTO entry VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(cursor.lastrowid, wearer.id) for wearer in wearers],
            )
        return self.contest(name)

    def contest(self, name: str) -> Contest:
        """The contest of that name. Raises StoreError when there is none."""
        for contest in self.contests():
            if contest.name == name:
                return contest
        there = ", ".join(contest.name for contest in self.contests()) or "none"
        raise StoreError(
            f"There is no contest {name} (there are: {there}): add one with 'veriband contest "
            "add'."
        )

    def contests(self) -> list[Contest]:
        """All contests, in the order they were added."""
        rows = self.read(
            "SELECT id, name, from_utc_ms, to_utc_ms, rule, counts_unverified, sealed "
            "FROM contest ORDER BY id"
        )
        return [
            Contest(*terms, counts_unverified=bool(counts), sealed=bool(sealed))
            for *terms, counts, sealed in rows
        ]

    def entrants(self, contest: Contest) -> list[Wearer]:
        """Who takes part."""
        rows = self.read(
            f"SELECT {_WEARER} FROM entry JOIN wearer ON wearer.id = wearer WHERE contest = ? "
            "ORDER BY wearer.id",
            (contest.id,),
        )
        return [Wearer(*row) for row in rows]

    # Keys that bands seal with.

    def add_key(self, band: Band, key: bytes, utc_ms: int) -> None:
        """Know a key that a band is enrolled with."""
        with self.transaction():
            self.db.execute("INSERT INTO seal_key VALUES (?, ?, ?)", (key, band.id, utc_ms))

    def seal_keys(self) -> list[tuple[bytes, Band]]:
        """The keys that bands were enrolled with here, each with its band."""
        rows = self.read(
            "SELECT key, id, address, secret FROM seal_key JOIN band ON band.id = band"
        )
        return [(key, Band(*band)) for key, *band in rows]

    def _add(self, taken: str, statement: str, values: tuple[object, ...]) -> None:
        with self.transaction():
            self._insert(taken, statement, values)

    def _insert(self, taken: str, statement: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        """Insert a row with a name. Raises StoreError(`taken`) when the name is."""
        try:
            return self.db.execute(statement, values)
        except sqlite3.IntegrityError as error:
            raise StoreError(taken) from error
