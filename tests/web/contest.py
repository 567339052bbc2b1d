"""A store with a contest in it: what the tests of the pages begin with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from veriband.records import Anchor, Item, Kind, reading
from veriband.store import Store
from veriband.store.roster import Band, Wearer

MINUTE = 60_000
ZONE = ZoneInfo("Europe/Berlin")
BEGIN = int(datetime(2026, 4, 1, tzinfo=ZONE).timestamp() * 1000)
END = int(datetime(2026, 4, 3, tzinfo=ZONE).timestamp() * 1000)
HOSTILE = "<img src=x onerror=alert(1)>"
UNKNOWN, UNWORN = None, 0
WALK = [(60 + 7 * (k % 6), 100 + k % 9) for k in range(60)]
SHAKE = [(165, 68)] * 60

Minute = tuple[int, int | None]  # steps, heart rate


@dataclass
class Recorder:
    """A wearer's band that has been recording since `utc_ms`."""

    store: Store
    band: Band
    wearer: Wearer
    utc_ms: int
    seq: int = field(default=0)
    t_ms: int = field(default=0)

    def record(self, minutes: Sequence[Minute]) -> None:
        """The next minutes come."""
        self._commit(list(self._items(minutes)))

    def miss(self, minutes: int, steps: int) -> None:
        """A gap comes."""
        self._commit([self._next(Kind.GAP, minutes * MINUTE, steps)])

    def _items(self, minutes: Sequence[Minute]) -> Iterator[Item]:
        for steps, rate in minutes:
            middle = self.t_ms + MINUTE // 2
            yield self._next(Kind.MINUTE, MINUTE, steps)
            if rate is not None:
                raw = bytes((0x10, rate, 90)) if rate else b"\x11"
                yield reading(self.seq, 1, middle, raw)
                self.seq += 1

    def _next(self, kind: Kind, duration_ms: int, steps: int) -> Item:
        item = Item(self.seq, kind, 1, self.t_ms, duration_ms, steps)
        self.seq += 1
        self.t_ms += duration_ms
        return item

    def _commit(self, items: list[Item]) -> None:
        self.store.commit(self.band, 7, items, self.seq, self.utc_ms + self.t_ms)


def recorder(store: Store, name: str, zone: str | None = None, utc_ms: int = BEGIN) -> Recorder:
    """A new wearer with a new band."""
    number = len(store.bands()) + 1
    band = store.add_band(f"C0:00:00:00:00:{number:02X}", bytes(20), 0)
    wearer = store.add_wearer(name, zone=zone)
    store.assign(band, wearer, 0)
    store.commit(band, 7, [Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=utc_ms)], 1, utc_ms)
    return Recorder(store, band, wearer, utc_ms, seq=1)


@dataclass
class Contest:
    """anna walks from 00:00 on and misses some; a hostile one shakes; tokyo does not know."""

    path: Path
    store: Store
    anna: Recorder
    hostile: Recorder
    tokyo: Recorder


def contest(path: Path) -> Contest:
    """Fill a new store."""
    store = Store(path)
    anna, hostile = recorder(store, "anna"), recorder(store, HOSTILE)
    tokyo = recorder(store, "to/kyo ?", zone="Asia/Tokyo")
    anna.record(WALK)
    anna.miss(30, 212)
    anna.record([(0, UNWORN)] * 10)
    hostile.record(SHAKE)
    tokyo.record([(80, UNKNOWN)] * 30)
    wearers = [anna.wearer, hostile.wearer, tokyo.wearer, store.add_wearer("nobody")]
    store.add_contest("march", BEGIN - 30 * 86_400_000, BEGIN, "gated", False, [anna.wearer])
    store.add_contest("april & may", BEGIN, END, "gated", False, wearers)
    return Contest(path, store, anna, hostile, tokyo)
