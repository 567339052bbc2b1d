"""`veriband contest` and `veriband leaderboard`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import Any

import click

from veriband import completion
from veriband.civil import clock
from veriband.contest.standings import Standing, came_late, places, standings
from veriband.contest.words import CAUTION, row, rules, table
from veriband.context import open_store, utc_ms, zone_of
from veriband.judge.engine import RULES
from veriband.parameters import Moment, Name, ms
from veriband.store import Store, consents
from veriband.store.roster import Contest
from veriband.store.store import LATEST
from veriband.terminal import printable
from veriband_protocol.items import MINUTE_MS


@click.group()
def contest() -> None:
    """Contests: most steps that can be trusted."""


@contest.command("add")
@click.argument("name", type=Name())
@click.argument("wearers", nargs=-1, required=True, shell_complete=completion.wearers)
@click.option("--from", "begin", type=Moment(), required=True, help="2026-11-25T09:00, or a day.")
@click.option("--to", "end", type=Moment(last=True), required=True, help="A day: its end.")
@click.option("--rule", type=click.Choice(list(RULES)), default="gated", show_default=True)
@click.option("--count-unverified", is_flag=True, help="Steps that nobody can tell count, too.")
@click.option("--sealed", is_flag=True, help="What no enrolled band has sealed is unverified.")
@click.pass_context
def add_contest(
    ctx: click.Context, name: str, wearers: tuple[str, ...], begin: datetime, end: datetime,
    rule: str, count_unverified: bool, sealed: bool,
) -> None:  # fmt: skip
    """Add a contest NAME between WEARERS, who let it have their steps until they revoke it."""
    if ms(end) - ms(begin) < MINUTE_MS:
        raise click.UsageError("--to is not after --from.")
    store = open_store(ctx)
    entrants = [store.wearer(each) for each in wearers]
    with store.transaction():
        store.add_contest(name, ms(begin), ms(end), rule, count_unverified, entrants, sealed)
        for each in entrants:
            to = consents.Grantee(consents.CONTEST, name)
            consents.grant(store, each, consents.STEPS, to, utc_ms())
    click.echo(f"Contest {name} was added: {_terms(store.contest(name), zone_of(ctx))}.")


@contest.command("list")
@click.option("--json", "in_json", is_flag=True, help="One JSON object each.")
@click.pass_context
def list_contests(ctx: click.Context, in_json: bool) -> None:
    """List contests."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    contests = store.contests()
    if in_json:
        for each in contests:
            wearers = [who.name for who in store.entrants(each)]
            click.echo(json.dumps({**_terms_for_programs(each), "wearers": wearers}))
        return
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
@click.argument("name", required=False, shell_complete=completion.contests)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--as-of", type=Moment(last=True), help="By what had come until then.")
@click.pass_context
def leaderboard(
    ctx: click.Context, name: str | None, as_json: bool, as_of: datetime | None
) -> None:
    """Show the standings of a contest (the last one that was added, or NAME), with evidence."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    its = _chosen(store, name)
    found = standings(store, its, zone, LATEST if as_of is None else ms(as_of))
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
        **_terms_for_programs(of),
        "wearers": [{"rank": place, **row(each)} for place, each in places(found)],
        "late": changes,
        "caution": CAUTION,
    }


def _terms_for_programs(of: Contest) -> dict[str, Any]:
    return {
        "contest": of.name,
        "from": datetime.fromtimestamp(of.from_utc_ms / 1000, UTC).isoformat(),
        "to": datetime.fromtimestamp(of.to_utc_ms / 1000, UTC).isoformat(),
        "rule": of.rule,
        "counts_unverified": of.counts_unverified,
        "sealed": of.sealed,
    }
