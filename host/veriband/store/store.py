"""What bands recorded, and its promises: rows and cursor in one transaction, nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from veriband.records import STRIP, TIMED, Anchor, End, Item, Kind, Sign, Taken, signs_of
from veriband.store.entered import Entries
from veriband.store.roster import Band, Wearer
from veriband_protocol.items import EVENT_PROFILE, EVENT_STRIP, VITAL_HEART_RATE
from veriband_protocol.profile import ENDURANCE
from veriband_protocol.wire import NO_SEAL, unpack_batch

LATEST = 1 << 62  # UTC ms, later than everything
STRIP_MS = 90 * 86_400_000  # so far back it is looked for when a strip was in
PROFILE_MS = 365 * 86_400_000
# Of an item: whether it came until a UTC ms. What an older Veriband stored came at 0.
_ARRIVED = (
    "coalesce((SELECT utc_ms FROM arrival WHERE band = item.band AND epoch = item.epoch "
    "AND seq >= item.seq ORDER BY seq LIMIT 1), 0) <= ?"
)


@dataclass(frozen=True)
class Notice:
    """Something that the host noticed, `count` times in a row."""

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


class Store(Entries):
    """All that a host knows, in the SQLite file at `path`; opened as Database is."""

    # What bands recorded.

    def cursor(self, band: Band, epoch: int) -> int | None:
        """The next number wanted of that log; None when nothing of it was stored."""
        rows = self.read("SELECT seq FROM cursor WHERE band = ? AND epoch = ?", (band.id, epoch))
        return rows[0][0] if rows else None

    def total(self, band: Band, epoch: int) -> int | None:
        """Where the step chip stood by the last total stored of that log, if it has totals."""
        rows = self.read("SELECT total FROM cursor WHERE band = ? AND epoch = ?", (band.id, epoch))
        return rows[0][0] if rows else None

    def end(self, band: Band, epoch: int) -> End | None:
        """Where what is stored of that log ends; None when nothing is."""
        rows = self.read(
            "SELECT kind, boot, t_ms + duration_ms, "
            "(SELECT count(*) FROM item WHERE band = it.band AND epoch = it.epoch "
            "AND seq > it.seq) = (SELECT seq FROM cursor WHERE band = it.band "
            "AND epoch = it.epoch) - it.seq - it.count "
            f"FROM item AS it WHERE band = ? AND epoch = ? AND kind IN {tuple(map(int, TIMED))} "
            "ORDER BY seq DESC LIMIT 1",
            (band.id, epoch),
        )
        if not rows:
            return None
        kind, boot, t_ms, is_whole = rows[0]
        return End(boot, t_ms, bool(is_whole) and kind != Kind.HOLE)

    def commit(
        self,
        band: Band,
        epoch: int,
        items: Sequence[Item],
        next_seq: int,
        utc_ms: int,
        total: int | None = None,
        sealed: bytes = b"",
    ) -> int:
        """Store items that came at `utc_ms`, and the cursor behind them, at once; how many were
        new. `total` as in `total`; `sealed`: the batch that they came in, if it is. Nothing when
        another daemon on this store has committed them meanwhile."""
        with self.transaction():
            if (self.cursor(band, epoch) or 0) >= next_seq:
                return 0
            new = self.take(band, epoch, items, utc_ms, sealed)
            self.db.execute(
                "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT (band, epoch) DO UPDATE "
                "SET seq = excluded.seq, total = excluded.total",
                (band.id, epoch, next_seq, total),
            )
        return new

    def take(
        self, band: Band, epoch: int, items: Sequence[Item], utc_ms: int, sealed: bytes = b""
    ) -> int:
        """Store items that somebody else has fetched, and leave the cursor; as `commit`."""
        with self.transaction():
            before = self.db.total_changes
            self.db.executemany(
                "INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                list(self._dated(band, epoch, items)),
            )
            new = self.db.total_changes - before
            for item in items:
                if isinstance(item, Anchor):
                    self._anchor(band, epoch, item)
            if new:
                self.db.execute(
                    "INSERT INTO arrival VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (band.id, epoch, items[-1].seq + items[-1].count - 1, utc_ms),
                )
            if sealed:
                self.db.execute(
                    "INSERT INTO batch (band, epoch, utc_ms, data) VALUES (?, ?, ?, ?)",
                    (band.id, epoch, utc_ms, sealed),
                )
        return new

    def batches(self, band: Band, as_of_utc_ms: int = LATEST) -> list[bytes]:
        """The sealed batches of a band, as received, in the order in which they came."""
        rows = self.read(
            "SELECT data FROM batch WHERE band = ? AND utc_ms <= ? ORDER BY id",
            (band.id, as_of_utc_ms),
        )
        return [data for (data,) in rows]

    def last_seal(self, band: Band, epoch: int) -> bytes:
        """The seal of the batch of that log that came last, or NO_SEAL."""
        rows = self.read(
            "SELECT data FROM batch WHERE band = ? AND epoch = ? ORDER BY id DESC LIMIT 1",
            (band.id, epoch),
        )
        try:
            return unpack_batch(rows[0][0])[-1] if rows else NO_SEAL
        except ValueError:  # damaged in the store: the chain begins anew behind it
            return NO_SEAL

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
        self.db.execute(
            "INSERT INTO anchor VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (band.id, epoch, anchor.seq, anchor.boot, boot_utc_ms, anchor.offset_min),
        )
        self.db.execute(
            "UPDATE item SET utc_ms = t_ms + ? WHERE band = ? AND epoch = ? AND boot = ? "
            "AND utc_ms IS NULL",
            (boot_utc_ms, band.id, epoch, anchor.boot),
        )

    def _boot_utc_ms(self, band: Band, epoch: int, boot: int, seq: int) -> int | None:
        row = self.db.execute(
            "SELECT boot_utc_ms FROM anchor WHERE band = ? AND epoch = ? AND boot = ? AND seq < ? "
            "ORDER BY seq DESC LIMIT 1",
            (band.id, epoch, boot, seq),
        ).fetchone()
        return row and row[0]

    def offsets(
        self, band: Band, from_utc_ms: int = 0, to_utc_ms: int = LATEST
    ) -> list[tuple[int, int]]:
        """(UTC ms, minutes ahead of UTC) of the wearer's clock, of each time in that time that the
        band's was set, in its order."""
        return self.read(
            "SELECT utc_ms, offset_min FROM anchor JOIN item USING (band, epoch, seq) "
            "WHERE band = ? AND utc_ms >= ? AND utc_ms < ? ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms),
        )

    def spans(self, band: Band, from_utc_ms: int, to_utc_ms: int) -> list[Span]:
        """Everything with steps that begins in that time, in its order."""
        rows = self.read(
            "SELECT utc_ms, duration_ms, steps, kind, boot, t_ms FROM item WHERE band = ? "
            "AND utc_ms >= ? AND utc_ms < ? AND steps IS NOT NULL ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms),
        )
        return [
            Span(utc_ms, duration_ms, steps, Kind(kind), boot, t_ms)
            for utc_ms, duration_ms, steps, kind, boot, t_ms in rows
        ]

    def steps(
        self, band: Band, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
    ) -> list[tuple[int, int, int]]:
        """(UTC ms, steps, kind) of what `spans` gives, without what came after `as_of_utc_ms`."""
        return self.read(
            "SELECT utc_ms, steps, kind FROM item WHERE band = ? AND utc_ms >= ? AND utc_ms < ? "
            f"AND steps IS NOT NULL AND {_ARRIVED} ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms, as_of_utc_ms),
        )

    def numbered_steps(
        self, band: Band, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
    ) -> list[tuple[int, int, int, int]]:
        """(UTC ms, steps, epoch, number) of what `steps` gives."""
        return self.read(
            "SELECT utc_ms, steps, epoch, seq FROM item WHERE band = ? AND utc_ms >= ? "
            f"AND utc_ms < ? AND steps IS NOT NULL AND {_ARRIVED}",
            (band.id, from_utc_ms, to_utc_ms, as_of_utc_ms),
        )

    def numbered(
        self, band: Band
    ) -> dict[tuple[int, int], tuple[int, int | None, int | None, bytes]]:
        """Everything stored of a band: (kind, steps, UTC ms, body) by epoch and number."""
        rows = self.read(
            "SELECT epoch, seq, kind, steps, utc_ms, raw FROM item WHERE band = ?", (band.id,)
        )
        return {(row[0], row[1]): row[2:] for row in rows}

    def items(
        self, band: Band, from_utc_ms: int, to_utc_ms: int
    ) -> Iterator[tuple[int, int, int, int, int, int | None, int, bytes]]:
        """(epoch, number, UTC ms, duration ms, kind, steps, detail, body) of everything of that
        time, in its order, as they are wanted."""
        yield from self.db.execute(
            "SELECT epoch, seq, utc_ms, duration_ms, kind, steps, detail, raw FROM item "
            "INDEXED BY item_by_time WHERE band = ? AND utc_ms >= ? AND utc_ms < ? "
            "ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms),
        )

    def heart_rates(
        self, band: Band, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
    ) -> list[tuple[int, int, int]]:
        """(UTC ms, items.STATUS_*, bpm or 0) of what was measured in that time, in its order."""
        return [
            (at, sign.status, sign.first)
            for at, signs in self.readings(band, from_utc_ms, to_utc_ms, as_of_utc_ms)
            for sign in signs
            if sign.vital == VITAL_HEART_RATE
        ]

    def readings(
        self, band: Band, from_utc_ms: int, to_utc_ms: int, as_of_utc_ms: int = LATEST
    ) -> list[tuple[int, tuple[Sign, ...]]]:
        """(UTC ms, vital signs) of each reading in that time, in its order."""
        rows = self.read(
            "SELECT utc_ms, raw FROM item INDEXED BY item_by_time WHERE band = ? "
            f"AND utc_ms >= ? AND utc_ms < ? AND kind = ? AND {_ARRIVED} "
            "ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms, Kind.READING, as_of_utc_ms),
        )
        return [(utc_ms, tuple(signs_of(raw))) for utc_ms, raw in rows]

    def taken(self, wearer: Wearer, from_utc_ms: int, to_utc_ms: int) -> list[Taken]:
        """The vital signs of a wearer in that time, in its order: what the bands that they wore
        then took, and what was entered."""
        found: list[Taken] = [entry for _, entry in self.entered(wearer, from_utc_ms, to_utc_ms)]
        for worn in self.worn(wearer):
            found += self.taken_by(worn.band, *worn.within(from_utc_ms, to_utc_ms))
        return sorted(found, key=lambda each: each.utc_ms)

    def taken_by(self, band: Band, from_utc_ms: int, to_utc_ms: int) -> list[Taken]:
        """The vital signs that a band took in that time, in its order."""
        found = self.readings(band, from_utc_ms, to_utc_ms)
        return [Taken(utc_ms, STRIP, signs) for utc_ms, signs in found]

    def strip_out_since(self, band: Band, utc_ms: int) -> int | None:
        """Since when (UTC ms) the strip that was in before is out at `utc_ms`.

        None when it is in, or was not in for `STRIP_MS`. A boot begins with none.
        """
        came = self.read(
            "SELECT utc_ms FROM item INDEXED BY item_by_time WHERE band = ? AND utc_ms >= ? "
            "AND utc_ms < ? AND kind = ? AND detail = ? AND substr(raw, 1, 1) <> x'00' "
            "ORDER BY utc_ms DESC LIMIT 1",
            (band.id, utc_ms - STRIP_MS, utc_ms, Kind.EVENT, EVENT_STRIP),
        )
        went = came and self.read(
            "SELECT utc_ms FROM item INDEXED BY item_by_time WHERE band = ? AND utc_ms > ? "
            "AND utc_ms < ? AND (kind = ? OR kind = ? AND detail = ?) ORDER BY utc_ms LIMIT 1",
            (band.id, came[0][0], utc_ms, Kind.BOOT, Kind.EVENT, EVENT_STRIP),
        )
        return went[0][0] if went else None

    def last_event(
        self, band: Band, code: int, utc_ms: int, data: bytes = b""
    ) -> tuple[int, bytes] | None:
        """(UTC ms, data) of the last event (items.EVENT_*) before `utc_ms`, at most STRIP_MS ago,
        whose data begin with `data`; of the log that the band had then only."""
        rows = self.read(
            "SELECT utc_ms, raw FROM item INDEXED BY item_by_time WHERE band = ?1 "
            "AND utc_ms >= ?2 AND utc_ms < ?3 AND kind = ?4 AND detail = ?5 "
            "AND substr(raw, 1, ?6) = ?7 AND epoch = ("
            "SELECT epoch FROM item INDEXED BY item_by_time WHERE band = ?1 AND utc_ms < ?3 "
            "ORDER BY utc_ms DESC LIMIT 1) ORDER BY utc_ms DESC LIMIT 1",
            (band.id, utc_ms - STRIP_MS, utc_ms, Kind.EVENT, code, len(data), data),
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def events(self, band: Band, from_utc_ms: int, to_utc_ms: int) -> list[tuple[int, int, bytes]]:
        """(UTC ms, items.EVENT_*, its data) of what happened in that time, in its order."""
        return self.read(
            "SELECT utc_ms, detail, raw FROM item INDEXED BY item_by_time WHERE band = ? "
            "AND utc_ms >= ? AND utc_ms < ? AND kind = ? ORDER BY utc_ms, epoch, seq",
            (band.id, from_utc_ms, to_utc_ms, Kind.EVENT),
        )

    def sleeps(self, band: Band, utc_ms: int) -> bool:
        """Whether the band is in the power profile endurance, for all that is known of the time
        before `utc_ms`; no longer `PROFILE_MS` after it was told."""
        told = self.read(
            "SELECT raw FROM item INDEXED BY item_by_time WHERE band = ? AND utc_ms >= ? "
            "AND utc_ms < ? AND kind = ? AND detail = ? ORDER BY utc_ms DESC, seq DESC LIMIT 1",
            (band.id, utc_ms - PROFILE_MS, utc_ms, Kind.EVENT, EVENT_PROFILE),
        )
        return bool(told) and told[0][0] == bytes((ENDURANCE,))

    def count(self, band: Band, kind: Kind) -> int:
        """How many items of a kind are stored of a band, dated or not."""
        return self.read("SELECT count(*) FROM item WHERE band = ? AND kind = ?", (band.id, kind))[
            0
        ][0]

    def heard(self, band: Band, utc_ms: int) -> int | None:
        """When something came from a band last, before `utc_ms`."""
        return self.read(
            "SELECT max(utc_ms) FROM arrival WHERE band = ? AND utc_ms <= ?", (band.id, utc_ms)
        )[0][0]

    def known_until(self, band: Band, utc_ms: int) -> int | None:
        """Up to when (UTC ms) it is known what the band did, of the time before `utc_ms`."""
        return self.read(
            "SELECT max(utc_ms + duration_ms) FROM (SELECT utc_ms, duration_ms FROM item "
            "INDEXED BY item_by_time WHERE band = ? AND utc_ms < ? ORDER BY utc_ms DESC LIMIT 9)",
            (band.id, utc_ms),
        )[0][0]

    def undated_steps(self, band: Band) -> int:
        """Steps without a date: the band's clock was not set in that boot, or not yet."""
        return self.read(
            "SELECT coalesce(sum(steps), 0) FROM item INDEXED BY item_by_time WHERE band = ? "
            "AND utc_ms IS NULL",
            (band.id,),
        )[0][0]

    def undatable_steps(self, band: Band) -> int:
        """Those of the undated steps that stay so: the next boot came before the clock was set."""
        return self.read(
            "SELECT coalesce(sum(steps), 0) FROM item AS it INDEXED BY item_by_time "
            "WHERE band = ? AND utc_ms IS NULL AND boot < (SELECT boot FROM item "
            "WHERE band = it.band AND epoch = it.epoch ORDER BY seq DESC LIMIT 1)",
            (band.id,),
        )[0][0]

    # What the host noticed.

    def notice(self, utc_ms: int, band: Band | None, kind: str, text: str) -> None:
        """Note something; what was noted of the band last, too, is counted."""
        of = band and band.id
        with self.transaction():
            last = self.db.execute(
                "SELECT id, kind, text FROM notice WHERE band IS ? ORDER BY id DESC LIMIT 1", (of,)
            ).fetchone()
            if last and last[1:] == (kind, text):
                self.db.execute(
                    "UPDATE notice SET last_utc_ms = ?, count = count + 1 WHERE id = ?",
                    (utc_ms, last[0]),
                )
            else:
                self.db.execute(
                    "INSERT INTO notice (first_utc_ms, last_utc_ms, count, band, kind, text) "
                    "VALUES (?, ?, 1, ?, ?, ?)",
                    (utc_ms, utc_ms, of, kind, text),
                )

    def notices(self, band: Band | None, most: int = 100) -> list[Notice]:
        """The `most` last things that were noted of a band (None: of the radio), oldest first."""
        rows = self.read(
            "SELECT kind, text, first_utc_ms, last_utc_ms, count FROM notice WHERE band IS ? "
            "ORDER BY id DESC LIMIT ?",
            (band and band.id, most),
        )
        return [Notice(*row) for row in reversed(rows)]
