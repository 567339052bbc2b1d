"""What a wearer's own page shows: the day, the cycle under way, how old the data are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

from veriband.alerts.book import Book
from veriband.alerts.hops import Patience
from veriband.analysis.cycles import period_of, reach
from veriband.store import Store
from veriband.store.roster import Wearer
from veriband.vitals.readings import by_period
from veriband.vitals.table import rows_for_programs
from veriband.web import views
from veriband.web.care import Way, ways_of
from veriband.web.day import Day
from veriband.web.views import NothingThere


@dataclass(frozen=True, slots=True)
class Cycle:
    """The detection cycle of that date, in which period `now` is under way. `rows`: its readings,
    as vitals.table.rows_for_programs gives them."""

    date: date
    now: int
    rows: Sequence[Mapping[str, Any]]

    def of(self, index: int) -> list[Mapping[str, Any]]:
        """The readings of a period."""
        return [row for row in self.rows if row["period"] == index]


@dataclass(frozen=True, slots=True)
class Person:
    """A wearer, on whose clock of `zone`: the day and the cycle under way, the ways to here, and
    whether an alert about them is open."""

    wearer: Wearer
    zone: tzinfo
    day: Day
    cycle: Cycle
    ways: Sequence[Way]
    has_alerts: bool


def person(
    store: Store, book: Book, patience: Patience, zone: tzinfo, name: str, now_ms: int
) -> Person:
    """The wearer of that name; `zone`: theirs, if they have none of their own.

    Raises NothingThere, VeribandError.
    """
    wearers = store.wearers()
    wearer = next((each for each in wearers if each.name == name), None)
    if wearer is None:
        raise NothingThere(f"There is no wearer {name}.")
    clock = wearer.zone_or(zone)
    stays = store.stays(wearer, zone)
    now = period_of(now_ms, stays)
    taken = [one for one in store.taken(wearer, *reach(now.cycle)) if one.utc_ms <= now_ms]
    rows = rows_for_programs(by_period(taken, now.cycle, stays), stays)
    open_ones = book.entries(is_open=True)
    return Person(
        wearer,
        clock,
        views.today(store, zone, wearer, now_ms),
        Cycle(now.cycle, now.index, rows),
        ways_of(store, wearer, patience, clock, now_ms),
        any(entry.cause.wearer == wearer.id for entry in open_ones),
    )
