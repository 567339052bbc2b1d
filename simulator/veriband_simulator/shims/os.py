"""`os`, with the world's random numbers."""

import uos
import world

for _name in dir(uos):
    if not _name.startswith("_"):
        globals()[_name] = getattr(uos, _name)


def urandom(n: int) -> bytes:
    """Bytes from the world's seeded source."""
    return world.call("random", n)
