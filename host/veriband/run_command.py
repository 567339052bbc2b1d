"""`veriband run`: sync, judge and tell, for as long as it runs."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import click

from veriband import completion
from veriband.alerts import hops
from veriband.alerts.attention import Attention
from veriband.alerts.granted import book_of, not_granted
from veriband.alerts.teller import Teller, Terminal, program
from veriband.configuration import CLAIMS, CONSOLE, Configuration
from veriband.context import (
    FiniteRange,
    chosen_bands,
    configuration_of,
    open_store,
    run_until_stopped,
    utc_ms,
    zone_of,
)
from veriband.errors import VeribandError
from veriband.happened import happened
from veriband.judge.watch import Watch
from veriband.link import meter as meters
from veriband.link.ladder import Ladder
from veriband.link.meter import Fetched
from veriband.link.radio import Radio, system_radio
from veriband.link.supervisor import Supervisor, note
from veriband.link.sync import Synced
from veriband.service.notify import Pulse, teller_of
from veriband.store import Store
from veriband.store.roster import Band
from veriband.terminal import printable
from veriband.vitals.meter_command import fetched
from veriband.vitals.pressure import Reminder
from veriband.web.beside import serve_beside
from veriband.web.command import DEFAULT_PORT

SILENCE_S = 60.0  # between looks at what is silent
OTHERS_S = 5.0  # between looks whether another process has changed the store
_TELLER, _AROUND = "teller", "look around"  # what systemd's watchdog watches


def chosen(store: Store, addresses: tuple[str, ...]) -> list[Band]:
    """As chosen_bands, or no band where a meter is known."""
    if not store.bands() and _meters(store, addresses):
        return []
    return chosen_bands(store, addresses)


def _meters(store: Store, addresses: tuple[str, ...]) -> list[str]:
    """Those that go with the bands that were named."""
    return [] if addresses else sorted({meter.address for meter in store.meters()})


def summary(synced: Synced) -> str:
    """What a sync has brought."""
    clock = ", clock set" if synced.clock_set else ""
    return f"{synced.items} new items{clock}"


@click.command()
@click.argument("addresses", nargs=-1, shell_complete=completion.bands)
@click.option(
    "--every",
    type=FiniteRange(min=1),
    default=600.0,
    show_default=True,
    help="Seconds between syncs, at least 1.",
)
@click.option("--web/--no-web", "with_web", default=True, help="Serve the pages.  [default: web]")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True,
    help="Of the pages. 0: any that is free.",
)  # fmt: skip
@click.pass_context
def run(
    ctx: click.Context, addresses: tuple[str, ...], every: float, with_web: bool, port: int
) -> None:
    """Sync bands for as long as this runs (all known ones, or those named), and tell alerts.

    If none is named, meters, too, whenever they are near. The pages for the browser are served
    meanwhile, to this computer only.
    """
    store, zone, configuration = open_store(ctx), zone_of(ctx), configuration_of(ctx)
    bands = chosen(store, addresses)

    def serve(daemon: Daemon) -> None:
        url = serve_beside(
            port, store.path, zone, configuration, daemon.ask,
            lambda text: click.echo(text, err=True),
        )  # fmt: skip
        if url:
            click.echo(f"Veriband's pages are at {url}care.")

    async def work() -> None:
        daemon = Daemon(store, zone, configuration, every)
        if with_web:
            serve(daemon)
        await daemon.run(system_radio(), bands, _meters(store, addresses))

    run_until_stopped(work())


class Daemon:
    """What goes on while `veriband run` runs."""

    def __init__(
        self, store: Store, zone: tzinfo, configuration: Configuration, every_s: float
    ) -> None:
        self._store = store
        self._zone = zone
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._supervisors: dict[str, Supervisor] = {}
        book = book_of(store, configuration)
        terminals: dict[str, Terminal] = {CONSOLE: self._print}
        for terminal in configuration.terminal:
            terminals[terminal.name] = program(terminal.command)
        self._book, self._terminals = book, terminals
        self._patience = configuration.patience()
        for wearer, name in not_granted(store, configuration):
            self._trouble(
                f"{printable(wearer)} lets {name} know no alerts of theirs; that they do is said "
                f"by 'veriband wearer grant {printable(wearer)} --terminal {name}'."
            )
        self._pulse = Pulse(teller_of(os.environ), (_TELLER, _AROUND))
        self._teller = Teller(
            store, book, terminals, zone, utc_ms, self._trouble,
            on_look=lambda: self._pulse.beat(_TELLER),
        )  # fmt: skip
        self._attention = Attention(
            store, book, configuration.ranges(), zone,
            to_the_letter=configuration.alerts.rule == CLAIMS, on_look=self._teller.wake,
        )  # fmt: skip

    async def run(self, radio: Radio, bands: list[Band], addresses: list[str]) -> None:
        """All of it, for ever."""

        def climbed(step: VeribandError) -> None:
            note(self._store, utc_ms(), None, step, lambda error: self._trouble(str(error)))

        ladder = Ladder(radio, [band.address for band in bands], climbed)
        try:
            await asyncio.gather(
                self._teller.run(),
                self._look_around(),
                *(self._keep(radio, ladder, band) for band in bands),
                *(self._keep_meter(radio, address) for address in addresses),
            )
        finally:
            self._pulse.stop()

    async def _print(self, telling: Mapping[str, Any]) -> None:
        mark = "ALERT" if telling["loud"] else "alert"
        click.echo(f"{mark} {telling['alert']}  {telling['text']}")
        if telling["loud"]:
            click.echo(f"    {telling['caution']}")

    def _trouble(self, text: str) -> None:
        click.echo(text, err=True)

    async def _look_around(self) -> None:
        """Look at all wearers when another process has changed the store, as something was typed
        in, or an alert acknowledged; and now and then at what is silent."""
        loop, before, looked_s = asyncio.get_running_loop(), None, -math.inf
        while True:
            try:
                self._book.drop(utc_ms())
                now = self._store.read("PRAGMA data_version")
                if now != before:
                    for wearer in self._store.wearers():
                        self._attention.look(wearer, utc_ms())
                before = now
                if loop.time() - looked_s >= SILENCE_S:
                    looked_s = loop.time()
                    hops.look(
                        self._store, self._book, self._patience, self._terminals,
                        lambda wearer: wearer.zone_or(self._zone), utc_ms(),
                    )  # fmt: skip
                    self._teller.wake()
            except VeribandError as error:
                self._trouble(str(error))
            self._pulse.beat(_AROUND)
            await asyncio.sleep(OTHERS_S)

    async def _keep(self, radio: Radio, ladder: Ladder, band: Band) -> None:
        store, zone = self._store, self._zone
        hub, told_ms = Reminder(store, band, zone), utc_ms()

        def say(text: str) -> None:
            click.echo(f"{band.address}: {text}")

        def synced(what: Synced) -> None:
            nonlocal told_ms
            say(summary(what))
            since_ms, told_ms = told_ms, utc_ms()
            for line in happened(store, band, since_ms, told_ms, zone):
                say(line)
            if sentence := hub.due(told_ms):
                say(sentence)

        self._supervisors[band.address] = supervisor = Supervisor(
            radio, store, band, utc_ms, zone, every_s=self._every_s,
            watchers=[Watch(store, band, zone, say), self._attention.to(band)], ladder=ladder,
            on_sync=synced, on_trouble=lambda error: self._trouble(f"{band.address}: {error}"),
        )  # fmt: skip
        await supervisor.run()

    def ask(self, address: str, vital: int) -> bool:
        """Have a band measure a vital sign (items.VITAL_*) now; False: it is not kept at here. May
        be called from any thread."""
        supervisor = self._supervisors.get(address)
        if supervisor:
            self._loop.call_soon_threadsafe(supervisor.ask, vital)
        return supervisor is not None

    async def _keep_meter(self, radio: Radio, address: str) -> None:
        def came(what: Fetched) -> None:
            fetched(address, what)
            for meter in self._store.meters():
                if meter.address == address:
                    self._attention.look(meter.wearer, utc_ms())

        await meters.keep(
            radio, self._store, address, utc_ms, self._zone, on_fetched=came,
            on_trouble=lambda error: self._trouble(str(error)),
        )  # fmt: skip
