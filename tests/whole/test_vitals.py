"""Heart rate from the skin to the verdict: on request, in active minutes, all day long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.whole.rig import START, ZONE, Rig, asked, live, radio_of, rig, until_cancelled
from veriband.analysis.judgement import Verdict
from veriband.contest.standings import Standing, standings
from veriband.errors import BadBatch
from veriband.judge.watch import Watch
from veriband.link.pairing import pair
from veriband.link.session import HeartRate, Session, connected
from veriband.link.supervisor import Supervisor
from veriband.records import Kind
from veriband_protocol import control, items
from veriband_simulator.wearers import Minute, Wearer

LEAD_MIN = 5  # before the first of a story's minutes, to pair in
BEGIN_MS = round((START.replace(second=0) + timedelta(minutes=1 + LEAD_MIN)).timestamp() * 1000)


def worn_by(minutes: list[Minute]) -> Wearer:
    """Who sits for five minutes, and then does that from a whole minute of UTC on."""
    before = [Minute(0, minutes[0].heart_rate_bpm, minutes[0].worn)] * LEAD_MIN
    return Wearer([*before, *minutes], "wearer", (60 - START.second) * 1_000_000)


def told(
    folder: Path,
    minutes: list[Minute],
    story: Callable[[Rig], Coroutine[Any, Any, None]],
    upload: str = "increments",
) -> None:
    """A story about a band on that wearer, paired before the minutes begin."""

    async def whole() -> None:
        r = await rig(folder, 1, worn_by(minutes), upload=upload)
        try:
            await r.pair()
            await r.supervisor().once()  # which sets the band's clock
            r.store.assign(r.known, r.store.add_wearer("anna", "f", 1990, 1.70, 60.0), 0)
            await story(r)
        finally:
            r.close()

    live(whole())


async def minute(r: Rig, m: float) -> None:
    """Wait until `m` of the story's minutes have passed."""
    await r.world.until(round(BEGIN_MS + 60_000 * m))


def rates(r: Rig) -> list[tuple[int, int, int]]:
    """(UTC ms, status, bpm) of all that is stored of the story."""
    return r.store.heart_rates(r.known, BEGIN_MS, 1 << 60)


def daemon(r: Rig, sentences: list[str] | None = None) -> Supervisor:
    watch = Watch(r.store, r.known, ZONE, sentences.append if sentences is not None else print)
    return Supervisor(
        r.radio, r.store, r.known, r.world.utc_ms, ZONE, watchers=[watch], rng=r.world.rng("host"),
        on_trouble=r.troubles.append,
    )  # fmt: skip


def standing(r: Rig, minutes: int) -> Standing:
    contest = r.store.add_contest(
        "contest", BEGIN_MS, BEGIN_MS + minutes * 60_000, "gated", False, r.store.wearers()
    )
    (its,) = standings(r.store, contest, ZONE)
    return its


async def watched(r: Rig, minutes: int) -> Standing:
    """Where the wearer stands after so many minutes with the daemon."""
    keeping = asyncio.create_task(daemon(r).run())
    await minute(r, minutes)
    await until_cancelled(keeping)
    await r.supervisor().once()
    return standing(r, minutes)


@pytest.mark.parametrize(
    ("does", "status", "bpm"),
    [
        (Minute(0, 72), items.STATUS_OK, 72),
        (Minute(0, 48), items.STATUS_OK, 48),
        (Minute(172, 148), items.STATUS_OK, 148),
        (Minute(150, 150), items.STATUS_MOVING, 0),
        (Minute(0, 72, worn=False), items.STATUS_NOT_WORN, 0),
        (Minute(165, 72, worn=False, by_machine=True), items.STATUS_NOT_WORN, 0),
        (Minute(165, 68, by_machine=True), items.STATUS_OK, 68),
    ],
)
def test_a_request_is_answered_with_what_is_measured_then(
    tmp_path: Path, does: Minute, status: int, bpm: int
) -> None:
    async def story(r: Rig) -> None:
        await minute(r, 2.2)
        found: HeartRate = await asked(r, Session.heart_rate)
        assert found.status == status
        assert abs(found.bpm - bpm) <= 2
        assert (found.quality > 0) == (status == items.STATUS_OK)
        await r.supervisor().once()
        assert rates(r)[-1][1:] == (status, found.bpm)

    told(tmp_path, [does] * 6, story)


def test_a_strip_that_is_out_or_pulled_is_no_sensor_and_counts_on(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await minute(r, 1)
        r.band.pull_strip()
        await minute(r, 2.2)
        assert (await asked(r, Session.heart_rate)).status == items.STATUS_NO_SENSOR
        r.band.plug_strip()
        asking = asyncio.create_task(asked(r, Session.heart_rate))
        await asyncio.sleep(8)
        r.band.pull_strip()  # while it measures
        assert (await asking).status == items.STATUS_NO_SENSOR
        r.band.plug_strip()
        assert (await asked(r, Session.heart_rate)).status == items.STATUS_OK
        await minute(r, 5)
        await r.supervisor().once()
        r.check()
        assert [i.steps for i in r.items() if i.kind is Kind.MINUTE][-4:] == [100] * 4

    told(tmp_path, [Minute(100, 80)] * 6, story)


@pytest.mark.parametrize("upload", ["increments", "totals"])
def test_whatever_the_shared_bus_does_no_step_is_lost_or_doubled(
    tmp_path: Path, upload: str
) -> None:
    """Either chip silent, deaf to a few transactions or holding the bus, or the board reset, in
    mid-transfer too, at random."""

    async def story(r: Rig) -> None:
        rng = r.world.rng("bus")
        for _ in range(60):
            await asyncio.sleep(rng.uniform(5, 70))
            chip = rng.choice((r.band.chip, r.band.pulse))
            assert chip is not None
            fault = rng.choice(("silent", "silent", "deaf", "held", "reset"))
            if fault == "silent":
                chip.silent = True
                await asyncio.sleep(rng.choice((0.01, 1, 12)))
                chip.silent = False
            elif fault == "deaf":
                chip.nacks = rng.choice((1, 2, 3, 5))
            else:
                r.band.board.bus.hold(chip, rng.randint(1, 9))
                if fault == "reset":
                    r.band.board.reset()
        await minute(r, 70)  # 65 minutes of walking have passed
        await r.supervisor().once()
        r.check()
        found = [status for _, status, _ in rates(r)]
        assert found.count(items.STATUS_OK) > found.count(items.STATUS_NO_SENSOR) > 0
        assert r.band.pulse is not None
        assert r.band.pulse.is_shut_down
        assert r.troubles == []

    told(tmp_path, [Minute(101 + m % 40, 84) for m in range(65)], story, upload)


def test_two_who_ask_at_once_get_one_answer_and_one_busy(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        second = await r.world.computer("F0:0D:5E:00:00:02")
        await r.band.press()
        other = radio_of(second)
        await pair(other, r.band.address, r.band.secret)

        async def at_once(radio: Any, at: float) -> HeartRate:
            device, _ = await radio.find(r.band.address, 30)
            async with connected(radio, device) as session:
                await minute(r, at)
                return await session.heart_rate()

        first, late = await asyncio.gather(at_once(r.radio, 2.3), at_once(other, 2.35))
        assert (first.status, late.status) == (items.STATUS_OK, items.STATUS_BUSY)
        assert (await at_once(other, 3)).status == items.STATUS_OK

    told(tmp_path, [Minute(0, 72)] * 6, story)


def test_who_asks_while_an_active_minute_is_measured_is_told_that(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await minute(r, 2.1)
        found: HeartRate = await asked(r, Session.heart_rate)
        await minute(r, 2.9)
        await r.supervisor().once()
        (reading,) = [one for one in rates(r) if one[0] >= BEGIN_MS + 2 * 60_000]
        assert reading[1:] == (found.status, found.bpm) == (items.STATUS_OK, found.bpm)

    told(tmp_path, [Minute(112, 84)] * 4, story)


def test_a_reset_in_mid_measurement_leaves_no_led_lit(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        assert r.band.pulse is not None
        await minute(r, 2.1)
        assert not r.band.pulse.is_shut_down
        r.band.board.reset()
        await asyncio.sleep(5)
        assert r.band.pulse.is_shut_down
        await minute(r, 4)
        await r.supervisor().once()
        r.check()

    told(tmp_path, [Minute(112, 84)] * 5, story)


def test_a_malformed_request_is_refused_and_measures_nothing(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await minute(r, 1.2)

        async def wrong(session: Session) -> None:
            with pytest.raises(BadBatch, match="wrong length"):
                await session.request(control.MEASURE, b"")

        await asked(r, wrong)
        await minute(r, 2)
        await r.supervisor().once()
        assert rates(r) == []

    told(tmp_path, [Minute(0, 72)] * 3, story)


def test_active_minutes_have_a_heart_rate_and_idle_ones_none(tmp_path: Path) -> None:
    does = [Minute(110, 96), *[Minute(112, 84)] * 4, *[Minute(39, 84)] * 5]

    async def story(r: Rig) -> None:
        await minute(r, len(does))
        await r.supervisor().once()
        found = rates(r)
        assert [(at - BEGIN_MS) // 60_000 for at, _, _ in found] == [1, 2, 3, 4, 5]
        assert [status for _, status, _ in found[:4]] == [items.STATUS_OK] * 4
        assert all(80 <= bpm <= 92 for _, _, bpm in found[:4])

    told(tmp_path, does, story)


def test_a_wearer_who_cannot_be_judged_costs_no_sync(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await minute(r, 2)
        r.store.db.execute("UPDATE wearer SET zone = 'Mars/Olympus'")
        synced = await daemon(r).once()
        assert synced.items > 0
        assert "no time zone 'Mars/Olympus'" in str(r.troubles[-1])

    told(tmp_path, [Minute(0, 72)] * 3, story)


def test_the_daemon_asks_when_the_window_first_turns_suspicious(tmp_path: Path) -> None:
    sentences: list[str] = []

    async def story(r: Rig) -> None:
        keeping = asyncio.create_task(daemon(r, sentences).run())
        await minute(r, 40)
        await until_cancelled(keeping)
        assert r.troubles == []
        by_minute = [at // 60_000 for at, _, _ in rates(r)]
        asked_for = {m for m in by_minute if by_minute.count(m) > 1}
        assert len(asked_for) == 1, "once, as it is decided then"
        assert len(sentences) == 1
        assert ": cleared. " in sentences[0]
        assert 20 <= next(iter(asked_for)) - by_minute[0] + 1 <= 23

    told(tmp_path, [Minute(172, 148)] * 41, story)


@pytest.mark.parametrize("upload", ["increments", "totals"])
def test_totals_and_increments_give_the_same_verdict(tmp_path: Path, upload: str) -> None:
    """B [46], [57]: both divisions. A machine shakes a resting arm, then its owner walks."""
    does = [Minute(165, 66, by_machine=True)] * 30 + [Minute(0, 66)] * 5
    does += [Minute(100 + 13 * (m % 4), 118) for m in range(15)]

    async def story(r: Rig) -> None:
        its = await watched(r, len(does))
        kinds = [item.kind for item in r.items()]
        assert (Kind.COUNT in kinds) == (upload == "totals")
        assert its.claimed == sum(m.steps for m in does)
        assert its.verdict is Verdict.CHEATING
        assert its.struck == 165 * 30
        (item,) = its.evidence
        assert item.numbers["evidence"]["ground"] == "regular"
        assert 64 <= item.numbers["evidence"]["mean_bpm"] <= 68

    told(tmp_path, does, story, upload)


def test_steps_that_nobody_wears_are_struck(tmp_path: Path) -> None:
    does = [Minute(100 + 13 * (m % 4), 66, worn=False, by_machine=True) for m in range(8)]

    async def story(r: Rig) -> None:
        await minute(r, len(does) + 1)
        await r.supervisor().once()
        its = standing(r, len(does))
        assert its.verdict is Verdict.CHEATING
        assert its.struck == sum(m.steps for m in does[1:])
        assert its.unverified == does[0].steps, "nothing is known of the first minute"

    told(tmp_path, does, story)


def test_a_heart_that_beats_fast_after_the_window_clears_nobody(tmp_path: Path) -> None:
    """Who shakes the band at rest and then runs for it is struck for the shaking all the same."""
    does = [Minute(165, 66, by_machine=True)] * 25
    does += [Minute(150 + 17 * (m % 3), 148) for m in range(25)]

    async def story(r: Rig) -> None:
        its = await watched(r, len(does))
        assert its.verdict is Verdict.CHEATING
        assert 165 * 24 <= its.struck <= 165 * 27

    told(tmp_path, does, story)
