"""`veriband wearer`, `veriband contest` and `veriband leaderboard`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import Any

import click

from veriband.civil import local_day, zone_named
from veriband.contest.standings import Standing, came_late, places, standings
from veriband.contest.words import CAUTION, clock, row, rules, table
from veriband.context import FiniteRange, open_store, utc_ms, zone_of
from veriband.errors import VeribandError
from veriband.judge.engine import RULES
from veriband.minutes.table import ABOUT_RANGES, FIRST_YEAR, LAST_YEAR
from veriband.store import Store
from veriband.store.roster import Contest, Wearer, Worn
from veriband.store.store import LATEST
from veriband.terminal import printable
from veriband_protocol.items import MINUTE_MS

_LONGEST_NAME = 64
_OLDEST = 1900


class _Name(click.ParamType[str]):
    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if not text or len(text) > _LONGEST_NAME or printable(text) != text:
            self.fail(f"a name has 1 to {_LONGEST_NAME} characters that can be shown", param, ctx)
        if text in (".", ".."):  # no browser asks for a page of that name
            self.fail(f"{text!r} is no name", param, ctx)
        return text


class _Moment(click.ParamType[datetime]):
    """A day, or a time of one, on the wearer's clock or with an offset; `last`: a day's end.

    From FIRST_YEAR to LAST_YEAR: what a band can know, and what every clock can show.
    """

    name = "time"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        zone = zone_of(ctx) if ctx else UTC
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time like 2026-11-25 or 2026-11-25T18:30", param, ctx)
        if not FIRST_YEAR <= when.year <= LAST_YEAR:
            self.fail(f"{value!r} is not between {FIRST_YEAR} and {LAST_YEAR}", param, ctx)
        if len(value) == len("2026-11-25"):
            begin, end = local_day(zone, when)
            return datetime.fromtimestamp((end if self._last else begin) / 1000, UTC)
        return when if when.tzinfo else when.replace(tzinfo=zone)


class _Zone(click.ParamType[str]):
    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            zone_named(value)
        except VeribandError as error:
            self.fail(str(error), param, ctx)
        return str(value)


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


@click.group()
def wearer() -> None:
    """Who wears the bands: add and list wearers, hand a band on."""


@wearer.command("add")
@click.argument("name", type=_Name())
@click.option("--sex", type=click.Choice(["m", "f"]))
@click.option("--birth-year", type=click.IntRange(_OLDEST, datetime.now(UTC).year), metavar="YEAR")
@click.option(
    "--height", "height_m", type=FiniteRange(*ABOUT_RANGES["height_m"]), metavar="METRES"
)
@click.option(
    "--rest", "rest_bpm", type=FiniteRange(*ABOUT_RANGES["rest_bpm"]), metavar="BPM",
    help="The resting heart rate [default: learned from nights].",
)  # fmt: skip
@click.option("--lives-in", type=_Zone(), metavar="ZONE", help="[default: the computer's zone]")
@click.option("--band", "address", help="The band that they wear from now on.")
@click.pass_context
def add_wearer(
    ctx: click.Context, name: str, sex: str | None, birth_year: int | None,
    height_m: float | None, rest_bpm: float | None, lives_in: str | None, address: str | None,
) -> None:  # fmt: skip
    """Add a wearer: a pseudonym, and what is known of them. All of it stays in the store."""
    store = open_store(ctx)
    band = store.band(address) if address else None
    with store.transaction():
        new = store.add_wearer(name, sex, birth_year, height_m, rest_bpm, lives_in)
        if band:
            store.assign(band, new, utc_ms())
    click.echo(f"{name} was added" + (f" and wears {band.address}." if band else "."))


@wearer.command("wears")
@click.argument("name")
@click.argument("address")
@click.option("--from", "begin", type=_Moment(), help="[default: now]")
@click.option("--to", "end", type=_Moment(last=True), help="[default: until it is handed on]")
@click.pass_context
def wears(
    ctx: click.Context, name: str, address: str, begin: datetime | None, end: datetime | None
) -> None:
    """Say that a wearer has a band, from now on or from another time to another."""
    store = open_store(ctx)
    from_ms, to_ms = _ms(begin) if begin else utc_ms(), _ms(end) if end else None
    if to_ms is not None and to_ms <= from_ms:
        raise click.UsageError("--to is not after --from.")
    band = store.band(address)
    store.assign(band, store.wearer(name), from_ms, to_ms)
    click.echo(f"{name} wears {band.address} from {clock(from_ms, zone_of(ctx))} on.")


@wearer.command("list")
@click.pass_context
def list_wearers(ctx: click.Context) -> None:
    """List wearers and their bands."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    wearers = store.wearers()
    if not wearers:
        click.echo("There is no wearer yet: add one with 'veriband wearer add'.")
    for each in wearers:
        bands = ", ".join(_worn(worn, zone) for worn in store.worn(each)) or "no band"
        click.echo(f"{printable(each.name)}  {_about(each)}  {bands}")


def _about(of: Wearer) -> str:
    known = (
        of.sex,
        f"born {of.birth_year}" if of.birth_year else None,
        f"{of.height_m:g} m" if of.height_m else None,
        f"rest {of.rest_bpm:g} bpm" if of.rest_bpm else None,
        of.zone,
    )
    return ", ".join(part for part in known if part) or "nothing known"


def _worn(worn: Worn, zone: tzinfo) -> str:
    until = "" if worn.to_utc_ms is None else f" to {clock(worn.to_utc_ms, zone)}"
    return f"{worn.band.address} from {clock(worn.from_utc_ms, zone)}{until}"


@click.group()
def contest() -> None:
    """Contests: most steps that can be trusted."""


@contest.command("add")
@click.argument("name", type=_Name())
@click.argument("wearers", nargs=-1, required=True)
@click.option("--from", "begin", type=_Moment(), required=True, help="2026-11-25T09:00, or a day.")
@click.option("--to", "end", type=_Moment(last=True), required=True, help="A day: its end.")
@click.option("--rule", type=click.Choice(list(RULES)), default="gated", show_default=True)
@click.option("--count-unverified", is_flag=True, help="Steps that nobody can tell count, too.")
@click.option("--sealed", is_flag=True, help="What no enrolled band has sealed is unverified.")
@click.pass_context
def add_contest(
    ctx: click.Context, name: str, wearers: tuple[str, ...], begin: datetime, end: datetime,
    rule: str, count_unverified: bool, sealed: bool,
) -> None:  # fmt: skip
    """Add a contest NAME between WEARERS."""
    if _ms(end) - _ms(begin) < MINUTE_MS:
        raise click.UsageError("--to is not after --from.")
    store = open_store(ctx)
    entrants = [store.wearer(each) for each in wearers]
    store.add_contest(name, _ms(begin), _ms(end), rule, count_unverified, entrants, sealed)
    click.echo(f"Contest {name} was added: {_terms(store.contest(name), zone_of(ctx))}.")


@contest.command("list")
@click.pass_context
def list_contests(ctx: click.Context) -> None:
    """List contests."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    contests = store.contests()
    if not contests:
        click.echo("There is no contest yet: add one with 'veriband contest add'.")
    for each in contests:
        names = ", ".join(printable(who.name) for who in store.entrants(each))
        click.echo(f"{printable(each.name)}: {_terms(each, zone)}; {names}")


def _terms(of: Contest, zone: tzinfo) -> str:
    return f"{clock(of.from_utc_ms, zone)} to {clock(of.to_utc_ms, zone)}, {rules(of)}"


def _chosen(store: Store, name: str | None) -> Contest:
    if name is not None:
        return store.contest(name)
    contests = store.contests()
    if not contests:
        raise click.UsageError("There is no contest yet: add one with 'veriband contest add'.")
    return contests[-1]


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--as-of", type=_Moment(last=True), help="By what had come until then.")
@click.pass_context
def leaderboard(
    ctx: click.Context, name: str | None, as_json: bool, as_of: datetime | None
) -> None:
    """Show the standings of a contest (the last one that was added, or NAME), with evidence."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    its = _chosen(store, name)
    found = standings(store, its, zone, LATEST if as_of is None else _ms(as_of))
    changes = came_late(store, its, zone, found, utc_ms()) if as_of is None else []
    if as_json:
        click.echo(json.dumps(_json(its, found, changes)))
        return
    click.echo(f"{printable(its.name)}: {_terms(its, zone)}")
    if as_of is None and utc_ms() < its.to_utc_ms:
        click.echo("It goes on; this is the table so far.")
    click.echo(f"\n{table(found)}\n")
    for standing in found:
        for item in standing.evidence:
            click.echo(item.sentence)
    for change in changes:
        click.echo(f"Came late: {printable(change)}")
    silent = [standing for standing in found if standing.until_utc_ms is None]
    if silent:
        names = ", ".join(printable(standing.wearer) for standing in silent)
        click.echo(f"Nothing has come from {names}.")
    click.echo(CAUTION)


def _json(of: Contest, found: list[Standing], changes: list[str]) -> dict[str, Any]:
    return {
        "contest": of.name,
        "from": datetime.fromtimestamp(of.from_utc_ms / 1000, UTC).isoformat(),
        "to": datetime.fromtimestamp(of.to_utc_ms / 1000, UTC).isoformat(),
        "rule": of.rule,
        "counts_unverified": of.counts_unverified,
        "sealed": of.sealed,
        "wearers": [{"rank": place, **row(each)} for place, each in places(found)],
        "late": changes,
        "caution": CAUTION,
    }
