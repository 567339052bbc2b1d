"""A band that had no host for long: it streams what waits, as far as it has credit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count, groupby
from pathlib import Path
from typing import Any

import pytest

from tests.campaign.power import small_journal
from tests.firmware.altered import altered
from tests.firmware.backlog import backlog
from tests.whole.rig import ZONE, Rig, live, rig
from veriband.contest.enrolment import enrol
from veriband.contest.seals import sealed
from veriband.errors import BadBatch, BandVanished
from veriband.link.session import Session
from veriband.link.sync import sync
from veriband.records import Item, Kind, decode
from veriband.store import Store
from veriband_protocol import items, uuids, wire
from veriband_simulator.firmware import find_firmware
from veriband_simulator.nimble import ENOMEM, Nimble, RadioError

YEAR_MIN = 365 * 1440


def test_a_year_without_a_host_is_fetched_in_one_visit(tmp_path: Path) -> None:
    year = [90 + m % 30 if m % 1440 > 480 and m % 60 < 12 else 0 for m in range(YEAR_MIN)]

    async def story() -> None:
        r = await rig(tmp_path, before=year)
        try:
            await r.pair()
            begin_s = asyncio.get_running_loop().time()
            await r.supervisor().once()
            assert asyncio.get_running_loop().time() - begin_s < 60
            of_the_year = [i for i in r.items() if i.kind is Kind.MINUTE and i.boot == 1]
            assert sum(i.count for i in of_the_year) == YEAR_MIN
            assert sum(i.steps or 0 for i in of_the_year) == sum(year)
            assert [n.kind for n in r.store.notices(r.known)] == []
        finally:
            r.close()

    live(story())


async def assembled(session: Session) -> tuple[int, int]:
    """(first number, the number after the last) of the next batch that comes."""
    _, _, seq, boot, t_ms, body, *_ = wire.unpack_batch(await session._assemble())
    *_, last = decode(body, seq, boot, t_ms)
    return seq, last.seq + last.count


MONTH = [1 + m % 120 for m in range(30 * 1440)]


def test_a_band_sends_as_many_batches_as_it_has_credit_for(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path, before=MONTH)
        try:
            await r.pair()
            async with r.session() as session:
                state = await session.state()
                start = 2000
                await session._write(
                    uuids.JOURNAL_REQUEST, wire.pack_read(state.epoch, start, 18, 2)
                )
                for given in (0, 1, 3):
                    if given:
                        await session._write(uuids.JOURNAL_REQUEST, wire.pack_more(given))
                    for _ in range(given or 2):
                        first, start_of_next = await assembled(session)
                        assert first == start
                        start = start_of_next
                    await asyncio.sleep(10)
                    assert session._frames.empty()
                await asyncio.sleep(30)  # nothing is stored any more: it gives up
                await session._write(uuids.JOURNAL_REQUEST, wire.pack_more(1))
                await asyncio.sleep(10)
                assert session._frames.empty()
        finally:
            r.close()

    live(story())


def test_another_read_takes_the_place_of_what_streams(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path, before=MONTH)
        try:
            await r.pair()
            async with r.session() as session:
                epoch = (await session.state()).epoch
                for start in range(1000, 1020):  # far faster than batches are sent
                    read = wire.pack_read(epoch, start, 18, 255)
                    await session._write(uuids.JOURNAL_REQUEST, read)
                seen: list[int] = []
                while seen[-1:] != [1019]:
                    first, start = await assembled(session)
                    seen.append(first)
                for _ in range(10):
                    first, after = await assembled(session)
                    assert first == start
                    start = after
                info = await session.info()
                assert info.heap_free > 20_000
        finally:
            r.close()

    live(story())


def test_a_long_backlog_is_one_chain(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path, before=MONTH)
        try:
            await r.pair()
            async with r.session() as session:
                await enrol(session, r.store, r.known, r.world.utc_ms, ZONE)
                await sync(session, r.store, r.known, r.world.utc_ms, ZONE)
            before = wire.NO_SEAL
            batches = [wire.unpack_batch(data) for data in r.store.batches(r.known)]
            assert len(batches) > 10
            for *_, its_before, seal in batches:
                assert its_before == before
                before = seal
            assert sealed(r.store, r.known).faults == []
        finally:
            r.close()

    live(story())


DAYS = MONTH[: 4 * 1440]


def test_two_hosts_stream_from_one_band_in_turn(tmp_path: Path) -> None:
    async def story() -> None:
        first = await rig(tmp_path, before=DAYS)
        try:
            second = await another_host(first, tmp_path / "other.db")
            with heard(first, second) as turns:
                await asyncio.gather(first.supervisor().once(), second.supervisor().once())
            first.check()
            assert first.items() == second.items()
            begin = max(turns.index(0), turns.index(1))
            end = len(turns) - max(turns[::-1].index(0), turns[::-1].index(1))
            in_turn = turns[begin:end]
            longest = max(len(list(run)) for _, run in groupby(in_turn))
            assert len(in_turn) > 6
            assert longest <= 2, "one of them waited"
        finally:
            second.store.close()
            first.close()

    live(story())


async def another_host(r: Rig, path: Path) -> Rig:
    """A second computer that is paired with the band."""
    computer = await r.world.computer("F0:0D:5E:00:00:02")
    other = replace(r, computer=computer, store=Store(path), troubles=[])
    await r.pair()
    await other.pair()
    return other


@contextmanager
def heard(*hosts: Rig) -> Iterator[list[int]]:
    """Whose batches end on the air, in order: numbers of `hosts`."""
    turns: list[int] = []

    def listen(source: str, target: str, payload: bytes) -> bytes:
        for number, its in enumerate(hosts):
            frame = its.frame(source, payload)
            if its.computer.address == target and frame and frame[0] & wire.LAST:
                turns.append(number)
        return payload

    air = hosts[0].world.air
    air.mangle = listen
    yield turns
    air.mangle = None


async def erase_the_journal(r: Rig) -> None:
    """Take the power away, erase the band's journal, and switch it on again."""
    r.band.power_off()
    its = r.partition("journal")
    r.band.board.flash.image[its.start : its.stop] = b"\xff" * len(its)
    await r.band.power_on()
    await asyncio.sleep(3600)


def logs(r: Rig) -> list[list[Item]]:
    """The items that are stored of each log of the band's, the logs in the order they came."""
    epochs = r.store.read("SELECT epoch FROM arrival GROUP BY epoch ORDER BY min(utc_ms)")
    return [
        [
            Item(row[0], Kind(row[1]), 0, 0, steps=row[2], count=row[3])
            for row in r.store.read(
                "SELECT seq, kind, steps, count FROM item WHERE epoch = ? ORDER BY seq", epoch
            )
        ]
        for epoch in epochs
    ]


@pytest.mark.parametrize("is_streaming", [False, True], ids=["between visits", "in mid-stream"])
def test_a_journal_that_was_erased_begins_a_log_of_its_own(
    tmp_path: Path, is_streaming: bool
) -> None:
    async def story() -> None:
        r = await rig(tmp_path, before=DAYS)
        try:
            await r.pair()
            if is_streaming:
                erased = at_frame(r, 40, lambda: erase_the_journal(r))
                with pytest.raises(BandVanished):
                    await r.supervisor().once()
                await (await erased)
            else:
                await r.supervisor().once()
                await erase_the_journal(r)
            (old,) = logs(r)
            await r.supervisor().once()
            first, second = logs(r)
            assert first == old
            for log in (first, second):
                starts = [0, *(item.seq + item.count for item in log)]
                assert [item.seq for item in log] == starts[:-1], "every number once"
            was, new = [[i.steps for i in log if i.kind is Kind.MINUTE] for log in (first, second)]
            assert was[: len(DAYS)] == DAYS[: len(was)]
            assert (len(was) < len(DAYS)) == is_streaming
            assert 58 <= len(new) < 70
            assert r.store.notices(r.known) == []
        finally:
            r.close()

    live(story())


def at_frame(
    r: Rig, number: int, what: Callable[[], Coroutine[Any, Any, None]]
) -> asyncio.Future[asyncio.Task[None]]:
    """Have something done when that frame of the journal is on the air; the task that does it."""
    loop = asyncio.get_running_loop()
    begun: asyncio.Future[asyncio.Task[None]] = loop.create_future()
    frames = count(1)

    def listen(source: str, _: str, payload: bytes) -> bytes:
        if r.frame(source, payload) is not None and next(frames) == number:
            loop.call_soon(lambda: begun.set_result(loop.create_task(what())))
        return payload

    r.world.air.mangle = listen
    return begun


def test_a_host_restored_from_a_backup_fetches_what_it_lacks(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await r.supervisor().once()
            await asyncio.sleep(7 * 60)  # what came last is not on flash
            await r.supervisor().once()
            old = sqlite3.connect(tmp_path / "old.db")
            r.store.db.backup(old)
            old.close()
            await asyncio.sleep(3 * 3600)
            r.band.board.reset()
            await asyncio.sleep(3600)
            await r.supervisor().once()
            r.store.close()
            r.store = Store(tmp_path / "old.db")
            await asyncio.sleep(600)
            await r.supervisor().once()
            r.check()
            assert sum(i.kind is Kind.MINUTE for i in r.items()) > 250
            assert r.store.notices(r.known) == []
        finally:
            r.close()

    live(story())


def test_what_was_overwritten_unread_is_told_and_the_rest_is_whole(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path, firmware=small_journal(find_firmware()))
        try:
            await r.pair()
            await asyncio.sleep(3600)
            await r.supervisor().once()
            read = r.items()
            r.band.power_off()
            place = r.partition("journal")
            backlog(r.band.board.flash, place, DAYS, r.world.utc_ms(), boot=2)
            await asyncio.sleep(4 * 86_400)
            await r.band.power_on()
            await asyncio.sleep(3600)
            await r.supervisor().once()
            found = r.items()
            assert found[: len(read)] == read
            rest = found[len(read) :]
            seq = begin = rest[0].seq
            assert begin > read[-1].seq + 1
            for item in rest:
                assert item.seq == seq
                seq += item.count
            minutes = [i.steps for i in rest if i.boot == 2 and i.kind is Kind.MINUTE]
            assert len(minutes) > 2_000
            assert minutes == DAYS[-len(minutes) :]
            assert sum(i.boot == 3 and i.kind is Kind.MINUTE for i in rest) >= 58
            (notice,) = r.store.notices(r.known)
            assert notice.kind == "overwritten"
            assert f"{read[-1].seq + 1} to {begin - 1} were overwritten" in notice.text
        finally:
            r.close()

    live(story(), hours=5 * 24)


def test_a_link_that_never_holds_for_long_carries_a_backlog_bit_by_bit(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path, before=DAYS)
        try:
            await r.pair()
            r.world.air.loss = 0.3
            progress = [0]
            while progress[-1] < len(DAYS):
                gone = at_frame(r, 45, lambda: away(r))
                with suppress(BandVanished):
                    await r.supervisor().once()
                progress.append(sum(i.kind is Kind.MINUTE for i in r.items()))
                if gone.done():
                    await gone.result()
            assert len(progress) > 3
            assert progress == sorted(set(progress)), "each visit brought something"
            r.world.air.loss, r.world.air.mangle = 0.0, None
            await r.supervisor().once()
            r.check()
        finally:
            r.close()

    live(story())


async def away(r: Rig) -> None:
    """Out of range for a minute."""
    r.world.air.set_in_range(r.band.address, False)
    await asyncio.sleep(60)
    r.world.air.set_in_range(r.band.address, True)


def test_a_stack_without_room_for_every_second_frame_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify, calls = Nimble.ble_notify, count()

    def failing(self: Nimble, conn: int, handle: int, value: bytes | None) -> None:
        if next(calls) % 2:
            raise RadioError(ENOMEM)
        notify(self, conn, handle, value)

    monkeypatch.setattr(Nimble, "ble_notify", failing)

    async def story() -> None:
        r = await rig(tmp_path, before=DAYS)
        try:
            await r.pair()
            await r.supervisor().once()
            r.check()
            assert next(calls) > 100
        finally:
            r.close()

    live(story())


def test_a_stream_that_fails_inside_is_journaled_and_the_band_starts_again(tmp_path: Path) -> None:
    line = "        index = 0"
    firmware = altered("sync", line, f"{line} // (self._journal.position().boot - 1)")

    async def story() -> None:
        r = await rig(tmp_path, firmware=firmware)
        try:
            await r.pair()
            await asyncio.sleep(900)
            with pytest.raises(BandVanished):
                await r.supervisor().once()
            await asyncio.sleep(60)
            await r.supervisor().once()
            assert len(r.band.board.started_us) == 2
            (fault,) = (
                i for i in r.items() if i.kind is Kind.EVENT and i.detail == items.EVENT_FAULT
            )
            assert fault.raw.startswith(b"ZeroDivisionError")
            r.check()
        finally:
            r.close()

    live(story())


def test_a_band_without_memory_for_a_seal_says_so_and_goes_on(tmp_path: Path) -> None:
    short = "                if self._journal.position().boot == 1 and self._journal.seq < 30:\n"
    seal = "                seal = self._seal.of(wire.sealed(batch))"
    firmware = altered("sync", seal, f"{short}                    bytes(1 << 30)\n{seal}")

    async def story() -> None:
        r = await rig(tmp_path, firmware=firmware)
        try:
            await r.pair()
            with pytest.raises(BadBatch, match="could not read its journal"):
                await r.supervisor().once()
            await asyncio.sleep(1800)
            await r.supervisor().once()
            assert len(r.band.board.started_us) == 1
            r.check()
        finally:
            r.close()

    live(story())
