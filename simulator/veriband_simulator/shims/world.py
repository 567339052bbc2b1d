"""The pipe to the simulated world: calls out, events in while the firmware sleeps."""

import struct
import sys

import uos
from codec import decode, message

_file = open(int(uos.getenv("VERIBAND_PIPE")), "r+b")
handlers = {}  # source -> function(kind, data)


def _exactly(n: int) -> bytes:
    data = _file.read(n)
    while data is not None and len(data) < n:
        more = _file.read(n - len(data))
        if not more:
            break
        data += more
    if not data or len(data) < n:
        sys.exit(0)  # the world is gone
    return data


def _receive():
    return decode(_exactly(struct.unpack("<I", _exactly(4))[0]))[0]


def call(*request):
    """Ask the world; its answer, or OSError with its errno."""
    _file.write(message(request))
    answer = _receive()
    if answer[0] == "x":
        raise OSError(answer[1])
    return answer[1]


def sleep(until_us: int) -> int:
    """Park until `until_us` (-1: for ever) or an event, which is handled; the time now, in us."""
    import time

    _file.write(message(("sleep", until_us)))
    answer = _receive()
    if answer[0] == "ev":
        time.moved_to(answer[1])
        _file.write(message(("evret", handlers[answer[2]](answer[3], answer[4]))))
    return answer[1]
