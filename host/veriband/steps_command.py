"""`veriband steps`: a day's steps by the hour, and what else there is to say of a band."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, tzinfo

import click

from veriband import completion
from veriband.civil import clock, local_day
from veriband.context import chosen_bands, open_store, utc_ms, zone_of
from veriband.happened import happened
from veriband.hours import by_hour, table
from veriband.store import Store
from veriband.store.roster import Band
from veriband.store.store import Notice
from veriband.vitals.pressure import reminder


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="[default: today]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a band.")
@click.argument("addresses", nargs=-1, shell_complete=completion.bands)
@click.pass_context
def steps(
    ctx: click.Context, addresses: tuple[str, ...], day: datetime | None, as_json: bool
) -> None:
    """Show a day's steps by the hour (all known bands, or those named)."""
    store, computers = open_store(ctx, reading=True), zone_of(ctx)
    for band in chosen_bands(store, addresses):
        zone = computers if ctx.obj[1] else store.zone_on(band, utc_ms(), computers)
        its_day = day or datetime.now(zone)
        begin, end = local_day(zone, its_day)
        hours = by_hour(store.spans(band, begin, end), zone, begin, end)
        if as_json:
            rows = [
                {
                    "from": hour.start.isoformat(),
                    "steps": hour.steps,
                    "gap_steps": hour.gap_steps,
                    "minutes": hour.minutes,
                }
                for hour in hours
            ]
            click.echo(json.dumps({"band": band.address, "hours": rows}))
        else:
            click.echo(f"{band.address}  {its_day:%Y-%m-%d}")
            click.echo(table(hours))
            for line in _besides(store, band, begin, end, zone):
                click.echo(line)
    if not as_json:
        for notice in store.notices(None, 5):
            click.echo(_told(notice, computers))


def _besides(store: Store, band: Band, begin: int, end: int, zone: tzinfo) -> Iterator[str]:
    """What else there is to say of a band and a day, from one UTC ms to before another."""
    undatable = store.undatable_steps(band)
    if waiting := store.undated_steps(band) - undatable:
        yield f"{waiting} more steps wait for the band's clock to be set."
    if undatable:
        yield (
            f"{undatable} more steps have no date: the band started again before its clock was "
            "set."
        )
    since = store.strip_out_since(band, end)
    if since is not None:
        yield f"Strip out since {clock(since, zone)}, off by choice."
    if sentence := reminder(store, band, utc_ms(), zone):
        yield sentence
    yield from happened(store, band, begin, end, zone)
    for notice in store.notices(band, 5):
        yield _told(notice, zone)


def _told(notice: Notice, zone: tzinfo) -> str:
    first, last = clock(notice.first_utc_ms, zone), clock(notice.last_utc_ms, zone)
    often = f" ({notice.count} times since {first})" if notice.count > 1 else ""
    return f"{last}  {notice.text}{often}"
