"""A day as a picture: heart rate above, steps below, one scale of time, in SVG.

Along the day positions are percentages: it fits any width, while text and strokes keep theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

import htpy as h
from htpy import Element, Node

from veriband.analysis.judgement import Mark
from veriband.web.day import Day, Stretch, gaps, marked, unworn
from veriband.web.texts import Texts
from veriband_protocol.items import MINUTE_MS

HEART_TOP, HEART_HEIGHT = 34, 112
NO_HEART = HEART_TOP + HEART_HEIGHT // 2 + 22  # between two lines
UNWORN_HEIGHT = 8
UNWORN_TOP = HEART_TOP + HEART_HEIGHT - UNWORN_HEIGHT
STEPS_TOP, STEPS_HEIGHT = 202, 150
LANE_TOP, LANE_HEIGHT = STEPS_TOP + STEPS_HEIGHT + 4, 16
LABELS = LANE_TOP + LANE_HEIGHT + 18
HEIGHT = LABELS + 8
LEAST_BPM, MOST_BPM, BPM_GRID = 40, 120, 40  # shown at least
MOST_STEPS, STEPS_GRID = 150, 50
CLASSES = {Mark.COUNTED: "counted", Mark.UNVERIFIED: "unverified", Mark.STRUCK: "struck"}
SIGNS_APART = 60  # minutes, at least
SIGNS = {Mark.UNVERIFIED: "?", Mark.STRUCK: "✕"}


def chart(day: Day, texts: Texts) -> Element:
    """The day's picture, with a sentence instead of it for those who do not see it."""
    bpm, steps = _bpm_scale(day), _steps_scale(day)
    gap_height = LANE_TOP + LANE_HEIGHT - HEART_TOP
    heart = h.path(".heart", {"vector-effect": "non-scaling-stroke"}, d=_heart(day, bpm))
    no_heart = not has_heart_rate(day) and _text("50%", NO_HEART, "none", texts.none_of_day)
    bars = (h.path(f".{CLASSES[mark]}", d=_bars(day, mark, steps)) for mark in Mark)
    return h.svg(".chart", role="img", height=str(HEIGHT), aria_label=sentence(day, texts))[
        h.defs[_hatch("gap-hatch", -45), _hatch("struck-hatch", 45), _dots()],
        (_band(day, each, "gap", HEART_TOP, gap_height) for each in gaps(day)),
        (_band(day, each, "unworn", UNWORN_TOP, UNWORN_HEIGHT) for each in unworn(day)),
        _panel(day, texts.heart_panel, HEART_TOP, HEART_HEIGHT, bpm, heart),
        no_heart,
        _panel(day, texts.steps_panel, STEPS_TOP, STEPS_HEIGHT, steps, bars),
        _lane(day),
        _hours(day),
    ]


def has_heart_rate(day: Day) -> bool:
    """Whether there is any in the picture."""
    return any(minute and minute.heart_rate for minute in day.minutes)


def sentence(day: Day, texts: Texts) -> str:
    """What the picture shows, in words."""
    its = [(minute.steps, i) for i, minute in enumerate(day.minutes) if minute]
    rates = [minute.heart_rate for minute in day.minutes if minute and minute.heart_rate]
    if not its:
        return texts.nothing_of_day
    most, at = max(its)
    heart = texts.no_heart_rate
    if rates:
        heart = texts.heart_between.format(low=f"{min(rates):.0f}", high=f"{max(rates):.0f}")
    marks = (
        f"{day.steps(mark):,} {texts.mark[CLASSES[mark]]}"
        for mark in (Mark.STRUCK, Mark.UNVERIFIED)
        if day.steps(mark)
    )
    of_these = ", ".join(marks)
    whole = texts.day_in_words.format(
        steps=f"{sum(day.steps(mark) for mark in Mark):,}", date=day.date, time=day.clock(at),
        most=most, heart=heart,
    )  # fmt: skip
    parts = (whole, texts.of_these.format(marks=of_these) if of_these else "", texts.tables_below)
    return " ".join(part for part in parts if part)


def _bpm_scale(day: Day) -> range:
    """The values at the lines of the grid."""
    rates = [minute.heart_rate for minute in day.minutes if minute and minute.heart_rate]
    low = min(LEAST_BPM, math.floor(min(rates, default=LEAST_BPM) / BPM_GRID) * BPM_GRID)
    high = max(MOST_BPM, math.ceil(max(rates, default=MOST_BPM) / BPM_GRID) * BPM_GRID)
    return range(low, high + 1, BPM_GRID)


def _steps_scale(day: Day) -> range:
    most = max((minute.steps for minute in day.minutes if minute), default=0)
    return range(0, max(MOST_STEPS, math.ceil(most / STEPS_GRID) * STEPS_GRID) + 1, STEPS_GRID)


def _x(day: Day, index: float) -> str:
    return f"{100 * index / len(day.minutes):.3f}%"


def _text(x: str | int, y: int, kind: str, text: str) -> Element:
    return h.text(f".{kind}", x=str(x), y=str(y))[text]


def _band(day: Day, its: Stretch, kind: str, top: int, height: int) -> Element:
    return h.rect(
        class_=kind, x=_x(day, its.begin), width=_x(day, its.end - its.begin), y=str(top),
        height=str(height),
    )  # fmt: skip


def _hatch(name: str, angle: int) -> Element:
    return h.pattern(
        {"patternUnits": "userSpaceOnUse", "patternTransform": f"rotate({angle})"},
        id=name, width="6", height="6",
    )[h.rect(class_=name, width="2.4", height="6")]  # fmt: skip


def _dots() -> Element:
    return h.pattern(
        {"patternUnits": "userSpaceOnUse"}, id="unverified-dots", width="5", height="5"
    )[h.circle(".unverified-dots", cx="2.5", cy="2.5", r="1.3")]


def _panel(
    day: Day, title: str, top: int, height: int, scale: range, content: Node
) -> Iterator[Element]:
    """A title, lines with their values, and between them `content`, whose unit is a minute along
    and a pixel upwards."""
    yield _text(0, top - 20, "panel", title)
    lines = [(top + round(height * (1 - _share(value, scale))), value) for value in scale]
    for y, _ in lines:
        yield h.line(".grid", x1="0", x2="100%", y1=str(y), y2=str(y))
    yield h.svg(
        {"viewBox": f"0 0 {len(day.minutes)} {height}", "preserveAspectRatio": "none"},
        x="0", y=str(top), width="100%", height=str(height),
    )[content]  # fmt: skip
    for y, value in lines:
        yield _text(0, y - 3, "tick", str(value))


def _share(value: float, scale: range) -> float:
    """How far up a scale a value is, 0 to 1."""
    return (value - scale[0]) / (scale[-1] - scale[0])


def _heart(day: Day, scale: range) -> str:
    """A line over minutes that follow each other, a dot for one alone; gaps stay gaps."""
    parts: list[str] = []
    joined = False
    for i, minute in enumerate(day.minutes):
        if minute is None or not minute.heart_rate:
            joined = False
            continue
        y = HEART_HEIGHT * (1 - _share(minute.heart_rate, scale))
        parts.append(f"L{i + 0.5} {y:.1f}" if joined else f"M{i + 0.5} {y:.1f}h0")
        joined = True
    return "".join(parts)


def _bars(day: Day, mark: Mark, scale: range) -> str:
    return "".join(
        f"M{i} {STEPS_HEIGHT}v-{STEPS_HEIGHT * _share(minute.steps, scale):.1f}h1V{STEPS_HEIGHT}z"
        for i, minute in enumerate(day.minutes)
        if minute and minute.steps and minute.mark is mark
    )


def _lane(day: Day) -> Iterator[Element]:
    """Below the steps what becomes of them, by pattern and, where there is room, by sign."""
    marks = (Mark.STRUCK, Mark.UNVERIFIED)
    for mark in marks:
        for each in marked(day, mark, bridged=0):
            yield _band(day, each, f"lane {CLASSES[mark]}", LANE_TOP, LANE_HEIGHT)
    signs: list[float] = []
    for mark in marks:
        for each in marked(day, mark):
            middle = (each.begin + each.end) / 2
            if all(abs(middle - other) >= SIGNS_APART for other in signs):
                signs.append(middle)
                kind = f"sign.{CLASSES[mark]}"
                yield _text(_x(day, middle), LANE_TOP + LANE_HEIGHT - 4, kind, SIGNS[mark])


def _hours(day: Day) -> Iterator[Element]:
    """Every third hour of the wearer's clock, and every sixth where it is narrow."""
    for i in range(0, len(day.minutes), 15):
        at = datetime.fromtimestamp(day.begin_utc_ms / 1000 + i * MINUTE_MS / 1000, day.zone)
        if at.minute or at.hour % 3 or (i and not at.hour):
            continue
        kind = "hour" if at.hour % 6 == 0 else "hour.odd"
        yield h.line(
            ".tickmark", x1=_x(day, i), x2=_x(day, i),
            y1=str(LANE_TOP + LANE_HEIGHT), y2=str(LANE_TOP + LANE_HEIGHT + 5),
        )  # fmt: skip
        yield _text(_x(day, i), LABELS, kind if i else "hour.first", f"{at:%H:%M}")
