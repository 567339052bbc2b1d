"""From a scenario to its world: minutes of each band, and what happens when."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from veriband_simulator.bodies import Body
from veriband_simulator.cheaters import MACHINES
from veriband_simulator.recorded_minutes import packaged
from veriband_simulator.scenario import STEADY, Band, Event, Part, Person, Recorded, Scenario
from veriband_simulator.tables import DAY_MIN
from veriband_simulator.wearers import Minute, Wearer
from veriband_simulator.world import SimulatedBand, World

WALK_KMH, RUN_KMH = 5.0, 10.0
# Standard deviations: half of real people's adjacent minutes differ by 4 steps and by 2.
VARIES_BY = {"walk": 4.0, "run": 2.0}


def wearer(scenario: Scenario, seed: int, band: Band, begin_us: int) -> Wearer:
    """What a band is worn by. `begin_us`: when the scenario's day began, in the world's time."""
    minutes = _lived(scenario.person(band.wearer), seed)
    for lent in band.lent:
        its = slice(lent.begin, lent.end)
        minutes[its] = _lived(scenario.person(lent.by), seed)[its]
    off: int | None = None
    for event in (*scenario.events, Event(DAY_MIN * 60, "worn", band.wearer)):
        if event.band == band.wearer and event.what == "not_worn":
            off = event.second // 60
        elif event.band == band.wearer and event.what == "worn" and off is not None:
            its = slice(off, event.second // 60)
            minutes[its] = map(_taken_off, minutes[its])
            off = None
    return Wearer(minutes, f"{seed} {band.wearer}", begin_us)


def _taken_off(minute: Minute) -> Minute:
    """That minute with the band on a table, or in a machine if it was in one."""
    steps = minute.steps if minute.by_machine else 0
    return Minute(steps, minute.heart_rate_bpm, False, minute.by_machine)


def _lived(person: Person, seed: int) -> list[Minute]:
    """What somebody's minutes do to a band that they wear all day."""
    steps = [0] * DAY_MIN
    known: list[float | None] = [None] * DAY_MIN
    targets: list[float | None] = [None] * DAY_MIN
    worn, machine = [True] * DAY_MIN, [False] * DAY_MIN
    for i, part in enumerate(person.minutes):
        if isinstance(part, Recorded):
            size = len(part.recording.steps)
            its = slice(part.begin, part.begin + size)
            steps[its] = part.recording.steps
            known[its] = [rate or None for rate in part.recording.heart_rate]
            worn[its] = [rate != 0 for rate in part.recording.heart_rate]
            targets[its], machine[its] = [None] * size, [False] * size
        else:
            size = part.end - part.begin
            its = slice(part.begin, part.end)
            steps[its] = _steps(part, person.body, f"{seed} {person.name} {i}")
            known[its], targets[its] = [None] * size, [part.heart_rate_bpm] * size
            worn[its], machine[its] = [part.worn] * size, [part.kind == "machine"] * size
    wanted = [
        person.body.target_bpm(0 if machine[m] else steps[m], m) if target is None else target
        for m, target in enumerate(targets)
    ]
    rates = person.body.heart_rates(wanted, known, random.Random(f"{seed} {person.name} heart"))
    return [
        Minute(steps[m] if worn[m] or machine[m] else 0, rates[m], worn[m], machine[m])
        for m in range(DAY_MIN)
    ]


def _steps(part: Part, body: Body, seed: str) -> Sequence[int]:
    """The steps of each minute of a modelled part."""
    size = part.end - part.begin
    if part.kind == "rest":
        return [0] * size
    if part.kind == "machine":
        return _machine(part, size, seed)
    pace = part.steps_per_minute or body.cadence_spm(WALK_KMH if part.kind == "walk" else RUN_KMH)
    varies_by = VARIES_BY[part.kind] if part.varies_by is None else part.varies_by
    rng = random.Random(seed)
    return [max(1, round(rng.gauss(pace, varies_by))) for _ in range(size)]


def _machine(part: Part, size: int, seed: str) -> Sequence[int]:
    assert part.steps_per_minute is not None
    kind = "fixed cradle" if part.machine == STEADY else part.machine
    rng = np.random.default_rng(random.Random(seed).getrandbits(64))
    honest = packaged("evening_run").steps
    made: list[int] = []
    while len(made) < size:
        made += MACHINES[kind](rng, part.steps_per_minute, honest).tolist()
    return [max(0, steps) for steps in made[:size]]


class Stage:
    """Lets the events of a scenario happen; `ahead_ms` is how wrong the computer's clock is."""

    def __init__(
        self, world: World, scenario: Scenario, bands: Mapping[str, SimulatedBand]
    ) -> None:
        self._world = world
        self._scenario = scenario
        self._bands = bands
        self.ahead_ms = 0
        self.power_losses: list[tuple[str, int]] = []  # whose band, and when in us

    def utc_ms(self) -> int:
        """What the computer's clock shows."""
        return self._world.utc_ms() + self.ahead_ms

    async def play(self) -> None:
        """Let everything happen at its time."""
        for event in self._scenario.events:
            await self._world.until(round(self._scenario.moment(event.second).timestamp() * 1000))
            if event.band is None:
                self.ahead_ms = round(event.ahead_s * 1000)
            else:
                await self._happen(event.what, event.band, self._bands[event.band])

    async def _happen(self, what: str, name: str, band: SimulatedBand) -> None:
        if what == "strip_out":
            band.pull_strip()
        elif what == "strip_in":
            band.plug_strip()
        elif what in ("out_of_range", "in_range"):
            self._world.air.set_in_range(band.address, what == "in_range")
        elif what == "reset":
            band.board.reset()
        elif what == "power_off":
            band.power_off()
            self.power_losses.append((name, self._world.now_us()))
        elif what == "power_on":
            await band.power_on()
