"""The document around each page, the parts that pages share, and the pages that say why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import quote
from zoneinfo import ZoneInfo

import htpy as h
from htpy import Element
from markupsafe import Markup

from veriband.contest.words import CAUTION
from veriband.terminal import printable

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
    return "/".join(["/contest", *(quote(name, safe="") for name in names)])


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


def page(title: str, *parts: Element | None) -> Page:
    """A page of these sections; None is left out."""
    return Page(title, Markup(h.main[parts]))


def empty_page() -> Page:
    """What to do while there is no contest."""
    return page(
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
    return page(
        "Not there",
        h.section("#missing")[
            h.h1["There is no such page"],
            h.p[printable(text)],
            h.ul[(h.li[h.a(href=path(*names))[shown(names[-1])]] for names in there)],
            h.p[h.a(href="/")["The newest contest"]],
        ],
    )


def trouble_page(text: str) -> Page:
    """What is wrong with the store."""
    return page(
        "Not readable",
        h.section("#failure")[
            h.h1["The store cannot be shown"],
            h.p(".failure")[printable(text)],
            h.p["It is tried again every few seconds."],
        ],
    )


# Parts.


def shown(text: str) -> Element:
    """A text of others: what could act upon the page or the text around it is spelled out."""
    return h.bdi[printable(text)]


def told(name: str, title: str, sentences: Sequence[str]) -> Element | None:
    """A section of sentences; None where there are none."""
    if not sentences:
        return None
    return h.section(f"#{name}.card", aria_labelledby=f"{name}-title")[
        h.h2(f"#{name}-title")[title], h.ul[(h.li[sentence] for sentence in sentences)]
    ]


def zone_name(zone: tzinfo) -> str:
    """What a zone is called."""
    return zone.key if isinstance(zone, ZoneInfo) else "this computer's time"
