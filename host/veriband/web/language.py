"""The languages that there are, and which one a browser wants."""

from __future__ import annotations

from starlette.requests import Request

from veriband.web.chinese import CHINESE
from veriband.web.english import ENGLISH
from veriband.web.texts import LANGUAGE, Texts

LANGUAGES = {texts.tag: texts for texts in (ENGLISH, CHINESE)}


def chosen(request: Request) -> Texts:
    """The language that was chosen now, or once, or that the browser prefers; else English."""
    for tag in (request.query_params.get(LANGUAGE), request.cookies.get(LANGUAGE)):
        if tag in LANGUAGES:
            return LANGUAGES[tag]
    return preferred(request.headers.get("accept-language", ""))


def preferred(accepted: str) -> Texts:
    """The best that we have of an Accept-Language (RFC 9110, 12.5.4)."""
    best, texts = 0.0, ENGLISH
    for each in accepted.split(","):
        tag, _, weight = each.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        value = _quality(weight)
        if primary in LANGUAGES and value > best:
            best, texts = value, LANGUAGES[primary]
    return texts


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
