"""A wearer's page: a day in a contest as a picture, in words, and as tables."""

from __future__ import annotations

from datetime import date

import htpy as h
from htpy import Element, Node

from veriband.analysis.judgement import Mark
from veriband.contest.words import clock
from veriband.terminal import printable
from veriband.web.chart import CLASSES, SIGNS, chart, has_heart_rate
from veriband.web.day import Day, Hour, Row, gaps, hours, marked, rows, unworn
from veriband.web.document import Page, page, path, shown, told, zone_name


def day_page(day: Day) -> Page:
    """A wearer's day in a contest."""
    name = printable(day.wearer)
    on = f"{day.date:%A} {day.date}"
    parts = [
        h.section("#wearer")[
            h.p(".up")[h.a(href=path(day.contest))["← ", shown(day.contest)]],
            h.h1[shown(day.wearer)],
            h.nav(".days", aria_label="Days")[
                _day_link(day, day.earlier, "prev"),
                h.strong[on],
                _day_link(day, day.later, "next"),
            ],
            totals(day),
            h.p(".note")[_until(day)],
        ],
        h.section("#day.card", aria_labelledby="day-title")[
            h.h2("#day-title")["Heart rate and steps"],
            picture(day),
        ],
        told("evidence", "Why", day.evidence),
        h.section("#tables.card", aria_labelledby="tables-title")[
            h.h2("#tables-title")["The same as tables"],
            h.details("#by-hour")[h.summary["By the hour"], hours_table(day)],
            h.details("#by-minute")[h.summary["Every minute"], _minutes(day)],
        ],
    ]
    return page(f"{name}, {day.date}", *parts)


def _day_link(day: Day, other: date | None, rel: str) -> Element | None:
    if other is None:
        return None
    text = f"← {other}" if rel == "prev" else f"{other} →"
    return h.a(href=f"{path(day.contest, day.wearer)}?day={other}", rel=rel)[text]


def totals(day: Day) -> Element:
    """The day's steps by what becomes of them."""
    by_mark = {mark: day.steps(mark) for mark in Mark}
    claimed = sum(by_mark.values())
    uncounted = by_mark[Mark.STRUCK] + (0 if day.counts_unverified else by_mark[Mark.UNVERIFIED])
    values = (
        ("Claimed", claimed),
        ("Struck", by_mark[Mark.STRUCK]),
        ("Unverified", by_mark[Mark.UNVERIFIED]),
        ("Counted", claimed - uncounted),
    )
    return h.dl(".totals")[
        (h.div(class_=term.lower())[h.dt[term], h.dd[f"{value:,}"]] for term, value in values)
    ]


def _until(day: Day) -> str:
    if day.until_utc_ms is None:
        return f"Nothing has come yet. Times are those of {zone_name(day.zone)}."
    until = clock(day.until_utc_ms, day.zone)
    return f"The data end at {until}. Times are those of {zone_name(day.zone)}."


def picture(day: Day) -> Node:
    """The day as a picture, with its legend, and in words what is marked in it."""
    if not any(day.minutes):
        return h.p["Nothing has come of this day."]
    legend = (
        ("counted", "steps that nothing speaks against", day.steps(Mark.COUNTED)),
        ("unverified", "? unverified", marked(day, Mark.UNVERIFIED)),
        ("struck", "✕ struck", marked(day, Mark.STRUCK)),
        ("heart", "heart rate", has_heart_rate(day)),
        ("unworn", "not worn", unworn(day)),
        ("gap", "nothing recorded", gaps(day)),
    )
    return [
        h.figure[
            chart(day),
            h.figcaption[
                h.ul(".legend")[(h.li(class_=kind)[text] for kind, text, seen in legend if seen)]
            ],
        ],
        _stretches(day),
    ]


def _stretches(day: Day) -> Element | None:
    """Where steps were struck or could not be verified, in words."""
    lines = [
        h.li(class_=CLASSES[mark])[
            f"{SIGNS[mark]} {_times(day, each.begin, each.end)}: {each.steps:,} steps "
            f"{CLASSES[mark]}, in {_count(each.count, each.end - each.begin)}"
        ]
        for mark in (Mark.STRUCK, Mark.UNVERIFIED)
        for each in marked(day, mark)
    ]
    for at, steps in day.loose:
        of = CLASSES[Mark.UNVERIFIED]
        text = f"{SIGNS[Mark.UNVERIFIED]} From {day.clock(at)}: {steps:,} steps {of}, in no minute"
        lines.append(h.li(class_=of)[text])
    return h.ul(".stretches")[lines] if lines else None


def _count(some: int, of: int) -> str:
    whole = "1 minute" if of == 1 else f"{of} minutes"
    return whole if some == of else f"{some} of {whole}"


def _times(day: Day, begin: int, end: int) -> str:
    return f"{day.clock(begin)}–{day.clock(end)}"


def _scrolling(name: str, table: Element) -> Element:
    return h.div(f"#{name}.scrolling", tabindex="0", role="region", aria_label=name.capitalize())[
        table
    ]


def hours_table(day: Day) -> Element:
    """The day by the hour."""
    heads = ("From", "Steps", "Struck", "Unveri\u00adfied", "Heart rate", "Known min.")
    return _scrolling(
        "hours",
        h.table[
            h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
            h.tbody[(_hour(day, hour) for hour in hours(day))],
        ],
    )


def _hour(day: Day, of: Hour) -> Element:
    rates: Node = "not worn" if of.unworn else ""
    if of.rates:
        low, mean, high = of.rates
        rates = [f"{mean:.0f} ", h.small[f"({low:.0f}–{high:.0f})"]]
    return h.tr[
        h.th(scope="row")[day.clock(of.begin)],
        (h.td[f"{value:,}"] for value in (of.steps, of.struck, of.unverified)),
        h.td[rates],
        h.td[str(of.known)],
    ]


def _minutes(day: Day) -> Element:
    heads = ("Time", "Steps", "Heart rate", "")
    return _scrolling(
        "minutes",
        h.table[
            h.thead[h.tr[(h.th(scope="col")[head or "Mark"] for head in heads)]],
            h.tbody[(_row(day, row) for row in rows(day))],
        ],
    )


def _row(day: Day, of: Row) -> Element:
    time = _times(day, of.begin, of.end) if of.end - of.begin > 1 else day.clock(of.begin)
    minute = of.minute
    if minute is None:
        steps = f"{of.loose:,} in all" if of.loose else ""
        cells = (steps, "", "nothing recorded")
    else:
        mark = "" if minute.mark is Mark.COUNTED else f"{SIGNS[minute.mark]} "
        cells = (
            str(minute.steps),
            _rate(minute.heart_rate),
            mark and mark + CLASSES[minute.mark],
        )
    return h.tr[h.th(scope="row")[time], (h.td[cell] for cell in cells)]


def _rate(bpm: float | None) -> str:
    if bpm is None:
        return ""
    return f"{bpm:.0f}" if bpm else "not worn"
