"""The pages say the same in each language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from veriband.alerts.hops import State
from veriband.alerts.machine import Phase, Severity
from veriband.analysis.cycles import PERIODS
from veriband.analysis.judgement import Verdict
from veriband.analysis.ranges import INDICES
from veriband.vitals.signs import VITALS
from veriband.web import pages
from veriband.web.care import Urgency
from veriband.web.chart import CLASSES
from veriband.web.chinese import CHINESE
from veriband.web.english import ENGLISH
from veriband.web.language import LANGUAGES, chosen, preferred
from veriband.web.texts import Texts
from veriband_protocol.items import STATUSES

OTHERS = [texts for texts in LANGUAGES.values() if texts is not ENGLISH]
OWN = {"hop_text", "silence"}  # in English they say it themselves
NAMES = [field.name for field in fields(Texts)]


def holes(text: Any) -> list[str]:
    """What is to be put into a text, or into each of them."""
    texts = text.values() if isinstance(text, Mapping) else text
    whole = text if isinstance(text, str) else " ".join(texts)
    return sorted(re.findall(r"\{\w*\}", whole))


@pytest.mark.parametrize("other", OTHERS, ids=lambda texts: texts.tag)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in OWN])
def test_each_language_says_all_with_the_same_put_in(other: Texts, name: str) -> None:
    here, there = getattr(ENGLISH, name), getattr(other, name)
    assert there and holes(here) == holes(there)
    if isinstance(here, Mapping):
        assert set(here) == set(there)
        assert all(here.values()) and all(there.values())
    elif isinstance(here, tuple):
        assert len(here) == len(there) and all(there)
    else:
        assert here != there or not re.search("[a-z]", re.sub(r"\{\w*\}", "", here))


@pytest.mark.parametrize("texts", LANGUAGES.values(), ids=lambda texts: texts.tag)
def test_there_is_a_word_for_each_that_the_code_has(texts: Texts) -> None:
    assert set(texts.verdict) == {verdict.word for verdict in Verdict}
    assert set(texts.mark) == set(CLASSES.values())
    assert set(texts.phase) == {str(phase) for phase in Phase}
    assert set(texts.severity) == {severity.name.lower() for severity in Severity}
    assert set(texts.hop_state) == {str(state) for state in State}
    assert set(texts.urgency) == {urgency.name.lower() for urgency in Urgency}
    assert set(texts.vital) == {vital.key for vital in VITALS.values()}
    assert set(texts.vital_status) == set(STATUSES)
    assert set(texts.index) == set(INDICES)
    assert len(texts.periods) == len(texts.organs) == PERIODS


def test_each_text_is_used() -> None:
    folder = Path(pages.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    unused = [name for name in NAMES if not re.search(rf"(texts|other)\.{name}\b", code)]
    assert unused == []


def request(query: str = "", **headers: str) -> Request:
    its = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    return Request({"type": "http", "query_string": query.encode(), "headers": its})


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", ENGLISH), ("zh", CHINESE), ("zh-Hant-TW, en;q=0.5", CHINESE),
        ("de, zh;q=0.1", CHINESE),
        ("en-GB, zh;q=0.9", ENGLISH), ("zh;q=0, en", ENGLISH), ("zh;q=x", ENGLISH),
        ("zh;q=0.2, en;q=0.8", ENGLISH), (";;,,=", ENGLISH), ("ZH-cn", CHINESE),
    ],
)  # fmt: skip
def test_a_browser_gets_what_it_prefers_of_what_there_is(accepted: str, expected: Texts) -> None:
    assert preferred(accepted) is expected


def test_what_was_chosen_goes_before_what_a_browser_prefers() -> None:
    assert chosen(request(accept_language="zh")) is CHINESE
    assert chosen(request(accept_language="zh", cookie="lang=en")) is ENGLISH
    assert chosen(request("lang=zh", cookie="lang=en")) is CHINESE
    assert chosen(request("lang=xx", cookie="lang=zh")) is CHINESE
