"""`veriband contest enrol`, `hand-in`, `take` and `verify`: minutes that bands have sealed."""

from __future__ import annotations

import asyncio
import json
import sys
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import click

from veriband import completion
from veriband.contest import seals
from veriband.contest.enrolment import enrol as enrol_band
from veriband.context import open_store, utc_ms, zone_of
from veriband.errors import BadInput, VeribandError
from veriband.link.radio import system_radio
from veriband.link.reach import reached
from veriband.records import Kind
from veriband.store import Store
from veriband.store.roster import Band, Contest
from veriband.terminal import printable
from veriband_protocol.items import MINUTE_MS

_HEAD = "Veriband sealed batches 1"
_LONGEST_LINE = 16_384
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _bands(store: Store, of: Contest) -> list[tuple[str, Band]]:
    """(wearer, band) of all that were worn in a contest's time, each once."""
    found: dict[tuple[str, Band], None] = {}
    for who in store.entrants(of):
        for worn in store.worn(who):
            begins_before_its_end = worn.from_utc_ms < of.to_utc_ms
            if begins_before_its_end and of.from_utc_ms < (worn.to_utc_ms or of.to_utc_ms):
                found[who.name, worn.band] = None
    return list(found)


@click.command()
@click.argument("name", shell_complete=completion.contests)
@click.option("--replace", is_flag=True, help="Even if a band has another organiser's key.")
@click.option("--json", "in_json", is_flag=True, help="One JSON object a band.")
@click.pass_context
def enrol(ctx: click.Context, name: str, replace: bool, in_json: bool) -> None:
    """Have the bands of contest NAME seal their minutes.

    They are near, and paired with this computer. Their keys stay in this store, and whoever has
    them can forge: do not enrol over a wearer's computer.
    """
    store, zone = open_store(ctx), zone_of(ctx)
    bands = list(dict.fromkeys(band for _, band in _bands(store, store.contest(name))))
    if not bands:
        raise click.UsageError("Nobody in it wears a band: 'veriband wearer wears' says who does.")
    failed = False

    async def work() -> None:
        nonlocal failed
        radio = system_radio()
        for band in bands:
            if not in_json:
                click.echo(f"{band.address}: ", nl=False)
            told: dict[str, object] = {"band": band.address}
            try:
                sleeps = store.sleeps(band, utc_ms())
                async with reached(radio, band.address, sleeps) as session:
                    new = await enrol_band(session, store, band, utc_ms, zone, replace=replace)
            except VeribandError as error:
                failed = True
                text = told["error"] = str(error)
            else:
                told["is_new"] = new
                text = "seals from now on" if new else "was enrolled before"
            click.echo(json.dumps(told) if in_json else text)

    asyncio.run(work())
    sys.exit(1 if failed else 0)


@click.command("hand-in")
@click.argument("file", type=click.File("w", lazy=True))
@click.argument("addresses", nargs=-1, shell_complete=completion.bands)
@click.pass_context
def hand_in(ctx: click.Context, file: TextIO, addresses: tuple[str, ...]) -> None:
    """Write what bands have sealed to FILE.

    Of all bands, or of ADDRESSES, for their contest's organiser: steps, heart rates and events
    since they were enrolled last, and nothing else.
    """
    store = open_store(ctx, reading=True)
    bands = [store.band(address) for address in addresses] or store.bands()
    count = 0
    file.write(_HEAD + "\n")
    for band in bands:
        keyed = list(_keyed(band, store.batches(band)))
        for its_key, data in keyed:
            if its_key == keyed[-1][0]:
                file.write(b2a_base64(data).decode())
                count += 1
    file.flush()  # a full disk is told first
    click.echo(f"{count} sealed batches were written.", err=True)
    if not count:
        raise click.ClickException(
            "No band has sealed anything here: a contest's organiser enrols it first."
        )


def _keyed(band: Band, batches: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(the key's id, the batch) of each that is not damaged; those that are, are told."""
    for data in batches:
        try:
            yield seals.key_id(data), data
        except ValueError as error:
            click.echo(f"{band.address}: a batch is damaged here ({error}): left out.", err=True)


def _handed_in(store: Store, files: Iterable[Path]) -> dict[Band, list[bytes]]:
    """The batches in files by the band whose key they name. Raises BadInput.

    Those that name no key that was enrolled here are told, and left; so are, silently, those of a
    file before: each file of a wearer's has all since the enrolment.
    """
    bands = {seals.id_of(key): band for key, band in store.seal_keys()}
    found: dict[Band, list[bytes]] = {}
    before: set[bytes] = set()
    for path in files:
        others = 0
        own: set[bytes] = set()
        for data in _read(path):
            band = bands.get(seals.key_id(data))
            if band is None:
                others += 1
            elif data not in before:
                found.setdefault(band, []).append(data)
                own.add(data)
        before |= own
        if others:
            click.echo(
                f"{path}: {others} batches name keys that were not enrolled here; they are left.",
                err=True,
            )
    return found


def _read(path: Path) -> Iterable[bytes]:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            if file.readline(_LONGEST_LINE).rstrip("\n") != _HEAD:
                raise BadInput(str(path), "", "this is no file of 'veriband contest hand-in'")
            number = 1
            while line := file.readline(_LONGEST_LINE):
                number += 1
                if line.rstrip("\n") == _HEAD:  # another file was put behind
                    continue
                try:
                    data = a2b_base64(line.rstrip("\n"), strict_mode=True)
                    seals.key_id(data)
                except (Base64Error, ValueError) as error:
                    raise BadInput(str(path), f"line {number}", f"no batch ({error})") from error
                yield data
    except OSError as error:
        raise BadInput(str(path), "", f"it cannot be read ({error})") from error


@click.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--json", "in_json", is_flag=True, help="One JSON object a band.")
@click.pass_context
def take(ctx: click.Context, files: tuple[Path, ...], in_json: bool) -> None:
    """Store what wearers have handed in (FILES).

    What is sealed, and only that. What was tampered with is told, and the status is 1 then.
    """
    store = open_store(ctx)
    failed = False
    for band, batches in _handed_in(store, files).items():
        its = seals.opened(batches, seals.keys_of(store, band))
        now_ms, new = utc_ms(), 0
        with store.transaction():
            here = {its.seal for its in seals.sealed(store, band).batches}
            for batch in its.batches:
                if batch.seal not in here:
                    new += store.take(band, batch.epoch, batch.items, now_ms, batch.data)
        if in_json:
            told = {"band": band.address, "items": new, "faults": list(its.faults)}
            click.echo(json.dumps(told))
        else:
            click.echo(f"{band.address}: {new} new items")
            _tell(its.faults)
        failed |= bool(its.faults)
    sys.exit(1 if failed else 0)


def _tell(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        click.echo(f"  {sentence}")


@dataclass(frozen=True)
class _Verified:
    """Of a band in a contest: minutes that are sealed of those that have passed, what is wrong,
    what is worth knowing."""

    wearer: str
    band: str
    sealed_minutes: int
    of_minutes: int
    faults: Sequence[str]
    notes: Sequence[str]


@click.command()
@click.argument("name", shell_complete=completion.contests)
@click.argument("files", nargs=-1, type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def verify(ctx: click.Context, name: str, files: tuple[Path, ...], as_json: bool) -> None:
    """Check what is sealed of contest NAME.

    Of what is stored here, or of what was handed in (FILES). What was altered, left out, given
    twice or put elsewhere is told, and the status is 1 then.
    """
    store = open_store(ctx, reading=True)
    its = store.contest(name)
    handed = _handed_in(store, files)
    found: list[_Verified] = []
    for who, band in _bands(store, its):
        each = _verified(store, its, who, band, handed.get(band, []) if files else None)
        found.append(each)
        if not as_json:
            whole = "nothing is wrong" if not each.faults else "this is wrong:"
            sealed = f"{each.sealed_minutes:,} of {each.of_minutes:,} minutes are sealed"
            click.echo(f"{printable(who)}, {each.band}: {sealed}; {whole}")
            _tell((*each.faults, *each.notes))
    if as_json:
        click.echo(json.dumps({"contest": its.name, "bands": [asdict(each) for each in found]}))
    if not found:
        click.echo("Nobody in it wears a band: 'veriband wearer wears' says who does.", err=True)
    sys.exit(1 if any(each.faults for each in found) or not found else 0)


def _verified(
    store: Store, of: Contest, who: str, band: Band, batches: list[bytes] | None
) -> _Verified:
    """`batches`: those that were handed in; None: those of the store, and its table, too."""
    keys = seals.keys_of(store, band)
    its = seals.sealed(store, band) if batches is None else seals.opened(batches, keys)
    items = its.items()
    faults = [*its.faults]
    if not keys:
        faults.append("It was not enrolled here: 'veriband contest enrol' does that.")
    elif not its.batches:
        faults.append("Nothing that it sealed is here.")
    if batches is None:
        faults += seals.altered(store, band, its)
    minutes = sum(
        item.kind is Kind.MINUTE and of.from_utc_ms <= utc < of.to_utc_ms
        for utc, _, item in seals.dated(items)
    )
    passed = max(0, min(of.to_utc_ms, utc_ms()) - of.from_utc_ms) // MINUTE_MS
    notes = seals.clock_jumps(items)
    if its.batches and not seals.is_from_enrolment(items, keys):
        notes.append(
            "The enrolment is not among what is sealed: what came first is not here, or the band "
            "lost its power soon after. Until the clock is set again, it is not the organiser's."
        )
    return _Verified(who, band.address, minutes, passed, faults, notes)


COMMANDS = (enrol, hand_in, take, verify)
