"""`veriband enter`: readings from elsewhere, typed in; and taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import click

from veriband import completion
from veriband.civil import clock, iso, utc_ms_of
from veriband.context import open_store, utc_ms, zone_of
from veriband.minutes.table import FIRST_YEAR
from veriband.records import Sign
from veriband.store import Store
from veriband.store.entered import TYPED_IN, Entry
from veriband.store.roster import Wearer
from veriband.store.store import LATEST
from veriband.terminal import printable
from veriband.vitals import plausible
from veriband.vitals.signs import VITALS, as_json
from veriband.vitals.words import CAUTION, told
from veriband_protocol.items import MINUTE_MS

_PRESSURE = re.compile(r"([0-9]{1,3})\s*/\s*([0-9]{1,3})", re.ASCII)
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}", re.ASCII)


class _Pressure(click.ParamType[tuple[int, int]]):
    name = "SYSTOLIC/DIASTOLIC"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        found = _PRESSURE.fullmatch(value)
        if not found:
            self.fail(f"{value!r} is not a blood pressure like 128/82, in mmHg", param, ctx)
        return int(found[1]), int(found[2])


class _Moment(click.ParamType[str]):
    """A moment: a date and a time of day, or a time of today, with an offset from UTC or none."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        whole = f"2000-01-01T{value}" if _CLOCK.fullmatch(value) else value
        try:
            when = datetime.fromisoformat(whole)
        except ValueError:
            when = None
        if when is None or len(whole) <= len("2026-11-25"):
            self.fail(f"{value!r} is not a time like '2026-11-25 07:30' or 07:30", param, ctx)
        return str(value)


_WEARER = click.option(
    "--wearer",
    "name",
    shell_complete=completion.wearers,
    help="Whose it is [default: the only wearer].",
)
_AT = click.option(
    "--at", type=_Moment(), metavar="TIME",
    help="When it was measured, on the wearer's clock: '2026-11-25 07:30', or 07:30 of today "
    "[default: now].",
)  # fmt: skip
_JSON = click.option("--json", "in_json", is_flag=True, help="A JSON object a reading.")
_PULSE = click.option("--pulse", type=int, metavar="BPM", help="The pulse shown with it.")


@click.group()
def enter() -> None:
    """Type in what another device measured; it is kept with its source."""


def whose(store: Store, name: str | None) -> Wearer:
    """The wearer of that name, or the only one. Raises UsageError, StoreError."""
    if name is not None:
        return store.wearer(name)
    wearers = store.wearers()
    if not wearers:
        raise click.UsageError("There is no wearer yet: add one with 'veriband wearer add'.")
    if len(wearers) > 1:
        there = ", ".join(printable(wearer.name) for wearer in wearers)
        raise click.UsageError(f"There are several wearers ({there}): name one with --wearer.")
    return wearers[0]


def zone_for(ctx: click.Context, wearer: Wearer) -> tzinfo:
    """The zone in which the wearer lives."""
    return wearer.zone_or(zone_of(ctx))


@enter.command("bp")
@click.argument("pressure", type=_Pressure())
@_PULSE
@_WEARER
@_AT
@_JSON
@click.pass_context
def enter_pressure(
    ctx: click.Context, pressure: tuple[int, int], pulse: int | None, in_json: bool,
    **of: str | None,
) -> None:  # fmt: skip
    """A blood pressure, as 128/82 (mmHg)."""
    _enter(ctx, lambda: plausible.blood_pressure(*pressure), pulse, in_json, **of)


@enter.command("spo2")
@click.argument("percent", type=int)
@_PULSE
@_WEARER
@_AT
@_JSON
@click.pass_context
def enter_spo2(
    ctx: click.Context, percent: int, pulse: int | None, in_json: bool, **of: str | None
) -> None:
    """An oxygen saturation, as 97 (percent)."""
    _enter(ctx, lambda: plausible.spo2(percent), pulse, in_json, **of)


@enter.command("heart")
@click.argument("bpm", type=int)
@_WEARER
@_AT
@_JSON
@click.pass_context
def enter_heart_rate(ctx: click.Context, bpm: int, in_json: bool, **of: str | None) -> None:
    """A heart rate, as 62 (beats a minute)."""
    _enter(ctx, lambda: plausible.heart_rate(bpm), None, in_json, **of)


def _enter(
    ctx: click.Context,
    sign: Callable[[], Sign],
    pulse: int | None,
    in_json: bool,
    name: str | None,
    at: str | None,
) -> None:
    try:
        signs = (sign(),) if pulse is None else (sign(), plausible.heart_rate(pulse))
    except ValueError as error:
        raise click.UsageError(f"Nothing was entered: {error}.") from error
    store = open_store(ctx)
    wearer = whose(store, name)
    zone, now_ms = zone_for(ctx, wearer), utc_ms()
    at_ms = now_ms if at is None else _moment(at, zone, now_ms)
    entry = Entry(at_ms, TYPED_IN, signs)
    number = store.enter(wearer, entry, now_ms)
    if in_json:
        click.echo(json.dumps(_row(number, wearer, entry, zone)))
        return
    click.echo(f"{number}: {_line(wearer, entry, zone)}")
    click.echo(CAUTION)


def _moment(at: str, zone: tzinfo, now_ms: int) -> int:
    """In UTC ms. Raises UsageError, VeribandError."""
    if _CLOCK.fullmatch(at):
        at = f"{datetime.fromtimestamp(now_ms / 1000, zone):%Y-%m-%d}T{at}"
    when = datetime.fromisoformat(at)
    if when.year < FIRST_YEAR:
        raise click.UsageError(f"{at} is before {FIRST_YEAR}: give the year with four digits.")
    if when.replace(tzinfo=None) > datetime.fromtimestamp(now_ms / 1000) + timedelta(days=2):
        raise click.UsageError(f"{at} is still to come.")  # also where no clock could show it
    at_ms = utc_ms_of(when, zone)
    if at_ms > now_ms + MINUTE_MS:
        raise click.UsageError(
            f"{at} is still to come: it is {clock(now_ms, zone)}. For another day give its date."
        )
    return at_ms


def _line(wearer: Wearer, entry: Entry, zone: tzinfo) -> str:
    return f"{printable(wearer.name)}, {clock(entry.utc_ms, zone)}: {told(entry)}"


def _row(number: int | None, wearer: Wearer, entry: Entry, zone: tzinfo) -> dict[str, object]:
    """A reading for programs."""
    signs = {VITALS[sign.vital].key: as_json(sign, False) for sign in entry.signs}
    return {
        "number": number,
        "wearer": wearer.name,
        "at": iso(entry.utc_ms, zone),
        "source": entry.source,
        **signs,
        "remarks": entry.remarks,
        "caution": CAUTION,
    }


@enter.command("list")
@_JSON
@_WEARER
@click.option("--all", "everything", is_flag=True, help="All of them [default: the last 20].")
@click.pass_context
def list_entered(ctx: click.Context, name: str | None, everything: bool, in_json: bool) -> None:
    """What was typed in and what meters sent, with the numbers that 'forget' wants."""
    store = open_store(ctx, reading=True)
    wearer = whose(store, name)
    zone = zone_for(ctx, wearer)
    found = store.entered(wearer, 0, LATEST)
    shown = found if everything else found[-20:]
    if in_json:
        for number, entry in shown:
            click.echo(json.dumps(_row(number, wearer, entry, zone)))
        return
    if not found:
        click.echo(f"Nothing of {printable(wearer.name)} was entered yet.")
        return
    for number, entry in shown:
        click.echo(f"{number}: {_line(wearer, entry, zone)}")
    click.echo(CAUTION)


@enter.command()
@_WEARER
@click.pass_context
def undo(ctx: click.Context, name: str | None) -> None:
    """Take back what was typed in last."""
    store = open_store(ctx)
    with store.transaction():
        _forget(ctx, store, store.last_typed_in(whose(store, name)))


@enter.command()
@click.argument("number", type=click.IntRange(1, (1 << 63) - 1))
@click.pass_context
def forget(ctx: click.Context, number: int) -> None:
    """Take a reading back, by its number in 'list'."""
    _forget(ctx, open_store(ctx), number)


def _forget(ctx: click.Context, store: Store, number: int) -> None:
    wearer, entry = store.forget(number)
    click.echo(f"Taken back: {_line(wearer, entry, zone_for(ctx, wearer))}")
