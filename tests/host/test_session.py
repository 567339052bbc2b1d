"""What a session makes of answers that a band should not give, with a client that is told them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from veriband.errors import BadBatch
from veriband.link.session import MOST_WAITING, Session
from veriband_protocol import control, sockets, uuids, wire

Notify = Callable[[Any, bytearray], None]


class Client:
    """A connection to a band that notifies `answers` after each write to that characteristic."""

    def __init__(self, answers: dict[str, list[bytes]]) -> None:
        self.answers = answers
        self.told: dict[str, Notify] = {}

    async def read_gatt_char(self, _: str) -> bytes:
        return wire.pack_state(1, 7, 0, 4, 1, 0, sockets.pack_strip(0, 0, 0))

    async def start_notify(self, uuid: str, callback: Notify) -> None:
        self.told[uuid] = callback

    async def write_gatt_char(self, uuid: str, _: bytes, response: bool) -> None:
        of = {
            uuids.CONTROL_REQUEST: uuids.CONTROL_RESPONSE,
            uuids.JOURNAL_REQUEST: uuids.JOURNAL_DATA,
        }
        for answer in self.answers[uuid]:
            self.told[of[uuid]](None, bytearray(answer))


async def session(uuid: str, *answers: bytes) -> Session:
    client: Any = Client({uuid: list(answers)})
    its = Session(client, "A", asyncio.Event())
    await its.begin()
    return its


def test_a_files_hash_that_is_cut_is_refused() -> None:
    async def story() -> None:
        its = await session(
            uuids.CONTROL_REQUEST, bytes((control.FILE | control.REPLY, control.OK)) + bytes(31)
        )
        with pytest.raises(BadBatch, match="a file's hash of 31 bytes"):
            await its.file(0)

    asyncio.run(story())


def test_a_calibration_that_is_cut_is_refused() -> None:
    async def story() -> None:
        its = await session(
            uuids.CONTROL_REQUEST,
            bytes((control.CALIBRATE | control.REPLY, control.OK)) + bytes(6),
        )
        with pytest.raises(BadBatch, match="a calibration of 6 bytes"):
            await its.calibration()

    asyncio.run(story())


def test_the_first_of_many_answers_counts() -> None:
    async def story() -> None:
        head = bytes((control.SEAL | control.REPLY, control.OK))
        answers = (head + control.pack_key_id(n) for n in range(5, 10_005))
        its = await session(uuids.CONTROL_REQUEST, *answers)
        assert await its.key_id() == 5
        assert await its.key_id() == 5

    asyncio.run(story())


@pytest.mark.parametrize("frames", [MOST_WAITING, MOST_WAITING + 1])
def test_frames_without_end_are_not_kept(frames: int) -> None:
    async def story() -> None:
        batch = wire.pack_batch(1, 7, 0, 1, 0, b"\1", 4)
        its = await session(uuids.JOURNAL_REQUEST, *[wire.frame(batch, 0, 244)] * frames)
        batches = its.batches(7, 0)
        if frames <= MOST_WAITING:
            assert (await anext(batches)).items == b"\1"
        else:
            with pytest.raises(BadBatch, match="far more frames"):
                await anext(batches)
        await batches.aclose()

    asyncio.run(story())
