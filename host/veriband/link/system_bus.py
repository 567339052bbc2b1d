"""The system D-Bus of a Linux: one connection, one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus

ANSWER_S = 10.0


@asynccontextmanager
async def connected() -> AsyncGenerator[MessageBus]:
    """A connection to it. Raises OSError (TimeoutError after ANSWER_S) and EOFError."""
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        async with asyncio.timeout(ANSWER_S):
            await bus.connect()
        yield bus
    finally:
        bus.disconnect()


async def call(
    bus: MessageBus,
    destination: str,
    path: str,
    interface: str,
    member: str,
    types: str = "",
    body: Sequence[Any] = (),
) -> list[Any]:
    """What `destination` answers. Raises DBusError."""
    reply = await bus.call(
        Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=types,
            body=list(body),
        )
    )
    if reply.message_type is MessageType.ERROR:
        why = str(reply.body[0]) if reply.body else "no answer"
        raise DBusError(reply.error_name or "", why)
    return reply.body
