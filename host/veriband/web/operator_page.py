"""The operator's page: bands and their hops, gaps, batteries, notices, what is owed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import htpy as h
from htpy import Element
from markupsafe import Markup

from veriband.civil import clock
from veriband.store.store import Notice
from veriband.web.care_page import Writer, ago
from veriband.web.document import Page, shown, wearer_path
from veriband.web.operator import Kept, Operation, Owing
from veriband.web.texts import Texts

_MB = 1_000_000


def operator_page(of: Operation, texts: Texts, zone: tzinfo, now_ms: int) -> Page:
    """All of it, times of the radio and of terminals on the clock of `zone`."""
    megabytes = f"{of.store_bytes / _MB:.1f}"
    main = h.main[
        h.section("#operator")[
            h.h1[texts.operator],
            h.p(".note")[texts.store_size.format(megabytes=megabytes)],
            None if of.bands else h.p[texts.no_band_known],
        ],
        _card("owed", texts.owed_title, _list(_owing(of.owing, texts, zone), texts)),
        _card("radio", texts.radio_title, _list(_notices(of.notices, texts, zone), texts)),
        (_band(its, texts, now_ms) for its in of.bands),
    ]
    return Page(texts.operator, Markup(main))


def _card(name: str, title: str, content: Element) -> Element:
    return h.section(f"#{name}.card", aria_labelledby=f"{name}-title")[
        h.h2(f"#{name}-title")[title], content
    ]


def _band(of: Kept, texts: Texts, now_ms: int) -> Element:
    name = f"band-{of.band.id}"
    wearer = h.a(href=wearer_path(of.wearer))[shown(of.wearer)] if of.wearer else None
    lag = ago(texts, of.known_until_ms, now_ms)
    values: list[tuple[str, str | Element]] = [
        (texts.wearer, wearer or texts.worn_by_nobody),
        (texts.recorded_until, lag),
        (texts.undated, f"{of.undated_steps:,}"),
    ]
    lists: list[tuple[str, Sequence[str | Element]]] = [
        (texts.gaps_title, _gaps(of, texts)),
        (texts.battery_title, _low(of, texts)),
        (texts.notices_title, _notices(of.notices, texts, of.zone)),
    ]
    return _card(
        name,
        texts.band.format(address=of.band.address),
        h.div[
            h.dl(".facts")[(h.div[h.dt[term], h.dd[value]] for term, value in values)],
            Writer(texts, "", now_ms).ways([of.way]),
            ([h.h3[title], _list(lines, texts)] for title, lines in lists if lines),
        ],
    )


def _gaps(of: Kept, texts: Texts) -> list[str]:
    return [
        texts.gap.format(time=clock(gap.utc_ms, of.zone), n=gap.minutes, steps=f"{gap.steps:,}")
        for gap in of.gaps
    ]


def _low(of: Kept, texts: Texts) -> list[str]:
    return [
        (texts.cell_low if low.is_cell else texts.battery_low).format(
            time=clock(low.utc_ms, of.zone), volts=f"{low.mv / 1000:.2f}"
        )
        for low in of.low
    ]


def _list(lines: Sequence[str | Element], texts: Texts) -> Element:
    its = [h.li[line] for line in lines]
    return h.ul[its] if its else h.p(".note")[texts.none]


def _notices(notices: Sequence[Notice], texts: Texts, zone: tzinfo) -> list[Element]:
    return [_notice(each, texts, zone) for each in reversed(notices)]


def _notice(of: Notice, texts: Texts, zone: tzinfo) -> Element:
    often = ""
    if of.count > 1:
        often = f" ({texts.often.format(n=of.count, time=clock(of.first_utc_ms, zone))})"
    text = h.span(lang="en")[shown(of.text)]
    return h.span[f"{clock(of.last_utc_ms, zone)} ", text, often]


def _owing(owing: Sequence[Owing], texts: Texts, zone: tzinfo) -> list[Element]:
    return [
        h.span[
            shown(its.terminal), ": ",
            texts.owed.format(n=its.count, time=clock(its.since_ms, zone)),
        ]
        for its in owing
    ]  # fmt: skip
