"""`select.poll` for objects with an ioctl, such as ThreadSafeFlag; the real one really waits."""

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16
_STREAM_POLL = 3


class poll:
    """Objects and what each is asked for."""

    def __init__(self) -> None:
        self._entries = []

    def register(self, obj, flags: int = POLLIN | POLLOUT) -> None:
        """Watch `obj`."""
        self.modify(obj, flags)

    def modify(self, obj, flags: int) -> None:
        """Watch `obj` for `flags`."""
        self.unregister(obj)
        self._entries.append((obj, flags))

    def unregister(self, obj) -> None:
        """Watch it no longer."""
        self._entries = [entry for entry in self._entries if entry[0] is not obj]

    def ipoll(self, timeout: int = -1, flags: int = 0):
        """Those that are ready now; there is no waiting here."""
        ready = []
        for obj, wanted in self._entries:
            got = obj.ioctl(_STREAM_POLL, wanted)
            if got:
                ready.append((obj, got))
        return ready

    poll = ipoll
