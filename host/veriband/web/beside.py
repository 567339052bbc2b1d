"""Serves the pages beside a daemon, which neither waits for them nor ends with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from threading import Thread

from veriband.configuration import Configuration
from veriband.errors import VeribandError

Ask = Callable[[str, int], bool]
WITHOUT = "This goes on without its pages"


def serve_beside(
    port: int,
    path: Path,
    zone: tzinfo,
    configuration: Configuration,
    ask: Ask,
    on_trouble: Callable[[str], None],
) -> str | None:
    """Serve pages about the store at `path` in a thread of its own, until the process ends.

    `ask` a band of that address for a vital sign (items.VITAL_*): whether it can be asked.
    Where they are; None where they cannot be, `on_trouble` is told why.
    """
    try:
        from veriband.web.pages import application
        from veriband.web.server import listen, run
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        on_trouble(
            f"{WITHOUT}, for which {package} is missing: pip install 'veriband[web]', or begin "
            "it with --no-web."
        )
        return None
    try:
        its = listen(port)
    except VeribandError as error:
        on_trouble(f"{error} {WITHOUT}.")
        return None
    app, where = application(path, zone, configuration, ask), its.getsockname()

    def serve() -> None:
        try:
            run(its, app)
        except Exception as error:
            on_trouble(f"{WITHOUT}, which have failed: {error}")

    Thread(target=serve, name="pages", daemon=True).start()
    return f"http://{where[0]}:{where[1]}/"
