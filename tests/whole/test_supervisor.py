"""Attempts that end in time, bands that are subscribed to anew, a radio that is looked after."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bumble.core import UUID

from tests.whole.rig import ZONE, Rig, live, rig, until_cancelled
from veriband.errors import BandNotFound, BandVanished, NoConnection, NoRadio, VeribandError
from veriband.link import supervisor
from veriband.link.ladder import Ladder
from veriband.link.radio import Radio
from veriband.link.session import Session, connected
from veriband.link.supervisor import DEADLINE_S, ENDING_S, Supervisor, note
from veriband.link.sync import Synced
from veriband_protocol import uuids

NEVER_S = 10**6
WRITE_REQUEST = 0x12  # of ATT


class Moods:
    """A radio of which one call, `what`, never returns, and ignores `swallows` cancellations, or
    goes on after these as if nothing had been.
    """

    def __init__(self, radio: Radio) -> None:
        self.what = ""
        self.swallows = 0
        self.goes_on = False
        self.stalls = 0
        moods = self
        assert radio.client is not None
        assert radio.scanner is not None

        class Client(radio.client):
            async def connect(self, pair: bool, **kwargs: Any) -> None:
                await moods.stall("connect")
                await super().connect(pair, **kwargs)

            async def disconnect(self) -> None:
                await super().disconnect()
                await moods.stall("disconnect")

            async def read_gatt_char(self, *what: Any, **kwargs: Any) -> bytearray:
                await moods.stall("read")
                return await super().read_gatt_char(*what, **kwargs)

            async def write_gatt_char(self, *what: Any, **kwargs: Any) -> None:
                await moods.stall("write")
                await super().write_gatt_char(*what, **kwargs)

            async def start_notify(self, *what: Any, **kwargs: Any) -> None:
                await moods.stall("start_notify")
                await super().start_notify(*what, **kwargs)

        class Scanner(radio.scanner):
            async def start(self) -> None:
                await moods.stall("start")
                await super().start()

            async def stop(self) -> None:
                await super().stop()
                await moods.stall("stop")

        self.radio = Radio(Client, Scanner)

    async def stall(self, what: str) -> None:
        if what != self.what:
            return
        self.stalls += 1
        for _ in range(self.swallows):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(NEVER_S)
        if not self.goes_on:
            await asyncio.sleep(NEVER_S)


async def endless(session: Session, *_: Any) -> Synced:
    """A sync with a band that always has more."""
    while True:
        await session.state()
        await asyncio.sleep(1)


def test_an_attempt_has_one_deadline_whatever_call_never_returns(tmp_path: Path) -> None:
    expected: dict[str, type[VeribandError] | None] = {
        "start": NoRadio, "stop": None, "connect": NoConnection, "read": BandVanished,
        "start_notify": BandVanished, "write": BandVanished, "disconnect": None,
    }  # fmt: skip

    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            moods = Moods(r.radio)
            keeper = Supervisor(moods.radio, r.store, r.known, r.world.utc_ms, ZONE)
            now = asyncio.get_running_loop().time
            for what, error in expected.items():
                for swallows, goes_on in ((0, False), (1, False), (2, False), (1, True)):
                    moods.what, moods.swallows, moods.goes_on = what, swallows, goes_on
                    moods.stalls = 0
                    begin_s = now()
                    if error is None:
                        await keeper.once()
                    else:
                        with pytest.raises(error):
                            await keeper.once()
                    assert moods.stalls, what
                    assert now() - begin_s <= DEADLINE_S, (what, swallows)
                    assert r.computer.remotes == {}, "no connection is left open"
                    moods.what = ""
                    await keeper.once()
            r.check()
        finally:
            r.close()

    live(story())


@pytest.mark.parametrize("swallows", [None, 2])
def test_a_sync_without_an_end_has_the_same_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swallows: int | None
) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            monkeypatch.setattr(supervisor, "sync", endless)
            moods = Moods(r.radio)
            if swallows is not None:
                moods.what, moods.swallows = "disconnect", swallows
            keeper = Supervisor(moods.radio, r.store, r.known, r.world.utc_ms, ZONE)
            now = asyncio.get_running_loop().time
            begin_s = now()
            with pytest.raises(BandVanished, match="a sync that took too long"):
                await keeper.once()
            assert DEADLINE_S - ENDING_S <= now() - begin_s <= DEADLINE_S
            assert bool(moods.stalls) is (swallows is not None)
        finally:
            r.close()

    live(story())


def cccds(r: Rig) -> set[int]:
    """The handles to which a host of this band subscribes."""
    table = r.computer.table(r.band.address)
    assert table is not None
    wanted = (UUID(uuids.JOURNAL_DATA), UUID(uuids.CONTROL_RESPONSE))
    found = {c.cccd for s in table for c in s.characteristics if c.uuid in wanted}
    return {handle for handle in found if handle is not None}


def test_a_band_that_was_reset_in_mid_connection_is_subscribed_to_anew(tmp_path: Path) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            await r.supervisor().once()
            subscribed: list[int] = []

            def listen(source: str, _: str, payload: bytes) -> bytes:
                if source == r.computer.address and payload[4] == WRITE_REQUEST:
                    handle = int.from_bytes(payload[5:7], "little")
                    if handle in cccds(r) and payload[7:] == b"\1\0":
                        subscribed.append(handle)
                return payload

            r.world.air.mangle = listen
            device, _ = await r.radio.find(r.band.address, 30)
            with pytest.raises(BandVanished):
                async with connected(r.radio, device) as session:
                    await session.clock()
                    r.band.board.reset()
                    while True:
                        await session.clock()
            assert len(cccds(r)) == 2
            assert set(subscribed) == cccds(r)

            subscribed.clear()
            moods = Moods(r.radio)
            forgetful = moods.radio.client
            assert forgetful is not None

            async def believe(*_: Any, **__: Any) -> None:
                """As a system that takes the band to know still who had subscribed."""

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(forgetful, "start_notify", believe)
                with pytest.raises(BandVanished):
                    await Supervisor(moods.radio, r.store, r.known, r.world.utc_ms, ZONE).once()
            assert subscribed == [], "and the band does not know"

            await r.supervisor().once()
            assert set(subscribed) == cccds(r)
            r.check()
        finally:
            r.close()

    live(story())


def test_a_band_that_comes_back_to_a_silent_room_is_synced_and_ends_the_ladder(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        r = await rig(tmp_path)
        try:
            await r.pair()
            radio = r.radio
            told: list[str] = []
            ladder = Ladder(
                radio, [r.band.address],
                lambda step: note(r.store, r.world.utc_ms(), None, step, r.troubles.append),
            )  # fmt: skip
            keeper = Supervisor(
                radio, r.store, r.known, r.world.utc_ms, ZONE, ladder=ladder,
                rng=r.world.rng("host"), on_trouble=r.troubles.append,
                on_sync=lambda _: told.append("synced"),
            )  # fmt: skip
            keeping = asyncio.create_task(keeper.run())
            for _ in range(2):
                r.world.air.set_in_range(r.band.address, False)
                await asyncio.sleep(7200)
                r.world.air.set_in_range(r.band.address, True)
                await asyncio.sleep(600)
            await until_cancelled(keeping)
            assert len(told) >= 2
            assert [notice.kind for notice in r.store.notices(None)] == [
                "Rescanned", "RadioAdvice", "Rescanned", "RadioAdvice",
            ]  # fmt: skip
            assert any(isinstance(trouble, BandNotFound) for trouble in r.troubles)
            r.check()
        finally:
            r.close()

    live(story())
