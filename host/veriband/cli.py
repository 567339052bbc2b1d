"""The command `veriband`."""

from __future__ import annotations

import errno
import json
import sys
from contextlib import suppress
from datetime import tzinfo
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from bleak.backends.scanner import AdvertisementData

from veriband import __version__, completion
from veriband.alerts.command import alerts
from veriband.bridge.command import strip
from veriband.civil import iso
from veriband.configuration_command import config
from veriband.contest import seal_commands
from veriband.contest.command import contest, leaderboard
from veriband.context import (
    FiniteRange,
    open_store,
    run_until_stopped,
    utc_ms,
    zone_of,
)
from veriband.doctor.command import doctor
from veriband.errors import BadInput, VeribandError
from veriband.happened import volts
from veriband.judge.command import judge
from veriband.link import meter as meters
from veriband.link import pairing
from veriband.link.radio import OXIMETER, PRESSURE_METER, system_radio
from veriband.link.reach import reached
from veriband.link.session import BandInfo, Session
from veriband.link.supervisor import Supervisor
from veriband.link.sync import sync as fetch
from veriband.report_command import report
from veriband.run_command import chosen, run, summary
from veriband.service.command import service
from veriband.status_command import status
from veriband.steps_command import steps
from veriband.store import Store
from veriband.store.entered import WHOEVER
from veriband.store.roster import Wearer
from veriband.strip import as_json as strip_for_programs
from veriband.strip import described
from veriband.terminal import printable
from veriband.vitals import command as vitals_command
from veriband.vitals.calibrate_command import calibrate
from veriband.vitals.enter_command import enter, whose
from veriband.vitals.meter_command import fetched, meter, near
from veriband.vitals.pressure import holding
from veriband.wearers.command import wearer
from veriband.web.command import web
from veriband_protocol import uuids
from veriband_protocol.profile import NAMES
from veriband_protocol.sockets import CHIP_HUB


class _BadInput(click.ClickException):
    exit_code = 2


class _Group(click.Group):
    """Lists the commands of other installed packages, too, and tells our errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        others = [entry.name for entry in entry_points(group="veriband.commands")]
        return sorted({*super().list_commands(ctx), *others})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for entry in entry_points(group="veriband.commands", name=cmd_name):
            try:
                return entry.load()
            except ModuleNotFoundError as error:
                raise click.ClickException(
                    f"'{cmd_name}' needs {error.name}, which is not installed: in a checkout of "
                    f"Veriband 'make {cmd_name}' does it all, or pip install '.[sim]'."
                ) from error
        return None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except VeribandError as error:
            told = _BadInput if isinstance(error, BadInput) else click.ClickException
            raise told(printable(str(error))) from error
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            with suppress(OSError):  # what could not be written is not tried again
                sys.stdout.close()
            raise click.ClickException("No space is left for the output: make room.") from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="veriband")
@click.option(
    "--store",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="VERIBAND_STORE",
    help="The store's file [default: ~/.local/share/veriband/veriband.db].",
)
@click.option("--zone", help="The wearer's time zone [default: this computer's].")
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="VERIBAND_CONFIG",
    help="The configuration's file [default: ~/.config/veriband/veriband.toml, if it is there].",
)
@click.pass_context
def main(
    ctx: click.Context, path: Path | None, zone: str | None, config_path: Path | None
) -> None:
    """Veriband: a wristband whose steps can be trusted."""
    ctx.obj = (path, zone, config_path)


@main.command()
@click.option(
    "--seconds", type=FiniteRange(min=0.1, max=3600), default=5.0, show_default=True,
    help="How long to listen.",
)  # fmt: skip
@click.option("--json", "in_json", is_flag=True, help="One JSON object each.")
def scan(seconds: float, in_json: bool) -> None:
    """List the bands and meters that are near."""

    async def work() -> None:
        for device, advertisement in await system_radio().scan(seconds):
            if in_json:
                its = {"address": device.address, "name": device.name}
                told = its | {"rssi_dbm": advertisement.rssi, **_kind_for_programs(advertisement)}
                click.echo(json.dumps(told))
                continue
            name = printable(device.name or "")
            told = f"{device.address}  {name}  {advertisement.rssi} dBm{_kind(advertisement)}"
            click.echo(told)

    run_until_stopped(work())


def _kind(advertisement: AdvertisementData) -> str:
    """What is to be said about what advertises that."""
    if uuids.JOURNAL_SERVICE in advertisement.service_uuids:
        return "  pairing open" if uuids.COMPANY in advertisement.manufacturer_data else ""
    kinds = {PRESSURE_METER: "  blood-pressure meter", OXIMETER: "  pulse oximeter"}
    return "".join(kinds.get(uuid, "") for uuid in advertisement.service_uuids)


def _kind_for_programs(advertisement: AdvertisementData) -> dict[str, object]:
    if uuids.JOURNAL_SERVICE in advertisement.service_uuids:
        is_open = uuids.COMPANY in advertisement.manufacturer_data
        return {"kind": "band", "pairing_open": is_open}
    return {"kind": _kind(advertisement).strip()}


class _Secret(click.ParamType[bytes]):
    name = "hex"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            secret = bytes.fromhex(value)
        except ValueError:
            secret = b""
        if not 10 <= len(secret) <= 64:
            self.fail("the secret is 20 to 128 hexadecimal digits, as written at flashing")
        return secret


@main.command()
@click.argument("address", shell_complete=completion.bands)
@click.option("--secret", type=_Secret(), help="The band's secret; remembered once given.")
@click.option("--code", is_flag=True, help="Only show the passkey, to be typed elsewhere.")
@click.option("--meter", "is_meter", is_flag=True, help="It is a standard meter, not a band.")
@click.option(
    "--wearer",
    "name",
    shell_complete=completion.wearers,
    help="Whose meter it is [default: the only wearer].",
)
@click.option(
    "--user", type=click.IntRange(0, 254), help="The meter's own number of that wearer [any].",
)  # fmt: skip
@click.option(
    "--passkey", type=click.IntRange(0, 999_999), help="The meter's, if it has one on its label.",
)  # fmt: skip
@click.pass_context
def pair(
    ctx: click.Context, address: str, secret: bytes | None, code: bool, is_meter: bool,
    name: str | None, user: int | None, passkey: int | None,
) -> None:  # fmt: skip
    """Pair with a band whose button was pressed for 3 seconds within the last minute.

    With --meter with a blood-pressure meter or a pulse oximeter, in the mode in which it pairs.
    """
    store = open_store(ctx)
    if is_meter:
        if secret or code:
            raise click.UsageError("--secret and --code are of bands, not of meters.")
        _pair_meter(ctx, store, address, whose(store, name), user, passkey)
        return
    if name is not None or user is not None or passkey is not None:
        raise click.UsageError("--wearer, --user and --passkey are of meters: add --meter.")
    if secret is None:
        secret = next((b.secret for b in store.bands() if b.address == address.upper()), None)
    if secret is None:
        raise click.UsageError(f"The secret of band {address} is not known here: give --secret.")
    known = secret

    async def work() -> None:
        radio = system_radio()
        if code:
            passkey = await pairing.current_passkey(radio, address, known)
            click.echo(f"{passkey:06d}")
            return
        await pairing.pair(radio, address, known)
        click.echo(f"Paired with {address.upper()}.")

    run_until_stopped(work())
    store.add_band(address, known, utc_ms())


def _pair_meter(
    ctx: click.Context, store: Store, address: str, of: Wearer, user: int | None,
    passkey: int | None,
) -> None:  # fmt: skip
    zone = zone_of(ctx)

    async def work() -> None:
        known, found = await meters.pair(
            system_radio(), store, address, WHOEVER if user is None else user, of, passkey,
            utc_ms, zone,
        )  # fmt: skip
        kind = meters.KINDS[known.vital]
        click.echo(f"Paired with {kind} {known.address} of {printable(of.name)}.")
        fetched(known.address, found)

    run_until_stopped(work())


@main.command()
@click.argument("addresses", nargs=-1, shell_complete=completion.bands)
@click.option("--json", "in_json", is_flag=True, help="One JSON object a band or meter.")
@click.pass_context
def sync(ctx: click.Context, addresses: tuple[str, ...], in_json: bool) -> None:
    """Fetch once what bands recorded (all known ones, or those named).

    If none is named, what meters that are near have measured, too.
    """
    store, zone = open_store(ctx), zone_of(ctx)
    failed = False

    async def work() -> None:
        nonlocal failed
        radio = system_radio()
        for band in chosen(store, addresses):
            if not in_json:
                click.echo(f"{band.address}: ", nl=False)
            told: dict[str, object] = {"band": band.address}
            try:
                synced = await Supervisor(radio, store, band, utc_ms, zone).once()
            except VeribandError as error:
                failed = True
                text = told["error"] = str(error)
            else:
                text = summary(synced)
                told |= {"items": synced.items, "clock_set": synced.clock_set}
            click.echo(json.dumps(told) if in_json else text)
        if not addresses and not await near(radio, store, zone, in_json=in_json):
            failed = True

    run_until_stopped(work())
    if failed:
        sys.exit(1)


@main.command()
@click.argument("address", shell_complete=completion.bands)
@click.argument("name", type=click.Choice(NAMES), required=False)
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def profile(ctx: click.Context, address: str, name: str | None, in_json: bool) -> None:
    """Show a band's power profile, or choose one.

    responsive: it can always be reached. endurance: it sleeps, and is awake for a moment every 40
    seconds, so that its battery lasts longer.
    """
    store = open_store(ctx)
    band = store.band(address)

    async def work() -> None:
        sleeps = store.sleeps(band, utc_ms())
        async with reached(system_radio(), band.address, sleeps) as session:
            if name is None:
                now = await session.profile()
            else:
                now = await session.choose_profile(NAMES.index(name))
            await fetch(session, store, band, utc_ms, zone_of(ctx))  # the store learns of it
        told = json.dumps({"band": band.address, "profile": NAMES[now]})
        click.echo(told if in_json else NAMES[now])

    run_until_stopped(work())


@main.command()
@click.argument("address", shell_complete=completion.bands)
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def info(ctx: click.Context, address: str, in_json: bool) -> None:
    """Show what runs on a band (interpreter, version, each file's SHA-256), batteries, strip."""
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    band = store.band(address)

    async def work() -> None:
        sleeps = store.sleeps(band, utc_ms())
        async with reached(system_radio(), band.address, sleeps) as session:
            about = await session.info()
            if in_json:
                click.echo(
                    json.dumps({"band": band.address, **await _about(session, about, zone)})
                )
                return
            click.echo(
                printable(f"{about.implementation}, firmware {about.firmware}, ")
                + f"heap {about.heap_used} bytes used, {about.heap_free} free"
            )
            click.echo(volts(about.case_mv, about.cell_mv))
            strip = (await session.state()).strip
            click.echo(described(strip))
            if strip.chips & CHIP_HUB:
                click.echo(holding((await session.calibration()).utc_s, zone))
            for index in range(about.file_count):
                path, digest = await session.file(index)
                click.echo(f"{digest}  {printable(path)}")

    run_until_stopped(work())


async def _about(session: Session, about: BandInfo, zone: tzinfo) -> dict[str, Any]:
    """What runs on a band, for programs; what it does not know is None."""
    strip = (await session.state()).strip
    has_hub = strip.chips & CHIP_HUB
    made_s = (await session.calibration()).utc_s if has_hub else 0
    files = [await session.file(index) for index in range(about.file_count)]
    return {
        "interpreter": about.implementation,
        "firmware": about.firmware,
        "heap_used_bytes": about.heap_used,
        "heap_free_bytes": about.heap_free,
        "case_mv": about.case_mv or None,
        "cell_mv": about.cell_mv or None,
        "strip": strip_for_programs(strip),
        "calibrated": iso(1000 * made_s, zone) if made_s else None,
        "files": {path: digest for path, digest in files},
    }


for command in (
    alerts,
    calibrate,
    completion.completion,
    config,
    contest,
    doctor,
    enter,
    judge,
    leaderboard,
    meter,
    report,
    run,
    service,
    status,
    steps,
    strip,
    wearer,
    web,
    *vitals_command.COMMANDS,
):
    main.add_command(command)
for command in seal_commands.COMMANDS:
    contest.add_command(command)
