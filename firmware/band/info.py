"""What the band says of itself: interpreter, version, the files that run and their hashes."""

import os
import sys
from hashlib import sha256

VERSION = "0.1.0"
_SKIP = ("data", "settings.json")  # the wearer's own, and the board's


def files() -> list:
    """The paths of the program, sorted."""
    found = []
    stack = [""]
    while stack:
        folder = stack.pop()
        for entry in os.ilistdir("/" + folder):
            path = folder + "/" + entry[0] if folder else entry[0]
            if path in _SKIP:
                continue
            if entry[1] == 0x4000:
                stack.append(path)
            else:
                found.append(path)
    return sorted(found)


def file_hash(path: str) -> bytes:
    """SHA-256 of a file."""
    digest = sha256()
    buf = bytearray(256)
    with open("/" + path, "rb") as f:
        n = f.readinto(buf)
        while n:
            digest.update(memoryview(buf)[:n])
            n = f.readinto(buf)
    return digest.digest()


def program_hash(paths: list) -> bytes:
    """SHA-256 over each file's hash, its path and a line feed, in the order of `paths`."""
    digest = sha256()
    for path in paths:
        digest.update(file_hash(path) + path.encode() + b"\n")
    return digest.digest()


def implementation() -> str:
    """The interpreter's name."""
    return sys.implementation.name
