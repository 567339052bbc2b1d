"""What commands take of people: names, and moments of their clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from veriband.civil import local_day, zone_named
from veriband.context import zone_of
from veriband.errors import VeribandError
from veriband.minutes.table import FIRST_YEAR, LAST_YEAR
from veriband.terminal import printable

_LONGEST_NAME = 64


class Name(click.ParamType[str]):
    """A name that can be shown, and be part of a page's address."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As in ParamType."""
        text = str(value).strip()
        if not text or len(text) > _LONGEST_NAME or printable(text) != text:
            self.fail(f"a name has 1 to {_LONGEST_NAME} characters that can be shown", param, ctx)
        if text in (".", ".."):  # no browser asks for a page of that name
            self.fail(f"{text!r} is no name", param, ctx)
        return text


class Moment(click.ParamType[datetime]):
    """A day, or a time of one, on the wearer's clock or with an offset; `last`: a day's end.

    From FIRST_YEAR to LAST_YEAR: what a band can know, and what every clock can show.
    """

    name = "time"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """As in ParamType."""
        if isinstance(value, datetime):
            return value
        zone = zone_of(ctx) if ctx else UTC
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2026-11-25 or 2026-11-25T18:30", param, ctx)
        if not FIRST_YEAR <= when.year <= LAST_YEAR:
            self.fail(f"{value!r} is not between {FIRST_YEAR} and {LAST_YEAR}", param, ctx)
        if len(value) == len("2026-11-25"):
            begin, end = local_day(zone, when)
            return datetime.fromtimestamp((end if self._last else begin) / 1000, UTC)
        return when if when.tzinfo else when.replace(tzinfo=zone)


def ms(when: datetime) -> int:
    """UTC ms of a moment."""
    return round(when.timestamp() * 1000)


class Zone(click.ParamType[str]):
    """The name of a time zone."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As in ParamType."""
        try:
            zone_named(value)
        except VeribandError as error:
            self.fail(str(error), param, ctx)
        return str(value)
