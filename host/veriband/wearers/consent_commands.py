"""`veriband wearer grant`, `revoke` and `grants`: what of a wearer's data leaves for whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, TypeVar

import click

from veriband import completion
from veriband.civil import clock, iso
from veriband.context import configuration_of, open_store, utc_ms, zone_of
from veriband.parameters import Moment, ms
from veriband.store import Store, consents
from veriband.store.consents import Grant, Grantee
from veriband.store.roster import Wearer
from veriband.store.store import LATEST
from veriband.terminal import printable

F = TypeVar("F", bound=Callable[..., Any])
_USUAL = {
    consents.TERMINAL: consents.ALERTS,
    consents.CONTEST: consents.STEPS,
    consents.STATISTICS: consents.VITALS,
    consents.RISK: consents.VITALS,
}


def _grantee(command: F) -> F:
    """The options that name who is meant, and what data."""
    for option in (
        click.option(
            "--data",
            type=click.Choice(consents.DATA),
            help="[default: alerts to a terminal, steps to a contest, else vital signs]",
        ),
        click.option("--risk", is_flag=True, help="The risk analysis on this computer."),
        click.option("--statistics", is_flag=True, help="The regional statistics."),
        click.option("--contest", shell_complete=completion.contests, help="A contest."),
        click.option("--terminal", help="A terminal of the configuration."),
    ):
        command = option(command)
    return command


def _named(
    store: Store, terminal: str | None, contest: str | None, statistics: bool, risk: bool
) -> Grantee:
    """Who is meant. Raises UsageError, StoreError."""
    named = [
        Grantee(consents.TERMINAL, terminal) if terminal else None,
        Grantee(consents.CONTEST, store.contest(contest).name) if contest else None,
        Grantee(consents.STATISTICS) if statistics else None,
        Grantee(consents.RISK) if risk else None,
    ]
    found = [its for its in named if its]
    if len(found) != 1:
        raise click.UsageError("Name one: --terminal, --contest, --statistics or --risk.")
    return found[0]


@click.command("grant")
@click.argument("name", shell_complete=completion.wearers)
@_grantee
@click.option("--until", type=Moment(last=True), help="A day: its end. [default: revoked]")
@click.pass_context
def grant(
    ctx: click.Context, name: str, terminal: str | None, contest: str | None, statistics: bool,
    risk: bool, data: str | None, until: datetime | None,
) -> None:  # fmt: skip
    """Let a terminal, a contest, the statistics or the risk analysis have data of a wearer."""
    store = open_store(ctx)
    wearer, to = store.wearer(name), _named(store, terminal, contest, statistics, risk)
    if to.kind == consents.TERMINAL:
        known = [its.name for its in configuration_of(ctx).terminal]
        if to.name not in known:
            there = ", ".join(known) or "none"
            raise click.UsageError(
                f"There is no terminal {to.name} in the configuration (there are: {there})."
            )
    if to.kind == consents.CONTEST and until:
        raise click.UsageError("What a contest is granted ends when it is revoked.")
    data = data or _USUAL[to.kind]
    until_ms = ms(until) if until else LATEST
    consents.grant(store, wearer, data, to, utc_ms(), until_ms)
    end = f" until {clock(until_ms, zone_of(ctx))}" if until else ""
    click.echo(f"{printable(wearer.name)} grants {printable(str(to))} their {data}{end}.")


@click.command("revoke")
@click.argument("name", shell_complete=completion.wearers)
@_grantee
@click.pass_context
def revoke(
    ctx: click.Context, name: str, terminal: str | None, contest: str | None, statistics: bool,
    risk: bool, data: str | None,
) -> None:  # fmt: skip
    """Take back what was granted, from now on. Who revokes a contest takes part no more."""
    store = open_store(ctx)
    wearer, to = store.wearer(name), _named(store, terminal, contest, statistics, risk)
    data = data or _USUAL[to.kind]
    if consents.revoke(store, wearer, data, to, utc_ms()):
        click.echo(f"{printable(wearer.name)} grants {printable(str(to))} no more {data}.")
    else:
        click.echo(f"{printable(wearer.name)} has not granted {printable(str(to))} any {data}.")


@click.command("grants")
@click.argument("name", shell_complete=completion.wearers)
@click.option("--json", "in_json", is_flag=True, help="One JSON object a grant.")
@click.pass_context
def grants(ctx: click.Context, name: str, in_json: bool) -> None:
    """List what a wearer grants, and what they have granted before."""
    store, zone, now_ms = open_store(ctx, reading=True), zone_of(ctx), utc_ms()
    wearer = store.wearer(name)
    found = consents.grants(store, wearer)
    for its in found:
        if in_json:
            click.echo(json.dumps(_row(wearer, its, wearer.zone_or(zone))))
        else:
            click.echo(_line(its, now_ms, wearer.zone_or(zone)))
    if not found and not in_json:
        click.echo(f"{printable(wearer.name)} has granted nothing: see 'wearer grant --help'.")


def _line(its: Grant, now_ms: int, zone: tzinfo) -> str:
    until = "until revoked" if its.until_ms == LATEST else f"until {clock(its.until_ms, zone)}"
    ended = ", over" if its.until_ms <= now_ms else ""
    return (
        f"{its.data} to {printable(str(its.to))}, since {clock(its.from_ms, zone)} {until}{ended}"
    )


def _row(wearer: Wearer, its: Grant, zone: tzinfo) -> dict[str, object]:
    return {
        "wearer": wearer.name,
        "data": its.data,
        "to": {"kind": its.to.kind, "name": its.to.name},
        "from": iso(its.from_ms, zone),
        "until": None if its.until_ms == LATEST else iso(its.until_ms, zone),
    }


COMMANDS = (grant, revoke, grants)
