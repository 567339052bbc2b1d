"""What a process took, imports apart: printed as JSON when it is done."""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def measured() -> Iterator[None]:
    """Measure what is done inside: wall and CPU seconds; and the process's peak memory in MB."""
    wall, cpu = time.monotonic(), time.process_time()
    yield
    figure = {
        "wall_s": time.monotonic() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figure))
