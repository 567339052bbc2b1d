"""A wearer's day in a contest, minute by minute, and what tables make of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from veriband.analysis.judgement import Mark
from veriband_protocol.items import MINUTE_MS

HOUR = 60
MINUTES = 24 * HOUR  # of most days
BRIDGED = 5  # minutes at most between two of one mark, to be told as one stretch


@dataclass(frozen=True)
class Minute:
    """A minute that came. `heart_rate`: bpm, 0 not worn, None unknown."""

    steps: int
    heart_rate: float | None
    mark: Mark


@dataclass(frozen=True)
class Day:
    """The minutes of `date` on the clock of `zone`, from `begin_utc_ms` on.

    `minutes`: None is a gap. `loose`: (index, steps) of steps in no minute. From `first` to before
    `end` the contest went on and something came. `earlier`, `later`: days of the contest.
    """

    contest: str
    wearer: str
    zone: tzinfo
    date: date
    begin_utc_ms: int
    minutes: Sequence[Minute | None]
    loose: Sequence[tuple[int, int]]
    first: int
    end: int
    counts_unverified: bool
    evidence: Sequence[str]
    until_utc_ms: int | None
    earlier: date | None
    later: date | None

    def clock(self, index: int) -> str:
        """The time at which a minute begins; on days when clocks change with the offset."""
        at = datetime.fromtimestamp((self.begin_utc_ms + index * MINUTE_MS) / 1000, self.zone)
        return f"{at:%H:%M}" if len(self.minutes) == MINUTES else f"{at:%H:%M%z}"

    def steps(self, mark: Mark) -> int:
        """All steps of a mark; of those in no minute nobody can tell."""
        loose = sum(steps for _, steps in self.loose) if mark is Mark.UNVERIFIED else 0
        return loose + sum(m.steps for m in self.minutes if m and m.mark is mark)


@dataclass(frozen=True)
class Stretch:
    """Minutes from `begin` to before `end`."""

    begin: int
    end: int


@dataclass(frozen=True)
class Marked(Stretch):
    """A stretch with `steps` in `count` minutes of one mark."""

    steps: int
    count: int


@dataclass(frozen=True)
class Hour(Stretch):
    """An hour: its steps by what becomes of them, minutes that came, and heart rates.

    `loose`: its steps in no minute. `rates`: (lowest, mean, highest) in bpm.
    """

    steps: int
    struck: int
    unverified: int
    loose: int
    known: int
    unworn: int
    rates: tuple[float, float, float] | None


@dataclass(frozen=True)
class Row(Stretch):
    """A minute; or minutes with nothing in them; or, where `minute` is None, a gap, with the
    steps in no minute that fall into it."""

    minute: Minute | None
    loose: int


def marked(day: Day, mark: Mark, bridged: int = BRIDGED) -> list[Marked]:
    """The stretches of a mark, over breaks of at most `bridged` minutes."""
    found: list[Marked] = []
    for i, minute in enumerate(day.minutes):
        if minute is None or minute.mark is not mark:
            continue
        last = found[-1] if found else None
        if last and i - last.end <= bridged:
            found[-1] = Marked(last.begin, i + 1, last.steps + minute.steps, last.count + 1)
        else:
            found.append(Marked(i, i + 1, minute.steps, 1))
    return found


def gaps(day: Day) -> list[Stretch]:
    """Where minutes are missing between others."""
    return [Stretch(row.begin, row.end) for row in rows(day) if row.minute is None]


def unworn(day: Day) -> list[Stretch]:
    """Where the band said that nobody wore it."""
    found: list[Stretch] = []
    for i, minute in enumerate(day.minutes):
        if minute is None or minute.heart_rate != 0:
            continue
        begin = found.pop().begin if found and found[-1].end == i else i
        found.append(Stretch(begin, i + 1))
    return found


def hours(day: Day) -> Iterator[Hour]:
    """The hours in which the contest went on and something came."""
    for begin in range(day.first // HOUR * HOUR, day.end, HOUR):
        end = min(begin + HOUR, len(day.minutes))
        its = [minute for minute in day.minutes[begin:end] if minute]
        rates = [minute.heart_rate for minute in its if minute.heart_rate]
        loose = sum(steps for i, steps in day.loose if begin <= i < end)

        def of(mark: Mark, its: Sequence[Minute] = its) -> int:
            return sum(minute.steps for minute in its if minute.mark is mark)

        yield Hour(
            begin,
            end,
            sum(minute.steps for minute in its) + loose,
            of(Mark.STRUCK),
            of(Mark.UNVERIFIED) + loose,
            loose,
            len(its),
            sum(minute.heart_rate == 0 for minute in its),
            (min(rates), sum(rates) / len(rates), max(rates)) if rates else None,
        )


def rows(day: Day) -> list[Row]:
    """Every minute, those without anything and those that are missing together."""
    nothing = Minute(0, None, Mark.COUNTED)
    found: list[Row] = []
    for i in range(day.first, day.end):
        minute = day.minutes[i]
        loose = sum(steps for at, steps in day.loose if at == i) if minute is None else 0
        last = found[-1] if found else None
        if last and last.minute == minute and minute in (None, nothing):
            found[-1] = Row(last.begin, i + 1, minute, last.loose + loose)
        else:
            found.append(Row(i, i + 1, minute, loose))
    return found
