"""Plays a scenario: its world, the real daemon over simulated bands, and a store of its own."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from veriband.contest import seals
from veriband.contest.enrolment import enrol
from veriband.contest.standings import Standing, came_late, standings
from veriband.errors import VeribandError
from veriband.judge.watch import Watch
from veriband.link.pairing import pair
from veriband.link.radio import Radio
from veriband.link.reach import FIND_S
from veriband.link.session import connected
from veriband.link.supervisor import Supervisor
from veriband.store import Store
from veriband.store.roster import Band as KnownBand
from veriband.store.roster import Contest
from veriband.store.roster import Wearer as Entrant
from veriband_simulator.agent import SimulatedAgent
from veriband_simulator.backend import bleak_backend
from veriband_simulator.demo.progress import Progress
from veriband_simulator.scenario import Scenario
from veriband_simulator.staging import Stage, wearer
from veriband_simulator.world import SimulatedBand, World

LEAD_S, LEAD_A_BAND_S = 60, 60  # the bands are put on and paired before the day begins
AFTER_S = 120  # and synced once more when it has ended
SYNC_S = 600.0
STEP_S = 60.0
EDGE_US = 3_000_000  # a band's clock may be off by two seconds, and its minutes with it
UNSAVED_US = 11 * 60_000_000  # what a loss of power may take: minutes not yet on flash


@dataclass(frozen=True)
class Counted:
    """What a step chip counted in the contest, and what of it a band may miss or have too many:
    steps made while minutes began, steps not yet on flash when the power went."""

    steps: int
    at_edges: int
    unsaved: int

    def allows(self, claimed: int) -> bool:
        """Whether a store that has `claimed` steps has what the chip counted."""
        least = self.steps - self.at_edges - self.unsaved
        return least <= claimed <= self.steps + self.at_edges


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario: the table, what changed it late, by wearer the truth beside it and
    what is wrong with what their band has sealed, the air's trace."""

    standings: list[Standing]
    late: list[str]
    counted: dict[str, Counted]
    seal_faults: dict[str, list[str]]
    trace_sha256: str
    pdus: int


async def play_scenario(
    scenario: Scenario, seed: int, progress: Progress, kept: Path | None = None
) -> Outcome:
    """Play it in a world of its own, with a new store at `kept`, or one that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="veriband-demo-") as folder:
        lead_s = LEAD_S + LEAD_A_BAND_S * len(scenario.bands)
        world = World(seed, scenario.moment(scenario.begin * 60 - lead_s))
        store = Store(kept or Path(folder) / "veriband.db")
        try:
            return await _Play(scenario, world, store, progress).run()
        finally:
            store.close()
            world.close()


def limit_s(scenario: Scenario) -> float:
    """The virtual time in which it has ended, or something is wrong."""
    return (scenario.end - scenario.begin) * 60 + LEAD_A_BAND_S * len(scenario.bands) + 3600.0


class _Play:
    """One scenario on its stage."""

    def __init__(self, scenario: Scenario, world: World, store: Store, progress: Progress) -> None:
        self._scenario = scenario
        self._world = world
        self._store = store
        self._progress = progress
        self._zone = scenario.zone
        begin_us = world.us_at(self._utc_ms(0))
        self._bands: dict[str, SimulatedBand] = {
            band.wearer: world.add_band(wearer(scenario, world.seed, band, begin_us), band.upload)
            for band in scenario.bands
        }
        self._stage = Stage(world, scenario, self._bands)

    def _utc_ms(self, minute: int) -> int:
        return round(self._scenario.moment(minute * 60).timestamp() * 1000)

    async def run(self) -> Outcome:
        computer = await self._world.computer()
        client, scanner = bleak_backend(computer)
        radio = Radio(client, scanner, SimulatedAgent(computer))
        known = {name: await self._pair(radio, band) for name, band in self._bands.items()}
        contest = self._enter(known)
        daemon = {
            name: self._supervisor(radio, contest, name, band) for name, band in known.items()
        }
        tasks = [asyncio.create_task(self._stage.play())]
        tasks += [asyncio.create_task(supervisor.run()) for supervisor in daemon.values()]
        await self._until_it_ends(tasks)
        for task in tasks:
            while not task.done():  # asyncio.wait_for of Python 3.11 may swallow a cancellation
                task.cancel()
                await asyncio.wait((task,), timeout=STEP_S)
        for name, supervisor in daemon.items():
            try:
                await supervisor.once()
            except VeribandError as error:
                self._progress.note(name, error)
        table = standings(self._store, contest, self._zone)
        return Outcome(
            table,
            came_late(self._store, contest, self._zone, table, self._world.utc_ms()),
            {name: self._counted(name) for name in self._bands},
            {name: self._seal_faults(band) for name, band in known.items()},
            self._world.air.trace_sha256,
            self._world.air.pdus,
        )

    async def _pair(self, radio: Radio, band: SimulatedBand) -> KnownBand:
        await band.power_on()
        await band.press()
        await pair(radio, band.address, band.secret)
        known = self._store.add_band(band.address, band.secret, self._world.utc_ms())
        device, _ = await radio.find(band.address, FIND_S)
        async with connected(radio, device) as session:
            draw = self._world.rng(f"key of {band.address}").randbytes
            await enrol(session, self._store, known, self._stage.utc_ms, self._zone, draw=draw)
        return known

    def _enter(self, known: dict[str, KnownBand]) -> Contest:
        """Tell the store who wears what, and between whom the contest is."""
        its, day = self._scenario.contest, self._scenario.midnight
        entered: list[Entrant] = []
        for name, band in known.items():
            person = self._scenario.person(name)
            body = person.body
            entrant = self._store.add_wearer(
                name, "f" if body.female else "m", day.year - round(body.age), body.height_m,
                person.rest_bpm, self._zone.key,
            )  # fmt: skip
            self._store.assign(band, entrant, self._world.utc_ms())
            entered.append(entrant)
        return self._store.add_contest(
            self._scenario.title, self._utc_ms(its.begin), self._utc_ms(its.end), its.rule,
            its.counts_unverified, entered, sealed=True,
        )  # fmt: skip

    def _seal_faults(self, band: KnownBand) -> list[str]:
        its = seals.sealed(self._store, band)
        return [*its.faults, *seals.altered(self._store, band, its)]

    def _supervisor(
        self, radio: Radio, contest: Contest, name: str, band: KnownBand
    ) -> Supervisor:
        def stored() -> int:
            spans = self._store.spans(band, contest.from_utc_ms, contest.to_utc_ms)
            return sum(span.steps for span in spans)

        def on_suspicion(sentence: str) -> None:
            self._progress.suspected(self._now(), sentence)

        return Supervisor(
            radio, self._store, band, self._stage.utc_ms, self._zone, every_s=SYNC_S,
            watchers=[Watch(self._store, band, self._zone, on_suspicion)],
            rng=self._world.rng(f"host {name}"),
            on_sync=lambda _: self._progress.synced(self._now(), name, stored),
            on_trouble=lambda error: self._progress.note(name, error),
        )  # fmt: skip

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._world.utc_ms() / 1000, self._zone)

    async def _until_it_ends(self, tasks: list[asyncio.Task[None]]) -> None:
        begin, end = self._utc_ms(self._scenario.begin), self._utc_ms(self._scenario.end)
        while self._world.utc_ms() < end + AFTER_S * 1000:
            self._progress.passed((self._world.utc_ms() - begin) // 60_000)
            await asyncio.wait(tasks, timeout=STEP_S, return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task.done():
                    await task  # the daemon only ends with an error

    def _counted(self, name: str) -> Counted:
        its, band = self._scenario.contest, self._bands[name]
        edges = [self._world.us_at(self._utc_ms(minute)) for minute in (its.begin, its.end)]
        count = band.chip.counted
        begin, end = edges
        lost = [us for whose, us in self._stage.power_losses if whose == name]
        return Counted(
            count(end) - count(begin),
            sum(count(us + EDGE_US) - count(us - EDGE_US) for us in edges),
            sum(count(us) - count(us - UNSAVED_US) for us in lost),
        )
