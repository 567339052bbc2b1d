"""What a band or the air may do to a sync: noted, tried again, nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.whole.rig import ZONE, Rig, live, rig, until_cancelled
from veriband.errors import (
    BadBatch,
    BandNotFound,
    BandVanished,
    BandWentBack,
    StoreError,
    Unforeseen,
    VeribandError,
)
from veriband.link.radio import Radio
from veriband.link.session import Batch, Session
from veriband.link.supervisor import Supervisor
from veriband.records import Kind
from veriband.store.roster import Band
from veriband_protocol import control, items, uuids, wire
from veriband_simulator.chips import Nack
from veriband_simulator.firmware import find_firmware
from veriband_simulator.flash import SECTOR
from veriband_simulator.wearers import Walk
from veriband_simulator.world import World

UPLOADS = pytest.mark.parametrize("upload", ["increments", "totals"])
_HEAD = 7  # L2CAP header 4, ATT opcode 1, handle 2
Change = Callable[[bytes], bytes | None]


def first_frame(r: Rig, change: Change) -> list[int]:
    """Have the next first frame of a batch changed on the air; how often that was done."""
    done: list[int] = []

    def mangle(source: str, _: str, payload: bytes) -> bytes | None:
        if r.frame(source, payload) is not None and not done:
            done.append(1)
            return change(payload)
        return payload

    r.world.air.mangle = mangle
    return done


def flip_a_bit(payload: bytes) -> bytes:
    """Another number of steps in a minute: all but the CRC is as it may be."""
    damaged = bytearray(payload)
    a_minute = -wire.TRAILER_BYTES - 2
    assert 4 <= damaged[a_minute] < 128
    damaged[a_minute] ^= 0x04
    return bytes(damaged)


def another_batch(payload: bytes, first: int = 0, more: int = 0, hole: bool = False) -> bytes:
    """The batch as a band would send it that begins `first` numbers later and ends `more` later,
    with nothing but a hole in it if `hole`; its CRC right."""
    frame = payload[_HEAD:]
    assert frame[0] == wire.FIRST | wire.LAST
    version, epoch, seq, boot, t_ms, body, upto, *_ = wire.unpack_batch(frame[1:])
    if hole:
        count = bytearray(5)
        size = items.put_varint(count, 0, upto + more - seq - first)
        body = bytes((items.HOLE, size)) + bytes(count[:size])
    batch = wire.pack_batch(version, epoch, seq + first, boot, t_ms, body, upto + more)
    frame = wire.frame(batch, 0, 247)
    return struct.pack("<H", len(frame) + 3) + payload[2:_HEAD] + frame


def claim_an_earlier_number(payload: bytes) -> bytes:
    return another_batch(payload, first=-1)


def claim_later_numbers(payload: bytes) -> bytes:
    return another_batch(payload, first=5, more=5)


def skip_numbers(payload: bytes) -> bytes:
    return another_batch(payload, first=5, hole=True)


def end_in_a_far_hole(payload: bytes) -> bytes:
    return another_batch(payload, more=2**31, hole=True)


def forget_the_last_number(payload: bytes) -> bytes:
    return another_batch(payload, more=-1, hole=True)


def swallow(payload: bytes) -> None:
    return None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (flip_a_bit, BadBatch),
        (claim_an_earlier_number, BadBatch),
        (claim_later_numbers, BadBatch),
        (skip_numbers, BadBatch),
        (end_in_a_far_hole, BadBatch),
        (forget_the_last_number, BadBatch),
        (swallow, BandVanished),
    ],
)
def test_a_bad_batch_is_noted_and_asked_for_again(
    tmp_path: Path, change: Change, error: type[VeribandError]
) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await r.supervisor().once()
            await asyncio.sleep(1800)
            before = len(r.items())
            done = first_frame(r, change)
            keeping = asyncio.create_task(r.supervisor().run())
            await asyncio.sleep(300)
            await until_cancelled(keeping)
            assert done
            assert [type(trouble) for trouble in r.troubles] == [error]
            assert [notice.kind for notice in r.store.notices(r.known)] == [error.__name__]
            assert len(r.items()) >= before + 29
            r.check()
        finally:
            r.close()

    live(story())


def test_what_nobody_foresaw_is_noted_with_its_name_and_tried_again(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            radio = r.radio
            assert radio.client is not None
            reads: list[object] = []

            class Odd(radio.client):
                async def read_gatt_char(self, *what: Any, **options: Any) -> bytearray:
                    reads.append(what)
                    if len(reads) == 1:
                        raise KeyError("/org/bluez/hci0/dev_1")
                    return await super().read_gatt_char(*what, **options)

            odd = Radio(Odd, radio.scanner)
            keeping = asyncio.create_task(
                Supervisor(
                    odd, r.store, r.known, r.world.utc_ms, ZONE, on_trouble=r.troubles.append
                ).run()
            )
            await asyncio.sleep(300)
            assert not keeping.done()
            await until_cancelled(keeping)
            assert keeping.cancelled()
            assert [type(trouble) for trouble in r.troubles] == [Unforeseen]
            assert "KeyError: '/org/bluez/hci0/dev_1'" in str(r.troubles[0])
            assert [notice.kind for notice in r.store.notices(r.known)] == ["Unforeseen"]
            r.check()
        finally:
            r.close()

    live(story())


def test_a_store_that_is_damaged_under_the_daemon_does_not_end_it(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            keeping = asyncio.create_task(r.supervisor().run())
            await asyncio.sleep(300)
            r.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            r.store.db.execute("PRAGMA cache_size = 0")
            with r.store.path.open("r+b") as file:
                file.seek(4096)
                file.write(bytes(r.store.path.stat().st_size - 4096))
            await asyncio.sleep(1200)
            assert not keeping.done()
            await until_cancelled(keeping)
            assert {type(trouble) for trouble in r.troubles} == {StoreError}
        finally:
            r.close()

    live(story())


@pytest.mark.parametrize("what", ["reset", "away"])
def test_a_band_that_goes_in_mid_sync_comes_back_whole(tmp_path: Path, what: str) -> None:
    async def story() -> None:
        r = await rig(tmp_path, wearer=Walk([130 + m % 50 for m in range(1440)]))
        try:
            await r.pair()
            await asyncio.sleep(18 * 3600)  # more than one connection event carries

            def go(payload: bytes) -> bytes:
                loop = asyncio.get_running_loop()
                if what == "reset":
                    loop.call_soon(r.band.board.reset)
                else:
                    r.world.air.set_in_range(r.band.address, False)
                    loop.call_later(120, r.world.air.set_in_range, r.band.address, True)
                return payload

            done = first_frame(r, go)
            keeping = asyncio.create_task(r.supervisor().run())
            await asyncio.sleep(900)
            await until_cancelled(keeping)
            assert done
            assert isinstance(r.troubles[0], BandVanished)
            sums = r.check()
            assert sums[Kind.MINUTE] > 100_000
        finally:
            r.close()

    live(story())


def test_a_band_whose_flash_was_put_back_is_refused_and_the_store_kept(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await asyncio.sleep(3600)
            image = bytes(r.band.board.flash.image)
            await asyncio.sleep(72 * 3600)  # beyond the numbers that were reserved then
            await r.supervisor().once()
            before = r.items()
            r.band.board.power_off()
            r.band.board.flash.image[:] = image
            await r.band.board.power_on()
            await asyncio.sleep(120)
            with pytest.raises(BandWentBack, match="erase its partition 'journal'"):
                await r.supervisor().once()
            keeping = asyncio.create_task(r.supervisor().run())
            await asyncio.sleep(3600)
            await until_cancelled(keeping)
            (notice,) = r.store.notices(r.known)
            assert (notice.kind, notice.count) == ("BandWentBack", len(r.troubles))
            assert notice.count > 30
            assert r.items() == before
        finally:
            r.close()

    live(story(), hours=80)


@UPLOADS
def test_a_power_loss_costs_at_most_ten_minutes_and_no_number_twice(
    tmp_path: Path, upload: str
) -> None:
    async def story() -> None:
        r = await rig(tmp_path, upload=upload)
        try:
            await r.pair()
            await r.supervisor().once()
            await asyncio.sleep(3600 + 7 * 60)
            await r.supervisor().once()  # what is not on flash has been sent
            sent = r.items()
            await asyncio.sleep(5 * 60)
            r.band.board.power_off()
            r.band.chip.reset()
            await asyncio.sleep(60)
            await r.band.board.power_on()
            await asyncio.sleep(600)
            await r.supervisor().once()
            items = r.items()
            assert items[: len(sent)] == sent
            rest = items[len(sent) :]
            minutes = [item for item in items if item.kind is Kind.MINUTE and item.boot == 1]
            assert len(minutes) >= 72 - 10
            assert Kind.HOLE in [item.kind for item in rest]
            numbers = [item.seq for item in items]
            assert numbers == sorted(set(numbers))
        finally:
            r.close()

    live(story())


def test_an_absent_band_is_looked_for_ever_more_rarely(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            r.world.air.set_in_range(r.band.address, False)
            keeping = asyncio.create_task(r.supervisor().run())
            await asyncio.sleep(3600)
            await until_cancelled(keeping)
            assert {type(trouble) for trouble in r.troubles} == {BandNotFound}
            assert 30 <= len(r.troubles) <= 60
        finally:
            r.close()

    live(story())


def test_many_absent_bands_do_not_keep_a_present_one_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            radio = r.radio
            synced: list[int] = []

            def keep(band: Band, every_s: float) -> asyncio.Task[None]:
                keeper = Supervisor(
                    radio, r.store, band, r.world.utc_ms, ZONE,
                    every_s=every_s, rng=r.world.rng(band.address),
                    on_sync=lambda _: synced.append(r.world.now_us()),
                )  # fmt: skip
                return asyncio.create_task(keeper.run())

            absent = [r.store.add_band(f"AA:00:00:00:00:{n:02X}", None, 0) for n in range(20)]
            keepers = [keep(band, 600) for band in absent] + [keep(r.known, 60)]
            await asyncio.sleep(3600)
            for keeper in keepers:
                await until_cancelled(keeper)
            waits_s = [(after - before) / 1e6 for before, after in pairwise(synced)]
            assert len(waits_s) > 50
            assert max(waits_s) < 90
        finally:
            r.close()

    live(story())


def test_two_hosts_on_one_band_get_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        first = await rig(tmp_path)
        try:
            await first.pair()
            other = Rig(
                first.world, first.band, await first.world.computer("F0:0D:5E:00:00:02"),
                type(first.store)(tmp_path / "other.db"),
            )  # fmt: skip
            await other.pair()
            await asyncio.sleep(4 * 3600)
            await asyncio.gather(first.supervisor().once(), other.supervisor().once())
            await asyncio.gather(first.supervisor().once(), other.supervisor().once())
            assert first.items() == other.items()
            first.check()
            other.store.close()
        finally:
            first.close()

    live(story())


def test_hosts_whose_clocks_disagree_leave_the_minutes_whole(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            async with r.session() as session:
                for k in range(120):  # for an hour, as daemons do that watch somebody who walks
                    await session.set_clock(r.world.utc_ms() + k % 2 * 30_000, -300, 0, 0)
                    await asyncio.sleep(30)
            await r.supervisor().once()
            r.check()
            assert len([i for i in r.items() if i.kind is Kind.MINUTE]) >= 57
        finally:
            r.close()

    live(story())


@UPLOADS
def test_a_silent_sensor_is_a_gap_with_all_its_steps(tmp_path: Path, upload: str) -> None:
    async def story() -> None:
        r = await rig(tmp_path, upload=upload)
        try:
            await r.pair()
            await asyncio.sleep(1800)
            r.band.chip.silent = True
            await asyncio.sleep(1000)
            r.band.chip.silent = False
            await asyncio.sleep(600)
            r.band.chip.nacks = 2  # a moment's noise costs nothing
            await asyncio.sleep(600)
            await r.supervisor().once()
            r.check()
            gaps = [item for item in r.items() if item.kind is Kind.GAP and item.detail == 2]
            assert len(gaps) == 1
            assert gaps[0].steps
            assert 17 * 60_000 <= gaps[0].duration_ms <= 18 * 60_000
            events = [item.detail for item in r.items() if item.kind is Kind.EVENT]
            assert events == [3, 1, 2], "bonded, sensor lost, sensor back"
        finally:
            r.close()

    live(story())


@pytest.mark.parametrize("nacks", [1, 4, 9, 40])
@pytest.mark.parametrize("what", ["reset", "power off"])
def test_a_chip_that_is_silent_when_the_band_starts_gives_no_false_step(
    tmp_path: Path, nacks: int, what: str
) -> None:
    async def story() -> None:
        r = await rig(tmp_path, count=30_000)
        try:
            await r.pair()
            await asyncio.sleep(3600)
            if what == "reset":
                r.band.chip.nacks = nacks
                r.band.board.reset()
            else:
                r.band.board.power_off()
                r.band.chip.nacks = nacks
                await r.band.board.power_on()
            await asyncio.sleep(1200)
            r.band.board.reset()
            await asyncio.sleep(1200)
            await r.supervisor().once()
            counted = r.band.chip.counted(r.world.now_us())
            stored = sum(item.steps or 0 for item in r.items())
            if what == "reset":
                r.check()
                assert counted - stored < 150, "but for the minute under way"
            assert 0 < stored <= counted
        finally:
            r.close()

    live(story())


@pytest.mark.parametrize("register", [0x01, 0x04, 0x10, 0x12, 0x64])
def test_a_chip_that_fails_while_it_is_started_again_gives_no_false_step(
    tmp_path: Path, register: int
) -> None:
    async def story() -> None:
        r = await rig(tmp_path, count=30_000)
        try:
            await r.pair()
            await asyncio.sleep(3600)
            chip, write, failures = r.band.chip, r.band.chip.write, 0

            def failing(at: int, data: bytes) -> None:
                nonlocal failures
                write(at, data)
                if at == register and failures < 3:
                    failures += 1
                    raise Nack  # done, but not acknowledged

            chip.reset()
            chip.write = failing
            await asyncio.sleep(1200)
            await r.supervisor().once()
            assert failures
            stored = sum(item.steps or 0 for item in r.items())
            counted = chip.counted(r.world.now_us())
            assert 0 <= counted - stored < 300
            (gap,) = (i for i in r.items() if i.kind is Kind.GAP and i.detail == 3)
            assert gap.steps is not None
            assert gap.steps < 300
        finally:
            r.close()

    live(story())


async def first(session: Session, epoch: int, seq: int) -> Batch:
    """The first batch of those from a number on."""
    async with aclosing(session.batches(epoch, seq)) as batches:
        return await anext(batches)


def test_the_band_answers_any_request_or_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few; the campaign `hostile` has a million."""

    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            rng = r.world.rng("malformed")
            async with r.session() as session:
                for _ in range(150):
                    opcode = rng.randrange(256)
                    body = rng.randbytes(rng.choice((0, 1, 5, 14, 40, 80)))
                    if opcode == control.CLOCK:
                        continue
                    try:
                        await session.request(opcode, body)
                    except BadBatch:
                        pass
                state = await session.state()
                for epoch, seq in (
                    (state.epoch ^ 1, 0), (state.epoch, state.upto + 1), (state.epoch, 2**32 - 1),
                ):  # fmt: skip
                    with pytest.raises(BadBatch):
                        await first(session, epoch, seq)
                for frames in (0, 1, 33, 255):
                    monkeypatch.setattr("veriband.link.session.FRAMES", frames)
                    with pytest.raises(BadBatch, match="did not understand"):
                        await first(session, state.epoch, 0)
                monkeypatch.undo()
                assert (await first(session, state.epoch, 0)).seq == 0
            assert len(r.band.board.started_us) == 1, "no reset"
        finally:
            r.close()

    live(story())


async def flushed(r: Rig) -> None:
    """Wait until the journal has gone to flash."""
    programs = r.band.board.flash.programs
    while r.band.board.flash.programs == programs:
        await asyncio.sleep(1)


@pytest.mark.parametrize("what", ["the page's sector", "the journal for a minute"])
def test_a_flush_that_failed_and_a_loss_of_power_cost_ten_minutes(
    tmp_path: Path, what: str
) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await r.supervisor().once()
            await asyncio.sleep(3600)
            flash, its = r.band.board.flash, r.partition("journal")
            await flushed(r)
            await asyncio.sleep(9.5 * 60)
            page_1 = range(its.start + SECTOR, its.start + 2 * SECTOR)
            flash.broken = page_1 if what == "the page's sector" else its
            await asyncio.sleep(60)  # the next flush fails
            if what == "the journal for a minute":
                flash.broken = range(0)
            await asyncio.sleep(9.3 * 60)  # and the one after it is near
            off_us = r.world.now_us()
            r.band.power_off()
            await asyncio.sleep(60)
            await r.band.power_on()
            await asyncio.sleep(60)
            await r.supervisor().once()
            *_, last = (i for i in r.items() if i.boot == 1 and i.duration_ms)
            end_us = r.band.board.us_of(1, last.t_ms + last.duration_ms)
            assert off_us - end_us <= 10 * 60_000_000
            assert r.items()[-1].boot == 2
        finally:
            r.close()

    live(story())


@UPLOADS
def test_a_journal_that_cannot_be_written_costs_no_step(tmp_path: Path, upload: str) -> None:
    async def story() -> None:
        r = await rig(tmp_path, wearer=Walk([130 + m % 50 for m in range(1440)]), upload=upload)
        try:
            await r.pair()
            await asyncio.sleep(3600)
            r.band.board.flash.broken = r.partition("journal")
            await asyncio.sleep(4 * 3600)  # more than waits in RAM: minutes stay open
            r.band.board.flash.broken = range(0)
            await asyncio.sleep(1800)
            await r.supervisor().once()
            sums = r.check()
            assert sums[Kind.GAP] > 10_000
            assert len(r.band.board.started_us) == 1
        finally:
            r.close()

    live(story())


def test_a_band_starts_with_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await asyncio.sleep(3600)
            r.band.board.flash.broken = r.partition("journal")
            r.band.board.reset()
            await asyncio.sleep(1200)
            assert len(r.band.board.started_us) == 2, "no loop of resets"
            r.band.board.flash.broken = range(0)
            await asyncio.sleep(1200)
            await r.supervisor().once()
            r.check()
        finally:
            r.close()

    live(story())


def test_a_band_whose_flash_is_broken_for_good_counts_and_is_synced(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path, wearer=Walk([130 + m % 50 for m in range(1440)]))
        try:
            await r.pair()
            r.band.board.flash.broken = range(len(r.band.board.flash.image))
            await asyncio.sleep(4 * 3600)  # RAM is full
            r.band.board.reset()
            await asyncio.sleep(1800)
            assert len(r.band.board.started_us) == 2, "no loop of resets"
            await r.supervisor().once()
            found = [i.kind for i in r.items() if i.boot == 2]
            assert found.count(Kind.MINUTE) >= 28
            assert r.troubles == []
        finally:
            r.close()

    live(story())


def test_a_program_that_is_damaged_is_started_again_and_said_in_the_journal(
    tmp_path: Path,
) -> None:
    """A file that cannot be imported, until somebody copies it anew."""
    built = find_firmware()
    damaged = replace(built, files=built.files | {"band/door.mpy": b"damaged"})

    async def story() -> None:
        r = await rig(tmp_path, firmware=damaged)
        try:
            flash = r.band.board.flash
            await asyncio.sleep(100)
            assert len(r.band.board.started_us) >= 3
            r.band.board.power_off()
            its = r.partition("vfs")
            whole = World(r.world.seed, r.world.start)
            copy = whole.add_band(Walk([0]))  # with the same secret
            await copy.power_on()
            whole.close()
            flash.image[its.start : its.stop] = copy.board.flash.image[its.start : its.stop]
            await r.band.board.power_on()
            await r.pair()
            await r.supervisor().once()
            (fault,) = (i for i in r.items() if i.kind is Kind.EVENT and i.detail == 5)
            assert fault.raw == b"ValueError: incompatible .mpy file"
        finally:
            r.close()

    live(story())


def test_the_wearers_clock_changes_without_a_host(tmp_path: Path) -> None:
    """In New York on 2026-03-08 at 02:00; before and after a reset."""

    async def local(r: Rig) -> tuple[int, ...]:
        async with r.session() as session:
            now = await session._client.read_gatt_char(uuids.standard(uuids.CURRENT_TIME))
            return struct.unpack_from("<HBBBB", now)

    async def story() -> None:
        r = await rig(tmp_path, start=datetime(2026, 3, 8, 0, 30, tzinfo=ZONE))
        try:
            await r.pair()
            await r.supervisor().once()
            r.band.board.reset()
            await asyncio.sleep(60)
            assert (await local(r))[:4] == (2026, 3, 8, 0)
            later = datetime(2026, 3, 8, 3, 10, 30, tzinfo=ZONE)
            await r.world.until(round(later.timestamp() * 1000))
            assert await local(r) == (2026, 3, 8, 3, 10)
        finally:
            r.close()

    live(story())


def test_a_fault_is_journaled_and_the_band_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await asyncio.sleep(900)
            r.band.board.flash.broken = r.partition("wearer")  # the bond cannot be kept
            await r.pair()
            await asyncio.sleep(60)
            r.band.board.flash.broken = range(0)
            await r.computer.unpair(r.band.address)
            await r.pair()
            await asyncio.sleep(900)
            await r.supervisor().once()
            r.check()
            assert len(r.band.board.started_us) == 2
            (fault,) = (i for i in r.items() if i.kind is Kind.EVENT and i.detail == 5)
            assert fault.raw.startswith(b"OSError")
        finally:
            r.close()

    live(story())


def test_a_firmware_that_hangs_is_started_again_by_the_watchdog(tmp_path: Path) -> None:
    """The band's process is stopped for the world's clock: it no longer feeds the watchdog."""

    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await asyncio.sleep(900)
            timer = r.band.board._timer
            assert timer is not None
            timer.cancel()  # it never wakes up again
            await asyncio.sleep(600)
            assert len(r.band.board.started_us) == 2
            await r.supervisor().once()
            r.check()
            boots = [i.detail for i in r.items() if i.kind is Kind.BOOT]
            assert boots == [1, 3], "power, watchdog"
        finally:
            r.close()

    live(story())
