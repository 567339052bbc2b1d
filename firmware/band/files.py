"""The wearer's files: a littlefs of their own at /data, made anew when it does not mount."""

import vfs

from band.settings import DIR
from veriband_protocol import items

_BLOCKS = (0, 1)  # the superblock's


def mount(flash, record) -> None:
    """Mount the file system on `flash`; if it is damaged, that is journaled and an empty one made.

    When the flash fails, too, there are no files: bonds and settings are not known in this boot.
    """
    try:
        _mount(flash)
    except OSError:
        if not _is_new(flash):
            record.event(items.EVENT_FILES_LOST)
            record.flush()
        try:
            vfs.VfsLfs2.mkfs(flash)
            _mount(flash)
        except OSError:
            pass


def _mount(flash) -> None:
    vfs.mount(vfs.VfsLfs2(flash), DIR)


def _is_new(flash) -> bool:
    """Whether nothing was ever written to it."""
    buf = bytearray(256)
    for block in _BLOCKS:
        for offset in range(0, flash.ioctl(5, 0), len(buf)):
            flash.readblocks(block, buf, offset)
            if bytes(buf).strip(b"\xff"):
                return False
    return True
