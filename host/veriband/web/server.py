"""Serves the pages on the loopback: what may be asked for, by whom, and for how long."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from veriband.context import utc_ms
from veriband.errors import VeribandError
from veriband.store import Store
from veriband.web import document, views
from veriband.web.day_page import day_page
from veriband.web.document import Page
from veriband.web.leaderboard import contest_page
from veriband.web.reader import Reader
from veriband.web.views import NothingThere

LOOPBACK = "127.0.0.1"
_NAMES = (LOOPBACK, "localhost", "[::1]")
_HTTP = 80
_STATIC = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_Making = Callable[[Request], Awaitable[Page]]


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback; port 0 is any free one. Raises VeribandError."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise VeribandError(
            f"Port {port} of this computer cannot be had: {os.strerror(error.errno or 0)}. Choose "
            "another with --port; --port 0 takes any that is free."
        ) from error


def serve(its: socket.socket, path: Path, zone: tzinfo) -> None:
    """Serve pages about the store at `path` until Ctrl-C or another signal ends the process.

    At once, and in the midst of an answer: nothing here is lost by that.
    """
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    app = guarded(application(path, zone), its.getsockname()[1])
    config = uvicorn.Config(
        app, http="h11", ws="none", loop="asyncio", lifespan="off", log_level="error",
        access_log=False, server_header=False, proxy_headers=False,
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
    hosts = {f"{name}:{port}" for name in _NAMES}
    if port == _HTTP:  # browsers leave it out
        hosts.update(_NAMES)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        inner = app
        if Request(scope).headers.get("host", "").lower() not in hosts:
            inner = PlainTextResponse(f"This is {LOOPBACK}:{port}, and nobody else.\n", 421)
        await inner(scope, receive, send_with_headers)

    return guard


def application(path: Path, zone: tzinfo) -> Starlette:
    """The pages; `zone` is that of who looks, and of wearers who have none of their own."""
    its = _Pages(Reader(path), zone)
    return Starlette(
        routes=[
            Route("/", its.answering(its.newest)),
            Route("/static/{name}", _static),
            Route("/contest/{names:path}", its.answering(its.contest)),
            Route("/{rest:path}", its.answering(its.nothing)),
        ]
    )


class _Pages:
    """What is answered to whom, out of what `reader` reads."""

    def __init__(self, reader: Reader, zone: tzinfo) -> None:
        self._reader = reader
        self._zone = zone

    def answering(self, make: _Making) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for the page that `make` makes, or for what is in its way."""

        async def answer(request: Request) -> Response:
            status = 200
            try:
                page = await make(request)
            except NothingThere as error:
                status, page = 404, document.missing_page(str(error), error.there)
            except VeribandError as error:
                status, page = 503, document.trouble_page(str(error))
            return _response(request, page, status, self._zone)

        return answer

    async def newest(self, _: Request) -> Page:
        """The contest that was added last."""
        return await self._leaderboard(None)

    async def contest(self, request: Request) -> Page:
        """A contest, or somebody's day in it."""
        match _names(request):
            case [name]:
                return await self._leaderboard(name)
            case [name, wearer]:
                on = _day(request.query_params.get("day"), name, wearer)
                return await self._reader.look(_day_page, self._zone, name, wearer, on)
            case _:
                return await self.nothing(request)

    async def nothing(self, _: Request) -> Page:
        """A path that leads nowhere."""
        raise NothingThere("There are contests, and wearers' days in them.")

    async def _leaderboard(self, name: str | None) -> Page:
        board = await self._reader.look(views.leaderboard, self._zone, name)
        return contest_page(board, self._zone, utc_ms()) if board else document.empty_page()


def _day_page(store: Store, zone: tzinfo, contest: str, wearer: str, on: date | None) -> Page:
    return day_page(views.day(store, zone, contest, wearer, on))


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        return PlainTextResponse("There is no such file.\n", 404)
    content = files("veriband.web").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name])


def _response(request: Request, page: Page, status: int, zone: tzinfo) -> Response:
    """The page, be it that there is none; or only that it has not changed, to who has it."""
    version = f'"{hashlib.sha256(page.main.encode()).hexdigest()[:32]}"'
    headers = {"ETag": version}
    if status != 503 and request.headers.get("if-none-match") == version:
        return Response(status_code=304, headers=headers)
    text = document.shell(page, version, datetime.now(UTC).astimezone(zone))
    return HTMLResponse(text, status, headers)


def _names(request: Request) -> list[str]:
    """The names in a path; they may have anything in them, so each was quoted."""
    raw = request.scope["raw_path"].decode("ascii", "replace")
    return [unquote(part) for part in raw.split("/")[2:] if part]


def _day(text: str | None, contest: str, wearer: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NothingThere(
            f"{text!r} is no day: name one as 2026-05-31.", [(contest, wearer)]
        ) from None
