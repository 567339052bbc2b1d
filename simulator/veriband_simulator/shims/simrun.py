"""Start a band: virtual time under asyncio, the flash's file system as root, boot.py, main.py."""

import sys

import time  # the shims, in this order, before the firmware can ask for any of them

import vtask
import world

sys.modules["_asyncio"] = vtask

from asyncio import core  # noqa: E402

vtask.core = core
_Base = core.IOQueue


class _IOQueue(_Base):
    """Waits in the world instead of in the operating system."""

    def wait_io_event(self, dt: int) -> None:
        self._ready()
        if dt == 0:
            return
        queue = core._task_queue
        if dt < 0:  # until something is due: the loop pops at once
            while queue.peek() is None:
                time.moved_to(world.sleep(-1))
                self._ready()
            return
        due = queue.peek().ph_key
        left = time.ticks_diff(due, time.ticks_ms())
        if left <= 0:
            return
        now = time.now_us()
        time.moved_to(world.sleep((now + left * 1000) - (now + time._TICKS_0_US) % 1000))
        self._ready()

    def _ready(self) -> None:
        if self.map:
            _Base.wait_io_event(self, 0)


core.IOQueue = _IOQueue
core.new_event_loop()

import vfs  # noqa: E402

import bluetooth  # noqa: E402, F401
import esp32  # noqa: E402
import machine  # noqa: E402, F401
import os  # noqa: E402


def _run(name: str) -> None:
    with open("/" + name) as f:
        exec(compile(f.read(), name, "exec"), {"__name__": "__main__"})


_flash = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0]
try:
    _root = vfs.VfsLfs2(_flash)
except OSError:  # as MicroPython's inisetup: what is not blank is not touched
    _first = bytearray(4096)
    _flash.readblocks(0, _first)
    if bytes(_first).strip(b"\xff"):
        print("The filesystem appears to be corrupted.")
        while True:
            world.sleep(-1)
    vfs.VfsLfs2.mkfs(_flash)
    _root = vfs.VfsLfs2(_flash)
vfs.umount("/")
vfs.mount(_root, "/")
sys.path[:] = ["", "/lib", ".frozen"]
for _part in ("program", "settings"):  # what flashing writes, before the first start
    for _path, _content in world.call("files_to_flash", _part):
        for _i, _letter in enumerate(_path):
            if _letter == "/":
                try:
                    os.mkdir(_path[:_i])
                except OSError:
                    pass
        with open(_path, "wb") as _f:
            _f.write(_content)
_script = world.call("script")
if _script is None:
    try:
        _run("boot.py")
    except Exception as _error:  # as MicroPython: main.py runs all the same
        sys.print_exception(_error)
    _run("main.py")
else:
    exec(_script, {"__name__": "__main__"})
