"""The ESP32's flash partitions, on the world's flash image."""

import world

_BLOCK = 4096
_AHEAD = 512  # bytes that are fetched at once; littlefs asks for 32 at a time, often the same
_ahead_at = -1  # where in the flash those are that were fetched last
_ahead = b""


def _read(at: int, n: int):
    """`n` bytes at `at`. Nobody but the writer below changes the flash while this runs."""
    global _ahead_at, _ahead
    begin = at - at % _AHEAD
    if at + n > begin + _AHEAD:
        return world.call("flash_read", at, n)
    if begin != _ahead_at:
        _ahead = memoryview(world.call("flash_read", begin, _AHEAD))
        _ahead_at = begin
    return _ahead[at - begin : at - begin + n]


def _change(*call) -> None:
    global _ahead_at
    _ahead_at = -1
    world.call(*call)


class Partition:
    """A partition; `readblocks` and `writeblocks` as the port has them."""

    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, entry) -> None:
        self._type, self._subtype, self._start, self._size, self._label = entry

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=_BLOCK):
        """The partitions that match."""
        found = [Partition(entry) for entry in world.call("partitions")]
        return [
            p
            for p in found
            if p._type == type
            and (subtype in (0xFF, p._subtype))
            and (label is None or label == p._label)
        ]

    def info(self):
        """(type, subtype, address, size, label, encrypted)."""
        return self._type, self._subtype, self._start, self._size, self._label, False

    def _at(self, block: int, offset: int, n: int) -> int:
        at = block * _BLOCK + offset
        if at < 0 or at + n > self._size:
            raise OSError(22)
        return self._start + at

    def readblocks(self, block: int, buf, offset: int = 0) -> None:
        """Fill `buf`."""
        n = len(buf)
        buf[:] = _read(self._at(block, offset, n), n)

    def writeblocks(self, block: int, buf, offset=None) -> None:
        """Program `buf`; without an offset the blocks are erased first."""
        if offset is None:
            for k in range(len(buf) // _BLOCK):
                _change("flash_erase", self._at(block + k, 0, _BLOCK))
        _change("flash_write", self._at(block, offset or 0, len(buf)), buf)

    def ioctl(self, op: int, arg: int):
        """4: number of blocks, 5: their size, 6: erase one."""
        if op == 4:
            return self._size // _BLOCK
        if op == 5:
            return _BLOCK
        if op == 6:
            _change("flash_erase", self._at(arg, 0, _BLOCK))
        return 0
