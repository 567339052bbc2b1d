"""A contest's page: the leaderboard, what speaks against whom, what came late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import htpy as h
from htpy import Element, Node

from veriband.analysis.judgement import Verdict
from veriband.civil import clock
from veriband.contest.words import rules
from veriband.store.roster import Contest
from veriband.terminal import printable
from veriband.web.document import Page, page, path, shown, told, zone_name
from veriband.web.texts import Texts
from veriband.web.views import Leaderboard, Place

SIGN = {
    Verdict.HONEST: "✓",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SUSPECTED: "!",
    Verdict.CHEATING: "✕",
}


def contest_page(of: Leaderboard, texts: Texts, zone: tzinfo, now_utc_ms: int) -> Page:
    """The leaderboard of a contest."""
    its = of.contest
    evidence = [item.sentence for place in of.places for item in place.standing.evidence]
    silent = [place.standing.wearer for place in of.places if place.standing.until_utc_ms is None]
    late = [
        *([texts.came_late, h.span(lang="en")[printable(change)]] for change in of.late),
        *(texts.nothing_from.format(name=printable(wearer)) for wearer in silent),
    ]
    others = [name for name in of.contests if name != its.name]
    parts = [
        h.section("#contest")[h.h1[shown(its.name)], _terms(its, texts, zone, now_utc_ms)],
        h.section("#standings.card", aria_labelledby="standings-title")[
            h.h2("#standings-title")[texts.leaderboard], _table(its, of.places, texts, zone)
        ],
        told("evidence", texts.why, [h.span(lang="en")[each] for each in evidence]),
        told("late", texts.late_title, late),
        _others(others, texts),
    ]
    return page(printable(its.name), *parts)


def _others(names: Sequence[str], texts: Texts) -> Element | None:
    if not names:
        return None
    return h.section("#contests.card", aria_labelledby="contests-title")[
        h.h2("#contests-title")[texts.other_contests],
        h.ul[(h.li[h.a(href=path(name))[shown(name)]] for name in names)],
    ]


def _terms(of: Contest, texts: Texts, zone: tzinfo, now_utc_ms: int) -> Node:
    begin, end = clock(of.from_utc_ms, zone), clock(of.to_utc_ms, zone)
    if now_utc_ms < of.from_utc_ms:
        state = texts.begins_in.format(time=_duration(of.from_utc_ms - now_utc_ms, texts))
    elif now_utc_ms < of.to_utc_ms:
        state = texts.goes_on_for.format(time=_duration(of.to_utc_ms - now_utc_ms, texts))
    else:
        state = texts.contest_over
    return [
        h.p(".lead")[state],
        h.p(".note")[
            texts.window.format(begin=begin, end=end, zone=zone_name(zone, texts)),
            h.span(lang="en")[f"; {rules(of)}."],
        ],
    ]


def _duration(ms: int, texts: Texts) -> str:
    minutes = -(-ms // 60_000)
    days, hours_, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [texts.days.format(n=days) if days else ""]
    parts.append(texts.hours.format(n=hours_) if hours_ else "")
    parts.append(texts.minutes.format(n=minutes) if minutes and not days else "")
    return " ".join(part for part in parts if part)


_NUMBERS = ("claimed", "struck", "unverified", "counted")
_COLUMNS = ("place", "wearer", *_NUMBERS, "verdict", "data-until")


def _table(of: Contest, places: Sequence[Place], texts: Texts, zone: tzinfo) -> Element:
    return h.table(".standings", role="table", aria_labelledby="standings-title")[
        h.thead(role="rowgroup")[
            h.tr(role="row")[
                (
                    h.th(class_=column, role="columnheader", scope="col")[
                        h.span(".unseen")[texts.column[column]]
                        if column == "place"
                        else texts.column[column]
                    ]
                    for column in _COLUMNS
                )
            ]
        ],
        h.tbody(role="rowgroup")[(_place(of, place, texts, zone) for place in places)],
    ]


def _place(of: Contest, place: Place, texts: Texts, zone: tzinfo) -> Element:
    its = place.standing
    numbers = zip(_NUMBERS, (its.claimed, its.struck, its.unverified, its.counted), strict=True)
    until = texts.nothing_yet if its.until_utc_ms is None else clock(its.until_utc_ms, place.zone)
    return h.tr(role="row")[
        h.td(".place", role="cell")[str(place.rank)],
        h.th(".wearer", role="rowheader", scope="row")[
            h.a(href=path(of.name, its.wearer))[shown(its.wearer)]
        ],
        (
            h.td(class_=["number", column], role="cell", data_head=texts.column[column])[
                f"{value:,}"
            ]
            for column, value in numbers
        ),
        h.td(".verdict", role="cell")[_verdict(its.verdict, texts)],
        h.td(".data-until", role="cell", data_head=texts.column["data-until"])[
            until, place.zone != zone and h.small[f" {zone_name(place.zone, texts)}"]
        ],
    ]


def _verdict(of: Verdict, texts: Texts) -> Element:
    return h.span(class_=["badge", of.word])[
        h.span(aria_hidden="true")[SIGN.get(of, "–")], f" {texts.verdict[of.word]}"
    ]
