"""The pages say the same in each language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
from starlette.requests import Request

from veriband.web.chinese import CHINESE
from veriband.web.english import ENGLISH
from veriband.web.language import LANGUAGES, chosen, preferred
from veriband.web.texts import Texts

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
    elif here != "{name}: {what}":
        assert here != there or not re.search("[a-z]", re.sub(r"\{\w*\}", "", here))


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
