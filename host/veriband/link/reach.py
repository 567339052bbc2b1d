"""Gets at a band: one that is always there, and one that sleeps and is there now and then."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from veriband.errors import BandAsleep, BandNotFound, NoConnection
from veriband.link.radio import Radio
from veriband.link.session import Session, connected
from veriband_protocol.profile import PERIOD_S

FIND_S = PERIOD_S + 5.0  # a band that sleeps is heard once in PERIOD_S


@asynccontextmanager
async def reached(radio: Radio, address: str, sleeps: bool) -> AsyncGenerator[Session]:
    """A session with a band.

    One that `sleeps` is awake too shortly to be looked for first: where the system lets it, it is
    connected to as soon as it is awake. Raises BandNotFound, and BandAsleep of one that sleeps.
    """
    device = await radio.bonded(address) if sleeps and radio.bonded else None
    async with AsyncExitStack() as stack:
        try:
            found = device or (await radio.find(address, FIND_S))[0]
            session = await stack.enter_async_context(connected(radio, found))
        except (BandNotFound, NoConnection) as error:
            if sleeps:
                raise BandAsleep(address) from error
            raise
        yield session
