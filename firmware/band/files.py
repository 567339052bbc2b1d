"""The wearer's files: a littlefs of their own at /data, made anew when it does not mount."""

import vfs

from band.settings import DIR
from veriband_protocol import items

_BLOCKS = (0, 1)  # the superblock's


def mount(flash, record, is_wiped: bool) -> bool:
    """Mount the file system on `flash`; if it is damaged, that is journaled and an empty one made.

    If flash `is_wiped`, what is still there, as that failed, is not mounted. False when the flash
    fails: then there are no files; bonds and settings are not known in this boot.
    """
    if not is_wiped and _mounted(flash):
        return True
    if not (is_wiped or _is_new(flash)):
        record.event(items.EVENT_FILES_LOST)
        record.flush()
    try:
        vfs.VfsLfs2.mkfs(flash)
    except OSError:
        return False
    return _mounted(flash)


def _mounted(flash) -> bool:
    try:
        vfs.mount(vfs.VfsLfs2(flash), DIR)
    except OSError:
        return False
    return True


def _is_new(flash) -> bool:
    """Whether nothing was ever written to it."""
    buf = bytearray(256)
    for block in _BLOCKS:
        for offset in range(0, flash.ioctl(5, 0), len(buf)):
            flash.readblocks(block, buf, offset)
            if bytes(buf).strip(b"\xff"):
                return False
    return True
