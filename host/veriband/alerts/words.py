"""An alert in words, for people and for programs."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from veriband.alerts.book import Entry, Owed
from veriband.alerts.machine import Phase
from veriband.civil import clock, iso, iso_or_none
from veriband.terminal import printable

CAUTION = (
    "An alert is no diagnosis, and no alert does not mean that somebody is well: Veriband is no "
    "medical device. In an emergency call for help."
)


def sentence(entry: Entry, name: str | None, zone: tzinfo) -> str:
    """What it is about, since when, and how it stands, in one line; `name`: the wearer's."""
    cause, alert = entry.cause, entry.alert
    whose = f"{printable(name)}: " if name else ""
    until = "" if cause.until_ms is None else f" until {clock(cause.until_ms, zone)}"
    begin = clock(cause.since_ms, zone)
    standing = str(alert.phase)
    if alert.phase is Phase.ACKNOWLEDGED or alert.phase is Phase.RESOLVED:
        note = f" ({printable(alert.note)})" if alert.note else ""
        standing += f" by {printable(alert.acknowledged_by or '')}{note}"
    severity = alert.severity.name.lower()
    return f"{whose}{matter(cause.facts)}, {severity}, since {begin}{until}; {standing}"


def matter(facts: dict[str, Any]) -> str:
    """What it is about, out of a cause's facts."""
    if "text" in facts:
        return printable(facts["text"])
    side = "above" if facts["side"] == "high" else "below"
    mark = " (uncalibrated)" if facts["uncalibrated"] else ""
    count = f"{facts['readings']} readings" if facts["readings"] > 1 else "one reading"
    own = f", their own being {facts['own']:g}" if facts["own"] is not None else ""
    return (
        f"{facts['index']} {facts['worst']:g} {facts['unit']}{mark}, {side} {facts['limit']:g}"
        f"{own} ({count})"
    )


def as_json(entry: Entry, name: str | None, zone: tzinfo) -> dict[str, Any]:
    """An alert for programs, times with the wearer's offset."""

    cause, alert = entry.cause, entry.alert
    return {
        "alert": entry.number,
        "version": alert.version,
        "wearer": name,
        "subject": cause.subject,
        "severity": alert.severity.name.lower(),
        "phase": str(alert.phase),
        "since": iso(cause.since_ms, zone),
        "until": iso_or_none(cause.until_ms, zone),
        "raised": iso(entry.raised_ms, zone),
        "acknowledged_by": alert.acknowledged_by,
        "note": alert.note,
        "cycle": cause.cycle,
        "facts": cause.facts,
        "text": sentence(entry, name, zone),
        "caution": CAUTION,
    }


def telling(owed: Owed, name: str | None, zone: tzinfo) -> dict[str, Any]:
    """What a terminal is told; `loud`: call for attention."""
    return {"loud": owed.is_loud, **as_json(owed.entry, name, zone)}
