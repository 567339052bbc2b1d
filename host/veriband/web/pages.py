"""The pages: what is answered to whom, and what is done for whom."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from veriband.alerts.book import Book, Entry, NoSuchAlert
from veriband.alerts.granted import book_of
from veriband.configuration import PAGE, Configuration
from veriband.context import utc_ms
from veriband.errors import VeribandError
from veriband.store import Store
from veriband.terminal import printable
from veriband.vitals.signs import VITALS
from veriband.web import document, language, views
from veriband.web.beside import Ask
from veriband.web.care import Ward, ward
from veriband.web.care_page import MOST_NAME, MOST_NOTE, care_page
from veriband.web.day_page import day_page
from veriband.web.document import Page
from veriband.web.forms import Forms, Refused
from veriband.web.leaderboard import contest_page
from veriband.web.operator import Operation, operation
from veriband.web.operator_page import operator_page
from veriband.web.reader import Reader
from veriband.web.texts import LANGUAGE, Texts
from veriband.web.views import NothingThere
from veriband.web.wearer import Person, person
from veriband.web.wearer_page import wearer_page
from veriband_protocol.items import MINUTE_MS

_STATIC = {"style.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
ASKED = "asked"  # a parameter: a band was asked because of this page
_YEAR_S = 365 * 86_400
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_SHOWN = re.compile(r"(\d{1,15})\.(\d{1,15})", re.ASCII)

_Making = Callable[["Visit"], Awaitable[Page | Response]]


@dataclass(frozen=True)
class Visit:
    """A request, the language of its answer, and what its browser is known by."""

    request: Request
    texts: Texts
    browser: str


def application(
    path: Path, zone: tzinfo, configuration: Configuration | None = None, ask: Ask | None = None
) -> Starlette:
    """The pages; `zone` is that of who looks, and of wearers who have none of their own. `ask` as
    in beside.serve_beside; None: no band can be asked."""
    its = _Pages(path, zone, configuration or Configuration(), ask)
    return Starlette(
        routes=[
            Route("/", its.answering(its.newest)),
            Route("/static/{name}", _static),
            Route("/contest/{names:path}", its.answering(its.contest)),
            Route("/care", its.answering(its.care)),
            Route("/care", its.answering(its.acknowledge), methods=["POST"]),
            Route("/care/shown", its.answering(its.shown), methods=["POST"]),
            Route("/wearer/{names:path}", its.answering(its.wearer)),
            Route("/wearer/{names:path}", its.answering(its.measure), methods=["POST"]),
            Route("/operator", its.answering(its.operator)),
            Route("/{rest:path}", its.answering(its.nothing)),
        ]
    )


class _Pages:
    """What is answered to whom, out of the store at `path`."""

    def __init__(
        self, path: Path, zone: tzinfo, configuration: Configuration, ask: Ask | None
    ) -> None:
        self._judging = Reader(path)  # which takes its time, and keeps nothing else waiting
        self._reader = Reader(path)
        self._zone = zone
        self._configuration = configuration
        self._forms = Forms()
        self._ask = ask

    def answering(self, make: _Making) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for the page that `make` makes, or for what is in its way."""

        async def answer(request: Request) -> Response:
            texts = language.chosen(request)
            visit = Visit(request, texts, self._forms.browser(request))
            try:
                page = await make(visit)
            except NothingThere as error:
                page = document.missing_page(str(error), error.there, texts)
            except Refused:
                page = document.refused_page(texts)
            except VeribandError as error:
                page = document.trouble_page(str(error), texts)
            if isinstance(page, Response):
                return page
            response = _response(visit, page, self._zone)
            if page.has_form:
                self._forms.keep(response, visit.browser)
            if request.query_params.get(LANGUAGE) == texts.tag:
                response.set_cookie(LANGUAGE, texts.tag, _YEAR_S, samesite="lax")
            return response

        return answer

    async def newest(self, visit: Visit) -> Page:
        """The contest that was added last."""
        return await self._leaderboard(visit, None)

    async def contest(self, visit: Visit) -> Page:
        """A contest, or somebody's day in it."""
        match _names(visit.request):
            case [name]:
                return await self._leaderboard(visit, name)
            case [name, wearer]:
                on = _day(visit.request.query_params.get("day"), name, wearer)
                its = await self._judging.look(views.day, self._zone, name, wearer, on)
                return day_page(its, visit.texts)
            case _:
                return await self.nothing(visit)

    async def nothing(self, _: Visit) -> Page:
        """A path that leads nowhere."""
        raise NothingThere("There are contests, and wearers' days in them.")

    async def _leaderboard(self, visit: Visit, name: str | None) -> Page:
        board = await self._judging.look(views.leaderboard, self._zone, name)
        if board is None:
            return document.empty_page(visit.texts)
        return contest_page(board, visit.texts, self._zone, utc_ms())

    # The carer's.

    async def care(self, visit: Visit, said: str = "") -> Page:
        """How all wearers are."""
        minute = utc_ms() // MINUTE_MS  # ages are told in minutes, so they change that often only
        its = await self._reader.look(self._ward, minute)
        token = self._forms.token(visit.browser)
        return care_page(its, visit.texts, token, minute * MINUTE_MS, said)

    def _ward(self, store: Store, _minute: int) -> Ward:
        patience = self._configuration.patience()
        return ward(store, self._book(store), patience, self._zone, utc_ms())

    def _book(self, store: Store) -> Book:
        return book_of(store, self._configuration)

    async def acknowledge(self, visit: Visit) -> Page | Response:
        """Somebody sees to an alert."""
        fields = await self._fields(visit)
        number, version = (_number(fields, name) for name in ("alert", "version"))
        by, note = (_line(fields, name) for name in ("by", "note"))
        if not by:
            return await self.care(visit, visit.texts.name_wanted)
        told = await self._reader.change(
            self._acknowledge, number, version, by[:MOST_NAME], note[:MOST_NOTE]
        )
        if told is not None:
            return await self.care(visit, _refusal(told, visit.texts))
        return RedirectResponse(f"/care#alert-{number}", 303)

    def _acknowledge(
        self, store: Store, number: int, version: int, by: str, note: str
    ) -> Entry | None:
        """None when it is; else the alert as it stands, which cannot be acknowledged."""
        book = self._book(store)
        entry = book.entry(number)
        with suppress(NoSuchAlert):  # the page was not to be told
            book.delivered(number, PAGE, version, utc_ms())
        try:
            book.acknowledge(number, by, note, utc_ms())
        except NoSuchAlert:
            return book.entry(entry.number)
        return None

    async def shown(self, visit: Visit) -> Response:
        """A browser has shown alerts, of that number and version each."""
        fields = await self._fields(visit)
        pairs = [_SHOWN.fullmatch(each) for each in fields.get("shown", [])]
        if not pairs or None in pairs:
            raise Refused("shown")
        its = tuple((int(pair[1]), int(pair[2])) for pair in pairs if pair)
        await self._reader.change(self._confirm, its)
        return Response(status_code=204)

    def _confirm(self, store: Store, its: Sequence[tuple[int, int]]) -> None:
        book = self._book(store)
        for number, version in its:
            with suppress(NoSuchAlert):
                book.delivered(number, PAGE, version, utc_ms())

    # A wearer's.

    async def wearer(self, visit: Visit, said: str = "") -> Page:
        """A wearer's own page."""
        match _names(visit.request):
            case [name]:
                minute = utc_ms() // MINUTE_MS
                its = await self._judging.look(self._person, name, minute)
                token = self._forms.token(visit.browser) if self._ask else None
                if visit.request.query_params.get(ASKED):
                    said = said or visit.texts.measure_asked
                return wearer_page(its, visit.texts, token, minute * MINUTE_MS, said)
            case _:
                return await self.nothing(visit)

    def _person(self, store: Store, name: str, _minute: int) -> Person:
        patience = self._configuration.patience()
        return person(store, self._book(store), patience, self._zone, name, utc_ms())

    async def measure(self, visit: Visit) -> Page | Response:
        """Have a wearer's band measure now."""
        fields = await self._fields(visit)
        vital = {VITALS[its].key: its for its in VITALS}.get(fields.get("vital", [""])[0])
        names = _names(visit.request)
        if vital is None or len(names) != 1 or self._ask is None:
            raise Refused("vital")
        its = await self._judging.look(self._person, names[0], utc_ms() // MINUTE_MS)
        if not any([self._ask(way.address, vital) for way in its.ways]):
            return replace(await self.wearer(visit, visit.texts.measure_not_here), status=409)
        return RedirectResponse(f"{document.wearer_path(names[0])}?{ASKED}=1", 303)

    # The operator's.

    async def operator(self, visit: Visit) -> Page:
        """How all of it runs."""
        minute = utc_ms() // MINUTE_MS
        its = await self._reader.look(self._operation, minute)
        return operator_page(its, visit.texts, self._zone, minute * MINUTE_MS)

    def _operation(self, store: Store, _minute: int) -> Operation:
        patience = self._configuration.patience()
        return operation(store, self._book(store), patience, self._zone, utc_ms())

    async def _fields(self, visit: Visit) -> dict[str, list[str]]:
        return await self._forms.read(visit.request, visit.request.state.origins)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        return PlainTextResponse("There is no such file.\n", 404)
    content = files("veriband.web").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name])


def _response(visit: Visit, page: Page, zone: tzinfo) -> Response:
    """The page, be it that there is none; or only that it has not changed, to who has it."""
    request, texts = visit.request, visit.texts
    told = hashlib.sha256(f"{texts.tag} {page.said} {page.main}".encode()).hexdigest()
    version = f'"{told[:32]}"'
    headers = {"ETag": version, "Content-Language": texts.tag}
    if page.status in (200, 404) and request.headers.get("if-none-match") == version:
        return Response(status_code=304, headers=headers)
    kept = [(name, of) for name, of in request.query_params.multi_items() if name != LANGUAGE]
    here = f"{request.scope['raw_path'].decode('ascii', 'replace')}?"
    here += f"{urlencode(kept)}&" if kept else ""
    updated = datetime.fromtimestamp(utc_ms() / 1000, zone)
    languages = list(language.LANGUAGES.values())
    text = document.shell(page, texts, languages, here, version, updated)
    return HTMLResponse(text, page.status, headers)


def _refusal(entry: Entry, texts: Texts) -> str:
    """Why an alert cannot be acknowledged."""
    alert = entry.alert
    if alert.acknowledged_by is not None:
        name = printable(alert.acknowledged_by)
        return texts.already.format(n=entry.number, name=name)
    return texts.is_closed.format(n=entry.number, phase=texts.phase[alert.phase])


def _number(fields: Mapping[str, Sequence[str]], name: str) -> int:
    """A field that our forms fill with a number. Raises Refused."""
    text = fields.get(name, [""])[0]
    if not _NUMBER.fullmatch(text):
        raise Refused(name)
    return int(text)


def _line(fields: Mapping[str, Sequence[str]], name: str) -> str:
    """A field that a person fills."""
    return " ".join(fields.get(name, [""])[0].split())


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
