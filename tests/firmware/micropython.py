"""Runs a script in MicroPython with the built firmware on its path."""

import os
import subprocess

from veriband_simulator.firmware import find_firmware


def run_micropython(script: str, heap: str = "128K") -> str:
    """What the script printed; an error in it is raised."""
    firmware = find_firmware()
    built = firmware.shims.parent / "firmware"
    done = subprocess.run(
        [firmware.interpreter, "-X", f"heapsize={heap}", "-c", script],
        env={"MICROPYPATH": f"{built}:.frozen", "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# A step chip and a board that answer without allocating, so that only the firmware could.
STEP_PATH = """
import gc, sys, micropython, utime
sys.modules["time"] = utime

class RTC:
    def memory(self, data=None):
        return b"" if data is None else None

class Machine:
    pass

machine = Machine()
machine.RTC = RTC
sys.modules["machine"] = machine

class Chip:
    def __init__(self):
        self.count = 0
        self.bank = 0

    def readfrom_mem_into(self, address, register, buf):
        if register == 0x62:
            buf[0] = self.count & 255
            buf[1] = self.count >> 8
        elif register == 0x0F:
            buf[0] = 0x6C
        else:
            buf[0] = 0x08

    def writeto_mem(self, address, register, value):
        self.bank = value[0]

bus = Chip()
machine.I2C = lambda *_, **__: bus
machine.Pin = lambda *_: None

class Flash:
    def __init__(self):
        self.data = bytearray(b"\\xff" * 16384)

    def ioctl(self, op, arg):
        if op == 6:
            self.data[arg * 4096 : arg * 4096 + 4096] = b"\\xff" * 4096
        return 4

    def readblocks(self, block, buf, offset=0):
        at = block * 4096 + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * 4096 + offset
        self.data[at : at + len(buf)] = buf

from band.bus import Bus
from band.clock import Clock
from band.journal import Journal
from band.kept import Kept
from band.ring import Ring
from band.steps import StepSampler
from boards import esp32s3
from drivers.lsm6dsox import LSM6DSOX

clock = Clock()
journal = Journal(Ring(Flash()))
sampler = StepSampler(LSM6DSOX(Bus(esp32s3)), journal, clock, Kept())
sampler.begin(None)

def minute(steps, locked):
    bus.count = (bus.count + steps) & 0xFFFF
    clock.due = utime.ticks_ms()
    clock.edge = utime.ticks_add(clock.due, -60000)
    if locked:
        micropython.heap_lock()
    closed = sampler.tick()
    if locked:
        micropython.heap_unlock()
    return closed
"""
