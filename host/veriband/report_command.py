"""`veriband report`: a wearer's days in plain text, or for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

import click

from veriband import completion
from veriband.alerts import words as alert_words
from veriband.alerts.granted import book_of
from veriband.alerts.words import as_json, sentence
from veriband.civil import clock, iso
from veriband.contest import words as contest_words
from veriband.context import configuration_of, open_store, utc_ms, zone_of
from veriband.judge.diary import judged
from veriband.report import Day, Range, Told, alerts_of, days, steps_of, vitals_of
from veriband.terminal import printable
from veriband.vitals.command import of_wearer
from veriband.vitals.words import CAUTION, ESTIMATED, NOT_CALIBRATED
from veriband_protocol.items import MINUTE_MS

RULE = "gated"
USUAL_DAYS = 7
MOST_DAYS = 366
MOST_GAPS = 5  # of a day that are told one by one, the longest
_DAY = click.DateTime(["%Y-%m-%d"])
CAUTIONS = (CAUTION, contest_words.CAUTION, alert_words.CAUTION)


@click.command()
@click.argument("name", metavar="WEARER", shell_complete=completion.wearers)
@click.option("--from", "first", type=_DAY, help=f"[default: {USUAL_DAYS - 1} days before --to]")
@click.option("--to", "last", type=_DAY, help="[default: today]")
@click.option("--json", "in_json", is_flag=True, help="One JSON object.")
@click.pass_context
def report(
    ctx: click.Context, name: str, first: datetime | None, last: datetime | None, in_json: bool
) -> None:
    """Report a wearer's days: steps, vital signs, alerts and who acknowledged them, and gaps.

    Steps are judged by the rule of contests ('gated'). Vital signs stand under the day on which
    their cycle ends, at 23:00. Days are those of the wearer's clock.
    """
    store, now_ms = open_store(ctx, reading=True), utc_ms()
    wearer = store.wearer(name)
    log = of_wearer(ctx, store, wearer)
    until = last.date() if last else datetime.fromtimestamp(now_ms / 1000, log.zone).date()
    since = first.date() if first else until - timedelta(days=USUAL_DAYS - 1)
    if not 0 <= (until - since).days < MOST_DAYS:
        raise click.UsageError(f"--from to --to are 1 to {MOST_DAYS} days.")
    spans = days(since, until, log.zone)
    begin_ms, end_ms = spans[0][1], spans[-1][2]
    its = judged(store, wearer, zone_of(ctx), RULE, begin_ms, end_ms)
    found = [
        Day(
            day, steps_of(its, begin, end, now_ms), vitals_of(log.taken(day), day, log.stays)
        )
        for day, begin, end in spans
    ]  # fmt: skip
    book = book_of(store, configuration_of(ctx))
    alerts = alerts_of(book, wearer, begin_ms, end_ms)
    held_back = sum(one.since_ms < end_ms for one in book.held_back(wearer.id, begin_ms))
    if in_json:
        click.echo(json.dumps(_for_programs(wearer.name, found, alerts, held_back, log.zone)))
        return
    click.echo(f"{printable(wearer.name)}, {since} to {until}, on the clock of {log.zone}")
    for line in _lines(wearer.name, found, alerts, log.zone):
        click.echo(line)
    if held_back:
        click.echo(f"{held_back} more causes of alerts were held back by the limits.")
    for line in _cautions(found):
        click.echo(line)


def _lines(name: str, found: Sequence[Day], alerts: Sequence[Told], zone: tzinfo) -> Iterator[str]:
    for day in found:
        its = day.steps
        yield f"\n{day.date:%Y-%m-%d %A}"
        if its.minutes or its.unverified:
            struck = f", {its.struck} struck" if its.struck else ""
            unverified = f", {its.unverified} unverified" if its.unverified else ""
            yield f"  steps: {its.counted} counted{struck}{unverified}"
        yield from _gaps(day, zone)
        for each in day.vitals:
            yield f"  {_said(each)}"
        if not day.vitals:
            yield "  no vital signs"
    yield "\nAlerts"
    for told in alerts:
        yield f"  {told.entry.number}  {sentence(told.entry, name, zone)}"
        for step in told.acknowledged:
            note = f" ({printable(step.note)})" if step.note else ""
            yield f"     acknowledged by {printable(step.by)} {clock(step.utc_ms, zone)}{note}"
        if not told.acknowledged:
            yield "     nobody has acknowledged it"
    if not alerts:
        yield "  none"


def _gaps(day: Day, zone: tzinfo) -> Iterator[str]:
    gaps = day.steps.gaps
    if not gaps:
        return
    if not day.steps.minutes:
        yield "  no minute of steps has come"
        return
    total = sum(end - begin for begin, end in gaps)
    longest = sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:MOST_GAPS])
    told = ", ".join(f"{_wall(begin, zone)}-{_wall(end, zone)}" for begin, end in longest)
    more = f" and {len(gaps) - len(longest)} shorter" if len(gaps) > len(longest) else ""
    yield f"  nothing came of {_long(total)}: {told}{more}"


def _wall(utc_ms: int, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(utc_ms / 1000, zone):%H:%M}"


def _long(ms: int) -> str:
    hours, minutes = divmod(ms // MINUTE_MS, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _said(its: Range) -> str:
    source = "" if its.by_strip else ", from elsewhere"
    note = f" ({its.note})" if its.note else ""
    failed = ", ".join(f"{count} {why}" for why, count in sorted(its.failed.items()))
    without = f"; without a value: {failed}" if failed else ""
    if not its.count:
        return f"{its.name}{note}{source}: no value{without}"
    plural = "s" if its.count > 1 else ""
    return (
        f"{its.name}{note}{source}: {its.low:g} / {its.median:g} / {its.high:g} {its.unit} "
        f"(lowest / median / highest of {its.count} reading{plural}){without}"
    )


def _cautions(found: Sequence[Day]) -> Iterator[str]:
    yield ""
    ranges = [each for day in found for each in day.vitals]
    if any(each.note for each in ranges):
        yield NOT_CALIBRATED.removeprefix("* ").capitalize()
    if any(each.by_strip and each.unit == "mmHg" for each in ranges):
        yield ESTIMATED
    yield from CAUTIONS


def _for_programs(
    name: str, found: Sequence[Day], alerts: Sequence[Told], held_back: int, zone: tzinfo
) -> dict[str, Any]:
    return {
        "wearer": name,
        "zone": str(zone),
        "rule": RULE,
        "days": [_day(day, zone) for day in found],
        "alerts": [
            {
                **as_json(told.entry, name, zone),
                "acknowledgements": [
                    {"by": step.by, "at": iso(step.utc_ms, zone), "note": step.note}
                    for step in told.acknowledged
                ],
            }
            for told in alerts
        ],
        "held_back": held_back,
        "caution": " ".join(CAUTIONS),
    }


def _day(day: Day, zone: tzinfo) -> dict[str, Any]:
    its = day.steps
    return {
        "day": day.date.isoformat(),
        "steps": {
            "counted": its.counted,
            "struck": its.struck,
            "unverified": its.unverified,
            "minutes": its.minutes,
        },
        "gaps": [{"from": iso(begin, zone), "to": iso(end, zone)} for begin, end in its.gaps],
        "vitals": [
            {
                "vital": each.name,
                "unit": each.unit,
                "by_band": each.by_strip,
                "calibrated": not each.note,
                "readings": each.count,
                "lowest": each.low if each.count else None,
                "median": each.median if each.count else None,
                "highest": each.high if each.count else None,
                "without_value": each.failed,
            }
            for each in day.vitals
        ],
    }
