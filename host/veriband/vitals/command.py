"""`veriband vitals`, `measure` and `heart`: vital signs by period, and measured now."""

from __future__ import annotations

import json
from datetime import datetime

import click

from veriband.analysis.cycles import Stay, period_of, reach
from veriband.civil import zone_named
from veriband.context import chosen_bands, open_store, run_until_stopped, utc_ms, zone_of
from veriband.errors import BadBatch, NoPressure, NotMeasured
from veriband.link.radio import system_radio
from veriband.link.reach import reached
from veriband.records import Sign, Taken
from veriband.store import Store
from veriband.store.roster import Band
from veriband.vitals.readings import by_period
from veriband.vitals.signs import VITALS, described
from veriband.vitals.table import rows_for_programs, table
from veriband.vitals.words import CAUTION, ESTIMATED, NOT_CALIBRATED
from veriband_protocol.items import STATUS_OK, VITAL_BLOOD_PRESSURE, VITAL_HEART_RATE, VITAL_SPO2

ON_REQUEST = {"heart": VITAL_HEART_RATE, "spo2": VITAL_SPO2, "pressure": VITAL_BLOOD_PRESSURE}


@click.command()
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which the cycle ends, at 23:00. [default: that of the cycle under way]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a band.")
@click.argument("addresses", nargs=-1)
@click.pass_context
def vitals(
    ctx: click.Context, addresses: tuple[str, ...], day: datetime | None, as_json: bool
) -> None:
    """Show a detection cycle's vital signs by period (all known bands, or those named).

    A cycle runs from 23:00 to 23:00 of the wearer's clock.
    """
    store = open_store(ctx, reading=True)
    for band in chosen_bands(store, addresses):
        stays = _stays(ctx, store, band)
        cycle = day.date() if day else period_of(utc_ms(), stays).cycle
        periods = by_period(_taken(store, band, *reach(cycle)), cycle, stays)
        if as_json:
            rows = rows_for_programs(periods, stays)
            told = {"band": band.address, "cycle": cycle.isoformat(), "readings": rows}
            click.echo(json.dumps(told | {"caution": CAUTION}))
        else:
            click.echo(f"{band.address}  cycle {cycle}, until 23:00")
            click.echo(table(periods, stays))
    if not as_json:
        click.echo(f"{NOT_CALIBRATED}\n{CAUTION}")


def _taken(store: Store, band: Band, from_utc_ms: int, to_utc_ms: int) -> list[Taken]:
    """What a band took in that time, and what was entered of who wore it at its end."""
    wearer = store.wearer_of(band, min(to_utc_ms, utc_ms()))
    entered = store.entered(wearer, from_utc_ms, to_utc_ms) if wearer else []
    return store.taken_by(band, from_utc_ms, to_utc_ms) + [entry for _, entry in entered]


def _stays(ctx: click.Context, store: Store, band: Band) -> list[Stay]:
    """The zones of who wears the band now: the one that --zone names, the wearer's own, or this
    computer's."""
    wearer = None if ctx.obj[1] else store.wearer_of(band, utc_ms())
    zone = zone_named(wearer.zone) if wearer and wearer.zone else zone_of(ctx)
    return [Stay(0, zone)]


@click.command()
@click.argument("address")
@click.argument("vital", type=click.Choice(list(ON_REQUEST)))
@click.pass_context
def measure(ctx: click.Context, address: str, vital: str) -> None:
    """Measure a vital sign on a band now: heart, spo2 (and the heart rate with it), or a blood
    pressure, by a fingertip on its strip's hub."""
    store = open_store(ctx, reading=True)
    band = store.band(address)
    if vital == "pressure":
        click.echo("Sit still, a fingertip on the hub, for half a minute.", err=True)
    signs = _measured(store, band, ON_REQUEST[vital])
    for sign in signs:
        if sign.vital in VITALS and sign.status == STATUS_OK:
            click.echo(f"{VITALS[sign.vital].name}: {described(sign)}")
    _found(band, ON_REQUEST[vital], signs)
    if vital == "pressure":
        click.echo(ESTIMATED)
    click.echo(CAUTION)


@click.command()
@click.argument("address")
@click.pass_context
def heart(ctx: click.Context, address: str) -> None:
    """Measure the heart rate on a band now."""
    store = open_store(ctx, reading=True)
    band = store.band(address)
    click.echo(described(_found(band, VITAL_HEART_RATE, _measured(store, band, VITAL_HEART_RATE))))


def _measured(store: Store, band: Band, vital: int) -> list[Sign]:
    """What a band measures now when it is asked for `vital`."""
    signs: list[Sign] = []
    sleeps = store.sleeps(band, utc_ms())

    async def work() -> None:
        async with reached(system_radio(), band.address, sleeps) as session:
            signs.extend(await session.measure(vital))

    run_until_stopped(work())
    return signs


def _found(band: Band, vital: int, signs: list[Sign]) -> Sign:
    """The sign that was asked for. Raises NotMeasured when it is not ok."""
    for sign in signs:
        if sign.vital == vital:
            if sign.status == STATUS_OK:
                return sign
            if vital == VITAL_BLOOD_PRESSURE:
                raise NoPressure(band.address, sign.status)
            raise NotMeasured(band.address, VITALS[vital].name, sign.status)
    raise BadBatch(band.address, f"an answer without {VITALS[vital].name}")


COMMANDS = (vitals, measure, heart)
