"""Civil time: zones by name or none, their offset now, and when it changes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from veriband.errors import VeribandError

_SEARCH_DAYS = 400


def zone_named(name: str) -> tzinfo:
    """The time zone of that name. Raises VeribandError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise VeribandError(
            f"There is no time zone {name!r}: name one like Europe/Berlin."
        ) from error


def clock(utc_ms: int, zone: tzinfo) -> str:
    """A moment on the clock in `zone`, to the minute, for people."""
    return f"{datetime.fromtimestamp(utc_ms / 1000, zone):%Y-%m-%d %H:%M}"


def iso(utc_ms: int, zone: tzinfo = UTC) -> str:
    """A moment with its offset, to the second, for programs."""
    return datetime.fromtimestamp(utc_ms / 1000, zone).isoformat(timespec="seconds")


def iso_or_none(utc_ms: int | None, zone: tzinfo = UTC) -> str | None:
    """As `iso`; None of what is not known."""
    return None if utc_ms is None else iso(utc_ms, zone)


class LocalTime(tzinfo):
    """This computer's local time as its C library reckons it, where no zone's name is known."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """As in tzinfo."""
        return dt and dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Not known."""
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        """As in tzinfo."""
        return dt and dt.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, dt: datetime) -> datetime:
        """As in tzinfo."""
        local = dt.replace(tzinfo=UTC).astimezone()
        first = local.replace(tzinfo=self, fold=0)
        return first if first.utcoffset() == local.utcoffset() else first.replace(fold=1)


def offset_min(zone: tzinfo, utc_s: int) -> int:
    """Minutes that clocks in `zone` are ahead of UTC at `utc_s`."""
    offset = datetime.fromtimestamp(utc_s, zone).utcoffset() or timedelta()
    return int(offset.total_seconds()) // 60


def next_change(zone: tzinfo, utc_s: int) -> tuple[int, int]:
    """(UTC second of the zone's next change of offset within 400 days, minutes ahead from then).

    (0, the offset now) when there is none.
    """
    now = offset_min(zone, utc_s)
    low = utc_s
    for day in range(1, _SEARCH_DAYS):
        high = utc_s + day * 86400
        if offset_min(zone, high) != now:
            while high - low > 1:
                middle = (low + high) // 2
                if offset_min(zone, middle) == now:
                    low = middle
                else:
                    high = middle
            return high, offset_min(zone, high)
        low = high
    return 0, now


def local_day(zone: tzinfo, day: datetime) -> tuple[int, int]:
    """(begin, end) in UTC ms of the civil day that `day` falls into, its date read as it is.

    Raises VeribandError for the first and the last days that there are.
    """
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    try:
        after = begin.date() + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=zone)
        return (
            int(begin.astimezone(UTC).timestamp() * 1000),
            int(end.astimezone(UTC).timestamp() * 1000),
        )
    except (OverflowError, ValueError) as error:
        raise VeribandError(
            f"{begin.date()} is at the end of the calendar: name a day that a band can know."
        ) from error


def utc_ms_of(civil: datetime, zone: tzinfo) -> int:
    """A moment in UTC ms; without an offset of its own it is one of the clock in `zone`.

    Raises VeribandError for one that this clock shows twice or never.
    """
    if civil.tzinfo is None:
        first, second = (civil.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != civil:
                raise VeribandError(
                    f"There was no {civil:%H:%M} on {civil:%Y-%m-%d}: the clock went forward "
                    "over it. Name another time."
                )
            raise VeribandError(
                f"{civil:%H:%M} came twice on {civil:%Y-%m-%d}: say which, as "
                f"{first.isoformat(timespec='minutes')} or {second.isoformat(timespec='minutes')}."
            )
        civil = first
    return round(civil.timestamp() * 1000)
