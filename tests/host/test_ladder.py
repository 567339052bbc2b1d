"""What is done about a radio that seems wedged, and about no other; without D-Bus."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from veriband.errors import (
    AdapterReset,
    BadBatch,
    BandNotFound,
    BandsAway,
    NoConnection,
    NoRadio,
    NotReset,
    RadioAdvice,
    Rescanned,
    VeribandError,
)
from veriband.link.ladder import LISTEN_EVERY_S, PATIENCE_S, RESET_EVERY_S, Ladder
from veriband.link.radio import LISTEN_S, Radio
from veriband.link.supervisor import Supervisor, note
from veriband.store import Store
from veriband_simulator import clock

BAND = "C0:98:E5:00:00:01"
OTHER = "C0:98:E5:00:00:02"
RETRY_S = 20.0
DAY_S = 86_400.0
BROKEN, HANGING = "no scan begins", "no scan begins, nor fails"
SILENT, BUSY = "nothing is heard", "other devices are heard"


@dataclass
class Computer:
    """A radio whose scanner does what `air` says, and what was done about it, and when."""

    air: str
    refusal: NotReset | None = None
    resets: list[float] = field(default_factory=list[float])
    told: list[tuple[float, VeribandError]] = field(
        default_factory=list[tuple[float, VeribandError]]
    )
    scans: int = 0

    async def reset(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.resets.append(now_s())
        await asyncio.sleep(2)

    def radio(self, *, adapter: bool = True) -> Radio:
        computer = self

        class Scanner(BaseBleakScanner):
            def __init__(self, callback: Any, service_uuids: Any, mode: str, **_: Any) -> None:
                super().__init__(callback, service_uuids)
                self.filter = service_uuids

            async def start(self) -> None:
                computer.scans += 1
                if computer.air == BROKEN:
                    raise ValueError("InProgress")
                if computer.air == HANGING:
                    await asyncio.sleep(DAY_S)
                if computer.air == BUSY and self.filter is None:
                    asyncio.get_running_loop().call_later(3, self.hear)

            def hear(self) -> None:
                self.call_detection_callbacks(
                    BLEDevice("AA:00:00:00:00:01", "a lamp", None),
                    AdvertisementData(None, {}, {}, [], None, -80, ()),
                )

            async def stop(self) -> None:
                pass

        return Radio(scanner=Scanner, adapter=self if adapter else None)

    def ladder(self, *bands: str, adapter: bool = True) -> Ladder:
        def tell(step: VeribandError) -> None:
            self.told.append((now_s(), step))

        return Ladder(self.radio(adapter=adapter), bands, tell)

    @property
    def kinds(self) -> list[type[VeribandError]]:
        return [type(step) for _, step in self.told]


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def fail(ladder: Ladder, seconds: float, **errors: VeribandError) -> None:
    """Attempts with each band, which all fail like that, for so long."""
    end_s = now_s() + seconds
    while now_s() < end_s:
        for name, error in errors.items():
            await ladder.failed({"band": BAND, "other": OTHER}[name], error)
        await asyncio.sleep(RETRY_S)


def play(story: Coroutine[Any, Any, None]) -> None:
    clock.run(story, limit_s=10 * DAY_S)


def test_when_no_scan_begins_the_adapter_is_reset_and_then_there_is_advice_and_that_is_all() -> (
    None
):
    async def story() -> None:
        computer = Computer(BROKEN)
        await fail(computer.ladder(BAND), DAY_S, band=NoRadio("InProgress"))
        assert computer.kinds == [Rescanned, AdapterReset, RadioAdvice]
        rescan_s, reset_s, advice_s = (at_s for at_s, _ in computer.told)
        assert PATIENCE_S <= rescan_s <= PATIENCE_S + RETRY_S
        assert computer.resets == [rescan_s], "a scan that cannot begin needs no patience"
        assert PATIENCE_S <= advice_s - reset_s <= PATIENCE_S + RETRY_S
        texts = [str(step) for _, step in computer.told]
        assert texts[0] == "No scan begins; Bluetooth was made to listen anew: it cannot."
        assert texts[1] == "No scan begins; the Bluetooth adapter was switched off and on."
        assert "end other programs that scan" in texts[2]
        assert "systemctl restart bluetooth" in texts[2]

    play(story())


def test_when_bands_are_heard_but_no_connection_is_made_each_step_has_its_time() -> None:
    async def story() -> None:
        computer = Computer(BUSY)
        await fail(computer.ladder(BAND), DAY_S, band=NoConnection(BAND, "connecting"))
        assert computer.kinds == [Rescanned, AdapterReset, RadioAdvice]
        times_s = [at_s for at_s, _ in computer.told]
        assert all(b - a >= PATIENCE_S for a, b in pairwise([0.0, *times_s]))
        assert times_s[-1] <= 3 * (PATIENCE_S + RETRY_S) + LISTEN_S
        assert "disconnect other devices" in str(computer.told[-1][1])

    play(story())


def test_when_nothing_at_all_is_heard_the_adapter_is_reset_once() -> None:
    async def story() -> None:
        computer = Computer(SILENT)
        await fail(
            computer.ladder(BAND, OTHER), DAY_S, band=BandNotFound(BAND), other=BandNotFound(OTHER)
        )
        assert computer.kinds == [Rescanned, AdapterReset, RadioAdvice]
        assert "it hears nothing at all" in str(computer.told[0][1])
        assert len(computer.resets) == 1

    play(story())


def test_absent_bands_lead_to_no_reset_while_other_devices_are_heard() -> None:
    async def story() -> None:
        computer = Computer(BUSY)
        await fail(
            computer.ladder(BAND, OTHER), DAY_S, band=BandNotFound(BAND), other=BandNotFound(OTHER)
        )
        assert set(computer.kinds) == {BandsAway}
        assert all(b - a >= LISTEN_EVERY_S for (a, _), (b, _) in pairwise(computer.told))
        assert len(computer.told) == 24
        assert computer.resets == []

    play(story())


def test_a_radio_that_is_wedged_while_the_bands_are_away_is_noticed_in_its_time() -> None:
    async def story() -> None:
        computer = Computer(BUSY)
        ladder = computer.ladder(BAND)
        await fail(ladder, 600, band=BandNotFound(BAND))
        assert computer.kinds == [BandsAway]
        computer.air = BROKEN
        await fail(ladder, PATIENCE_S + 2 * RETRY_S, band=NoRadio("InProgress"))
        assert computer.kinds == [BandsAway, Rescanned, AdapterReset]

    play(story())


@pytest.mark.parametrize(
    "sign", [NoRadio("InProgress"), NoConnection(BAND, "connecting"), BandNotFound(BAND)]
)
def test_one_band_that_syncs_speaks_for_the_radio_whatever_the_other_does(
    sign: VeribandError,
) -> None:
    async def story() -> None:
        computer = Computer(BROKEN)
        ladder = computer.ladder(BAND, OTHER)
        await fail(ladder, PATIENCE_S, band=sign, other=NoRadio("InProgress"))
        ladder.synced(OTHER)
        await fail(ladder, DAY_S, band=sign)
        assert computer.told == []
        assert computer.scans == 0
        await fail(ladder, 600, band=sign, other=NoRadio("InProgress"))
        assert Rescanned in computer.kinds, "until that fails, too"

    play(story())


def test_what_is_wrong_over_a_connection_is_not_the_radios_fault() -> None:
    async def story() -> None:
        computer = Computer(BROKEN)
        ladder = computer.ladder(BAND)
        for _ in range(100):
            await fail(ladder, PATIENCE_S - RETRY_S, band=NoConnection(BAND, "connecting"))
            await fail(ladder, RETRY_S, band=BadBatch(BAND, "damaged"))
        assert computer.told == []
        await fail(ladder, 600, band=NoConnection(BAND, "connecting"))
        assert Rescanned in computer.kinds

    play(story())


def test_after_a_sync_it_begins_at_the_bottom_and_resets_once_an_hour_at_most() -> None:
    async def story() -> None:
        computer = Computer(BROKEN)
        ladder = computer.ladder(BAND)
        for _ in range(30):  # five hours
            await fail(ladder, 580, band=NoRadio("InProgress"))
            ladder.synced(BAND)
            await asyncio.sleep(20)
        assert computer.kinds.count(Rescanned) == 30
        assert computer.kinds.count(RadioAdvice) == 30
        assert all(b - a >= RESET_EVERY_S for a, b in pairwise(computer.resets))
        assert len(computer.resets) == computer.kinds.count(AdapterReset) == 5

    play(story())


def test_without_an_adapter_that_can_be_reset_there_is_advice_after_the_rescan() -> None:
    async def story() -> None:
        computer = Computer(BUSY)
        ladder = computer.ladder(BAND, adapter=False)
        await fail(ladder, DAY_S, band=NoConnection(BAND, "connecting"))
        assert computer.kinds == [Rescanned, RadioAdvice]
        (rescan_s, _), (advice_s, _) = computer.told
        assert advice_s - rescan_s >= PATIENCE_S

    play(story())


@pytest.mark.parametrize("tried", [False, True])
def test_an_adapter_that_is_not_reset_is_advised_about_at_once(tried: bool) -> None:
    async def story() -> None:
        computer = Computer(BROKEN, NotReset("it is switched off: 'rfkill list'", tried=tried))
        ladder = computer.ladder(BAND)
        await fail(ladder, 600, band=NoRadio("off"))
        assert computer.kinds == [Rescanned, RadioAdvice]
        (rescan_s, _), (advice_s, advice) = computer.told
        assert advice_s == rescan_s
        assert "it is switched off: 'rfkill list'" in str(advice)
        computer.refusal = None
        ladder.synced(BAND)
        await fail(ladder, 600, band=NoRadio("InProgress"))
        assert len(computer.resets) == (0 if tried else 1), "what was left alone was no reset"
        assert "rfkill" not in str(computer.told[-1][1])

    play(story())


def test_bands_that_fail_at_once_climb_together() -> None:
    async def story() -> None:
        computer = Computer(SILENT)
        ladder = computer.ladder(BAND, OTHER)
        await asyncio.gather(
            fail(ladder, 2 * PATIENCE_S, band=BandNotFound(BAND)),
            fail(ladder, 2 * PATIENCE_S, other=BandNotFound(OTHER)),
        )
        assert computer.kinds == [Rescanned]
        assert computer.scans == 1

    play(story())


@pytest.mark.parametrize("air", [SILENT, HANGING])
def test_a_sync_while_it_listens_keeps_it_from_climbing_further(air: str) -> None:
    async def story() -> None:
        computer = Computer(air)
        ladder = computer.ladder(BAND)
        await fail(ladder, PATIENCE_S, band=BandNotFound(BAND))
        climbing = asyncio.create_task(ladder.failed(BAND, BandNotFound(BAND)))
        await asyncio.sleep(LISTEN_S / 2)
        assert computer.scans == 1
        ladder.synced(BAND)
        await climbing
        await fail(ladder, PATIENCE_S, band=BandNotFound(BAND))
        assert computer.kinds == [Rescanned]
        assert computer.resets == []

    play(story())


def test_the_steps_are_kept_and_told_while_every_band_is_tried_on_and_on(tmp_path: Path) -> None:
    async def story() -> None:
        computer = Computer(BROKEN)
        radio = computer.radio()
        store = Store(tmp_path / "veriband.db")
        troubles: list[VeribandError] = []

        def utc_ms() -> int:
            return 1_774_994_400_000 + round(now_s() * 1000)

        ladder = Ladder(
            radio, [BAND, OTHER], lambda step: note(store, utc_ms(), None, step, troubles.append)
        )
        bands = [store.add_band(address, None, 0) for address in (BAND, OTHER)]
        keepers = [
            asyncio.create_task(
                Supervisor(
                    radio, store, band, utc_ms, UTC, ladder=ladder, on_trouble=troubles.append
                ).run()
            )
            for band in bands
        ]
        await asyncio.sleep(3600)
        assert not any(keeper.done() for keeper in keepers)
        steps = ["Rescanned", "AdapterReset", "RadioAdvice"]
        assert [notice.kind for notice in store.notices(None)] == steps
        assert [type(t).__name__ for t in troubles if not isinstance(t, NoRadio)] == steps
        for band in bands:
            (notice,) = store.notices(band)
            assert notice.kind == "NoRadio"
            assert notice.count > 50
        store.close()

    play(story())
