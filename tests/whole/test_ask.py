"""From a page to the skin and back: what somebody wants measured now."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.whole.rig import ZONE, live, rig, until_cancelled
from veriband import run_command
from veriband.alerts import granted
from veriband.configuration import Configuration
from veriband_protocol.items import STATUS_OK, VITAL_HEART_RATE
from veriband_simulator.wearers import Minute, Wearer

EVERY_S = 3600.0


def test_what_is_asked_for_is_measured_and_here_long_before_the_next_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def whole() -> None:
        r = await rig(tmp_path, wearer=Wearer([Minute(0, 64)] * 200, 1))
        try:
            for module in (run_command, granted):
                monkeypatch.setattr(module, "utc_ms", r.world.utc_ms)
            await r.pair()
            r.store.assign(r.known, r.store.add_wearer("anna"), r.world.utc_ms())
            daemon = run_command.Daemon(r.store, ZONE, Configuration(), EVERY_S)
            running = asyncio.create_task(daemon.run(r.radio, [r.known], []))
            await asyncio.sleep(EVERY_S / 2)
            begin_ms = r.world.utc_ms()
            assert r.store.heart_rates(r.known, begin_ms - 60_000, begin_ms) == []
            assert not daemon.ask("F0:00:00:00:00:00", VITAL_HEART_RATE)
            for _ in range(3):  # somebody is impatient
                assert daemon.ask(r.known.address, VITAL_HEART_RATE)
            await asyncio.sleep(180)
            measured = r.store.heart_rates(r.known, begin_ms, r.world.utc_ms())
            assert [status for _, status, _ in measured] == [STATUS_OK]
            assert abs(measured[0][2] - 64) <= 5
            await until_cancelled(running)
        finally:
            r.close()

    live(whole())
