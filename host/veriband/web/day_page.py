"""A wearer's page: a day in a contest as a picture, in words, and as tables."""

from __future__ import annotations

from datetime import date

import htpy as h
from htpy import Element, Node

from veriband.analysis.judgement import Mark
from veriband.civil import clock
from veriband.terminal import printable
from veriband.web.chart import CLASSES, SIGNS, chart, has_heart_rate
from veriband.web.day import Day, Hour, Row, gaps, hours, marked, rows, unworn
from veriband.web.document import Page, page, path, shown, told, zone_name
from veriband.web.texts import Texts


def day_page(day: Day, texts: Texts) -> Page:
    """A wearer's day in a contest."""
    name = printable(day.wearer)
    on = f"{texts.weekdays[day.date.weekday()]} {day.date}"
    parts = [
        h.section("#wearer")[
            h.p(".up")[h.a(href=path(day.contest))["← ", shown(day.contest)]],
            h.h1[shown(day.wearer)],
            h.nav(".days", aria_label=texts.days_nav)[
                _day_link(day, day.earlier, "prev"),
                h.strong[on],
                _day_link(day, day.later, "next"),
            ],
            totals(day, texts),
            h.p(".note")[_until(day, texts)],
        ],
        h.section("#day.card", aria_labelledby="day-title")[
            h.h2("#day-title")[texts.heart_and_steps],
            picture(day, texts),
        ],
        told("evidence", texts.why, [h.span(lang="en")[each] for each in day.evidence]),
        h.section("#tables.card", aria_labelledby="tables-title")[
            h.h2("#tables-title")[texts.as_tables],
            h.details("#by-hour")[h.summary[texts.by_the_hour], hours_table(day, texts)],
            h.details("#by-minute")[h.summary[texts.every_minute], _minutes(day, texts)],
        ],
    ]
    return page(f"{name}, {day.date}", *parts)


def _day_link(day: Day, other: date | None, rel: str) -> Element | None:
    if other is None:
        return None
    text = f"← {other}" if rel == "prev" else f"{other} →"
    return h.a(href=f"{path(day.contest, day.wearer)}?day={other}", rel=rel)[text]


def totals(day: Day, texts: Texts) -> Element:
    """The day's steps by what becomes of them."""
    by_mark = {mark: day.steps(mark) for mark in Mark}
    claimed = sum(by_mark.values())
    uncounted = by_mark[Mark.STRUCK] + (0 if day.counts_unverified else by_mark[Mark.UNVERIFIED])
    values = (
        ("claimed", claimed),
        ("struck", by_mark[Mark.STRUCK]),
        ("unverified", by_mark[Mark.UNVERIFIED]),
        ("counted", claimed - uncounted),
    )
    return h.dl(".totals")[
        (
            h.div(class_=term)[h.dt[texts.column[term]], h.dd[f"{value:,}"]]
            for term, value in values
        )
    ]


def _until(day: Day, texts: Texts) -> str:
    until = texts.nothing_has_come
    if day.until_utc_ms is not None:
        until = texts.data_end.format(time=clock(day.until_utc_ms, day.zone))
    return f"{until} {texts.zone.format(zone=zone_name(day.zone, texts))}"


def picture(day: Day, texts: Texts) -> Node:
    """The day as a picture, with its legend, and in words what is marked in it."""
    if not any(day.minutes):
        return h.p[texts.nothing_of_day]
    legend = (
        ("counted", texts.nothing_against, day.steps(Mark.COUNTED)),
        ("unverified", f"? {texts.mark['unverified']}", marked(day, Mark.UNVERIFIED)),
        ("struck", f"✕ {texts.mark['struck']}", marked(day, Mark.STRUCK)),
        ("heart", texts.index["heart rate"], has_heart_rate(day)),
        ("unworn", texts.vital_status["not worn"], unworn(day)),
        ("gap", texts.nothing_recorded, gaps(day)),
    )
    return [
        h.figure[
            chart(day, texts),
            h.figcaption[
                h.ul(".legend")[(h.li(class_=kind)[text] for kind, text, seen in legend if seen)]
            ],
        ],
        _stretches(day, texts),
    ]


def _stretches(day: Day, texts: Texts) -> Element | None:
    """Where steps were struck or could not be verified, in words."""
    lines = [
        h.li(class_=CLASSES[mark])[
            f"{SIGNS[mark]} "
            + texts.stretch.format(
                times=_times(day, each.begin, each.end),
                steps=f"{each.steps:,}",
                mark=texts.mark[CLASSES[mark]],
                minutes=_count(each.count, each.end - each.begin, texts),
            )
        ]
        for mark in (Mark.STRUCK, Mark.UNVERIFIED)
        for each in marked(day, mark)
    ]
    for at, steps in day.loose:
        of = CLASSES[Mark.UNVERIFIED]
        text = texts.loose.format(time=day.clock(at), steps=f"{steps:,}", mark=texts.mark[of])
        lines.append(h.li(class_=of)[f"{SIGNS[Mark.UNVERIFIED]} {text}"])
    return h.ul(".stretches")[lines] if lines else None


def _count(some: int, of: int, texts: Texts) -> str:
    whole = texts.one_minute if of == 1 else texts.whole_minutes.format(n=of)
    return whole if some == of else texts.some_of.format(n=some, whole=whole)


def _times(day: Day, begin: int, end: int) -> str:
    return f"{day.clock(begin)}–{day.clock(end)}"


def _scrolling(name: str, title: str, table: Element) -> Element:
    return h.div(f"#{name}.scrolling", tabindex="0", role="region", aria_label=title)[table]


def hours_table(day: Day, texts: Texts) -> Element:
    """The day by the hour."""
    heads = texts.hour_heads
    return _scrolling(
        "hours",
        texts.by_the_hour,
        h.table[
            h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
            h.tbody[(_hour(day, hour, texts) for hour in hours(day))],
        ],
    )


def _hour(day: Day, of: Hour, texts: Texts) -> Element:
    rates: Node = texts.vital_status["not worn"] if of.unworn else ""
    if of.rates:
        low, mean, high = of.rates
        rates = [f"{mean:.0f} ", h.small[f"({low:.0f}–{high:.0f})"]]
    return h.tr[
        h.th(scope="row")[day.clock(of.begin)],
        (h.td[f"{value:,}"] for value in (of.steps, of.struck, of.unverified)),
        h.td[rates],
        h.td[str(of.known)],
    ]


def _minutes(day: Day, texts: Texts) -> Element:
    heads = texts.minute_heads
    return _scrolling(
        "minutes",
        texts.every_minute,
        h.table[
            h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
            h.tbody[(_row(day, row, texts) for row in rows(day))],
        ],
    )


def _row(day: Day, of: Row, texts: Texts) -> Element:
    time = _times(day, of.begin, of.end) if of.end - of.begin > 1 else day.clock(of.begin)
    minute = of.minute
    if minute is None:
        steps = texts.in_all.format(steps=f"{of.loose:,}") if of.loose else ""
        cells = (steps, "", texts.nothing_recorded)
    else:
        mark = "" if minute.mark is Mark.COUNTED else f"{SIGNS[minute.mark]} "
        cells = (
            str(minute.steps),
            _rate(minute.heart_rate, texts),
            mark and mark + texts.mark[CLASSES[minute.mark]],
        )
    return h.tr[h.th(scope="row")[time], (h.td[cell] for cell in cells)]


def _rate(bpm: float | None, texts: Texts) -> str:
    if bpm is None:
        return ""
    return f"{bpm:.0f}" if bpm else texts.vital_status["not worn"]
