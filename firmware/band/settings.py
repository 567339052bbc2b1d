"""Small JSON files on the file system, replaced whole: a cut leaves the old one or the new one."""

import json
import os

_DIR = "/data/"


def load(name: str, default):
    """The content of `name`, or `default` when there is none or it is damaged."""
    try:
        with open(_DIR + name + ".json") as f:
            return json.load(f)
    except (OSError, ValueError):
        return default


def save(name: str, value) -> None:
    """Replace `name`. Raises OSError when the file system fails; the old one stays then."""
    path = _DIR + name + ".json"
    try:
        os.mkdir(_DIR[:-1])
    except OSError:
        pass
    with open(path + ".new", "w") as f:
        json.dump(value, f)
    os.rename(path + ".new", path)
