"""Tells systemd that the daemon is ready, goes on, and stops (sd_notify(3))."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, MutableMapping

READY, GOES_ON, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"

Tell = Callable[[str], None]


def teller_of(environment: MutableMapping[str, str]) -> Tell:
    """What tells systemd, if it has started us and wants to know; nobody else. The socket is taken
    out of the environment: programs that we start are not to speak for us."""
    address = environment.pop("NOTIFY_SOCKET", "")

    def tell(state: str) -> None:
        name = f"\0{address[1:]}" if address.startswith("@") else address
        with (
            contextlib.suppress(OSError),  # systemd will see for itself that we are silent
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as its,
        ):
            its.sendto(state.encode(), name)

    return tell if address else lambda _: None


class Pulse:
    """Tells that all of `parts` go on: ready when each has gone round once, and again whenever
    each has since it was told. What hangs has no pulse, so that systemd starts all anew."""

    def __init__(self, tell: Tell, parts: Iterable[str]) -> None:
        self._tell = tell
        self._parts = frozenset(parts)
        self._since: set[str] = set()
        self._is_ready = False

    def beat(self, part: str) -> None:
        """That part has gone round."""
        self._since.add(part)
        if self._since >= self._parts:
            self._since.clear()
            self._tell(GOES_ON if self._is_ready else READY)
            self._is_ready = True

    def stop(self) -> None:
        """All is about to end, as it was told to."""
        self._tell(STOPPING)
