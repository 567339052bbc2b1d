"""Detection cycles from the skin to the table: heart rate and SpO2 once in each period."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.whole.rig import ZONE, Rig, asked, live, rig
from veriband.analysis.cycles import Stay, period_of, reach, wall
from veriband.link.session import Session
from veriband.records import Kind, Sign, Taken
from veriband.vitals.readings import by_period
from veriband_protocol import items
from veriband_simulator.wearers import Minute, Wearer

STAYS = [Stay(0, ZONE)]
SPO2_PERCENT = 92.0


def told(
    folder: Path,
    start: datetime,
    minutes: list[Minute],
    story: Callable[[Rig], Coroutine[Any, Any, None]],
) -> None:
    """A story about a band on that wearer, paired and set at `start`."""

    async def whole() -> None:
        r = await rig(folder, 1, Wearer(minutes, 1), start)
        try:
            await r.pair()
            await r.supervisor().once()
            await story(r)
        finally:
            r.close()

    live(whole(), hours=40)


def resting(minutes: int, *, worn: bool = True) -> list[Minute]:
    return [Minute(0, 64, worn, spo2_percent=SPO2_PERCENT)] * minutes


async def until(r: Rig, *when: int) -> None:
    """Wait until the wearer's clock shows that (the first time, if it does twice)."""
    at = datetime(*when, tzinfo=ZONE)  # type: ignore[arg-type]
    await r.world.until(round(at.timestamp() * 1000))


def whole_readings(r: Rig, cycle: date) -> list[list[Taken]]:
    """Those of a cycle's readings that SpO2 was wanted of, by period."""
    periods = by_period(r.store.taken_by(r.known, *reach(cycle)), cycle, STAYS)
    return [[one for one in taken if len(one.signs) > 1] for taken in periods]


def test_a_night_of_25_hours_has_one_measurement_in_each_period(tmp_path: Path) -> None:
    """The clock is set the evening before, and no host comes until it is over. The strip is out
    for a period, the band lies on the table for another, and it starts again."""
    start = datetime(2026, 10, 31, 22, 30, 20, tzinfo=ZONE)
    cycle = date(2026, 11, 1)
    minutes = resting(15 * 60 + 20) + resting(2 * 60 + 15, worn=False) + resting(1)

    async def story(r: Rig) -> None:
        await until(r, 2026, 11, 1, 4, 30)
        r.band.pull_strip()
        await until(r, 2026, 11, 1, 7, 35)
        r.band.plug_strip()
        await until(r, 2026, 11, 1, 12, 0)
        r.band.board.reset()
        await until(r, 2026, 11, 1, 23, 2)
        await r.supervisor().once()
        r.check()
        periods = whole_readings(r, cycle)
        assert [len(taken) for taken in periods] == [1] * 12
        signs = [taken[0].signs for taken in periods]
        statuses = [[sign.status for sign in its] for its in signs]
        expected = [[items.STATUS_OK] * 2] * 12
        expected[3] = [items.STATUS_NO_SENSOR] * 2
        expected[7] = [items.STATUS_NOT_WORN] * 2
        assert statuses == expected
        for rate, oxygen in signs:
            if rate.status == items.STATUS_OK:
                assert (rate.vital, rate.first) == (
                    items.VITAL_HEART_RATE,
                    pytest.approx(64, abs=2),
                )
                assert (oxygen.vital, oxygen.first) == (
                    items.VITAL_SPO2, pytest.approx(SPO2_PERCENT, abs=2),
                )  # fmt: skip
        times = [wall(taken[0].utc_ms, STAYS) for taken in periods]
        assert [f"{time:%H:%M}" for time in times] == [
            "23:00", "01:00", "03:00", "06:59", "07:40", "09:00", "11:00", "14:59", "15:10",
            "17:00", "19:00", "21:00",
        ]  # fmt: skip
        assert len(whole_readings(r, cycle + timedelta(days=1))[0]) == 1
        began = [
            (
                period_of(utc_ms, STAYS).cycle,
                date(2000, 1, 1) + timedelta(struct.unpack("<H", raw)[0]),
            )
            for kind, _, utc_ms, raw in r.store.numbered(r.known).values()
            if kind == Kind.EVENT and utc_ms is not None and len(raw) == 2
        ]
        assert began == [(cycle + timedelta(days=k),) * 2 for k in (-1, 0, 1)]

    told(tmp_path, start, minutes, story)


def test_who_is_on_their_feet_is_measured_at_the_first_quiet_minute(tmp_path: Path) -> None:
    start = datetime(2026, 3, 2, 10, 50, 20, tzinfo=ZONE)
    walks = [Minute(112, 84, spo2_percent=SPO2_PERCENT)] * 20  # whose arm does not hide the pulse
    minutes = resting(5) + walks + resting(20)

    async def story(r: Rig) -> None:
        await until(r, 2026, 3, 2, 11, 5)
        rate, oxygen = await asked(r, lambda s: s.measure(items.VITAL_SPO2))
        assert (rate.status, oxygen.status) == (items.STATUS_OK, items.STATUS_MOVING)
        await until(r, 2026, 3, 2, 11, 20)
        await r.supervisor().once()
        r.check()
        (before,), (_, after) = whole_readings(r, date(2026, 3, 2))[5:7]
        assert f"{wall(before.utc_ms, STAYS):%H:%M}" < "10:56"
        assert "11:15" < f"{wall(after.utc_ms, STAYS):%H:%M}" < "11:19"
        assert {sign.status for sign in after.signs} == {items.STATUS_OK}

    told(tmp_path, start, minutes, story)


def test_only_who_wants_spo2_has_the_red_led_lit(tmp_path: Path) -> None:
    start = datetime(2026, 3, 2, 9, 30, 20, tzinfo=ZONE)
    minutes = resting(8) + [Minute(112, 84, spo2_percent=SPO2_PERCENT)] * 5 + resting(20)

    async def story(r: Rig) -> None:
        def red_ma() -> float:
            assert r.band.pulse is not None
            return 0.2 * r.band.pulse._registers[0x0C]

        await until(r, 2026, 3, 2, 9, 36)
        assert red_ma() > 0, "the period's"
        await until(r, 2026, 3, 2, 9, 42)
        assert red_ma() == 0, "after active minutes"
        await until(r, 2026, 3, 2, 9, 46)
        found: list[Sign] = await asked(r, lambda s: s.measure(items.VITAL_SPO2))
        assert red_ma() > 0
        assert [(sign.vital, sign.status) for sign in found] == [(1, 0), (2, 0)]
        assert found[1].first == pytest.approx(SPO2_PERCENT, abs=2)
        assert (await asked(r, Session.heart_rate)).status == items.STATUS_OK
        assert red_ma() == 0
        await r.supervisor().once()
        taken = r.store.taken_by(r.known, 0, r.world.utc_ms())
        assert tuple(found) in [one.signs for one in taken], "what was asked for is journaled, too"

    told(tmp_path, start, minutes, story)


def test_who_asks_for_spo2_while_the_heart_rate_is_measured_gets_it(tmp_path: Path) -> None:
    start = datetime(2026, 3, 2, 9, 30, 20, tzinfo=ZONE)
    minutes = resting(6) + [Minute(50, 84, spo2_percent=SPO2_PERCENT)] * 3 + resting(5)

    async def story(r: Rig) -> None:
        await until(r, 2026, 3, 2, 9, 39)
        await asyncio.sleep(1)
        assert r.band.pulse is not None
        assert not r.band.pulse.is_shut_down
        found: list[Sign] = await asked(r, lambda s: s.measure(items.VITAL_SPO2))
        assert [sign.vital for sign in found] == [items.VITAL_HEART_RATE, items.VITAL_SPO2]

    told(tmp_path, start, minutes, story)
