"""A contest's page: the leaderboard, what speaks against whom, what came late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import htpy as h
from htpy import Element, Node

from veriband.analysis.judgement import Verdict
from veriband.contest.words import clock, rules
from veriband.store.roster import Contest
from veriband.terminal import printable
from veriband.web.document import Page, page, path, shown, told, zone_name
from veriband.web.views import Leaderboard, Place

SIGN = {
    Verdict.HONEST: "✓",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SUSPECTED: "!",
    Verdict.CHEATING: "✕",
}


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
        h.section("#contest")[h.h1[shown(its.name)], _terms(its, zone, now_utc_ms)],
        h.section("#standings.card", aria_labelledby="standings-title")[
            h.h2("#standings-title")["Leaderboard"], _table(its, of.places, zone)
        ],
        told("evidence", "Why", evidence),
        told("late", "Late and missing", late),
        _others(others),
    ]
    return page(printable(its.name), *parts)


def _others(names: Sequence[str]) -> Element | None:
    if not names:
        return None
    return h.section("#contests.card", aria_labelledby="contests-title")[
        h.h2("#contests-title")["Other contests"],
        h.ul[(h.li[h.a(href=path(name))[shown(name)]] for name in names)],
    ]


def _terms(of: Contest, zone: tzinfo, now_utc_ms: int) -> Node:
    begin, end = clock(of.from_utc_ms, zone), clock(of.to_utc_ms, zone)
    if now_utc_ms < of.from_utc_ms:
        state = f"It begins in {_duration(of.from_utc_ms - now_utc_ms)}."
    elif now_utc_ms < of.to_utc_ms:
        state = f"It goes on for {_duration(of.to_utc_ms - now_utc_ms)}; this is the table so far."
    else:
        state = "It is over; what still comes changes the table, and is told."
    return [
        h.p(".lead")[state],
        h.p(".note")[f"{begin} to {end} ({zone_name(zone)}); {rules(of)}."],
    ]


def _duration(ms: int) -> str:
    minutes = -(-ms // 60_000)
    days, hours_, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours_} h" if hours_ else ""]
    parts.append(f"{minutes} min" if minutes and not days else "")
    return " ".join(part for part in parts if part)


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
            h.a(href=path(of.name, its.wearer))[shown(its.wearer)]
        ],
        (
            h.td(class_=["number", head.lower()], role="cell", data_head=head)[f"{value:,}"]
            for head, value in numbers
        ),
        h.td(".verdict", role="cell")[_verdict(its.verdict)],
        h.td(".data-until", role="cell", data_head="Data until")[
            until, place.zone != zone and h.small[f" {zone_name(place.zone)}"]
        ],
    ]


def _verdict(of: Verdict) -> Element:
    return h.span(class_=["badge", of.word])[
        h.span(aria_hidden="true")[SIGN.get(of, "–")], f" {of.word}"
    ]
