"""The pages as HTML: what views hold, escaped, with nothing in it that changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from urllib.parse import quote
from zoneinfo import ZoneInfo

import htpy as h
from htpy import Element, Node
from markupsafe import Markup

from veriband.analysis.judgement import Mark, Verdict
from veriband.contest.words import CAUTION, clock
from veriband.store.roster import Contest
from veriband.terminal import printable
from veriband.web.chart import CLASSES, SIGNS, chart, has_heart_rate
from veriband.web.day import Day, Hour, Row, gaps, hours, marked, rows, unworn
from veriband.web.views import Leaderboard, Place

SIGN = {
    Verdict.HONEST: "✓",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SUSPECTED: "!",
    Verdict.CHEATING: "✕",
}
_FIRST_STEPS = """\
veriband pair ADDRESS --secret HEX
veriband wearer add anna --band ADDRESS
veriband wearer add ben --band ADDRESS
veriband contest add may anna ben --from 2026-05-01 --to 2026-05-31"""


@dataclass(frozen=True)
class Page:
    """A page's title, and what of it changes with the store: sections, each with an id."""

    title: str
    main: Markup


def path(*names: str) -> str:
    """Where a contest is, or a wearer in it."""
    return "/".join(["/contest", *(quote(name, safe="") for name in names)]) if names else "/"


def shell(page: Page, version: str, updated: datetime) -> str:
    """The whole document around a page of that version; `updated` when it was read."""
    return str(
        h.html(lang="en", data_version=version)[
            h.head[
                h.meta(charset="utf-8"),
                h.meta(name="viewport", content="width=device-width, initial-scale=1"),
                h.title[f"{page.title} · Veriband"],
                h.link(rel="stylesheet", href="/static/style.css"),
                h.link(rel="icon", type="image/svg+xml", href="/static/icon.svg"),
                h.script(src="/static/live.js", defer=True),
                h.noscript[h.meta(http_equiv="refresh", content="10")],
            ],
            h.body[
                h.header[
                    h.a(".brand", href="/")["Veriband"],
                    h.p("#state")[
                        "Updated ",
                        h.time(datetime=updated.isoformat(timespec="seconds"))[
                            f"{updated:%H:%M:%S}"
                        ],
                        h.span("#live"),
                    ],
                ],
                h.p("#trouble", role="status"),
                page.main,
                h.footer[
                    h.p[CAUTION],
                    h.p[
                        "To be looked at only, and only on this computer: nothing can be changed."
                    ],
                ],
            ],
        ]
    )


def _page(title: str, *parts: Element | None) -> Page:
    return Page(title, Markup(h.main[parts]))


def contest_page(of: Leaderboard, zone: tzinfo, now_utc_ms: int) -> Page:
    """The leaderboard of a contest."""
    its = of.contest
    evidence = [item.sentence for place in of.places for item in place.standing.evidence]
    silent = [place.standing.wearer for place in of.places if place.standing.until_utc_ms is None]
    late = [
        *(f"Came late: {printable(change)}" for change in of.late),
        *(f"Nothing has come from {printable(wearer)}." for wearer in silent),
    ]
    others = [name for name in of.contests if name != its.name]
    parts = [
        h.section("#contest")[h.h1[_name(its.name)], _terms(its, zone, now_utc_ms)],
        h.section("#standings", aria_labelledby="standings-title")[
            h.h2("#standings-title")["Leaderboard"], _table(its, of.places, zone)
        ],
        _told("evidence", "Why", evidence),
        _told("late", "Late and missing", late),
        _others(others),
    ]
    return _page(printable(its.name), *parts)


def day_page(day: Day) -> Page:
    """A wearer's day in a contest."""
    name = printable(day.wearer)
    on = f"{day.date:%A} {day.date}"
    parts = [
        h.section("#wearer")[
            h.p(".up")[h.a(href=path(day.contest))["← ", _name(day.contest)]],
            h.h1[_name(day.wearer)],
            h.nav(".days", aria_label="Days")[
                _day_link(day, day.earlier, "prev"),
                h.strong[on],
                _day_link(day, day.later, "next"),
            ],
            _totals(day),
            h.p(".note")[_until(day)],
        ],
        h.section("#day", aria_labelledby="day-title")[
            h.h2("#day-title")["Heart rate and steps"],
            _picture(day),
        ],
        _told("evidence", "Why", day.evidence),
        h.section("#tables", aria_labelledby="tables-title")[
            h.h2("#tables-title")["The same as tables"],
            h.details("#by-hour")[h.summary["By the hour"], _hours(day)],
            h.details("#by-minute")[h.summary["Every minute"], _minutes(day)],
        ],
    ]
    return _page(f"{name}, {day.date}", *parts)


def empty_page() -> Page:
    """What to do while there is no contest."""
    return _page(
        "No contest yet",
        h.section("#empty")[
            h.h1["There is no contest yet"],
            h.p["Add who wears which band, and a contest between them, on the command line:"],
            h.pre[h.code[_FIRST_STEPS]],
            h.p["This page shows it as soon as it is there."],
        ],
    )


def missing_page(text: str, there: Sequence[tuple[str, ...]]) -> Page:
    """What there is in place of a page that there is not."""
    return _page(
        "Not there",
        h.section("#missing")[
            h.h1["There is no such page"],
            h.p[printable(text)],
            h.ul[(h.li[h.a(href=path(*names))[_name(names[-1])]] for names in there)],
            h.p[h.a(href="/")["The newest contest"]],
        ],
    )


def trouble_page(text: str) -> Page:
    """What is wrong with the store."""
    return _page(
        "Not readable",
        h.section("#failure")[
            h.h1["The store cannot be shown"],
            h.p(".failure")[printable(text)],
            h.p["It is tried again every few seconds."],
        ],
    )


# Parts.


def _name(name: str) -> Element:
    """A text of others: what could act upon the page or the text around it is spelled out."""
    return h.bdi[printable(name)]


def _told(name: str, title: str, sentences: Sequence[str]) -> Element | None:
    if not sentences:
        return None
    return h.section(f"#{name}", aria_labelledby=f"{name}-title")[
        h.h2(f"#{name}-title")[title], h.ul[(h.li[sentence] for sentence in sentences)]
    ]


def _others(names: Sequence[str]) -> Element | None:
    if not names:
        return None
    return h.section("#contests", aria_labelledby="contests-title")[
        h.h2("#contests-title")["Other contests"],
        h.ul[(h.li[h.a(href=path(name))[_name(name)]] for name in names)],
    ]


def _terms(of: Contest, zone: tzinfo, now_utc_ms: int) -> Node:
    begin, end = clock(of.from_utc_ms, zone), clock(of.to_utc_ms, zone)
    if now_utc_ms < of.from_utc_ms:
        state = f"It begins in {_duration(of.from_utc_ms - now_utc_ms)}."
    elif now_utc_ms < of.to_utc_ms:
        state = f"It goes on for {_duration(of.to_utc_ms - now_utc_ms)}; this is the table so far."
    else:
        state = "It is over; what still comes changes the table, and is told."
    unverified = "counts" if of.counts_unverified else "does not count"
    return [
        h.p(".lead")[state],
        h.p(".note")[
            f"{begin} to {end} ({_zone(zone)}). Rule {of.rule}; what is unverified {unverified}."
        ],
    ]


def _duration(ms: int) -> str:
    minutes = -(-ms // 60_000)
    days, hours_, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours_} h" if hours_ else ""]
    parts.append(f"{minutes} min" if minutes and not days else "")
    return " ".join(part for part in parts if part)


def _zone(zone: tzinfo) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else "this computer's time"


_HEADS = ("", "Wearer", "Claimed", "Struck", "Unverified", "Counted", "Verdict", "Data until")


def _table(of: Contest, places: Sequence[Place], zone: tzinfo) -> Element:
    return h.table(".standings", role="table", aria_labelledby="standings-title")[
        h.thead(role="rowgroup")[
            h.tr(role="row")[
                (
                    h.th(class_=_kind(head), role="columnheader", scope="col")[
                        head or h.span(".unseen")["Place"]
                    ]
                    for head in _HEADS
                )
            ]
        ],
        h.tbody(role="rowgroup")[(_place(of, place, zone) for place in places)],
    ]


def _kind(head: str) -> str:
    return head.lower().replace(" ", "-") or "place"


def _place(of: Contest, place: Place, zone: tzinfo) -> Element:
    its = place.standing
    numbers = zip(
        ("Claimed", "Struck", "Unverified", "Counted"),
        (its.claimed, its.struck, its.unverified, its.counted),
        strict=True,
    )
    until = "nothing yet" if its.until_utc_ms is None else clock(its.until_utc_ms, place.zone)
    return h.tr(role="row")[
        h.td(".place", role="cell")[str(place.rank)],
        h.th(".wearer", role="rowheader", scope="row")[
            h.a(href=path(of.name, its.wearer))[_name(its.wearer)]
        ],
        (
            h.td(class_=["number", head.lower()], role="cell", data_head=head)[f"{value:,}"]
            for head, value in numbers
        ),
        h.td(".verdict", role="cell")[_verdict(its.verdict)],
        h.td(".data-until", role="cell", data_head="Data until")[
            until, place.zone != zone and h.small[f" {_zone(place.zone)}"]
        ],
    ]


def _verdict(of: Verdict) -> Element:
    return h.span(class_=["badge", of.word])[
        h.span(aria_hidden="true")[SIGN.get(of, "–")], f" {of.word}"
    ]


def _day_link(day: Day, other: date | None, rel: str) -> Element | None:
    if other is None:
        return None
    text = f"← {other}" if rel == "prev" else f"{other} →"
    return h.a(href=f"{path(day.contest, day.wearer)}?day={other}", rel=rel)[text]


def _totals(day: Day) -> Element:
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
        return f"Nothing has come yet. Times are those of {_zone(day.zone)}."
    until = clock(day.until_utc_ms, day.zone)
    return f"The data end at {until}. Times are those of {_zone(day.zone)}."


def _picture(day: Day) -> Node:
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


def _hours(day: Day) -> Element:
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
