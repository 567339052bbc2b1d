"""The pairing agent of a simulated computer: answers its passkey prompts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from veriband_simulator.central import Central


class SimulatedAgent:
    """Registered with a computer's operating system while it is answering."""

    def __init__(self, central: Central) -> None:
        self._central = central

    @asynccontextmanager
    async def answering(self, address: str, passkey: int) -> AsyncGenerator[None]:
        """The passkey for that device is `passkey`."""

        async def answer(asked: str) -> int | None:
            return passkey if asked.upper().startswith(address.upper()) else None

        self._central.passkey_agent = answer
        try:
            yield
        finally:
            self._central.passkey_agent = None
