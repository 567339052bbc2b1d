"""The band's body: its button, motor and batteries, handing it on, and what its flash may do."""

from __future__ import annotations

import asyncio
import hashlib
from binascii import b2a_base64
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.firmware.altered import altered
from tests.whole.rig import Rig, asked, live, rig
from veriband.errors import BondRefused, VeribandError
from veriband.link.pairing import current_passkey
from veriband.link.session import Session
from veriband.records import Kind
from veriband_protocol import battery, items
from veriband_protocol.passkey import passkey
from veriband_simulator.board import BUTTON_PIN
from veriband_simulator.firmware import Firmware
from veriband_simulator.flash import SECTOR, FlashFailed
from veriband_simulator.wearers import Minute, Walk, Wearer

KEY = bytes(range(100, 132))
# What the firmware calls to change the flash, and what then happens there.
CHANGES = {"flash_write": "program", "flash_erase": "erase"}
Story = Callable[[Rig], Coroutine[Any, Any, None]]


def told(
    folder: Path, story: Story, steps: int | None = None, firmware: Firmware | None = None
) -> None:
    """Play a story with a band on somebody who makes so many steps a minute, or who sits and has
    a strip in the case."""

    async def whole() -> None:
        wearer = Walk([steps] * 600) if steps else Wearer([Minute(0, 70)] * 600, 1)
        r = await rig(folder, wearer=wearer, firmware=firmware)
        try:
            await asyncio.sleep(5)
            await story(r)
        finally:
            r.close()

    live(whole())


async def click(r: Rig, held_s: float = 0.15) -> None:
    """A short press, and the time in which it might become a double one."""
    await r.band.press(held_s)
    await asyncio.sleep(0.5)


def events(r: Rig, code: int) -> list[bytes]:
    """The data of each event of that kind that is stored."""
    return [i.raw for i in r.items() if i.kind is Kind.EVENT and i.detail == code]


def ran_s(r: Rig) -> list[tuple[float, float]]:
    """From when to when the motor had power."""
    spans: list[tuple[float, float]] = []
    begin = None
    for us, duty in r.band.board.motor:
        if duty and begin is None:
            begin = us / 1e6
        elif not duty and begin is not None:
            spans.append((begin, us / 1e6))
            begin = None
    assert begin is None, "it still runs"
    return spans


async def in_the_cover(r: Rig) -> None:
    r.band.plug_strip("cover")
    await asyncio.sleep(3)


# The button.


PRESSES = [
    ([0.02], ""),  # a bounce
    ([0.1], "1"),
    ([0.95], "1"),
    ([1.1], ""),
    ([2.9], ""),
    ([3.1], "3"),
    ([9.9], "3"),
    ([0.1, 0.3, 0.1], "2"),
    ([0.1, 0.01, 0.01, 0.3, 0.1], "2"),  # it bounces as it is let go
    ([0.1, 0.5, 0.1], "11"),
    ([0.1, 0.3, 2.0], "1"),
]


def test_what_a_press_means(tmp_path: Path) -> None:
    acts = "            if press in acts:"
    firmware = altered(
        "app", acts, "            print(press, end='')\n            continue\n" + acts
    )

    async def story(r: Rig) -> None:
        board, meant = r.band.board, ""
        for levels_s, its in PRESSES:
            for k, seconds in enumerate(levels_s):
                board.set_pin(BUTTON_PIN, k % 2)
                await asyncio.sleep(seconds)
            board.set_pin(BUTTON_PIN, 1)
            await asyncio.sleep(1)
            meant += its
            assert board.console() == meant, f"{levels_s}"

    told(tmp_path, story, firmware=firmware)


# The motor.


def test_a_press_starts_the_motor_the_next_stops_it_and_it_stops_by_itself(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await in_the_cover(r)
        await click(r)
        await asyncio.sleep(5)
        await click(r)
        await asyncio.sleep(1)
        (first,) = ran_s(r)
        assert 5 < first[1] - first[0] < 6
        await click(r)
        await asyncio.sleep(60)
        _, second = ran_s(r)
        assert 14.5 < second[1] - second[0] < 15.5
        powers = [duty for us, duty in r.band.board.motor if us / 1e6 >= second[0]]
        assert powers == [*sorted(powers[:-1]), 0], "it is ramped up"
        assert len(powers) > 5
        assert powers[-2] == 65_535

    told(tmp_path, story)


def test_the_motor_runs_only_for_a_strip_in_the_cover_and_a_charged_battery(
    tmp_path: Path,
) -> None:
    async def story(r: Rig) -> None:
        await click(r)
        await asyncio.sleep(5)
        r.band.pull_strip()
        await asyncio.sleep(5)
        await click(r)
        await asyncio.sleep(5)
        await in_the_cover(r)
        r.band.gauge.percent = lambda _: 5.0
        await asyncio.sleep(660)  # it is measured every ten minutes
        await click(r)
        await asyncio.sleep(5)
        assert ran_s(r) == []

    told(tmp_path, story)


def test_pulling_the_strip_stops_the_motor_at_once(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await in_the_cover(r)
        await click(r)
        await asyncio.sleep(2)
        pulled_s = r.world.now_us() / 1e6
        r.band.pull_strip()
        await asyncio.sleep(1)
        r.band.plug_strip("cover")
        await asyncio.sleep(10)
        ((_, end),) = ran_s(r)
        assert 0 <= end - pulled_s <= 0.06

    told(tmp_path, story)


def test_the_motor_rests_while_flash_is_written_and_no_minute_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(r: Rig) -> None:
        flash, written = r.band.board.flash, []

        def seen(change: Callable[..., None]) -> Callable[..., None]:
            def write(*what: Any) -> None:
                written.append(r.band.board.motor_duty)
                change(*what)

            return write

        for call, name in CHANGES.items():
            monkeypatch.setitem(r.band.board._calls, call, seen(getattr(flash, name)))
        await in_the_cover(r)
        await click(r)
        await r.pair()  # its passkey's counter and the bond are written
        pairing = len(written)
        await asyncio.sleep(593 - r.world.now_us() / 1e6)
        await click(r)
        await asyncio.sleep(30)  # ten minutes go to flash
        pauses = [b[0] - a[1] for a, b in pairwise(ran_s(r))]
        assert 0 < pairing < len(written)
        assert set(written) == {0}
        assert len([pause for pause in pauses if pause <= 0.05]) >= 3, "it goes on afterwards"
        await r.supervisor().once()
        r.check()

    told(tmp_path, story)


def test_the_motor_starts_fifty_times_a_day_at_most(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await in_the_cover(r)
        for _ in range(55):
            await click(r)
            await click(r)
        assert len(ran_s(r)) == 50

    told(tmp_path, story)


# Batteries.


def test_a_battery_that_gets_low_is_told_once_each_time(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        assert r.band.strip
        await r.pair()
        about = await asked(r, Session.info)
        assert (about.case_mv, about.cell_mv) == (4199, 3000)
        for percent, cell_mv in ((20, 2550), (25, 2650), (20, 2590), (90, 2800), (20, 2800)):
            r.band.gauge.percent = lambda _, its=percent: float(its)
            r.band.strip.cell_mv = cell_mv
            await asyncio.sleep(1200)
        r.band.pull_strip()
        r.band.gauge.silent = True
        await asyncio.sleep(1200)
        about = await asked(r, Session.info)
        assert (about.case_mv, about.cell_mv) == (3480, 0)
        await r.supervisor().once()
        assert [battery.unpack_battery(data) for data in events(r, items.EVENT_LOW_BATTERY)] == [
            (battery.CASE, 3480), (battery.CELL, 2550), (battery.CASE, 3480),
        ]  # fmt: skip

    told(tmp_path, story)


# Handing over.


async def hold(r: Rig, seconds: float = 11.0) -> None:
    await r.band.press(seconds)
    await asyncio.sleep(5)


async def left_behind(r: Rig) -> list[bytes]:
    """Live as a wearer; what of that lies on the flash and in RTC memory."""
    await r.pair()
    async with r.session() as session:
        await session.enrol(KEY)
    await r.supervisor().once()
    await asyncio.sleep(25 * 60)
    await r.supervisor().once()
    bond = await r.computer.bond(r.band.address)
    assert bond
    assert bond.ltk
    patterns = in_base64(KEY) + in_base64(bond.ltk.value.hex().encode())
    page = r.partition("journal").start + SECTOR
    for where in (r.band.board.flash.image[page : page + 160], r.band.board.rtc_bytes[:160]):
        patterns += [bytes(where[k : k + 16]) for k in range(0, len(where), 16)]
    found = of_the_wearer(r, [p for p in patterns if p.strip(b"\0\xff")])
    assert len(found) >= 2 + 3 + 2, "key, bond, journal, RTC memory"
    return found


def in_base64(key: bytes) -> list[bytes]:
    """What base64 has of it, wherever in what is encoded it begins."""
    texts = [b2a_base64(bytes(before) + key, newline=False) for before in range(3)]
    return [text[4:-4] for text in texts]


def of_the_wearer(r: Rig, patterns: list[bytes]) -> list[bytes]:
    """Which of them can still be found on the band."""
    board = r.band.board
    return [p for p in patterns if p in board.flash.image or p in board.rtc_bytes]


def test_a_band_that_is_handed_on_has_nothing_left_of_its_wearer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(r: Rig) -> None:
        patterns = await left_behind(r)
        flash, worn_out = r.band.board.flash, r.partition("journal").start + SECTOR

        def erase(address: int) -> None:
            if address == worn_out:
                raise FlashFailed
            flash.erase(address)

        monkeypatch.setitem(r.band.board._calls, "flash_erase", erase)
        before = r.items()
        await hold(r)
        assert of_the_wearer(r, patterns) == []
        with pytest.raises(BondRefused, match="handed on"):
            await r.supervisor().once()
        assert r.items() == before
        await r.computer.unpair(r.band.address)
        await r.band.press()
        expected = passkey(hashlib.sha1, r.band.secret, 1)
        assert await current_passkey(r.radio, r.band.address, r.band.secret) == expected
        await r.pair()
        await asyncio.sleep(1800)
        await r.supervisor().once()
        assert [n.kind for n in r.store.notices(r.known)] == []
        after = r.items()  # by epoch, which is random
        new = after[: -len(before)] if after[-len(before) :] == before else after[len(before) :]
        assert [i.kind for i in new[:2]] == [Kind.BOOT, Kind.EVENT]
        assert new[0].boot == 1
        assert new[1].detail == items.EVENT_HANDED_OVER
        assert len([i for i in new if i.kind is Kind.MINUTE]) >= 28
        async with r.session() as session:
            assert await session.key_id() == 0

    told(tmp_path, story, 100)


def test_files_that_cannot_be_wiped_are_not_the_next_wearers_either(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.pair()
        r.band.board.flash.broken = r.partition("wearer")
        await hold(r)
        with pytest.raises(BondRefused):
            await r.supervisor().once()
        r.band.board.flash.broken = range(0)
        r.band.board.reset()  # which wipes it at last
        await asyncio.sleep(5)
        r.band.board.reset()
        await asyncio.sleep(5)
        with pytest.raises(BondRefused):
            await r.supervisor().once()
        await r.computer.unpair(r.band.address)
        await r.pair()
        await r.supervisor().once()
        boots = [i.boot for i in r.items() if i.kind is Kind.BOOT]
        assert boots == [1, 2], "it is wiped at each start"

    told(tmp_path, story)


def test_a_button_that_stays_down_hands_it_on_once(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await hold(r, 150)
        assert len(r.band.board.started_us) == 2
        await hold(r)
        assert len(r.band.board.started_us) == 3

    told(tmp_path, story)


def test_it_is_handed_on_when_ten_seconds_are_over_and_not_before(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.pair()
        await r.supervisor().once()
        await r.band.press(9.8)
        await in_the_cover(r)
        await r.supervisor().once()
        pressing = asyncio.create_task(r.band.press(20))
        await asyncio.sleep(10.5)
        ((begin, end),) = ran_s(r)
        assert 0.2 < end - begin < 0.4, "it is felt"
        r.band.power_off()  # while the button is still held
        await pressing
        await r.band.power_on()
        await asyncio.sleep(5)
        with pytest.raises(BondRefused):
            await r.supervisor().once()

    told(tmp_path, story)


@pytest.mark.parametrize("cut", [1, 150, 294])
def test_handing_on_that_loses_its_power_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """The power goes before a change of the flash, counted from the order on."""

    async def story(r: Rig) -> None:
        patterns = await left_behind(r)
        flash, done = r.band.board.flash, []

        def cutting(change: Callable[..., None]) -> Callable[..., None]:
            def write(*what: Any) -> None:
                if len(done) == cut:
                    done.append(cut)
                    asyncio.get_running_loop().call_soon(r.band.power_off)
                if len(done) <= cut:
                    done.append(cut)
                    change(*what)

            return write

        for call, name in CHANGES.items():
            monkeypatch.setitem(r.band.board._calls, call, cutting(getattr(flash, name)))
        await hold(r)
        assert not r.band.board.running, f"only {len(done)} changes"
        monkeypatch.undo()
        await r.band.power_on()
        await asyncio.sleep(5)
        if cut < 2:  # it was never ordered
            await r.supervisor().once()
            return
        assert of_the_wearer(r, patterns) == []
        await r.computer.unpair(r.band.address)
        await r.pair()
        await r.supervisor().once()
        assert len(events(r, items.EVENT_HANDED_OVER)) == 1
        assert r.store.notices(r.known) == []

    told(tmp_path, story, 100)


# What hangs, and what is broken.


async def click_once(r: Rig) -> None:
    await click(r)


async def ask(r: Rig) -> None:
    await asked(r, lambda session: session.request(0x7F))


async def measure(r: Rig) -> None:
    await asked(r, Session.heart_rate)


FOR_EVER = "await __import__('asyncio').Event().wait()"
HANGS = {
    "the button": (click_once, 3, "button", "            if held >= _LONG_MS:", "if held < 1000:"),
    "requests": (
        ask, 3, "requests", "                answer = self._control.answer(data)",
        "if data[0] == 0x7F:",
    ),
    "a measurement": (measure, 4, "vitals", "            await self._measure(vital ==", ""),
}  # fmt: skip


@pytest.mark.parametrize("what", ["the button", "requests", "a measurement"])
def test_a_task_that_hangs_starts_the_band_again_and_costs_no_step(
    tmp_path: Path, what: str
) -> None:
    trigger, cause, module, line, when = HANGS[what]
    indent = line[: len(line) - len(line.lstrip())]
    hang = f"{indent}{when}\n{indent}    {FOR_EVER}\n" if when else f"{indent}{FOR_EVER}\n"

    async def story(r: Rig) -> None:
        await r.pair()
        await asyncio.sleep(300)
        with suppress(VeribandError):
            await trigger(r)
        await asyncio.sleep(420)
        await r.supervisor().once()
        r.check()
        boots = [i.detail for i in r.items() if i.kind is Kind.BOOT]
        assert boots == [items.CAUSE_POWER_ON, cause]
        assert [f[:12] for f in events(r, items.EVENT_FAULT)] == [b"TimeoutError"] * (cause == 4)

    told(tmp_path, story, 100 if cause == 3 else None, altered(module, line, hang + line))


def test_a_band_that_runs_out_of_memory_stops_its_motor_says_so_and_starts_again(
    tmp_path: Path,
) -> None:
    line = "            waited += 1\n"
    fills = "            while self._journal.position().boot == 1:\n"
    takes = "                asyncio.create_task(self.run(call))\n"

    async def story(r: Rig) -> None:
        await r.pair()
        await in_the_cover(r)
        await asyncio.sleep(50 - r.world.now_us() / 1e6)
        await click(r)  # the motor runs for 15 s
        await asyncio.sleep(200)
        ((begin_s, end_s),) = ran_s(r)
        assert begin_s < 51 and end_s == 60
        await r.supervisor().once()
        assert events(r, items.EVENT_FAULT)[0].startswith(b"MemoryError")

    told(tmp_path, story, firmware=altered("minutes", line, line + fills + takes))


def test_files_that_are_damaged_are_made_anew_and_steps_are_counted_on(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.pair()
        await r.supervisor().once()
        await asyncio.sleep(1200)
        its = r.partition("wearer")
        flash = r.band.board.flash
        flash.image[its.start : its.start + 8192] = r.world.rng("damage").randbytes(8192)
        r.band.board.reset()
        await asyncio.sleep(1200)
        with pytest.raises(BondRefused):
            await r.supervisor().once()
        await r.band.press()
        expected = passkey(hashlib.sha1, r.band.secret, 1)
        assert await current_passkey(r.radio, r.band.address, r.band.secret) == expected
        await r.computer.unpair(r.band.address)
        await r.pair()
        r.band.board.reset()
        await asyncio.sleep(60)
        await r.supervisor().once()  # the new files keep the bond
        r.check()
        assert len(events(r, items.EVENT_FILES_LOST)) == 1
        assert len(r.band.board.started_us) == 3

    told(tmp_path, story, 100)
