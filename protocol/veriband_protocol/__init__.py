"""The wire format between a Veriband and its host, for MicroPython and CPython alike."""

VERSION = 1
