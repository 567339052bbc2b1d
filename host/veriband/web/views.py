"""What the pages show, out of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

import numpy as np

from veriband.analysis.judgement import Mark
from veriband.civil import local_day
from veriband.contest.standings import Standing, came_late, judged_in, places, standings, told
from veriband.context import utc_ms
from veriband.judge.diary import Judged, judged
from veriband.store import Store
from veriband.store.roster import Contest, Wearer
from veriband.web.day import Day, Minute
from veriband_protocol.items import MINUTE_MS

GATED = "gated"
_ONE_DAY = timedelta(days=1)


class NothingThere(Exception):
    """There is no such page. The text says so; `there` are paths that there are, as names."""

    def __init__(self, text: str, there: Sequence[tuple[str, ...]] = ()) -> None:
        super().__init__(text)
        self.there = there


@dataclass(frozen=True)
class Place:
    """A line of a leaderboard, `zone` the wearer's."""

    rank: int
    standing: Standing
    zone: tzinfo


@dataclass(frozen=True)
class Leaderboard:
    """A contest, its standings, what came late, and the names of all contests, newest first."""

    contest: Contest
    places: Sequence[Place]
    late: Sequence[str]
    contests: Sequence[str]


def leaderboard(store: Store, zone: tzinfo, name: str | None = None) -> Leaderboard | None:
    """That contest, or the one that was added last; None when there is none at all.

    `zone`: of wearers who have none of their own. Raises NothingThere and VeribandError.
    """
    contests = store.contests()
    if name is None and not contests:
        return None
    contest = contests[-1] if name is None else _contest(store, name)
    table = standings(store, contest, zone)
    late = came_late(store, contest, zone, table, utc_ms())
    zones = {each.name: each.zone_or(zone) for each in store.entrants(contest)}
    ranked = [Place(place, each, zones[each.wearer]) for place, each in places(table)]
    names = [each.name for each in reversed(contests)]
    return Leaderboard(contest, ranked, late, names)


def day(store: Store, zone: tzinfo, contest: str, wearer: str, on: date | None) -> Day:
    """A day of a wearer in a contest; None: the newest of which something came.

    `zone` and errors as in `leaderboard`.
    """
    its = _contest(store, contest)
    who = _entrant(store, its, wearer)
    clock = who.zone_or(zone)
    found = judged_in(store, its, who, zone)
    first, last = _date(its.from_utc_ms, clock), _date(its.to_utc_ms - 1, clock)
    until = (int(found.diary.minute[-1]) + 1) * MINUTE_MS if len(found.diary.minute) else None
    if on is None:
        on = first if until is None else _date(until - 1, clock)
    if not first <= on <= last:
        raise NothingThere(
            f"Contest {contest} has no {on}: it goes from {first} to {last}.", [(contest, wearer)]
        )
    return _day(found, its, who, clock, on, until, (first, last))


def today(store: Store, zone: tzinfo, wearer: Wearer, now_ms: int) -> Day:
    """The day of a wearer that is under way, judged by the rule that is usual.

    `zone` and errors as in `leaderboard`.
    """
    clock = wearer.zone_or(zone)
    on = _date(now_ms, clock)
    begin, end = local_day(clock, datetime(on.year, on.month, on.day))
    found = judged(store, wearer, zone, GATED, begin, end)
    until = (int(found.diary.minute[-1]) + 1) * MINUTE_MS if len(found.diary.minute) else None
    alone = Contest(0, "", begin, end, GATED, counts_unverified=False)
    return _day(found, alone, wearer, clock, on, until, (on, on))


def _day(
    found: Judged, contest: Contest, wearer: Wearer, clock: tzinfo, on: date,
    until_utc_ms: int | None, days: tuple[date, date],
) -> Day:  # fmt: skip
    begin, end = local_day(clock, datetime(on.year, on.month, on.day))
    zero, length = begin // MINUTE_MS, (end - begin) // MINUTE_MS
    minutes: list[Minute | None] = [None] * length
    diary = found.diary
    for i in np.flatnonzero((diary.minute >= zero) & (diary.minute < zero + length)):
        rate = float(diary.heart_rate[i])
        minutes[int(diary.minute[i]) - zero] = Minute(
            int(diary.steps[i]), None if np.isnan(rate) else rate, Mark(int(found.marks[i]))
        )
    loose = [
        (int(minute) - zero, int(steps))
        for minute, steps in zip(diary.loose_minute, diary.loose_steps, strict=True)
        if zero <= minute < zero + length
    ]
    came = max([(until_utc_ms or 0) // MINUTE_MS - zero, *(i + 1 for i, _ in loose)])
    name, rule = wearer.name, contest.rule
    return Day(
        contest=contest.name,
        wearer=name,
        zone=clock,
        date=on,
        begin_utc_ms=begin,
        minutes=minutes,
        loose=loose,
        first=max(0, contest.from_utc_ms // MINUTE_MS - zero),
        end=max(0, min(length, came)),
        counts_unverified=contest.counts_unverified,
        evidence=[item.sentence for item in told(found.judgement, name, rule, begin, end)],
        until_utc_ms=until_utc_ms,
        earlier=on - _ONE_DAY if on > days[0] else None,
        later=on + _ONE_DAY if on < days[1] else None,
    )


def _contest(store: Store, name: str) -> Contest:
    contests = store.contests()
    for contest in contests:
        if contest.name == name:
            return contest
    raise NothingThere(f"There is no contest {name}.", [(each.name,) for each in contests])


def _entrant(store: Store, contest: Contest, name: str) -> Wearer:
    entrants = store.entrants(contest)
    for wearer in entrants:
        if wearer.name == name:
            return wearer
    raise NothingThere(
        f"Nobody called {name} takes part in {contest.name}.",
        [(contest.name, each.name) for each in entrants],
    )


def _date(utc_ms: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(utc_ms / 1000, zone).date()
