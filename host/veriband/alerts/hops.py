"""The way from a wearer's skin to whoever is told, hop by hop: where it is silent, and why.

A fault, silence and "off by choice" are three things: a strip that was pulled and a band that
nobody wears are no faults (A [90]), a band that is not heard may be anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from veriband.alerts.book import Book, Cause
from veriband.alerts.machine import HOUR_MS
from veriband.civil import clock
from veriband.store import Store
from veriband.store.roster import Band, Wearer
from veriband_protocol.items import (
    EVENT_STRIP,
    STATUS_FAILED,
    STATUS_NO_SENSOR,
    STATUS_NOT_WORN,
    STATUS_OK,
    STATUS_TIMED_OUT,
)

KIND = "silence"  # the first word of the subject of such a cause
FAULTS = (STATUS_NO_SENSOR, STATUS_TIMED_OUT, STATUS_FAILED)
FAULTS_LEAST = 3  # readings in a row
LOOKED_FIRST_MS = 2 * HOUR_MS
LOOKED_BACK_MS = 7 * 24 * HOUR_MS
OWED_MS = HOUR_MS  # a telling that is owed for so long has a broken terminal


class State(StrEnum):
    """What a hop is like."""

    WELL = "well"
    OFF = "off by choice"
    SILENT = "silent"
    FAULT = "fault"
    UNKNOWN = "unknown"  # behind one that is silent


@dataclass(frozen=True, slots=True)
class Hop:
    """A hop by its name, its state since `since_ms` (None: unknown), and what to say and to do
    about it; `data_ms`: of when its newest data are."""

    name: str
    state: State
    since_ms: int | None = None
    text: str = ""
    data_ms: int | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether somebody is to see to it."""
        return self.state in (State.SILENT, State.FAULT)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a band may not be heard, and a strip that is in not measure anything, until that
    is silence."""

    band_ms: int = 12 * HOUR_MS
    reading_ms: int = 26 * HOUR_MS


def hops(
    store: Store, band: Band, begin_ms: int, now_ms: int, patience: Patience, zone: tzinfo
) -> list[Hop]:
    """The hops from a band that is worn since `begin_ms`, the nearest to this host first."""
    heard_ms = store.heard(band, now_ms)
    quiet_since_ms = max(begin_ms, heard_ms or 0)
    if now_ms - quiet_since_ms > patience.band_ms:
        since = "yet" if heard_ms is None else f"since {clock(quiet_since_ms, zone)}"
        text = (
            f"nothing has come from band {band.address} {since}: bring it near, and see that it "
            "is charged and that 'veriband run' reaches it"
        )
        return [
            Hop("band", State.SILENT, quiet_since_ms, text, heard_ms),
            Hop("strip", State.UNKNOWN),
        ]
    return [
        Hop("band", State.WELL, data_ms=heard_ms),
        _strip(store, band, begin_ms, now_ms, patience, zone),
    ]


def _strip(
    store: Store, band: Band, begin_ms: int, now_ms: int, patience: Patience, zone: tzinfo
) -> Hop:
    out_ms = store.strip_out_since(band, now_ms)
    if out_ms is not None:
        text = f"the strip of band {band.address} is out since {clock(out_ms, zone)}"
        return Hop("strip", State.OFF, out_ms, text)
    since_ms, ok_ms, readings = begin_ms, None, list[tuple[int, list[int]]]()
    for back_ms in (LOOKED_FIRST_MS, LOOKED_BACK_MS):  # what is before one that is ok says nothing
        since_ms = max(begin_ms, now_ms - back_ms)
        readings = [
            (at_ms, [sign.status for sign in signs])
            for at_ms, signs in store.readings(band, since_ms, now_ms)
        ]
        ok_ms = max((at for at, statuses in readings if STATUS_OK in statuses), default=None)
        if ok_ms is not None:
            break
    newest = [(at, statuses) for at, statuses in readings if ok_ms is None or at > ok_ms]
    unworn = _trailing(newest, (STATUS_NOT_WORN,))
    if unworn:
        text = f"band {band.address} is not worn since {clock(unworn[0], zone)}"
        return Hop("strip", State.OFF, unworn[0], text, ok_ms)
    failed = _trailing(newest, FAULTS)
    if len(failed) >= FAULTS_LEAST:
        text = (
            f"the strip of band {band.address} fails since {clock(failed[0], zone)}: pull it out "
            "and plug it in again, and see that it lies flat on the skin"
        )
        return Hop("strip", State.FAULT, failed[0], text, ok_ms)
    quiet_since_ms = ok_ms or since_ms
    if now_ms - quiet_since_ms > patience.reading_ms and _is_in(store, band, now_ms):
        text = (
            f"the strip of band {band.address} has measured nothing since "
            f"{clock(quiet_since_ms, zone)}: see that it lies flat on the skin"
        )
        return Hop("strip", State.SILENT, quiet_since_ms, text, ok_ms)
    return Hop("strip", State.WELL, data_ms=ok_ms)


def _is_in(store: Store, band: Band, now_ms: int) -> bool:
    """Whether a strip is in, for all that is known."""
    strip = store.last_event(band, EVENT_STRIP, now_ms)
    return strip is not None and strip[1][:1] not in (b"", b"\0")


def _trailing(readings: list[tuple[int, list[int]]], among: tuple[int, ...]) -> list[int]:
    """When the newest readings were taken whose statuses are all among these, oldest first."""
    found: list[int] = []
    for at_ms, statuses in reversed(readings):
        if not all(status in among for status in statuses):
            break
        found.append(at_ms)
    return found[::-1]


def look(
    store: Store,
    book: Book,
    patience: Patience,
    terminals: Collection[str],
    zone_of: Callable[[Wearer], tzinfo],
    now_ms: int,
) -> None:
    """Enter in the book which bands and which of these terminals are silent, and which are not any
    more. Raises StoreError."""
    for wearer in store.wearers():
        causes: list[Cause] = []
        for worn in store.worn(wearer):
            if worn.is_at(now_ms):
                its = hops(
                    store, worn.band, worn.from_utc_ms, now_ms, patience, zone_of(wearer)
                )  # fmt: skip
                causes += _causes(wearer.id, worn.band.address, its)
        _enter(book, wearer.id, causes, now_ms)
    owed = [
        Hop(
            name, State.FAULT, since_ms,
            f"alerts are owed to the terminal {name} for more than an hour: see that it works, "
            "'veriband alerts show' says what it answers",
        )
        for name, since_ms in book.overdue(now_ms - OWED_MS).items()
        if name in terminals
    ]  # fmt: skip
    _enter(book, None, _causes(None, "terminal", owed), now_ms)


def _causes(wearer: int | None, what: str, its: Iterable[Hop]) -> list[Cause]:
    return [
        Cause(wearer, f"{KIND}/{what}/{hop.name}", hop.since_ms, facts={"text": hop.text})
        for hop in its
        if hop.is_trouble and hop.since_ms is not None
    ]


def _enter(book: Book, wearer: int | None, causes: Iterable[Cause], now_ms: int) -> None:
    """Enter all of a wearer's; what was open and is not among them is over."""
    found: dict[str, list[Cause]] = {subject: [] for subject in book.open_since(wearer, KIND)}
    found |= {cause.subject: [cause] for cause in causes}
    book.observe(wearer, found, now_ms)
