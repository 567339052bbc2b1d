"""`veriband vitals`, `measure` and `heart`: vital signs by period, and measured now."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

import click

from veriband import completion
from veriband.analysis.cycles import Stay, end, period_of, reach, stays_of
from veriband.context import chosen_bands, local_zone, open_store, run_until_stopped, utc_ms
from veriband.errors import BadBatch, NoPressure, NotMeasured
from veriband.link.radio import system_radio
from veriband.link.reach import reached
from veriband.records import Sign, Taken
from veriband.store import Store
from veriband.store.roster import Band, Wearer
from veriband.store.store import LATEST
from veriband.terminal import printable
from veriband.vitals.readings import by_period
from veriband.vitals.signs import VITALS, as_json, described
from veriband.vitals.table import is_marked, rows_for_programs, table
from veriband.vitals.words import CAUTION, ESTIMATED, NOT_CALIBRATED
from veriband_protocol.items import STATUS_OK, VITAL_BLOOD_PRESSURE, VITAL_HEART_RATE, VITAL_SPO2

ON_REQUEST = {"heart": VITAL_HEART_RATE, "spo2": VITAL_SPO2, "pressure": VITAL_BLOOD_PRESSURE}


@dataclass(frozen=True)
class Log:
    """What is shown together: of a band or a wearer, in the zones of `stays`."""

    kind: str
    name: str
    zone: tzinfo
    stays: list[Stay]
    taken: Callable[[date], list[Taken]]  # around that cycle


@click.command()
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which the cycle ends, at 23:00. [default: that of the cycle under way]",
)
@click.option(
    "--wearer",
    "name",
    shell_complete=completion.wearers,
    help="Of this wearer, from all sources, instead of what bands took.",
)
@click.option("--json", "in_json", is_flag=True, help="One JSON object a band, or of the wearer.")
@click.argument("addresses", nargs=-1, shell_complete=completion.bands)
@click.pass_context
def vitals(
    ctx: click.Context,
    addresses: tuple[str, ...],
    day: datetime | None,
    name: str | None,
    in_json: bool,
) -> None:
    """Show a detection cycle's vital signs by period (all known bands, or those named, or those
    of a wearer).

    A cycle runs from 23:00 to 23:00 of the wearer's clock.
    """
    store = open_store(ctx, reading=True)
    marked = False
    for log in _logs(ctx, store, addresses, name):
        cycle = day.date() if day else period_of(utc_ms(), [Stay(0, log.zone)]).cycle
        periods = by_period(log.taken(cycle), cycle, log.stays)
        marked = marked or is_marked(periods)
        if in_json:
            rows = rows_for_programs(periods, log.stays)
            told = {log.kind: log.name, "cycle": cycle.isoformat(), "readings": rows}
            click.echo(json.dumps(told | {"caution": CAUTION}))
        else:
            click.echo(f"{printable(log.name)}  cycle {cycle}, until 23:00")
            click.echo(table(periods, log.stays))
    if not in_json:
        click.echo(f"{NOT_CALIBRATED}\n{CAUTION}" if marked else CAUTION)


def _logs(
    ctx: click.Context, store: Store, addresses: tuple[str, ...], name: str | None
) -> list[Log]:
    """Those that were asked for. Raises UsageError, StoreError."""
    if name is None:
        if not addresses and not store.bands() and store.wearers():
            raise click.UsageError(
                "No band is known here yet: run 'veriband pair' first, or name a wearer with "
                "--wearer to see what was typed in or came from meters."
            )
        return [_of_band(ctx, store, band) for band in chosen_bands(store, addresses)]
    if addresses:
        raise click.UsageError("Name bands, or a wearer with --wearer, not both.")
    return [of_wearer(ctx, store, store.wearer(name))]


def _of_band(ctx: click.Context, store: Store, band: Band) -> Log:
    """What a band took, and what was entered of who wears it at the cycle's end, or now."""
    zone, stays = _where(ctx, store, store.wearer_of(band, utc_ms()), store.offsets(band))

    def taken(cycle: date) -> list[Taken]:
        wearer = store.wearer_of(band, min(end(cycle, stays), utc_ms()))
        entered = store.entered(wearer, *reach(cycle)) if wearer else []
        return store.taken_by(band, *reach(cycle)) + [entry for _, entry in entered]

    return Log("band", band.address, zone, stays, taken)


def of_wearer(ctx: click.Context, store: Store, wearer: Wearer) -> Log:
    """What was entered of a wearer, and what the bands that they wore then took. Raises
    StoreError."""
    offsets = [
        each
        for worn in store.worn(wearer)
        for each in store.offsets(worn.band, *worn.within(0, LATEST))
    ]
    zone, stays = _where(ctx, store, wearer, sorted(offsets))
    return Log("wearer", wearer.name, zone, stays, lambda c: store.taken(wearer, *reach(c)))


def _where(
    ctx: click.Context, store: Store, wearer: Wearer | None, offsets: Sequence[tuple[int, int]]
) -> tuple[tzinfo, list[Stay]]:
    """A wearer's zone now, and their zones: always that which --zone names, or their own; else
    this computer's, and before where the `offsets` of their clock say."""
    computers = local_zone(ctx.obj[1])
    if ctx.obj[1] or wearer is None or wearer.zone is None:
        stays = [Stay(0, computers)] if ctx.obj[1] else stays_of(offsets, computers)
        return computers, stays
    return wearer.zone_or(computers), store.stays(wearer, computers)


@click.command()
@click.argument("address", shell_complete=completion.bands)
@click.argument("vital", type=click.Choice(list(ON_REQUEST)))
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def measure(ctx: click.Context, address: str, vital: str, in_json: bool) -> None:
    """Measure a vital sign on a band now: heart, spo2 (and the heart rate with it), or a blood
    pressure, by a fingertip on its strip's hub."""
    store = open_store(ctx, reading=True)
    band = store.band(address)
    if vital == "pressure":
        click.echo("Sit still, a fingertip on the hub, for half a minute.", err=True)
    signs = _measured(store, band, ON_REQUEST[vital])
    if in_json:
        _found(band, ON_REQUEST[vital], signs)
        _tell(band, signs)
        return
    for sign in signs:
        if sign.vital in VITALS and sign.status == STATUS_OK:
            click.echo(f"{VITALS[sign.vital].name}: {described(sign)}")
    _found(band, ON_REQUEST[vital], signs)
    if vital == "pressure":
        click.echo(ESTIMATED)
    click.echo(CAUTION)


@click.command()
@click.argument("address", shell_complete=completion.bands)
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def heart(ctx: click.Context, address: str, in_json: bool) -> None:
    """Measure the heart rate on a band now."""
    store = open_store(ctx, reading=True)
    band = store.band(address)
    sign = _found(band, VITAL_HEART_RATE, _measured(store, band, VITAL_HEART_RATE))
    if in_json:
        _tell(band, [sign])
    else:
        click.echo(described(sign))


def _tell(band: Band, signs: list[Sign]) -> None:
    """What was measured, for programs."""
    told = {VITALS[sign.vital].key: as_json(sign, True) for sign in signs if sign.vital in VITALS}
    click.echo(json.dumps({"band": band.address, **told, "caution": CAUTION}))


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
