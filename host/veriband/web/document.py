"""The document around each page, the parts that pages share, and the pages that say why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import quote
from zoneinfo import ZoneInfo

import htpy as h
from htpy import Element, Node
from markupsafe import Markup

from veriband.terminal import printable
from veriband.web.texts import LANGUAGE, Texts

_FIRST_STEPS = """\
veriband pair ADDRESS --secret HEX
veriband wearer add anna --band ADDRESS
veriband wearer add ben --band ADDRESS
veriband contest add may anna ben --from 2026-05-01 --to 2026-05-31"""


@dataclass(frozen=True)
class Page:
    """A page's title, and what of it changes with the store: sections, each with an id.

    `said`: an answer to what was sent from it. One that `has_form` is not loaded anew by itself.
    `status`: of HTTP.
    """

    title: str
    main: Markup
    said: str = ""
    has_form: bool = False
    status: int = 200


def path(*names: str) -> str:
    """Where a contest is, or a wearer in it."""
    return "/".join(["/contest", *(quote(name, safe="") for name in names)])


def wearer_path(name: str) -> str:
    """Where a wearer's own page is."""
    return f"/wearer/{quote(name, safe='')}"


def shell(
    page: Page, texts: Texts, languages: Sequence[Texts], here: str, version: str,
    updated: datetime,
) -> str:  # fmt: skip
    """The whole document around a page of that version; `here` is its address, to which another
    parameter can be added; `updated` when it was read."""
    return str(
        h.html(lang=texts.tag, data_version=version)[
            h.head[
                h.meta(charset="utf-8"),
                h.meta(name="viewport", content="width=device-width, initial-scale=1"),
                h.title[f"{page.title} · Veriband"],
                h.link(rel="stylesheet", href="/static/style.css"),
                h.link(rel="icon", type="image/svg+xml", href="/static/icon.svg"),
                h.script(src="/static/live.js", defer=True),
                not page.has_form and h.noscript[h.meta(http_equiv="refresh", content="10")],
            ],
            h.body[
                h.header[
                    h.a(".brand", href="/")["Veriband"],
                    h.nav(aria_label=texts.nav)[
                        h.a(href="/care")[texts.wearers],
                        h.a(href="/")[texts.contests],
                        h.a(href="/operator")[texts.operator],
                    ],
                    _switch(texts, languages, here),
                    h.p("#state")[
                        f"{texts.updated} ",
                        h.time(datetime=updated.isoformat(timespec="seconds"))[
                            f"{updated:%H:%M:%S}"
                        ],
                        h.span("#live", data_live=texts.live, data_not_live=texts.not_live),
                    ],
                ],
                h.p(
                    "#trouble", role="status", data_no_answer=texts.no_answer,
                    data_failed=texts.failed,
                ),
                page.said and h.p("#said", role="alert")[page.said],
                page.main,
                h.footer[h.p[texts.no_diagnosis], h.p[texts.local_only]],
            ],
        ]
    )  # fmt: skip


def _switch(texts: Texts, languages: Sequence[Texts], here: str) -> Element:
    """Links to the same page in the other languages."""
    return h.nav(".languages", aria_label=texts.languages)[
        (
            h.a(href=f"{here}{LANGUAGE}={other.tag}", lang=other.tag, hreflang=other.tag)[
                other.name
            ]
            for other in languages
            if other is not texts
        )
    ]  # fmt: skip


def page(title: str, *parts: Element | None, status: int = 200) -> Page:
    """A page of these sections; None is left out."""
    return Page(title, Markup(h.main[parts]), status=status)


def empty_page(texts: Texts) -> Page:
    """What to do while there is no contest."""
    return page(
        texts.no_contest,
        h.section("#empty")[
            h.h1[texts.no_contest_yet],
            h.p[texts.how_to_begin],
            h.pre[h.code[_FIRST_STEPS]],
            h.p[texts.then_shown],
        ],
    )


def missing_page(text: str, there: Sequence[tuple[str, ...]], texts: Texts) -> Page:
    """What there is in place of a page that there is not."""
    return page(
        texts.not_there,
        h.section("#missing")[
            h.h1[texts.no_such_page],
            h.p(lang="en")[printable(text)],
            h.ul[(h.li[h.a(href=path(*names))[shown(names[-1])]] for names in there)],
            h.p[h.a(href="/")[texts.newest_contest]],
        ],
        status=404,
    )


def trouble_page(text: str, texts: Texts) -> Page:
    """What is wrong with the store."""
    return page(
        texts.unreadable,
        h.section("#failure")[
            h.h1[texts.not_shown],
            h.p(".failure", lang="en")[printable(text)],
            h.p[texts.tried_again],
        ],
        status=503,
    )


def refused_page(texts: Texts) -> Page:
    """That what was sent was not taken, and what to do."""
    return page(
        texts.refused,
        h.section("#refused")[
            h.h1[texts.refused], h.p[texts.refused_why], h.p[h.a(href="/care")[texts.back]]
        ],
        status=403,
    )


# Parts.


def shown(text: str) -> Element:
    """A text of others: what could act upon the page or the text around it is spelled out."""
    return h.bdi[printable(text)]


def told(name: str, title: str, sentences: Sequence[Node]) -> Element | None:
    """A section of sentences; None where there are none."""
    if not sentences:
        return None
    return h.section(f"#{name}.card", aria_labelledby=f"{name}-title")[
        h.h2(f"#{name}-title")[title], h.ul[(h.li[sentence] for sentence in sentences)]
    ]


def zone_name(zone: tzinfo, texts: Texts) -> str:
    """What a zone is called."""
    return zone.key if isinstance(zone, ZoneInfo) else texts.this_computers_time
