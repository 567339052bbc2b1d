"""Serves the pages on the loopback: who may ask, and for how long."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veriband.configuration import Configuration
from veriband.errors import VeribandError
from veriband.web.pages import application

LOOPBACK = "127.0.0.1"
_NAMES = (LOOPBACK, "localhost", "[::1]")
_HTTP = 80
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none, browsers name no Origin when they send a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback; port 0 is any free one. Raises VeribandError."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise VeribandError(
            f"Port {port} of this computer cannot be had: {os.strerror(error.errno or 0)}. Choose "
            "another with --port; --port 0 takes any that is free."
        ) from error


def serve(its: socket.socket, path: Path, zone: tzinfo, configuration: Configuration) -> None:
    """Serve pages about the store at `path` until Ctrl-C or another signal ends the process.

    At once, and in the midst of an answer: nothing here is lost by that.
    """
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    run(its, application(path, zone, configuration))


def run(its: socket.socket, app: ASGIApp) -> None:
    """Serve an application on a socket of `listen`, in this thread, for ever."""
    config = uvicorn.Config(
        guarded(app, its.getsockname()[1]), http="h11", ws="none", loop="asyncio", lifespan="off",
        log_level="error", access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip
    _Server(config).run([its])


class _Server(uvicorn.Server):
    """Leaves signals as they are."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def guarded(app: ASGIApp, port: int) -> ASGIApp:
    """Let only those in who asked for this computer by a name of its own, and tell browsers what
    a page may do.

    A page of somebody else whose name was made to lead here (DNS rebinding) has its own name in
    the header Host.
    """
    hosts = _hosts(port)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        inner = app
        if scope["type"] == "http":
            scope["state"] = {"origins": {f"http://{host}" for host in hosts}}
        if Request(scope).headers.get("host", "").lower() not in hosts:
            inner = PlainTextResponse(f"This is {LOOPBACK}:{port}, and nobody else.\n", 421)
        await inner(scope, receive, send_with_headers)

    return guard


def _hosts(port: int) -> set[str]:
    """What the header Host may be."""
    hosts = {f"{name}:{port}" for name in _NAMES}
    return hosts | set(_NAMES) if port == _HTTP else hosts  # which browsers leave out
