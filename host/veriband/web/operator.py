"""What who runs this host is to see: bands, how they come here, what is missing, what is owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from veriband.alerts.book import Book
from veriband.alerts.hops import Patience, hops
from veriband.alerts.limits import DAY_MS
from veriband.records import Kind
from veriband.store import Store
from veriband.store.roster import Band
from veriband.store.store import LATEST, Notice
from veriband.web.care import Way
from veriband.web.care import zone_of as zone_of_wearer
from veriband_protocol import battery
from veriband_protocol.items import EVENT_LOW_BATTERY, MINUTE_MS

MOST_NOTICES = 5  # of each band


@dataclass(frozen=True, slots=True)
class LowBattery:
    """At `utc_ms` a band's battery was low, or the coin cell on its strip (`is_cell`)."""

    utc_ms: int
    is_cell: bool
    mv: int


@dataclass(frozen=True, slots=True)
class Gap:
    """`minutes` from `utc_ms` on, of which the steps are not known minute by minute."""

    utc_ms: int
    minutes: int
    steps: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A band and who wears it now (None: nobody), on whose clock of `zone`. `known_until_ms`: how
    far its own record has come here, None when nothing has. Gaps and low batteries: of a day."""

    band: Band
    wearer: str | None
    zone: tzinfo
    way: Way
    known_until_ms: int | None
    undated_steps: int
    gaps: Sequence[Gap]
    low: Sequence[LowBattery]
    notices: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Owing:
    """A terminal to which `count` alerts are owed, the first since `since_ms`."""

    terminal: str
    count: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Operation:
    """All bands, what terminals are owed, what was noted of the radio, how large the store is."""

    bands: Sequence[Kept]
    owing: Sequence[Owing]
    notices: Sequence[Notice]
    store_bytes: int


def operation(
    store: Store, book: Book, patience: Patience, zone: tzinfo, now_ms: int
) -> Operation:
    """How all of it runs; `zone`: of bands that nobody wears, or somebody without a zone.

    Raises StoreError.
    """
    owed = [each.terminal for each in book.owed(LATEST)]
    since = book.overdue(LATEST)
    return Operation(
        [_kept(store, band, patience, zone, now_ms) for band in store.bands()],
        [Owing(name, owed.count(name), since_ms) for name, since_ms in since.items()],
        store.notices(None, MOST_NOTICES),
        sum(
            path.stat().st_size
            for path in store.path.parent.glob(f"{store.path.name}*")
            if path.name in (store.path.name, f"{store.path.name}-wal")
        ),
    )


def _kept(store: Store, band: Band, patience: Patience, zone: tzinfo, now_ms: int) -> Kept:
    wearer = store.wearer_of(band, now_ms)
    begin_ms = 0
    if wearer:
        zone = zone_of_wearer(wearer, zone)
        its = [worn.from_utc_ms for worn in store.worn(wearer) if worn.band == band]
        begin_ms = max(from_ms for from_ms in its if from_ms <= now_ms)
    return Kept(
        band,
        wearer and wearer.name,
        zone,
        Way(band.address, hops(store, band, begin_ms, now_ms, patience, zone)),
        store.known_until(band, now_ms),
        store.undated_steps(band),
        _gaps(store, band, now_ms),
        _low(store, band, now_ms),
        store.notices(band, MOST_NOTICES),
    )


def _gaps(store: Store, band: Band, now_ms: int) -> list[Gap]:
    return [
        Gap(utc_ms, -(-duration_ms // MINUTE_MS), steps or 0)
        for _, _, utc_ms, duration_ms, kind, steps, _, _ in store.items(
            band, now_ms - DAY_MS, now_ms
        )
        if kind in (Kind.GAP, Kind.HOLE)
    ]


def _low(store: Store, band: Band, now_ms: int) -> list[LowBattery]:
    found: list[LowBattery] = []
    for utc_ms, code, data in store.events(band, now_ms - DAY_MS, now_ms):
        if code == EVENT_LOW_BATTERY:
            try:
                which, mv = battery.unpack_battery(data)
            except ValueError:
                continue
            found.append(LowBattery(utc_ms, which == battery.CELL, mv))
    return found
