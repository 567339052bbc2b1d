"""What who cares for wearers is to see: all of them, the worst first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import IntEnum

from veriband.alerts import anomalies
from veriband.alerts.book import Book, Entry, HeldBack, Step
from veriband.alerts.hops import Hop, Patience, hops
from veriband.alerts.limits import DAY_MS
from veriband.alerts.machine import Severity
from veriband.configuration import PAGE
from veriband.errors import VeribandError
from veriband.store import Store
from veriband.store.roster import Wearer
from veriband.store.store import LATEST


class Urgency(IntEnum):
    """How soon somebody is to look after a wearer."""

    CRITICAL = 0
    ALERT = 1
    FAULT = 2  # it is not known how they are, as a hop is silent or broken
    WELL = 3


@dataclass(frozen=True, slots=True)
class Matter:
    """An alert with what happened to it; `is_owed`: no page has shown it as it stands now."""

    entry: Entry
    steps: Sequence[Step]
    is_owed: bool

    @property
    def is_anomaly(self) -> bool:
        """Whether it is about the wearer, not about what measures them."""
        return self.entry.cause.subject.startswith(f"{anomalies.KIND}/")

    @property
    def is_seen_to(self) -> bool:
        """Whether a person has taken it upon them."""
        return self.entry.alert.acknowledged_by is not None


@dataclass(frozen=True, slots=True)
class Way:
    """The hops from a wearer through a band to this host."""

    address: str
    hops: Sequence[Hop]


@dataclass(frozen=True, slots=True)
class Charge:
    """A wearer, on whose clock of `zone`: open alerts, what was held back for a day, the ways from
    them to here, and of when the newest data are (None: there are none)."""

    wearer: Wearer
    zone: tzinfo
    matters: Sequence[Matter]
    held_back: Sequence[HeldBack]
    ways: Sequence[Way]
    data_ms: int | None

    @property
    def urgency(self) -> Urgency:
        """How soon somebody is to look after them."""
        anomalies = [matter.entry.alert.severity for matter in self.matters if matter.is_anomaly]
        if Severity.CRITICAL in anomalies:
            return Urgency.CRITICAL
        if anomalies:
            return Urgency.ALERT
        is_broken = any(hop.is_trouble for way in self.ways for hop in way.hops)
        return Urgency.FAULT if is_broken or self.matters else Urgency.WELL

    @property
    def is_seen_to(self) -> bool:
        """Whether nothing is open that nobody has acknowledged."""
        return all(matter.is_seen_to for matter in self.matters)


@dataclass(frozen=True, slots=True)
class Closed:
    """An alert whose life is over, the name of its wearer, on whose clock of `zone`."""

    matter: Matter
    name: str | None
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Ward:
    """All wearers, the worst first; the open alerts of this host; what was closed within a day, or
    since a page has shown it, the newest first."""

    charges: Sequence[Charge]
    of_host: Sequence[Matter]
    closed: Sequence[Closed]


def ward(store: Store, book: Book, patience: Patience, zone: tzinfo, now_ms: int) -> Ward:
    """How all wearers are; `zone`: of those who have none of their own. Raises StoreError."""
    owed = {owed.entry.number for owed in book.owed(LATEST) if owed.terminal == PAGE}
    entries = {entry.number: entry for entry in book.entries(since_ms=now_ms - DAY_MS)}
    entries |= {entry.number: entry for entry in book.entries(is_open=True)}
    entries |= {number: book.entry(number) for number in owed}
    of_whom: dict[int | None, list[Matter]] = {}
    for number, entry in sorted(entries.items(), reverse=True):
        matter = Matter(entry, book.steps(number), number in owed)
        of_whom.setdefault(entry.cause.wearer, []).append(matter)
    charges: list[Charge] = []
    closed = [Closed(matter, None, zone) for matter in of_whom.get(None, []) if _is_closed(matter)]
    for wearer in store.wearers():
        its_zone = zone_of(wearer, zone)
        matters = of_whom.get(wearer.id, [])
        ways = ways_of(store, wearer, patience, its_zone, now_ms)
        ages = [hop.data_ms for way in ways for hop in way.hops if hop.data_ms is not None]
        charges.append(
            Charge(
                wearer,
                its_zone,
                sorted((matter for matter in matters if not _is_closed(matter)), key=_worst),
                book.held_back(wearer.id, now_ms - DAY_MS),
                ways,
                max(ages, default=None),
            )
        )
        closed += [Closed(each, wearer.name, its_zone) for each in matters if _is_closed(each)]
    return Ward(
        sorted(charges, key=_worst_first),
        [matter for matter in of_whom.get(None, []) if not _is_closed(matter)],
        sorted(closed, key=lambda each: -(each.matter.entry.alert.closed_ms or 0)),
    )


def zone_of(wearer: Wearer, default: tzinfo) -> tzinfo:
    """The zone in which they live; `default`, too, where theirs is unknown to this computer: one
    wearer's trouble hides no other wearer."""
    try:
        return wearer.zone_or(default)
    except VeribandError:
        return default


def _is_closed(matter: Matter) -> bool:
    return matter.entry.alert.is_closed


def _worst(matter: Matter) -> tuple[bool, bool, int, int]:
    entry = matter.entry
    return not matter.is_anomaly, matter.is_seen_to, -entry.alert.severity, -entry.raised_ms


def _worst_first(charge: Charge) -> tuple[Urgency, bool, float, str]:
    age_ms = -math.inf if charge.data_ms is None else charge.data_ms
    return charge.urgency, charge.is_seen_to, age_ms, charge.wearer.name


def ways_of(
    store: Store, wearer: Wearer, patience: Patience, zone: tzinfo, now_ms: int
) -> list[Way]:
    """The ways from a wearer to here over the bands that they wear now. Raises StoreError."""
    return [
        Way(
            worn.band.address,
            hops(store, worn.band, worn.from_utc_ms, now_ms, patience, zone),
        )
        for worn in store.worn(wearer)
        if worn.is_at(now_ms)
    ]
