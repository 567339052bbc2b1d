"""A band that had no host for long: it streams what waits, as far as it has credit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.whole.rig import ZONE, Rig, live, rig
from veriband.contest.enrolment import enrol
from veriband.contest.seals import sealed
from veriband.link.session import Session, connected
from veriband.link.sync import sync
from veriband.records import Kind, decode
from veriband_protocol import uuids, wire

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


@asynccontextmanager
async def session_with(r: Rig) -> AsyncGenerator[Session]:
    await r.pair()
    device, _ = await r.radio.find(r.band.address, 30)
    async with connected(r.radio, device) as session:
        yield session


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
            async with session_with(r) as session:
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
            async with session_with(r) as session:
                epoch = (await session.state()).epoch
                for start in range(1000, 1020):  # far faster than batches are sent
                    read = wire.pack_read(epoch, start, 18, 255)
                    await session._write(uuids.JOURNAL_REQUEST, read)
                seen: list[int] = []
                while 1019 not in seen[-1:]:
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
            async with session_with(r) as session:
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
