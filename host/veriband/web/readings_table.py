"""Readings of vital signs as a table, what is not calibrated marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import htpy as h
from htpy import Element

from veriband.analysis.cycles import hours
from veriband.web.document import shown
from veriband.web.texts import Texts

_NONE = "–"
_NUMBERS = ("bpm", "percent", "systolic_mmhg", "diastolic_mmhg")


def readings_table(texts: Texts, rows: Sequence[Mapping[str, Any]]) -> Element:
    """A line for each of `rows`, as vitals.table.rows_for_programs gives them."""
    heads = (texts.period, texts.time, *texts.vital.values(), texts.source)
    return h.table[
        h.thead[h.tr[(h.th(scope="col")[head] for head in heads)]],
        h.tbody[
            (
                h.tr[
                    h.th(scope="row")[period(texts, row["period"])],
                    h.td[str(row["at"])[11:16]],
                    (h.td[sign(texts, row.get(key))] for key in texts.vital),
                    h.td[shown(texts.sources.get(row["source"], row["source"]))],
                ]
                for row in rows
            )
        ],
    ]


def period(texts: Texts, index: int) -> str:
    """A period with its hours."""
    return f"{hours(index)} {texts.periods[index]}"


def sign(texts: Texts, its: Mapping[str, Any] | None) -> str:
    """A vital sign, as vitals.signs.as_json gives it."""
    if its is None:
        return _NONE
    value = number(its)
    mark = f" ({texts.uncalibrated})" if value and its.get("calibrated") is False else ""
    if its["status"] == "ok":
        return f"{value}{mark}"
    status = texts.vital_status.get(its["status"], its["status"])
    return f"{value}{mark} {status}".strip()


def number(its: Mapping[str, Any]) -> str:
    """Its value without its unit; empty where it has none."""
    return "/".join(str(its[name]) for name in _NUMBERS if name in its)
