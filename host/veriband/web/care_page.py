"""The carer's page: how all wearers are, the worst first, and who sees to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import htpy as h
from htpy import Element, Node
from markupsafe import Markup

from veriband.alerts.hops import KIND, Hop
from veriband.alerts.machine import Severity
from veriband.civil import clock
from veriband.terminal import printable
from veriband.web.care import Charge, Closed, Matter, Urgency, Ward, Way
from veriband.web.document import Page, shown, wearer_path
from veriband.web.forms import TOKEN
from veriband.web.readings_table import readings_table
from veriband.web.texts import Texts

MOST_NAME, MOST_NOTE = 80, 500
_SIGN = {
    Urgency.CRITICAL: "‼",
    Urgency.ALERT: "!",
    Urgency.FAULT: "⚡",
    Urgency.WELL: "✓",
}


def care_page(of: Ward, texts: Texts, token: str, now_ms: int, said: str = "") -> Page:
    """All of it; `token` for its forms, `said` in answer to one."""
    its = Writer(texts, token, now_ms)
    troubled = [charge for charge in of.charges if charge.urgency is not Urgency.WELL]
    well = [charge for charge in of.charges if charge.urgency is Urgency.WELL]
    main = h.main[
        its.head(of.charges),
        its.host(of.of_host),
        (its.charge(charge) for charge in troubled),
        its.well(well),
        its.closed(of.closed),
    ]
    return Page(texts.caring, Markup(main), said, has_form=True, status=409 if said else 200)


class Writer:
    """Writes in a language, with that token in forms, at a moment."""

    def __init__(self, texts: Texts, token: str, now_ms: int) -> None:
        self._texts = texts
        self._token = token
        self._now_ms = now_ms

    def head(self, charges: Sequence[Charge]) -> Element:
        """How many are how."""
        texts = self._texts
        if not charges:
            said = [h.h1[texts.nobody], h.p[texts.nobody_yet]]
        else:
            its = [charge.urgency for charge in charges]
            counts = {urgency.name.lower(): its.count(urgency) for urgency in Urgency}
            said = [h.h1[texts.caring], h.p(".lead")[texts.counts.format(**counts)]]
        return h.section("#care", data_token=self._token)[said, h.p(".note")[texts.alert_caution]]

    def host(self, matters: Sequence[Matter]) -> Element | None:
        """What is wrong with this computer."""
        if not matters:
            return None
        return h.section("#host.card.fault", aria_labelledby="host-title")[
            h.h2("#host-title")[self._texts.this_computer, " ", self._badge(Urgency.FAULT)],
            (self._matter(matter, UTC) for matter in matters),
        ]

    def charge(self, of: Charge) -> Element:
        """A wearer about whom something is open."""
        texts, name = self._texts, f"wearer-{of.wearer.id}"
        anomalies = [matter for matter in of.matters if matter.is_anomaly]
        faults = [matter for matter in of.matters if not matter.is_anomaly]
        parts = ((texts.anomalies, "anomalies", anomalies), (texts.faults, "faults", faults))
        return h.section(
            f"#{name}", class_=["card", of.urgency.name.lower()], aria_labelledby=f"{name}-title"
        )[
            h.h2(f"#{name}-title")[_link(of), " ", self._badge(of.urgency)],
            h.p(".note")[f"{texts.data}: {self._ago(of.data_ms)}"],
            (
                h.div(class_=kind)[h.h3[title], (self._matter(matter, of.zone) for matter in its)]
                for title, kind, its in parts
                if its
            ),
            self.ways(of.ways, of.matters),
            self._held_back(of),
        ]

    def well(self, charges: Sequence[Charge]) -> Element | None:
        """A line for each wearer about whom nothing is open."""
        if not charges:
            return None
        texts = self._texts
        heads = (texts.wearer, texts.data, texts.hops_title)
        return h.section("#well.card", aria_labelledby="well-title")[
            h.h2("#well-title")[texts.well_title, " ", self._badge(Urgency.WELL)],
            h.table(".charges")[
                h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
                h.tbody[
                    (
                        h.tr[
                            h.th(scope="row")[_link(charge)],
                            h.td[self._ago(charge.data_ms)],
                            h.td[self.ways(charge.ways, charge.matters), self._held_back(charge)],
                        ]
                        for charge in charges
                    )
                ],
            ],
        ]

    def closed(self, its: Sequence[Closed]) -> Element | None:
        """What is over."""
        if not its:
            return None
        return h.section("#over.card", aria_labelledby="over-title")[
            h.h2("#over-title")[self._texts.closed_title],
            h.ul[(self._over(each) for each in its)],
        ]

    def _over(self, of: Closed) -> Element:
        entry, texts = of.matter.entry, self._texts
        what: Node = self._about(entry.cause.subject, entry.cause.facts)
        closed_ms = entry.alert.closed_ms or 0
        whose = [shown(of.name), ": "] if of.name else None
        return h.li(data_shown=self._version(of.matter))[
            whose, what, f" · {clock(closed_ms, of.zone)} · {texts.phase[entry.alert.phase]}",
            self._by(of.matter, prefix=" · "),
        ]  # fmt: skip

    def _badge(self, of: Urgency) -> Element:
        name = of.name.lower()
        return h.span(class_=["badge", name])[
            h.span(aria_hidden="true")[_SIGN[of]], f" {self._texts.urgency[name]}"
        ]

    def _ago(self, utc_ms: int | None) -> str:
        return ago(self._texts, utc_ms, self._now_ms)

    # An alert.

    def _version(self, of: Matter) -> str | None:
        """What a browser confirms that it has shown; None: that is known."""
        return f"{of.entry.number}.{of.entry.alert.version}" if of.is_owed else None

    def _matter(self, of: Matter, zone: tzinfo) -> Element:
        entry, texts = of.entry, self._texts
        cause, alert = entry.cause, entry.alert
        severity = alert.severity.name.lower()
        until = texts.goes_on
        if cause.until_ms is not None:
            until = texts.over_since.format(time=clock(cause.until_ms, zone))
        since = texts.since.format(time=clock(cause.since_ms, zone))
        is_bad = of.is_anomaly or alert.severity is Severity.CRITICAL
        return h.article(
            f"#alert-{entry.number}.alert", class_=severity, data_shown=self._version(of),
            aria_labelledby=f"alert-{entry.number}-title",
        )[
            h.h4(f"#alert-{entry.number}-title")[
                self._about(cause.subject, cause.facts),
                is_bad and [" ", h.span(class_=["badge", severity])[texts.severity[severity]]],
            ],
            h.p(".note")[f"{since}, {until} · {texts.phase[alert.phase]}"],
            self._by(of),
            self._facts(of, zone),
            None if of.is_seen_to else self._form(of),
        ]  # fmt: skip

    def _about(self, subject: str, facts: Mapping[str, Any]) -> Node:
        """What it is about."""
        texts = self._texts
        if "index" not in facts:
            parts = subject.split("/")
            what = "terminal" if "terminal" in parts[1:2] else parts[-1]
            if what in texts.silence:
                whose = parts[-1] if what == "terminal" else "/".join(parts[1:-1])
                return [shown(whose), " · ", texts.silence[what]]
            return h.span(lang="en")[shown(str(facts.get("text", subject)))]
        line = texts.above if facts.get("side") == "high" else texts.below
        index = facts["index"]
        mark = f" ({texts.uncalibrated})" if facts.get("uncalibrated") else ""
        return line.format(
            index=texts.index.get(index, index), worst=_number(facts.get("worst")),
            unit=f"{facts.get('unit', '')}{mark}", limit=_number(facts.get("limit")),
        )  # fmt: skip

    def _by(self, of: Matter, prefix: str = "") -> Element | None:
        alert = of.entry.alert
        if alert.acknowledged_by is None:
            return None
        name, note = printable(alert.acknowledged_by), printable(alert.note)
        said = self._texts.acknowledged_by.format(name=name)
        return h.span(".by")[prefix, h.bdi[f"{said}: {note}" if note else said]]

    def _form(self, of: Matter) -> Element:
        texts, number = self._texts, of.entry.number
        by, note = f"by-{number}", f"note-{number}"
        return h.form(
            method="post", action="/care", aria_label=texts.acknowledge_of.format(n=number)
        )[
            h.input(type="hidden", name=TOKEN, value=self._token),
            h.input(type="hidden", name="alert", value=str(number)),
            h.input(type="hidden", name="version", value=str(of.entry.alert.version)),
            h.label(for_=by)[
                texts.your_name,
                h.input(
                    f"#{by}", name="by", required=True, maxlength=str(MOST_NAME),
                    autocomplete="name",
                ),
            ],
            h.label(for_=note)[
                texts.note,
                h.input(f"#{note}", name="note", maxlength=str(MOST_NOTE), autocomplete="off"),
            ],
            h.button(f"#send-{number}", type="submit")[texts.send],
        ]  # fmt: skip

    def _facts(self, of: Matter, zone: tzinfo) -> Element:
        texts, entry = self._texts, of.entry
        facts, name = entry.cause.facts, f"facts-{of.entry.number}"
        return h.details(f"#{name}")[
            h.summary[texts.facts],
            "index" in facts and self._values(facts, zone),
            "text" in facts and texts.silence and h.p(lang="en")[shown(str(facts["text"]))],
            facts.get("result")
            and h.div(
                f"#{name}-result.scrolling", tabindex="0", role="region",
                aria_label=f"{texts.result}: {entry.number}",
            )[readings_table(texts, facts["result"])],
            h.p(".note")[texts.steps_title],
            h.ul[
                (
                    h.li[
                        f"{clock(step.utc_ms, zone)} {texts.step.get(step.what, step.what)}",
                        step.by and [" · ", shown(step.by)],
                        step.note and [" · ", shown(step.note)],
                    ]
                    for step in of.steps
                )
            ],
        ]  # fmt: skip

    def _values(self, facts: Mapping[str, Any], zone: tzinfo) -> Element:
        texts = self._texts
        count = facts.get("readings", 1)
        readings = texts.one_reading if count == 1 else texts.readings.format(n=count)
        unit = facts.get("unit", "")
        values = [(texts.reading_outside, readings)]
        if facts.get("last"):
            values.append((texts.last_outside, _moment(facts["last"], zone)))
        if facts.get("own") is not None:
            values.append((texts.own, f"{_number(facts['own'])} {unit}"))
        extent = texts.whole if facts.get("is_whole") else texts.partial
        values.append((texts.cycle, f"{facts.get('cycle', '')} ({extent})"))
        return h.dl(".facts")[(h.div[h.dt[term], h.dd[value]] for term, value in values)]

    # How it comes here.

    def ways(self, its: Sequence[Way], matters: Sequence[Matter] = ()) -> Node:
        """The hops of each, without what these alerts say."""
        if not its:
            return h.p(".note")[self._texts.no_band]
        told = {matter.entry.cause.subject for matter in matters}
        return h.ul(".hops")[
            (
                self._hop(way, hop, f"{KIND}/{way.address}/{hop.name}" in told)
                for way in its
                for hop in way.hops
            )
        ]

    def _hop(self, way: Way, hop: Hop, is_told: bool) -> Element:
        """A hop; with what to do about it, unless an alert `is_told` that says it."""
        texts = self._texts
        state = hop.state.name.lower()
        name = texts.hop.get(hop.name, hop.name)
        whose = f" {way.address}" if hop.name == "band" else ""
        return h.li(class_=["hop", state])[
            f"{name}{whose}: ",
            h.strong[texts.hop_state[hop.state]],
            hop.data_ms is not None and f" · {self._ago(hop.data_ms)}",
            hop.text and not is_told and [" · ", self._hop_text(hop)],
        ]

    def _hop_text(self, hop: Hop) -> Node:
        own = self._texts.hop_text.get(f"{hop.name}/{hop.state}")
        return own or h.span(lang="en")[shown(hop.text)]

    def _held_back(self, of: Charge) -> Element | None:
        if not of.held_back:
            return None
        texts = self._texts
        reasons = dict.fromkeys(self._why(one.why) for one in of.held_back)
        return h.p(".held-back")[
            f"{texts.held_back.format(n=len(of.held_back))}: {'; '.join(reasons)}"
        ]

    def _why(self, why: str) -> str:
        number = re.search(r"\d+", why)
        if number is None:
            return self._texts.held_back_why.get(why, why)
        key = why.replace(number[0], "{n}", 1)
        return self._texts.held_back_why.get(key, why).format(n=number[0])


def _link(of: Charge) -> Element:
    return h.a(href=wearer_path(of.wearer.name))[shown(of.wearer.name)]


def ago(texts: Texts, utc_ms: int | None, now_ms: int) -> str:
    """How long ago that was."""
    if utc_ms is None:
        return texts.no_data
    minutes = max(now_ms - utc_ms, 0) // 60_000
    if minutes < 120:
        return texts.minutes_ago.format(n=minutes)
    if minutes < 48 * 60:
        return texts.hours_ago.format(n=minutes // 60)
    return texts.days_ago.format(n=minutes // 1440)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "–"


def _moment(iso: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(iso).astimezone(zone):%Y-%m-%d %H:%M}"
