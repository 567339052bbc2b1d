"""A detection cycle as a clock of 24 hours with its twelve periods, midnight on top, in SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator

import htpy as h
from htpy import Element

from veriband.analysis.cycles import PERIODS
from veriband.web.readings_table import number
from veriband.web.texts import Texts
from veriband.web.wearer import Cycle

SIZE = 440
MIDDLE = SIZE / 2
OUTER, INNER = 196, 84
NAMES, HOURS = 144, 209  # how far out names and hours stand
LINE = 14


def clock_face(cycle: Cycle, texts: Texts) -> Element:
    """The cycle's picture, with a sentence for those who do not see it."""
    known = [bool(cycle.of(index)) for index in range(PERIODS)]
    past = range(cycle.now + 1)
    said = texts.face.format(
        known=sum(known),
        missing=sum(not known[index] for index in past),
        coming=sum(not known[index] for index in range(cycle.now + 1, PERIODS)),
    )
    return h.svg(
        ".face", {"viewBox": f"0 0 {SIZE} {SIZE}"}, role="img", aria_label=said
    )[
        h.defs[
            h.pattern(
                {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"},
                id="missing-hatch", width="6", height="6",
            )[h.rect(".missing-hatch", width="2.4", height="6")]
        ],
        (_sector(cycle, index, kind(cycle, index)) for index in _last(cycle.now)),
        (_names(cycle, index, texts) for index in range(PERIODS)),
        (_hour(index) for index in range(PERIODS)),
        h.text(".cycle", x=f"{MIDDLE}", y=f"{MIDDLE + 5}")[f"{cycle.date}"],
    ]  # fmt: skip


def kind(cycle: Cycle, index: int) -> str:
    """What there is of a period: readings, or none, or it is to come."""
    if cycle.of(index):
        return "known"
    return "missing" if index < cycle.now else "now" if index == cycle.now else "coming"


def value(cycle: Cycle, index: int) -> str:
    """The newest heart rate of a period, or what else was measured last in it; empty: nothing."""
    found = ""
    for key in ("blood_pressure", "spo2", "heart_rate"):
        for row in cycle.of(index):
            sign = row.get(key)
            if sign and sign["status"] == "ok":
                unit = {"heart_rate": "bpm", "spo2": "%"}.get(key, "mmHg")
                found = f"{number(sign)} {unit}"
    return found


def _at(radius: float, turn: float) -> tuple[float, float]:
    """Where something is, so far out, after so many twelfths of a turn from the top."""
    angle = math.tau * turn / PERIODS
    return MIDDLE + radius * math.sin(angle), MIDDLE - radius * math.cos(angle)


def _last(index: int) -> list[int]:
    """All periods, that one last: it lies upon the others."""
    return sorted(range(PERIODS), key=lambda other: other == index)


def _sector(cycle: Cycle, index: int, of: str) -> Element:
    corners = (_at(OUTER, index - 0.5), _at(OUTER, index + 0.5))
    inner = (_at(INNER, index + 0.5), _at(INNER, index - 0.5))
    (a, b), (c, d) = (
        [f"{x:.1f} {y:.1f}" for x, y in pair] for pair in (corners, inner)
    )  # fmt: skip
    path = f"M{a}A{OUTER} {OUTER} 0 0 1 {b}L{c}A{INNER} {INNER} 0 0 0 {d}Z"
    return h.path(class_=["sector", of, index == cycle.now and "under-way"], d=path)


def _names(cycle: Cycle, index: int, texts: Texts) -> Element:
    """A period's name, its organ, and its value, each in a line of its own."""
    its = value(cycle, index)
    lines = [
        ("name", texts.periods[index].partition(",")[0]),
        *(("organ", word) for word in texts.organs[index].split()),
        *([("value", its)] if its else []),
    ]
    x, y = _at(NAMES, index)
    top = y - LINE * (len(lines) - 1) / 2 + 4
    return h.text(".label")[
        (
            h.tspan(f".{of}", x=f"{x:.1f}", y=f"{top + LINE * line:.1f}")[text]
            for line, (of, text) in enumerate(lines)
        )
    ]


def _hour(index: int) -> Iterator[Element]:
    """The hour at which a period begins."""
    x, y = _at(HOURS, index - 0.5)
    yield h.text(".hour", x=f"{x:.1f}", y=f"{y + 4:.1f}")[f"{(2 * index + 23) % 24:02}"]
