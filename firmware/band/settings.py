"""Small JSON files, replaced whole, and the board's own settings, written when it was flashed."""

import json
import os

DIR = "/data"  # the wearer's files (files.py)


def load(name: str, default):
    """The content of the wearer's `name`, or `default` when there is none or it is damaged."""
    return _load(DIR + "/" + name, default)


def _load(path: str, default):
    try:
        with open(path + ".json") as f:
            return json.load(f)
    except (OSError, ValueError):
        return default


def save(name: str, value) -> None:
    """Replace `name`. Raises OSError when the file system fails; the old one stays then."""
    path = DIR + "/" + name + ".json"
    with open(path + ".new", "w") as f:
        json.dump(value, f)
    os.rename(path + ".new", path)


def given() -> dict:
    """What was written beside the program: board, secret, upload, motor_s."""
    return _load("/settings", {})
