"""What is done about a radio that seems wedged: scan anew, reset the adapter, then advise."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable

from veriband.errors import (
    AdapterReset,
    BandNotFound,
    BandsAway,
    NoConnection,
    NoRadio,
    NotReset,
    RadioAdvice,
    Rescanned,
    VeribandError,
)
from veriband.link.radio import Radio

PATIENCE_S = 60.0  # of nothing but failures, before the first step and between two
RESET_EVERY_S = 3600.0  # at most
LISTEN_EVERY_S = 3600.0  # while the bands are away
_SIGNS: dict[type[VeribandError], tuple[str, str]] = {  # the worst first; (what is seen, advice)
    NoRadio: ("No scan begins", "end other programs that scan"),
    NoConnection: (
        "Bands are heard, but none can be connected to",
        "bring them near, disconnect other devices",
    ),
    BandNotFound: ("No band is heard", "bring a band near"),
}
_ADVICE = (
    "switch Bluetooth off and on (on Linux: 'systemctl restart bluetooth'), plug the adapter out "
    "and in, or restart this computer"
)


class Ladder:
    """One for a radio and all bands that share it. `tell` is told each step that is taken.

    An absent wearer is no reason: the last attempt with EVERY band must have failed for want of a
    radio, and where no band is heard, a new scan must hear nothing else either. After a sync it
    begins at the bottom; at its top nothing more is done.
    """

    def __init__(
        self, radio: Radio, addresses: Iterable[str], tell: Callable[[VeribandError], None]
    ) -> None:
        self._radio = radio
        self._bands = frozenset(addresses)
        self._tell = tell
        self._failed: dict[str, type[VeribandError]] = {}  # how, by address
        self._sign: type[VeribandError] | None = None
        self._due_s = math.inf  # when the next step is
        self._reset_s = -math.inf  # when the adapter was reset
        self._climbing = False
        self._begin()

    def _begin(self) -> None:
        self._steps: list[Callable[[type[VeribandError]], Awaitable[float]]]
        self._steps = [self._rescan, self._reset, self._advise]
        self._why = ""  # the adapter was not reset

    def synced(self, address: str) -> None:
        """The radio works."""
        self._look(address, None)
        self._begin()

    async def failed(self, address: str, error: VeribandError) -> None:
        """Take a step, if it is time for one."""
        self._look(address, next((sign for sign in _SIGNS if isinstance(error, sign)), None))
        if self._climbing or asyncio.get_running_loop().time() < self._due_s:
            return
        self._climbing = True
        try:
            await self._climb()
        finally:
            self._climbing = False

    def _look(self, address: str, sign: type[VeribandError] | None) -> None:
        """Take in how an attempt ended; None: the radio was not to blame."""
        if sign is None:
            self._failed.pop(address, None)
        else:
            self._failed[address] = sign
        before, self._sign = self._sign, None
        if self._failed.keys() == self._bands:
            self._sign = next(sign for sign in _SIGNS if sign in self._failed.values())
        if self._sign is None:
            self._due_s = math.inf
        elif self._sign is not before:
            self._due_s = min(self._due_s, asyncio.get_running_loop().time() + PATIENCE_S)

    async def _climb(self) -> None:
        """The next step; further ones, too, unless there is something to wait for."""
        wait_s = 0.0
        while self._sign and self._steps and not wait_s:
            wait_s = await self._steps.pop(0)(self._sign)
        if self._sign:
            self._due_s = asyncio.get_running_loop().time() + (wait_s or PATIENCE_S)

    async def _rescan(self, sign: type[VeribandError]) -> float:
        try:
            hears = await self._radio.rescan()
        except NoRadio:
            self._tell(Rescanned(_SIGNS[sign][0], None))
            return 0.0
        if sign is BandNotFound and hears:
            self._steps.insert(0, self._rescan)
            self._tell(BandsAway())
            return LISTEN_EVERY_S
        self._tell(Rescanned(_SIGNS[sign][0], hears))
        return PATIENCE_S

    async def _reset(self, sign: type[VeribandError]) -> float:
        now_s = asyncio.get_running_loop().time()
        if self._radio.adapter is None or now_s - self._reset_s < RESET_EVERY_S:
            return 0.0
        try:
            await self._radio.reset()
        except NotReset as error:
            self._why = str(error)
            if error.tried:
                self._reset_s = now_s
            return 0.0
        self._reset_s = now_s
        self._tell(AdapterReset(_SIGNS[sign][0]))
        return PATIENCE_S

    async def _advise(self, sign: type[VeribandError]) -> float:
        seen, first = _SIGNS[sign]
        self._tell(RadioAdvice(seen, self._why or f"{first}, {_ADVICE}"))
        return PATIENCE_S
