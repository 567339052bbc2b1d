"""A sealed contest: enrolled bands, a wearer's computer that may do as it likes, a referee."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.whole.rig import START, ZONE, Rig, asked, live, rig
from veriband.cli import main
from veriband.contest.enrolment import enrol
from veriband.contest.seals import id_of, keys_of, sealed
from veriband.contest.standings import Standing, standings
from veriband.errors import BandVanished, EnrolledElsewhere
from veriband.link.session import Session
from veriband.records import Kind
from veriband.store import Store
from veriband_protocol import items, wire
from veriband_simulator.wearers import Minute, Wearer

BEGIN_MS = round(START.replace(second=0).timestamp() * 1000)
END_MS = BEGIN_MS + 4 * 3_600_000
WALKS = Wearer([Minute(95 + 13 * (m % 4), 152) for m in range(240)], "anna")


def enrolling(r: Rig, store: Store, *, replace: bool = False) -> Callable[[Session], Any]:
    return lambda session: enrol(
        session, store, store.bands()[0], r.world.utc_ms, ZONE, replace=replace
    )


def entered(store: Store) -> None:
    """anna, and a sealed contest of hers."""
    anna = store.add_wearer("anna", "f", 1990, 1.70, 60.0)
    store.assign(store.bands()[0], anna, 0)
    store.add_contest("spring", BEGIN_MS, END_MS, "gated", False, [anna], sealed=True)


def organiser(r: Rig, folder: Path) -> Store:
    """A store of another computer's, which knows the band and who wears it."""
    store = Store(folder / "organiser.db")
    store.add_band(r.band.address, r.band.secret, 0)
    entered(store)
    return store


def told(
    folder: Path,
    story: Callable[[Rig, Store], Coroutine[Any, Any, None]],
    upload: str = "increments",
) -> None:
    """A story about a band on anna, paired, and an organiser's store."""

    async def whole() -> None:
        r = await rig(folder, wearer=WALKS, upload=upload)
        try:
            await r.pair()
            await r.supervisor().once()
            with closing(organiser(r, folder)) as store:
                await story(r, store)
        finally:
            r.close()

    live(whole())


def run(store: Store, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--store", str(store.path), "--zone", "UTC", *arguments])


def stand(store: Store) -> Standing:
    return standings(store, store.contest("spring"), ZONE)[0]


async def hour(r: Rig) -> None:
    """An hour with a sync every ten minutes."""
    for _ in range(6):
        await asyncio.sleep(600)
        await r.supervisor().once()


@pytest.mark.parametrize("upload", ["increments", "totals"])
def test_what_a_band_seals_is_handed_in_taken_and_ranked(tmp_path: Path, upload: str) -> None:
    async def story(r: Rig, store: Store) -> None:
        await asyncio.sleep(1800)  # recorded before, and fetched after: sealed, too
        assert await asked(r, enrolling(r, store))
        await hour(r)
        r.band.board.reset()  # the key outlives it
        await asyncio.sleep(30)
        await hour(r)
        await asyncio.sleep(5)
        r.check(slack_us=1000)
        file = tmp_path / "anna.sealed"
        assert "batches were written" in run(r.store, "contest", "hand-in", str(file)).output
        verified = run(store, "contest", "verify", "spring", str(file), "--json")
        assert verified.exit_code == 0, verified.output
        (its,) = json.loads(verified.output)["bands"]
        assert its["faults"] == its["notes"] == []
        assert its["sealed_minutes"] >= 145
        assert run(store, "contest", "take", str(file)).exit_code == 0
        ranked = stand(store)
        (first, *_) = sealed(store, store.bands()[0]).batches
        assert ranked.claimed == sum(i.steps or 0 for i in r.items() if i.seq >= first.seq)
        assert ranked.counted > 0.4 * ranked.claimed
        again = run(store, "contest", "take", str(file))
        assert again.output == f"{r.band.address}: 0 new items\n"
        assert stand(store) == ranked
        whole = run(store, "contest", "verify", "spring")
        assert whole.output.endswith("minutes are sealed; nothing is wrong\n"), whole.output

    told(tmp_path, story, upload)


@pytest.mark.parametrize("upload", ["increments", "totals"])
def test_an_honest_day_is_right_and_ranks_as_if_it_were_not_sealed(
    tmp_path: Path, upload: str
) -> None:
    """The organiser's store is the wearer's, and a second host's clock is an hour off."""

    async def story(r: Rig, store: Store) -> None:
        entered(r.store)
        await asyncio.sleep(900)
        other = r.supervisor(store=store)
        other._utc_ms = lambda: r.world.utc_ms() - 3_600_000
        await other.once()
        await asyncio.sleep(900)
        assert await asked(r, enrolling(r, r.store))
        begin_ms = r.world.utc_ms() + 120_000
        for name, is_sealed in (("open", False), ("sealed", True)):
            entrants = r.store.wearers()
            r.store.add_contest(name, begin_ms, END_MS, "gated", False, entrants, is_sealed)
        await hour(r)
        r.band.board.reset()
        await asyncio.sleep(300)
        await r.supervisor().once()
        r.band.power_off()
        await asyncio.sleep(100)
        await r.band.power_on()
        await hour(r)
        await other.once()
        await asyncio.sleep(300)
        await r.supervisor().once()
        verified = run(r.store, "contest", "verify", "sealed", "--json")
        (its,) = json.loads(verified.output)["bands"]
        assert its["faults"] == []
        assert [note[:28] for note in its["notes"]] == [
            "The band's clock was set for",
            "In boot 3 the band had no cl",
            "The band's clock was set bac", "The band's clock was set for",
        ]  # fmt: skip
        open_, sealed_ = (
            standings(r.store, r.store.contest(name), ZONE)[0] for name in ("open", "sealed")
        )
        assert sealed_ == open_
        assert sealed_.counted > 2000

    told(tmp_path, story, upload)


def test_an_enrolment_whose_answer_was_lost_is_made_whole(tmp_path: Path) -> None:
    async def story(r: Rig, store: Store) -> None:
        async def cut(session: Session) -> bool:
            give = session.enrol

            async def lost(key: bytes) -> int:
                await give(key)
                raise BandVanished(r.band.address, "answering a request")

            session.enrol = lost  # type: ignore[method-assign]
            return await enrolling(r, store)(session)

        with pytest.raises(BandVanished):
            await asked(r, cut)
        assert not await asked(r, enrolling(r, store)), "it has the key"
        assert len(keys_of(store, store.bands()[0])) == 1
        await r.supervisor().once()
        anchors = [i.seq for i in r.items() if i.kind is Kind.ANCHOR]
        enrolled = [i.seq for i in r.items() if i.detail == items.EVENT_KEY]
        assert anchors[-1] > enrolled[-1], "its time is the organiser's"

    told(tmp_path, story)


def test_two_daemons_on_one_store_are_no_fault_of_the_wearers(tmp_path: Path) -> None:
    async def story(r: Rig, store: Store) -> None:
        entered(r.store)
        assert await asked(r, enrolling(r, r.store))
        await asyncio.sleep(600)
        commit = r.store.commit

        def twice(*of: Any) -> int:
            with closing(Store(r.store.path)) as second:
                new = second.commit(*of)
            assert commit(*of) == 0
            return new

        r.store.commit = twice  # type: ignore[method-assign]
        await r.supervisor().once()
        assert sealed(r.store, r.known).faults == []

    told(tmp_path, story)


def test_a_chain_goes_on_behind_a_batch_that_the_disk_spoilt(tmp_path: Path) -> None:
    async def story(r: Rig, store: Store) -> None:
        assert await asked(r, enrolling(r, r.store))
        await hour(r)
        last = "id = (SELECT max(id) FROM batch)"
        r.store.db.execute(f"UPDATE batch SET data = x'00' WHERE {last}")
        await hour(r)
        assert r.troubles == []
        handed_in = run(r.store, "contest", "hand-in", str(tmp_path / "anna.sealed"))
        assert "a batch is damaged here (batch of 1 bytes): left out" in handed_in.output
        verified = run(store, "contest", "verify", "spring", str(tmp_path / "anna.sealed"))
        assert "was not enrolled here" in verified.output

    told(tmp_path, story)


def minutes_of(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """(epoch, number) of the stored minutes with steps."""
    return db.execute(
        "SELECT epoch, seq FROM item WHERE kind = ? AND steps > 0 ORDER BY seq", (Kind.MINUTE,)
    ).fetchall()


def more_steps(db: sqlite3.Connection) -> None:
    db.execute("UPDATE item SET steps = 300 WHERE (epoch, seq) = (?, ?)", minutes_of(db)[90])


def one_minute_less(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM item WHERE (epoch, seq) = (?, ?)", minutes_of(db)[90])


def another_hour(db: sqlite3.Connection) -> None:
    db.execute(
        "UPDATE item SET utc_ms = utc_ms + 3600000 WHERE (epoch, seq) = (?, ?)", minutes_of(db)[90]
    )


def one_batch_less(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM batch WHERE id = 4")


def two_batches_swapped(db: sqlite3.Connection) -> None:
    db.execute("UPDATE batch SET id = 7 - id + 1000 WHERE id IN (3, 4)")
    db.execute("UPDATE batch SET id = id - 1000 WHERE id > 1000")


def a_batch_twice(db: sqlite3.Connection) -> None:
    db.execute(
        "INSERT INTO batch (band, epoch, utc_ms, data) "
        "SELECT band, epoch, utc_ms, data FROM batch WHERE id = 3"
    )


def more_steps_in_a_batch(db: sqlite3.Connection) -> None:
    (data,) = db.execute("SELECT data FROM batch WHERE id = 4").fetchone()
    found = wire.unpack_batch(data)
    at = next(k for k, b in enumerate(found[5]) if 90 < b < 127)
    batch = bytearray(data)
    batch[wire.HEADER_BYTES + at] = 127
    wire.put_seal(batch, found[-1])
    db.execute("UPDATE batch SET data = ? WHERE id = 4", (bytes(batch),))


@pytest.mark.parametrize(
    ("tamper", "sentence", "table"),
    [
        (more_steps, "was altered in the store: 300 steps; sealed: ", "as sealed"),
        (one_minute_less, "is sealed and was taken out of the store", "as sealed"),
        (another_hour, "was given another time in the store", "as sealed"),
        (two_batches_swapped, "does not stand where it was sent", "as sealed"),
        (a_batch_twice, "is there more than once", "as sealed"),
        (one_batch_less, "are missing: left out", "unverified"),
        (more_steps_in_a_batch, "was altered: its seal is another", "unverified"),
    ],
)
def test_a_daemon_that_tampers_is_found_and_gains_nothing(
    tmp_path: Path, tamper: Callable[[sqlite3.Connection], None], sentence: str, table: str
) -> None:
    """Of the organiser's own computer, here, so that its table is looked at, too."""

    async def story(r: Rig, _: Store) -> None:
        entered(r.store)
        assert await asked(r, enrolling(r, r.store))
        await hour(r)
        await hour(r)
        honest = stand(r.store)
        assert run(r.store, "contest", "verify", "spring").exit_code == 0
        tamper(r.store.db)
        verified = run(r.store, "contest", "verify", "spring")
        assert verified.exit_code == 1
        assert sentence in verified.output
        after = stand(r.store)
        if table == "as sealed":
            assert after == honest
        else:
            assert after.claimed == honest.claimed
            assert after.unverified > honest.unverified
            assert after.counted < honest.counted

    told(tmp_path, story)


def test_what_is_not_sealed_is_unverified(tmp_path: Path) -> None:
    async def story(r: Rig, _: Store) -> None:
        entered(r.store)
        await hour(r)
        its = stand(r.store)
        assert its.claimed > 5000
        assert (its.unverified, its.counted) == (its.claimed, 0)
        verified = run(r.store, "contest", "verify", "spring")
        assert verified.exit_code == 1
        assert "It was not enrolled here" in verified.output

    told(tmp_path, story)


def test_a_key_is_replaced_only_on_purpose_and_the_band_says_so(tmp_path: Path) -> None:
    async def story(r: Rig, store: Store) -> None:
        assert await asked(r, enrolling(r, store))
        assert not await asked(r, enrolling(r, store)), "enrolled already"
        (key,) = keys_of(store, store.bands()[0])
        assert await asked(r, Session.key_id) == id_of(key)
        with pytest.raises(EnrolledElsewhere, match=f"{id_of(key):08X}"):
            await asked(r, enrolling(r, r.store))
        assert keys_of(r.store, r.known) == []
        assert await asked(r, enrolling(r, r.store, replace=True))
        (other,) = keys_of(r.store, r.known)
        assert await asked(r, Session.key_id) == id_of(other) != id_of(key)
        await r.supervisor().once()
        events = [i for i in r.items() if i.kind is Kind.EVENT and i.detail == items.EVENT_KEY]
        named = [int.from_bytes(event.raw, "little") for event in events]
        assert named == [id_of(key), id_of(other)]

    told(tmp_path, story)


def test_a_sync_cut_between_batches_leaves_a_whole_chain(tmp_path: Path) -> None:
    async def story(r: Rig, store: Store) -> None:
        assert await asked(r, enrolling(r, r.store))
        cut, rng = 0, r.world.rng("cuts")
        for _ in range(12):
            await asyncio.sleep(600)

            def swallow(source: str, _: str, payload: bytes) -> bytes | None:
                nonlocal cut
                if r.frame(source, payload) is not None and rng.random() < 0.5:
                    cut += 1
                    return None
                return payload

            r.world.air.mangle = swallow
            task = asyncio.create_task(r.supervisor().run())
            await asyncio.sleep(60)
            task.cancel()
            await asyncio.wait((task,))
            r.world.air.mangle = None
        await r.supervisor().once()
        assert cut > 2
        its = sealed(r.store, r.known)
        assert its.faults == []
        assert [i.steps for i in its.items().values() if i.kind is Kind.MINUTE][-1]

    told(tmp_path, story)
