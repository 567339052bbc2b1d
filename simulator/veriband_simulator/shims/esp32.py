"""The ESP32's flash partitions and NVS, on the world's flash image; what wakes it from sleep."""

import struct
from binascii import crc32

from machine import Pin

import world
from codec import decode, encode

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
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


def wake_on_gpio(pins, level: bool) -> None:
    """Wake from light sleep while one of `pins` has the level."""
    Pin._wakers = tuple(pin._id for pin in pins)
    Pin._waking_level = int(level)


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


class NVS:
    """Numbers and blobs in the partition nvs: what is committed is there, whole, or not at all.

    Written as a whole into one of two sectors by turns; the ESP32's own format is another.
    """

    _NOT_FOUND = -0x1102
    _HEAD = "<III"  # which writing, bytes, CRC-32 of both and them

    def __init__(self, namespace: str) -> None:
        self._flash = Partition.find(Partition.TYPE_DATA, label="nvs")[0]
        self._namespace = namespace
        self._number = 0
        self._all = {}
        for sector in (0, 1):
            self._load(sector)

    def _load(self, sector: int) -> None:
        head = bytearray(struct.calcsize(self._HEAD))
        self._flash.readblocks(sector, head, 0)
        number, size, crc = struct.unpack(self._HEAD, head)
        if number <= self._number or size > _BLOCK - len(head):
            return
        body = bytearray(size)
        self._flash.readblocks(sector, body, len(head))
        if crc32(body, crc32(head[:8])) == crc:
            self._number = number
            flat = decode(bytes(body))[0]
            self._all = {flat[i]: flat[i + 1] for i in range(0, len(flat), 2)}

    def _key(self, key: str) -> str:
        if len(key) > 15:
            raise OSError(-0x1109)
        return self._namespace + "/" + key

    def _get(self, key: str, kind):
        value = self._all.get(self._key(key))
        if type(value) is not kind:
            raise OSError(self._NOT_FOUND)
        return value

    def get_i32(self, key: str) -> int:
        """A number."""
        return self._get(key, int)

    def set_i32(self, key: str, value: int) -> None:
        """Set a number."""
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError
        self._all[self._key(key)] = value

    def get_blob(self, key: str, buffer) -> int:
        """Put a blob into `buffer`; its length."""
        value = self._get(key, bytes)
        if len(value) > len(buffer):
            raise OSError(-0x110C)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key: str, value) -> None:
        """Set a blob."""
        self._all[self._key(key)] = bytes(value)

    def erase_key(self, key: str) -> None:
        """Remove a key."""
        if self._all.pop(self._key(key), None) is None:
            raise OSError(self._NOT_FOUND)

    def commit(self) -> None:
        """Put what was set on flash."""
        flat = []
        for key in self._all:
            flat += [key, self._all[key]]
        body = bytearray()
        encode(tuple(flat), body)
        head = struct.pack("<II", self._number + 1, len(body))
        crc = struct.pack("<I", crc32(body, crc32(head)))
        sector = (self._number + 1) % 2
        self._flash.ioctl(6, sector)
        self._flash.writeblocks(sector, head + crc + body, 0)
        self._number += 1
