"""Reads a TOML file strictly: whatever is not foreseen is refused, with what would be allowed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NoReturn, cast

DAY_MIN = 24 * 60
MOST_SHOWN = 80  # characters of a value that is refused


class BadFile(ValueError):
    """A file is not as it must be: names the file, the key, and what is allowed."""


def _listed(value: object) -> list[object]:
    """The elements of an array; of anything else, none."""
    return cast("list[object]", value) if isinstance(value, list) else []


def _shown(value: object) -> str:
    """A value, in so many characters as a message has room for."""
    try:
        shown = repr(value) if isinstance(value, str | int | float) else str(value)
    except ValueError:
        return "a number of thousands of digits"
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."


class Table:
    """A table of a TOML file: hands out its values by key, and refuses the keys nobody asked for.

    Each reader raises BadFile when the value is missing, of another type or not allowed.
    """

    def __init__(self, file: str, where: str, values: Mapping[str, object]) -> None:
        self.file = file
        self._where = where
        self._values = values
        self._asked: list[str] = []

    @classmethod
    def of_file(cls, path: Path) -> Table:
        """The whole of a file. Raises BadFile."""
        try:
            return cls(str(path), "", tomllib.loads(path.read_text("utf-8-sig")))
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise BadFile(f"{path} cannot be read: {why}.") from error
        except (ValueError, RecursionError) as error:  # also a number or a depth beyond Python's
            raise BadFile(f"{path} is no TOML: {error}.") from error

    def key(self, key: str) -> str:
        """The path of one of its keys, as in wearers[1].age."""
        return f"{self._where}.{key}" if self._where else key

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise BadFile about a key."""
        raise BadFile(f"{self.file}: {self.key(key)}: {why}")

    def has(self, key: str) -> bool:
        """Whether there is such a key; it is an allowed one."""
        if key not in self._asked:
            self._asked.append(key)
        return key in self._values

    def _get(self, key: str, allowed: str) -> object:
        if not self.has(key):
            self.refuse(key, f"is missing: {allowed}.")
        return self._values[key]

    def _no(self, key: str, value: object, allowed: str) -> NoReturn:
        self.refuse(key, f"{_shown(value)} is not {allowed}.")

    def end(self) -> None:
        """Refuse whatever is left."""
        for key in self._values:
            if key not in self._asked:
                self.refuse(key, f"is unknown; known are {', '.join(self._asked)}.")

    def text(self, key: str, among: Sequence[str] = ()) -> str:
        """Text, one of `among` if these are given."""
        allowed = f"one of {', '.join(among)}" if among else "text in one line"
        value = self._get(key, allowed)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self._no(key, value, allowed)
        if among and value not in among:
            self._no(key, value, allowed)
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._get(key, "true or false")
        if not isinstance(value, bool):
            self._no(key, value, "true or false")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        allowed = f"a number from {low:g} to {high:g}"
        value = self._get(key, allowed)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self._no(key, value, allowed)
        if not low <= value <= high:
            self._no(key, value, allowed)
        return float(value)

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        allowed = f"a whole number from {low} to {high}"
        value = self._get(key, allowed)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._no(key, value, allowed)
        return value

    def day(self, key: str) -> date:
        """A date, as 2016-04-19."""
        value = self._get(key, "a date as 2016-04-19")
        if not isinstance(value, date) or isinstance(value, datetime):
            self._no(key, value, "a date as 2016-04-19, without quotation marks")
        return value

    def second(self, key: str) -> int:
        """A time of the day, 00:00 to 24:00, perhaps with seconds: as seconds after midnight."""
        allowed = 'a time of the day from "00:00" to "24:00", or with seconds as "12:34:56"'
        value = self._get(key, allowed)
        parts = re.fullmatch(r"(\d\d):([0-5]\d)(?::([0-5]\d))?", value, re.ASCII) if (
            isinstance(value, str)
        ) else None  # fmt: skip
        if parts is None:
            self._no(key, value, allowed)
        second = int(parts[1]) * 3600 + int(parts[2]) * 60 + int(parts[3] or 0)
        if second > DAY_MIN * 60:
            self._no(key, value, allowed)
        return second

    def minute(self, key: str) -> int:
        """A whole minute of the day, as minutes after midnight."""
        second = self.second(key)
        if second % 60:
            self.refuse(key, "must be a whole minute.")
        return second // 60

    def bounds(self, key: str) -> tuple[float, float] | tuple[int, int]:
        """Two numbers, the lower first: both shares from 0.0 to 1.0, or both whole numbers."""
        allowed = "two shares as [0.9, 1.0] or two numbers of steps as [0, 500], the lower first"
        value = self._get(key, allowed)
        pair = _listed(value)
        shares = [x for x in pair if isinstance(x, float) and 0 <= x <= 1]
        steps = [x for x in pair if type(x) is int and x >= 0]
        if len(pair) == len(shares) == 2 and shares[0] <= shares[1]:
            return shares[0], shares[1]
        if len(pair) == len(steps) == 2 and steps[0] <= steps[1]:
            return steps[0], steps[1]
        self._no(key, value, allowed)

    def table(self, key: str) -> Table:
        """A table within it."""
        value = self._get(key, "a table")
        if not isinstance(value, dict):
            self._no(key, value, "a table")
        return Table(self.file, self.key(key), cast("dict[str, object]", value))

    def tables(self, key: str) -> list[Table]:
        """An array of tables; empty if there is none."""
        if not self.has(key):
            return []
        value = self._values[key]
        rows = _listed(value)
        if not rows or not all(isinstance(row, dict) for row in rows):
            self._no(key, value, f"an array of tables: [[{self.key(key)}]]")
        return [
            Table(self.file, f"{self.key(key)}[{i}]", cast("dict[str, object]", row))
            for i, row in enumerate(rows, 1)
        ]
