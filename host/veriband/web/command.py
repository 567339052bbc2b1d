"""`veriband web`: the pages, on this computer."""

from __future__ import annotations

import threading
import webbrowser

import click

from veriband.context import configuration_of, open_store, zone_of
from veriband.errors import VeribandError

DEFAULT_PORT = 8080


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True,
    help="0: any that is free.",
)  # fmt: skip
@click.option("--open", "in_browser", is_flag=True, help="Open the page in the browser.")
@click.pass_context
def web(ctx: click.Context, port: int, in_browser: bool) -> None:
    """Show wearers, alerts and contests in the browser, live, until Ctrl-C.

    Only this computer can see the pages (127.0.0.1), and whoever is logged in on it: accounts and
    TLS come later, and other computers with them. Alerts can be acknowledged there.
    """
    try:
        from veriband.web.server import listen, serve
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise VeribandError(
            f"'veriband web' needs {package}, which is not installed: pip install "
            "'veriband[web]', or in a checkout of Veriband 'make dev'."
        ) from error
    configuration = configuration_of(ctx)
    zone, store = zone_of(ctx), open_store(ctx, reading=True)
    store.close()  # it can be opened; the server reads it in another thread
    its = listen(port)
    url = f"http://{its.getsockname()[0]}:{its.getsockname()[1]}/"
    click.echo(f"Veriband's pages are at {url} (Ctrl-C ends them).")
    if in_browser:  # one in the terminal returns only when it is left
        threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
    serve(its, store.path, zone, configuration)
