"""Everything that the store has of a wearer, as rows for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from veriband.alerts.book import Book
from veriband.alerts.words import as_json
from veriband.records import Kind, Sign, signs_of
from veriband.store import Store, consents
from veriband.store.roster import Wearer, Worn
from veriband.store.store import LATEST
from veriband.vitals import signs

Row = dict[str, Any]


def rows(store: Store, book: Book, wearer: Wearer) -> Iterator[Row]:
    """A row for each thing, `what` it is first; times in UTC. Raises StoreError.

    Of what a band recorded each item with its identity (band, epoch, number) and its body in
    hexadecimal digits; a reading with its vital signs, too.
    """
    yield from _about(store, wearer)
    for _, entry in store.entered(wearer, 0, LATEST):
        row: Row = {"what": "entered", "at": _moment(entry.utc_ms), "source": entry.source}
        yield {**row, "remarks": entry.remarks, **_signs(entry.signs, by_strip=False)}
    for worn in store.worn(wearer):
        yield {
            "what": "worn",
            "band": worn.band.address,
            "from": _moment(worn.from_utc_ms),
            "to": _moment(worn.to_utc_ms),
        }
        yield from _items(store, worn)
    for entry in book.entries():
        if entry.cause.wearer == wearer.id:
            steps = [
                {"at": _moment(step.utc_ms), "what": step.what, "by": step.by, "note": step.note}
                for step in book.steps(entry.number)
            ]
            yield {"what": "alert", **as_json(entry, wearer.name, UTC), "steps": steps}


def _about(store: Store, wearer: Wearer) -> Iterator[Row]:
    yield {"what": "wearer", **asdict(wearer)}
    for contest in store.contests():
        if wearer in store.entrants(contest):
            yield {"what": "contest", "name": contest.name}
    for until_ms, zone in store.residences(wearer):
        yield {"what": "lived in", "zone": zone, "until": _moment(until_ms)}
    for grant in consents.grants(store, wearer):
        until = None if grant.until_ms == LATEST else _moment(grant.until_ms)
        row = {"what": "granted", "data": grant.data, "to": str(grant.to)}
        yield {**row, "from": _moment(grant.from_ms), "until": until}
    for meter in store.meters():
        if meter.wearer == wearer:
            yield {"what": "meter", "address": meter.address, "user": meter.user}


def _items(store: Store, worn: Worn) -> Iterator[Row]:
    until_ms = LATEST if worn.to_utc_ms is None else worn.to_utc_ms
    for item in store.items(worn.band, worn.from_utc_ms, until_ms):
        epoch, number, utc_ms, duration_ms, kind, steps, detail, raw = item
        row: Row = {
            "what": Kind(kind).name.lower(), "band": worn.band.address, "epoch": epoch,
            "number": number, "at": _moment(utc_ms), "duration_s": duration_ms / 1000,
            "steps": steps, "detail": detail, "body": raw.hex(),
        }  # fmt: skip
        yield row | (_signs(signs_of(raw), by_strip=True) if kind == Kind.READING else {})


def _signs(its: tuple[Sign, ...] | list[Sign], *, by_strip: bool) -> Row:
    return {
        signs.VITALS[sign.vital].key: signs.as_json(sign, by_strip)
        for sign in its
        if sign.vital in signs.VITALS
    }


def _moment(utc_ms: int | None) -> str | None:
    if utc_ms is None:
        return None
    return datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="milliseconds")
