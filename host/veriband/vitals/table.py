"""A cycle's readings in a terminal, and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from veriband.analysis.cycles import Stay, hours, wall
from veriband.records import STRIP, Taken
from veriband.vitals.signs import VITALS, as_json, status_text, value
from veriband_protocol.items import STATUS_OK, VITAL_HEART_RATE

_NONE = "-"


def table(periods: Sequence[Sequence[Taken]], stays: Sequence[Stay]) -> str:
    """A line for each reading of each period, in the order of time. Heart rates by themselves, as
    after active minutes, are one line a period."""
    names = (vital.name for vital in VITALS.values())
    heads = ["period", "time", *names, "status", "source"]
    rows = [heads]
    for index, taken in enumerate(periods):
        its = list(_rows(taken, stays)) or [[_NONE] * (len(heads) - 1)]
        rows += [[hours(index) if k == 0 else "", *row] for k, row in enumerate(its)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def is_marked(periods: Iterable[Sequence[Taken]]) -> bool:
    """Whether a value of theirs has the mark of what is not calibrated."""
    return any(
        _is_by_strip(one) and sign.first and VITALS[sign.vital].note
        for taken in periods
        for one in taken
        for sign in one.signs
        if sign.vital in VITALS
    )


def rows_for_programs(
    periods: Sequence[Sequence[Taken]], stays: Sequence[Stay]
) -> list[dict[str, object]]:
    """Each reading: its period, its time, its source and its vital signs."""
    rows: list[dict[str, object]] = []
    for index, taken in enumerate(periods):
        for one in taken:
            at = wall(one.utc_ms, stays).isoformat(timespec="seconds")
            row: dict[str, object] = {"period": index, "at": at, "source": one.source}
            for sign in one.signs:
                if sign.vital in VITALS:
                    row[VITALS[sign.vital].key] = as_json(sign, _is_by_strip(one))
            rows.append(row)
    return rows


def _rows(taken: Sequence[Taken], stays: Sequence[Stay]) -> Iterator[list[str]]:
    """Time, a cell for each vital sign, status and source of each line."""
    alone = [one for one in taken if _is_heart_rate(one)]
    for one in taken:
        if not _is_heart_rate(one):
            signs = {sign.vital: sign for sign in one.signs}
            mark = "*" if _is_by_strip(one) else ""
            cells = [
                value(signs[vital]) + (mark if its.note else "")
                if vital in signs and signs[vital].first
                else _NONE
                for vital, its in VITALS.items()
            ]
            yield [f"{wall(one.utc_ms, stays):%H:%M}", *cells, _status(one), one.source]
    if alone:
        yield _together(alone, stays)


def _is_by_strip(one: Taken) -> bool:
    return one.source == STRIP


def _is_heart_rate(one: Taken) -> bool:
    return _is_by_strip(one) and all(sign.vital == VITAL_HEART_RATE for sign in one.signs)


def _together(alone: Sequence[Taken], stays: Sequence[Stay]) -> list[str]:
    rates = [one.signs[0].first for one in alone if one.signs[0].status == STATUS_OK]
    lowest, highest = min(rates, default=0), max(rates, default=0)
    found = f"{lowest}-{highest} bpm" if lowest < highest else f"{lowest} bpm"
    often = Counter(one.signs[0].status for one in alone)
    told = ", ".join(f"{n} {status_text(status)}" for status, n in sorted(often.items()))
    sources = ", ".join(dict.fromkeys(one.source for one in alone))
    begin = f"{wall(alone[0].utc_ms, stays):%H:%M}"
    return [begin, found if rates else _NONE, *[_NONE] * (len(VITALS) - 1), told, sources]


def _status(one: Taken) -> str:
    """The status of all, or of each that is not ok."""
    if len({sign.status for sign in one.signs}) == 1:
        return status_text(one.signs[0].status)
    return ", ".join(
        f"{VITALS[sign.vital].name} {status_text(sign.status)}"
        for sign in one.signs
        if sign.status != STATUS_OK and sign.vital in VITALS
    )
