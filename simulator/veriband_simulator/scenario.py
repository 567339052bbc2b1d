"""Scenario files: who wears what, what happens when, and what is expected to come of it.

The format is described in simulator/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import as_file, files
from os.path import exists
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from veriband_simulator.bodies import Body
from veriband_simulator.cheaters import MACHINES
from veriband_simulator.recorded_minutes import (
    PACKAGED,
    BadMinutes,
    RecordedMinutes,
    packaged,
    read,
)
from veriband_simulator.tables import DAY_MIN, BadFile, Table

RULES = ("gated", "claims")
VERDICTS = ("unknown", "honest", "inconclusive", "suspected", "cheating")
KINDS = ("rest", "walk", "run", "machine")
UPLOADS = ("increments", "totals")
STEADY = "steady"
# A pulled strip is an event here, not a machine.
SHAKERS = (STEADY, *(kind for kind in MACHINES if kind != "pulled strip"))
REST_BPM = 62.0  # of whose rate is not given
# What undoes what. Each may only happen in the state that the other one left.
OPPOSITES = {
    "strip_out": "strip_in",
    "out_of_range": "in_range",
    "not_worn": "worn",
    "power_off": "power_on",
}
EVENTS = (*(what for pair in OPPOSITES.items() for what in pair), "reset", "computer_clock")
MOST_AHEAD_S = 86_400
MOST_WEARERS = 100

Bounds = tuple[float, float] | tuple[int, int]


@dataclass(frozen=True)
class Part:
    """What somebody does from one minute of the day to another; None: as the body has it."""

    begin: int
    end: int
    kind: str
    steps_per_minute: float | None = None
    varies_by: float | None = None  # steps, from minute to minute, standard deviation
    heart_rate_bpm: float | None = None
    machine: str = STEADY
    worn: bool = True


@dataclass(frozen=True)
class Recorded:
    """Recorded minutes, from one of the day on."""

    begin: int
    recording: RecordedMinutes


@dataclass(frozen=True)
class Person:
    """Somebody, and their day; `rest_bpm` is None if the daemon is not told."""

    name: str
    body: Body
    rest_bpm: float | None
    minutes: tuple[Part | Recorded, ...]


@dataclass(frozen=True)
class Lent:
    """The band is on somebody else's arm."""

    begin: int
    end: int
    by: str


@dataclass(frozen=True)
class Band:
    """A band, and who is said to wear it."""

    wearer: str
    upload: str = UPLOADS[0]
    lent: tuple[Lent, ...] = ()


@dataclass(frozen=True)
class Event:
    """What happens in a second of the day, to the band of a wearer or to the computer."""

    second: int
    what: str
    band: str | None
    ahead_s: float = 0.0


@dataclass(frozen=True)
class Contest:
    """From one minute of the day to another, by that rule."""

    begin: int
    end: int
    rule: str
    counts_unverified: bool


@dataclass(frozen=True)
class Expected:
    """What must come out for a wearer; bounds are shares of the claimed steps, or steps."""

    wearer: str
    verdict: str | None
    bounds: dict[str, Bounds]


@dataclass(frozen=True)
class Scenario:
    """A world to be played, from `begin` to `end`, minutes of the day `midnight` begins."""

    title: str
    seed: int
    zone: ZoneInfo
    midnight: datetime
    begin: int
    end: int
    contest: Contest
    people: tuple[Person, ...]
    bands: tuple[Band, ...]
    events: tuple[Event, ...]
    expected: tuple[Expected, ...]

    def moment(self, seconds: float) -> datetime:
        """So many seconds after midnight."""
        return self.midnight + timedelta(seconds=seconds)

    def person(self, name: str) -> Person:
        """Who is called that."""
        return next(person for person in self.people if person.name == name)


def examples() -> list[str]:
    """The names of the scenarios that come with the simulator."""
    folder = files("veriband_simulator").joinpath("data/scenarios")
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load(name: str) -> Scenario:
    """The example of that name, or else what the file at that path describes. Raises BadFile."""
    if name in examples():
        with as_file(files("veriband_simulator").joinpath(f"data/scenarios/{name}.toml")) as path:
            return read_scenario(path)
    path = Path(name)
    if not path.suffix and not exists(path):  # which a name that is too long does not
        raise BadFile(
            f"{name!r} is neither a file nor one of the examples {', '.join(examples())}."
        )
    return read_scenario(path)


def read_scenario(path: Path) -> Scenario:
    """What a scenario file describes. Raises BadFile."""
    top = Table.of_file(path)
    title = top.text("title")
    seed = top.whole("seed", 0, 2**63 - 1) if top.has("seed") else 1
    day = top.table("day")
    zone = _zone(day)
    midnight = _midnight(day, zone)
    begin, end = _span(day, 0, DAY_MIN, optional=True)
    day.end()
    contest = _contest(top.table("contest"), begin, end)
    rows = top.tables("wearers")
    if not 1 <= len(rows) <= MOST_WEARERS:
        top.refuse("wearers", f"there are {len(rows)} [[wearers]], not 1 to {MOST_WEARERS}.")
    people = tuple(_person(row, path.parent) for row in rows)
    names = [person.name for person in people]
    for row, name in zip(rows, names, strict=True):
        if names.count(name) > 1:
            row.refuse("name", f"{name!r} is the name of another one, too.")
    bands = tuple(_band(row, names) for row in top.tables("bands"))
    bands = bands or tuple(Band(name) for name in names)
    worn = [band.wearer for band in bands]
    for row, band in zip(top.tables("bands"), bands, strict=False):
        if worn.count(band.wearer) > 1:
            row.refuse("wearer", f"{band.wearer!r} has another band, too.")
    events = _events(top.tables("events"), worn, begin * 60, end * 60)
    expected = tuple(_expected(row, worn) for row in top.tables("expected"))
    if not expected:
        top.refuse("expected", "is missing: at least one [[expected]].")
    top.end()
    return Scenario(
        title, seed, zone, midnight, begin, end, contest, people, bands, events, expected
    )


def _zone(day: Table) -> ZoneInfo:
    try:
        return ZoneInfo(day.text("zone"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        day.refuse("zone", "is not the name of a time zone, as Europe/Berlin.")


def _midnight(day: Table, zone: ZoneInfo) -> datetime:
    """The begin of a day of 24 hours."""
    its: date = day.day("date")
    if not 2001 <= its.year <= 2099:
        day.refuse("date", f"{its} is not in the years 2001 to 2099.")
    midnight = datetime(its.year, its.month, its.day, tzinfo=zone)
    next_midnight = midnight + timedelta(days=1)
    if next_midnight.timestamp() - midnight.timestamp() != 86_400:
        day.refuse("date", f"the clock changes on {its} in {zone}: name another day.")
    return midnight


def _span(table: Table, low: int, high: int, optional: bool = False) -> tuple[int, int]:
    """`from` and `to`, minutes within `low` to `high`."""
    begin = low if optional and not table.has("from") else table.minute("from")
    end = high if optional and not table.has("to") else table.minute("to")
    if not low <= begin < high:
        table.refuse("from", f"is not from {_clock(low)} to before {_clock(high)}.")
    if not begin < end <= high:
        table.refuse("to", f"is not after {_clock(begin)} and at the latest {_clock(high)}.")
    return begin, end


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _contest(table: Table, begin: int, end: int) -> Contest:
    begin, end = _span(table, begin, end)
    contest = Contest(
        begin, end, table.text("rule", RULES), table.flag("counts_unverified")
    )  # fmt: skip
    table.end()
    return contest


def _person(table: Table, folder: Path) -> Person:
    name = table.text("name")
    female = table.text("sex", ("f", "m")) == "f"
    age = table.whole("age", 10, 110)
    height_m = table.number("height_m", 1.0, 2.3)
    rest_bpm = table.number("rest_bpm", 30, 110) if table.has("rest_bpm") else None
    body = Body.average(female, age, height_m, rest_bpm or REST_BPM)
    minutes = tuple(_minutes(row, folder) for row in table.tables("minutes"))
    table.end()
    return Person(name, body, rest_bpm, minutes)


def _minutes(table: Table, folder: Path) -> Part | Recorded:
    if not table.has("recording"):
        return _part(table)
    begin = table.minute("at")
    name = table.text("recording")
    if name in PACKAGED:
        recording = packaged(name)
    elif name.endswith(".csv"):
        try:
            recording = read(folder / name)
        except BadMinutes as error:
            table.refuse("recording", str(error))
    else:
        table.refuse(
            "recording",
            f"{name!r} is neither one of {', '.join(PACKAGED)} nor the path of a .csv file.",
        )
    if begin + len(recording.steps) > DAY_MIN:
        table.refuse("at", f"its {len(recording.steps)} minutes would end after midnight.")
    table.end()
    return Recorded(begin, recording)


def _part(table: Table) -> Part:
    begin, end = _span(table, 0, DAY_MIN)
    kind = table.text("kind", KINDS)
    spm = varies_by = rate = None
    machine, worn = STEADY, True
    if kind != "rest":
        if kind == "machine" or table.has("steps_per_minute"):
            spm = table.number("steps_per_minute", 10, 250)
        if kind == "machine":
            machine = table.text("machine", SHAKERS) if table.has("machine") else STEADY
            worn = table.flag("worn")
        elif table.has("varies_by"):
            varies_by = table.number("varies_by", 0, 30)
    if worn and table.has("heart_rate_bpm"):
        rate = table.number("heart_rate_bpm", 30, 220)
    table.end()
    return Part(begin, end, kind, spm, varies_by, rate, machine, worn)


def _band(table: Table, names: Sequence[str]) -> Band:
    wearer = table.text("wearer", names)
    upload = table.text("upload", UPLOADS) if table.has("upload") else UPLOADS[0]
    lent: list[Lent] = []
    for row in table.tables("lent"):
        begin, end = _span(row, 0, DAY_MIN)
        lent.append(Lent(begin, end, row.text("to_wearer", names)))
        row.end()
    table.end()
    return Band(wearer, upload, tuple(lent))


def _events(
    rows: Sequence[Table], bands: Sequence[str], begin: int, end: int
) -> tuple[Event, ...]:
    undoes = {b: a for a, b in OPPOSITES.items()}
    read = [(_event(row, bands, begin, end), row) for row in rows]
    read.sort(key=lambda one: one[0].second)
    changed: set[tuple[str | None, str]] = set()
    for event, row in read:
        band, what = event.band, event.what
        if what in OPPOSITES:
            if (band, what) in changed:
                row.refuse("what", f"{what!r} was before, without {OPPOSITES[what]!r} since.")
            changed.add((band, what))
        elif what in undoes:
            if (band, undoes[what]) not in changed:
                row.refuse("what", f"{what!r} without {undoes[what]!r} before it.")
            changed.remove((band, undoes[what]))
        elif (band, "power_off") in changed:
            row.refuse("what", f"{what!r} while the band has no power.")
    return tuple(event for event, _ in read)


def _event(table: Table, bands: Sequence[str], begin: int, end: int) -> Event:
    second = table.second("at")
    if not begin <= second < end:
        table.refuse("at", f"is not from {_clock(begin // 60)} to before {_clock(end // 60)}.")
    what = table.text("what", EVENTS)
    ahead_s, band = 0.0, None
    if what == "computer_clock":
        ahead_s = table.number("ahead_s", -MOST_AHEAD_S, MOST_AHEAD_S)
    else:
        band = table.text("band", bands)
    if what in ("worn", "not_worn") and second % 60:
        table.refuse("at", "must be a whole minute for this.")
    table.end()
    return Event(second, what, band, ahead_s)


def _expected(table: Table, bands: Sequence[str]) -> Expected:
    wearer = table.text("wearer", bands)
    verdict = table.text("verdict", VERDICTS) if table.has("verdict") else None
    bounds = {
        key: table.bounds(key) for key in ("struck", "unverified", "counted") if table.has(key)
    }
    if not verdict and not bounds:
        table.refuse("verdict", "is missing: it, struck, unverified or counted.")
    table.end()
    return Expected(wearer, verdict, bounds)
