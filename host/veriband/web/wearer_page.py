"""A wearer's own page: today, the cycle's twelve periods, the vital signs, measuring now."""

from __future__ import annotations

import htpy as h
from htpy import Element, Node
from markupsafe import Markup

from veriband.analysis.cycles import PERIODS
from veriband.records import STRIP
from veriband.terminal import printable
from veriband.web.care_page import Writer
from veriband.web.clock_face import clock_face, kind, value
from veriband.web.day_page import hours_table, picture, totals
from veriband.web.document import Page, shown, wearer_path, zone_name
from veriband.web.forms import TOKEN
from veriband.web.readings_table import period, readings_table
from veriband.web.texts import Texts
from veriband.web.wearer import Person

ON_REQUEST = ("heart_rate", "spo2")  # keys of Texts.vital
_NONE = "–"


def wearer_page(of: Person, texts: Texts, token: str | None, now_ms: int, said: str = "") -> Page:
    """All of it; `token` for the form by which a band is asked, None where none can be."""
    name = printable(of.wearer.name)
    main = h.main[
        h.section("#person")[
            h.p(".up")[h.a(href="/care")[f"← {texts.all_wearers}"]],
            h.h1[shown(of.wearer.name)],
            of.has_alerts
            and h.p(".lead")[
                h.a(href=f"/care#wearer-{of.wearer.id}")[texts.has_alerts.format(name=name)]
            ],
            Writer(texts, "", now_ms).ways(of.ways),
        ],
        _cycle(of, texts),
        _vitals(of, texts),
        _measure(of, texts, token),
        _today(of, texts),
    ]
    return Page(name, Markup(main), said, has_form=token is not None)


def _card(name: str, title: str, *content: Node) -> Element:
    return h.section(f"#{name}.card", aria_labelledby=f"{name}-title")[
        h.h2(f"#{name}-title")[title], content
    ]


def _scrolling(name: str, title: str, table: Element) -> Element:
    return h.div(f"#{name}.scrolling", tabindex="0", role="region", aria_label=title)[table]


def _today(of: Person, texts: Texts) -> Element:
    day = of.day
    if not any(day.minutes) and not day.loose:
        return _card("today", texts.today, h.p[texts.nothing_today])
    return _card(
        "today",
        texts.today,
        totals(day, texts),
        picture(day, texts),
        h.details("#by-hour")[h.summary[texts.by_the_hour], hours_table(day, texts)],
    )


def _cycle(of: Person, texts: Texts) -> Element:
    zone = zone_name(of.zone, texts)
    return _card(
        "cycle",
        texts.cycle_title,
        h.p(".note")[texts.cycle_until.format(cycle=of.cycle.date, zone=zone)],
        h.figure[clock_face(of.cycle, texts)],
        h.p(".note")[texts.tradition],
        h.details("#periods")[
            h.summary[texts.as_table],
            _scrolling("periods-table", texts.as_table, _periods(of, texts)),
        ],
    )


def _periods(of: Person, texts: Texts) -> Element:
    said = {
        "known": "", "missing": texts.no_reading, "now": texts.under_way, "coming": texts.to_come,
    }  # fmt: skip
    heads = (texts.period, texts.organ, texts.vitals_title)
    return h.table(".charges")[
        h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
        h.tbody[
            (
                h.tr[
                    h.th(scope="row")[period(texts, index)],
                    h.td[texts.organs[index]],
                    h.td[value(of.cycle, index) or said[kind(of.cycle, index)] or _NONE],
                ]
                for index in range(PERIODS)
            )
        ],
    ]


def _vitals(of: Person, texts: Texts) -> Element:
    rows = of.cycle.rows
    content: Node = h.p[texts.no_reading]
    if rows:
        content = _scrolling("vitals-table", texts.readings_title, readings_table(texts, rows))
    by_strip = [row for row in rows if row["source"] == STRIP]
    return _card(
        "vitals",
        texts.vitals_title,
        content,
        any("spo2" in row for row in by_strip) and h.p(".note")[texts.not_calibrated],
        any("blood_pressure" in row for row in by_strip) and h.p(".note")[texts.estimated],
        h.p(".note")[texts.vital_caution],
    )


def _measure(of: Person, texts: Texts, token: str | None) -> Element:
    if token is None:
        return _card("measure", texts.measure_title, h.p[texts.measure_elsewhere])
    if not of.ways:
        return _card("measure", texts.measure_title, h.p[texts.no_band])
    return _card(
        "measure",
        texts.measure_title,
        h.p(".note")[texts.measure_why],
        h.form(method="post", action=wearer_path(of.wearer.name), aria_label=texts.measure_title)[
            h.input(type="hidden", name=TOKEN, value=token),
            (
                h.button(f"#measure-{key}", type="submit", name="vital", value=key)[
                    texts.measure.format(vital=_within(texts.vital[key]))
                ]
                for key in ON_REQUEST
            ),
        ],
    )


def _within(name: str) -> str:
    """A vital sign's name in the midst of a sentence."""
    return name if name[1:] != name[1:].lower() else name.lower()
