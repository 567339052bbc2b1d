"""What browsers send: only from a page of ours, only as much as a form of ours has.

Three things have to agree, each of which would do: the page that sends is one of this origin (the
header Origin), the browser's cookie goes along with such a page's requests only (SameSite), and
the form has a token that belongs to that cookie and to this process.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "veriband"
TOKEN = "token"
MOST_BYTES = 65_536
MOST_FIELDS = 1000
PATIENCE_S = 10.0  # for a body
_BROWSER = re.compile(r"[\w-]{22}", re.ASCII)


class Refused(Exception):
    """It was not sent by a page of ours, or is no form of ours."""


class Forms:
    """The secret that tokens of this process are made with."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def browser(self, request: Request) -> str:
        """What the browser is known by: its cookie's value, or what that is to become."""
        known = request.cookies.get(COOKIE, "")
        return known if _BROWSER.fullmatch(known) else secrets.token_urlsafe(16)

    def token(self, browser: str) -> str:
        """What a form of a page for that browser has in it."""
        return hmac.new(self._secret, browser.encode(), hashlib.sha256).hexdigest()

    def keep(self, response: Response, browser: str) -> None:
        """Have the browser keep what it is known by."""
        response.set_cookie(COOKIE, browser, httponly=True, samesite="strict")

    async def read(self, request: Request, origins: Collection[str]) -> dict[str, list[str]]:
        """The fields of a form, sent by a page of one of these origins. Raises Refused."""
        if request.headers.get("origin", "").lower() not in origins:
            raise Refused("origin")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise Refused("content type")
        fields = await _fields(request)
        sent = fields.get(TOKEN, [""])[0].encode()
        known = request.cookies.get(COOKIE, "")
        if not known or not hmac.compare_digest(sent, self.token(known).encode()):
            raise Refused("token")
        return fields


async def _fields(request: Request) -> dict[str, list[str]]:
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise Refused("size")
        return parse_qs(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except (TimeoutError, ValueError) as error:
        raise Refused("body") from error
