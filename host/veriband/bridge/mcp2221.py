"""The I2C bus of an MCP2221 at a USB port, as drivers want a bus (library EasyMCP2221)."""

from __future__ import annotations

import errno
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from veriband.errors import VeribandError

VENDOR, PRODUCT = 0x04D8, 0x00DD
USB_MS = 1000  # for the bridge to answer a report
CHUNK_MS = 200  # for 60 bytes on the bus, of which each takes 0.1 ms
_RULE = (
    f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{VENDOR:04x}", ATTR{{idProduct}}=="{PRODUCT:04x}", '
    'TAG+="uaccess"'
)


class BridgeError(VeribandError):
    """The bridge cannot be used."""


class _Device(Protocol):
    """What is used of EasyMCP2221.Device."""

    hidhandler: Any

    def I2C_write(self, addr: int, data: bytes, kind: str, timeout_ms: int) -> None:  # noqa: N802
        ...

    def I2C_read(self, addr: int, size: int, kind: str, timeout_ms: int) -> bytes:  # noqa: N802
        ...


class BridgeBus:
    """A bus of machine.I2C's kind. Its OSErrors are the band's: ENODEV where no chip answers,
    ETIMEDOUT where the bus does not move. Raises BridgeError when the bridge itself is gone."""

    def __init__(self, device: _Device) -> None:
        self._device = device

    def readfrom_mem_into(self, address: int, register: int, buf: bytearray | memoryview) -> None:
        """Fill `buf` from `register` on."""
        with _translated():
            self._device.I2C_write(address, bytes((register,)), "nonstop", CHUNK_MS)
            buf[:] = self._device.I2C_read(address, len(buf), "restart", CHUNK_MS)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write `data` from `register` on."""
        with _translated():
            self._device.I2C_write(address, bytes((register,)) + data, "regular", CHUNK_MS)


@contextmanager
def bridge() -> Generator[BridgeBus]:
    """The bus of the first MCP2221 there is. Raises BridgeError."""
    try:
        from EasyMCP2221 import Device  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise BridgeError(
            f"Reading a strip needs {error.name}, which is not installed: pip install '.[strip]'."
        ) from error
    try:
        device = cast(_Device, Device(VENDOR, PRODUCT, read_timeout=USB_MS, cmd_retries=0))
    except RuntimeError as error:
        if "No device" not in str(error):
            raise _gone(error) from error
        raise BridgeError(
            f"No MCP2221 is at a USB port (lsusb would show {VENDOR:04x}:{PRODUCT:04x}): plug the "
            "bridge in."
        ) from error
    except (OSError, ValueError) as error:
        raise BridgeError(f"The MCP2221 is there, but cannot be opened: {_advice()}") from error
    except Exception as error:  # it does not answer, or not what the library understands
        raise _gone(error) from error
    try:
        yield BridgeBus(device)
    finally:
        device.hidhandler.close()


def _advice() -> str:
    if sys.platform != "linux":
        return "end other programs that use it."
    return (
        "end other programs that use it, and if it is yours to use by root only, write this line "
        f"to /etc/udev/rules.d/70-mcp2221.rules and plug it in again: {_RULE}"
    )


def _gone(error: Exception) -> BridgeError:
    return BridgeError(
        f"The MCP2221 does not answer ({str(error) or type(error).__name__}): plug the bridge out "
        "and in again."
    )


@contextmanager
def _translated() -> Generator[None]:
    from EasyMCP2221 import exceptions  # pyright: ignore[reportMissingTypeStubs]

    try:
        yield
    except exceptions.NotAckError as error:
        raise OSError(errno.ENODEV, "no chip answers") from error
    except (exceptions.LowSCLError, exceptions.LowSDAError) as error:
        raise OSError(errno.ETIMEDOUT, "a line is held low") from error
    except exceptions.TimeoutError as error:
        if "HID" in str(error):
            raise _gone(error) from error
        raise OSError(errno.ETIMEDOUT, "the bus does not move") from error
    except RuntimeError as error:
        raise OSError(errno.ETIMEDOUT, str(error)) from error
    except (OSError, ValueError) as error:  # of hidapi
        raise _gone(error) from error
