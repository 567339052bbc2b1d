"""`veriband status`: how each wearer's band is, hop by hop, and what is owed to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import click

from veriband.alerts.book import Entry
from veriband.alerts.granted import book_of
from veriband.alerts.hops import Hop, Patience, State, hops
from veriband.alerts.words import CAUTION, as_json, sentence
from veriband.civil import clock, iso, iso_or_none
from veriband.context import configuration_of, open_store, utc_ms, zone_of
from veriband.store import Store
from veriband.store.roster import Band, Wearer
from veriband.terminal import printable


@dataclass(frozen=True, slots=True)
class _Standing:
    """A band, who wears it (None: nobody) in what zone, and its hops."""

    band: Band
    wearer: Wearer | None
    zone: tzinfo
    hops: list[Hop]


@click.command()
@click.option("--json", "in_json", is_flag=True, help="One JSON object.")
@click.pass_context
def status(ctx: click.Context, in_json: bool) -> None:
    """Show how each band is: how old its data are, its strip, open alerts, what is not told yet.

    Nothing is asked over the air: this is what the store knows.
    """
    store, zone, configuration = open_store(ctx, reading=True), zone_of(ctx), configuration_of(ctx)
    book, now_ms = book_of(store, configuration), utc_ms()
    bands = [
        _standing(store, band, zone, configuration.patience(), now_ms) for band in store.bands()
    ]
    names = {wearer.id: wearer for wearer in store.wearers()}
    alerts = [(entry, names.get(entry.cause.wearer or 0)) for entry in book.entries(is_open=True)]
    overdue = book.overdue(now_ms)
    if in_json:
        click.echo(json.dumps(_for_programs(bands, alerts, overdue, zone)))
        return
    for line in _lines(bands, now_ms):
        click.echo(line)
    for entry, wearer in alerts:
        its_zone = wearer.zone_or(zone) if wearer else zone
        name = wearer.name if wearer else None
        click.echo(f"alert {entry.number}  {sentence(entry, name, its_zone)}")
    for terminal, since_ms in overdue.items():
        click.echo(f"{terminal} is owed alerts since {clock(since_ms, zone)}")
    click.echo(CAUTION)


def _standing(
    store: Store, band: Band, zone: tzinfo, patience: Patience, now_ms: int
) -> _Standing:
    wearer = store.wearer_of(band, now_ms)
    begin_ms = 0
    if wearer:
        zone = wearer.zone_or(zone)
        begin_ms = max(
            worn.from_utc_ms
            for worn in store.worn(wearer)
            if worn.band == band and worn.is_at(now_ms)
        )
    return _Standing(band, wearer, zone, hops(store, band, begin_ms, now_ms, patience, zone))


def _lines(bands: list[_Standing], now_ms: int) -> Iterator[str]:
    if not bands:
        yield "No band is known here yet: run 'veriband pair' first."
    for its in bands:
        wearer = printable(its.wearer.name) if its.wearer else "nobody wears it"
        yield f"{its.band.address}  {wearer}"
        for hop in its.hops:
            age = "" if hop.data_ms is None else f", data of {_ago(now_ms - hop.data_ms)} ago"
            text = f": {hop.text}" if hop.text else ""
            yield f"  {hop.name:5}  {hop.state}{age}{text}"


def _ago(ms: int) -> str:
    minutes = max(ms, 0) // 60_000
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _for_programs(
    bands: list[_Standing],
    alerts: list[tuple[Entry, Wearer | None]],
    overdue: dict[str, int],
    zone: tzinfo,
) -> dict[str, Any]:
    return {
        "bands": [
            {
                "band": its.band.address,
                "wearer": its.wearer and its.wearer.name,
                "hops": {
                    hop.name: {
                        "state": str(hop.state),
                        "since": iso_or_none(hop.since_ms, its.zone),
                        "data_of": iso_or_none(hop.data_ms, its.zone),
                        "text": hop.text,
                    }
                    for hop in its.hops
                },
                "is_well": all(hop.state in (State.WELL, State.OFF) for hop in its.hops),
            }
            for its in bands
        ],
        "alerts": [
            as_json(entry, wearer and wearer.name, wearer.zone_or(zone) if wearer else zone)
            for entry, wearer in alerts
        ],
        "owed": {terminal: iso(since) for terminal, since in overdue.items()},
        "caution": CAUTION,
    }
