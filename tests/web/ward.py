"""A store with wearers of each urgency in it, as the daemon leaves it at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.host.minutes import put
from tests.web.contest import HOSTILE, ZONE
from veriband.alerts import anomalies, hops
from veriband.alerts.book import Book
from veriband.alerts.granted import book_of
from veriband.alerts.hops import Patience
from veriband.alerts.machine import HOUR_MS, MINUTE_MS
from veriband.analysis.cycles import Stay
from veriband.analysis.ranges import SHIPPED
from veriband.configuration import PAGE, Configuration
from veriband.records import Item, Kind
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol.items import EVENT_STRIP
from veriband_protocol.sockets import CHIP_PULSE, SOCKET_CASE, pack_strip


@dataclass
class Ward:
    """The store at `path`, and its book, at `now_ms`."""

    path: Path
    store: Store
    book: Book
    now_ms: int

    def worn(self, name: str, zone: str | None = None) -> Band:
        """A new wearer with a new band."""
        band = self.store.add_band(f"C1:00:00:00:00:{len(self.store.bands()):02X}", None, 0)
        self.store.assign(band, self.store.add_wearer(name, zone=zone), self.now_ms - 72 * HOUR_MS)
        return band

    def came(self, band: Band, *bpm: int | None, ago_min: int = 20) -> None:
        """Minutes of rest with these heart rates, which began so long ago."""
        begin_ms = self.now_ms - ago_min * MINUTE_MS
        put(self.store, band, begin_ms, [0] * len(bpm), bpm)

    def pulled(self, band: Band) -> None:
        """The strip was plugged in and pulled out an hour ago."""
        begin_ms = self.now_ms - HOUR_MS
        put(self.store, band, begin_ms, [10, 10])
        seq = self.store.cursor(band, 7) or 0
        boot = self.store.db.execute("SELECT max(boot) FROM item").fetchone()[0]
        events = [
            Item(seq + k, Kind.EVENT, boot, (2 + k) * MINUTE_MS, detail=EVENT_STRIP, raw=raw)
            for k, raw in enumerate((pack_strip(SOCKET_CASE, CHIP_PULSE, 7), pack_strip(0, 0, 0)))
        ]
        self.store.commit(band, 7, events, seq + 2, begin_ms + 5 * MINUTE_MS)

    def look(self) -> None:
        """What the daemon does after a sync."""
        for wearer in self.store.wearers():
            stays = [Stay(0, wearer.zone_or(ZONE))]
            anomalies.look(self.store, self.book, wearer, stays, SHIPPED, self.now_ms)
        hops.look(self.store, self.book, Patience(), (), lambda w: w.zone_or(ZONE), self.now_ms)
        self.book.advance(self.now_ms)

    def owed(self) -> list[tuple[int, int]]:
        """Number and version of what the page is to show."""
        return [
            (owed.entry.number, owed.entry.alert.version)
            for owed in self.book.owed(1 << 62)
            if owed.terminal == PAGE
        ]


NOW = 1_772_452_800_000  # 2026-03-02 13:00 in Berlin: the period of the goat begins
SILENT = (None,) * 4
HIGH = (111, *SILENT, 115, *SILENT, 113)
CRITICAL = (195, *SILENT, 196, *SILENT, 197)


def ward(path: Path, now_ms: int) -> Ward:
    """dora and carl are well, carl's strip is out; nothing comes from ben; a hostile one has a
    high heart rate, anna a critical one; eve wears no band."""
    store = Store(path)
    its = Ward(path, store, book_of(store, Configuration()), now_ms)
    its.came(its.worn("dora"), 70, 71)
    its.pulled(its.worn("carl"))
    its.came(its.worn("ben"), 66, ago_min=20 * 60)
    its.came(its.worn(HOSTILE), *HIGH)
    its.came(its.worn("anna", "Asia/Tokyo"), *CRITICAL)
    store.add_wearer("eve")
    its.look()
    return its
