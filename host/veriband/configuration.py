"""The configuration: one TOML file, every key of it checked, errors with their line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, structs

from veriband.alerts.hops import Patience
from veriband.alerts.limits import Limits
from veriband.alerts.machine import HOUR_MS, MINUTE_MS, Ladder
from veriband.alerts.machine import Rung as LadderRung
from veriband.analysis.ranges import INDICES, MOST, OLDEST, SHIPPED, Range
from veriband.errors import BadInput, VeribandError

CONSOLE = "console"  # a terminal that is always there: what 'veriband run' prints
PAGE = "page"  # another: the carer's page, which confirms what a browser has shown
BUILT_IN = (CONSOLE, PAGE)
RULES = PERSISTENT, CLAIMS = "persistent", "claims"

_ORDERED = (  # of a range
    ("low", "high"),
    ("critical_low", "critical_high"),
    ("critical_low", "low"),
    ("high", "critical_high"),
    ("from_age", "to_age"),
)

_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Hours = Annotated[float, Meta(gt=0, le=8760)]
_Minutes = Annotated[float, Meta(ge=0, le=10080)]
_Value = Annotated[float, Meta(ge=0, le=MOST)]
_Age = Annotated[int, Meta(ge=0, le=OLDEST)]


class Rung(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told when nobody has acknowledged an alert so long after it was raised."""

    terminals: Annotated[tuple[_Name, ...], Meta(min_length=1)]
    after_min: _Minutes = 0


class Alerts(Struct, frozen=True, forbid_unknown_fields=True):
    """The rule by which readings are anomalies, and what becomes of alerts."""

    rule: str = PERSISTENT
    rung: Annotated[tuple[Rung, ...], Meta(min_length=1)] = (Rung(BUILT_IN),)
    expire_h: _Hours = 24
    remind_h: _Hours = 4
    rest_min: _Minutes = 30
    an_hour: Annotated[int, Meta(ge=1)] = 3
    a_day: Annotated[int, Meta(ge=1)] = 6


class Silence(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a band may not be heard, and a strip that is in not measure, until it is told."""

    band_h: _Hours = 12
    reading_h: _Hours = 26


class Terminal(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that is told each alert: its words and its JSON at the standard input."""

    name: _Name
    command: Annotated[tuple[str, ...], Meta(min_length=1)]


class Preset(Struct, frozen=True, forbid_unknown_fields=True):
    """A range, as in analysis.ranges, of everybody or of one wearer."""

    index: str
    low: _Value | None = None
    high: _Value | None = None
    critical_low: _Value | None = None
    critical_high: _Value | None = None
    sex: Literal["m", "f"] | None = None
    from_age: _Age = 0
    to_age: _Age = OLDEST
    wearer: _Name | None = None


class Configuration(Struct, frozen=True, forbid_unknown_fields=True):
    """All that can be configured."""

    alerts: Alerts = Alerts()
    silence: Silence = Silence()
    terminal: tuple[Terminal, ...] = ()
    range: tuple[Preset, ...] = ()

    def ladder(self) -> Ladder:
        """The ladder that alerts climb."""
        its, before = self.alerts, 0.0
        rungs: list[LadderRung] = []
        for rung in its.rung:
            rungs.append(LadderRung(round((rung.after_min - before) * MINUTE_MS), rung.terminals))
            before = rung.after_min
        return Ladder(tuple(rungs), round(its.expire_h * HOUR_MS), round(its.remind_h * HOUR_MS))

    def limits(self) -> Limits:
        """How many alerts are too many; to the letter none are."""
        its = self.alerts
        if its.rule == CLAIMS:
            return Limits(0, 1 << 30, 1 << 30)
        return Limits(round(its.rest_min * MINUTE_MS), its.an_hour, its.a_day)

    def patience(self) -> Patience:
        """How long silence is borne."""
        return Patience(
            round(self.silence.band_h * HOUR_MS), round(self.silence.reading_h * HOUR_MS)
        )

    def ranges(self) -> list[Range]:
        """The shipped ranges, and behind them those that go before."""
        return [*SHIPPED, *(Range(**structs.asdict(its)) for its in self.range)]


def default_path() -> Path:
    """Where the configuration lies unless it is named. Raises VeribandError without a home."""
    try:
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError as error:
        raise VeribandError(
            "There is no home folder for the configuration: name its file with --config."
        ) from error
    return Path(home) / "veriband" / "veriband.toml"


def read(path: Path) -> Configuration:
    """The configuration in a file. Raises BadInput with the line that is wrong."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadInput(str(path), "", f"it cannot be read ({why})") from error
    try:
        its = msgspec.toml.decode(text, type=Configuration)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at ")
        keys = [*_keys(at), *re.findall(r"unknown field `(.*)`", what)]
        raise _wrong(path, text, keys, f"{what[0].lower()}{what[1:]}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(str(path), "", f"it is no TOML: {error}") from error
    _check(path, text, its)
    return its


def _check(path: Path, text: str, its: Configuration) -> None:
    """What no type says. Raises BadInput."""
    known: list[str] = [*BUILT_IN]
    for i, terminal in enumerate(its.terminal):
        if terminal.name in known:
            why = f"{terminal.name!r} is there already"
            raise _wrong(path, text, ["terminal", i, "name"], why)
        known.append(terminal.name)
    _among(path, text, RULES, its.alerts.rule, "alerts", "rule")
    for i, rung in enumerate(its.alerts.rung):
        if i and rung.after_min < its.alerts.rung[i - 1].after_min:
            why = "comes before the rung before it"
            raise _wrong(path, text, ["alerts", "rung", i, "after_min"], why)
        for name in rung.terminals:
            _among(path, text, known, name, "alerts", "rung", i, "terminals")
    _check_ranges(path, text, its.range)


def _check_ranges(path: Path, text: str, ranges: Sequence[Preset]) -> None:
    for i, preset in enumerate(ranges):
        _among(path, text, INDICES, preset.index, "range", i, "index")
        for low, high in _ORDERED:
            pair = getattr(preset, low), getattr(preset, high)
            if None not in pair and pair[0] > pair[1]:
                why = f"{pair[0]:g} is above {high} {pair[1]:g}"
                raise _wrong(path, text, ["range", i, low], why)


def _among(path: Path, text: str, allowed: Sequence[str], value: str, *keys: str | int) -> None:
    if value not in allowed:
        raise _wrong(path, text, keys, f"{value!r} is none of {', '.join(allowed)}")


def _keys(at: str) -> list[str | int]:
    """The keys in a path as $.alerts.rung[0]."""
    found = re.findall(r"\.(\w+)|\[(\d+)\]", at)
    return [name or int(number) for name, number in found]


def _wrong(path: Path, text: str, keys: Sequence[str | int], why: str) -> BadInput:
    where = "".join(f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in keys)
    line = _line(text, keys)
    return BadInput(str(path), f"line {line}" if line else "", f"{where[1:]}: {why}")


def _line(text: str, keys: Sequence[str | int]) -> int:
    """The line in which the value under `keys` ends: the first with which it is there. 0: none."""
    lines = text.splitlines()
    for count in range(1, len(lines) + 1):
        try:
            value: Any = tomllib.loads("\n".join(lines[:count]))
            for key in keys:
                value = value[key]
        except (ValueError, LookupError, TypeError):
            continue
        return count
    return 0
