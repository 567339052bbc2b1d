"""A MicroPython process in lock step with the world: messages over a pipe, one at a time."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import tempfile

from veriband_simulator.firmware import HEAP_BYTES, SHIM_HEAP_BYTES, Firmware, FirmwareMissing
from veriband_simulator.shims import codec

HANG_S = 60.0  # wall-clock; a firmware that computes for so long is stuck

Value = None | bool | int | bytes | str | tuple["Value", ...]


class FirmwareDied(Exception):
    """The interpreter ended without asking for a reset, or hung; carries what it printed."""


class Interpreter:
    """One run of the firmware, from power-on or reset to the next reset.

    Raises FirmwareMissing when the interpreter cannot be run.
    """

    def __init__(self, firmware: Firmware) -> None:
        ours, theirs = socket.socketpair()
        self._console = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with theirs:
                self._process = self._started(firmware, theirs.fileno())
        except OSError as error:
            ours.close()
            self._console.close()
            raise FirmwareMissing(
                f"{firmware.interpreter} cannot be run ({error.strerror}): let MICROPYTHON name a "
                "unix MicroPython 1.25 or newer."
            ) from error
        self._socket = ours
        self._socket.settimeout(HANG_S)
        self._from_firmware = ours.makefile("rb")

    def _started(self, firmware: Firmware, pipe: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                firmware.interpreter,
                "-X",
                f"heapsize={HEAP_BYTES + SHIM_HEAP_BYTES}",
                "-m",
                "simrun",
            ],
            pass_fds=[pipe],
            env={
                "VERIBAND_PIPE": str(pipe),
                "MICROPYPATH": f"{firmware.shims}:.frozen",
                "PATH": os.environ.get("PATH", ""),
            },
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is the world's, which then ends this
        )

    def send(self, *message: Value) -> None:
        """Send a message. Raises FirmwareDied."""
        try:
            self._socket.sendall(codec.message(message))
        except OSError:
            raise FirmwareDied(self._last_words("died")) from None

    def receive(self) -> tuple[Value, ...] | None:
        """The next message; None when the process has ended. Raises FirmwareDied when it hangs."""
        head = self._exactly(4)
        if head is None:
            return None
        body = self._exactly(struct.unpack("<I", head)[0])
        if body is None:
            return None
        value = codec.decode(body)[0]
        assert isinstance(value, tuple)
        return value

    def _exactly(self, size: int) -> bytes | None:
        try:
            data = self._from_firmware.read(size)
        except TimeoutError:
            raise FirmwareDied(self._last_words("computes for ever")) from None
        except ConnectionError:
            return None
        return data if len(data) == size else None

    def died(self) -> FirmwareDied:
        """The error for an end that nobody asked for, or that came again and again."""
        return FirmwareDied(self._last_words("ended by itself, or resets for ever"))

    def _last_words(self, what: str) -> str:
        return f"The firmware {what}. It printed:\n{self.console() or '(nothing)'}"

    def console(self) -> str:
        """What the firmware printed, its last 4 kB."""
        self._console.seek(0, os.SEEK_END)
        self._console.seek(max(0, self._console.tell() - 4096))
        return self._console.read().decode(errors="replace")

    def cpu_s(self) -> float:
        """CPU seconds that the process has used so far; 0 where the system does not tell."""
        try:
            with open(f"/proc/{self._process.pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it at once and clean up; harmless when it has ended."""
        self._from_firmware.close()
        self._socket.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._console.close()
