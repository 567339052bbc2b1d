"""A browser without a screen: it asks the application itself, and keeps the last cookie."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from starlette.types import ASGIApp, Message

from veriband.web.server import guarded

PORT = 8080


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    html: str

    @property
    def text(self) -> str:
        """What is to be read, without tags."""
        return " ".join(html.unescape(re.sub("<[^>]*>", " ", self.html)).split())


class Browser:
    """Asks an application as a browser at 127.0.0.1:8080 would."""

    def __init__(self, app: ASGIApp, port: int = PORT) -> None:
        self._app = guarded(app, port)
        self._loop = asyncio.new_event_loop()
        self._cookies = ""

    def get(
        self, target: str, method: str = "GET", host: str = f"127.0.0.1:{PORT}",
        body: bytes = b"", **headers: str,
    ) -> Answer:  # fmt: skip
        path, _, query = target.partition("?")
        named = {
            "host": host,
            "cookie": self._cookies,
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        scope = {
            "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(),
            "query_string": query.encode(), "http_version": "1.1", "scheme": "http",
            "headers": [(k.encode(), v.encode()) for k, v in named.items()],
        }  # fmt: skip
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            sent.append(message)

        self._loop.run_until_complete(self._app(scope, receive, send))
        start, *bodies = sent
        its = {key.decode(): value.decode() for key, value in start["headers"]}
        if "set-cookie" in its:
            self._cookies = its["set-cookie"].partition(";")[0]
        return Answer(
            start["status"],
            its,
            b"".join(body["body"] for body in bodies).decode(),
        )

    def post(self, target: str, fields: dict[str, str], **headers: str) -> Answer:
        """Send a form, as a page of ours would."""
        its = {
            "content_type": "application/x-www-form-urlencoded",
            "origin": f"http://127.0.0.1:{PORT}",
        }
        return self.get(target, "POST", body=urlencode(fields).encode(), **(its | headers))

    def close(self) -> None:
        self._loop.close()


def table(text: str) -> list[list[str]]:
    """The cells of the first table."""
    rows = re.findall("<tr[ >].*?</tr>", text.partition("<tbody")[2].partition("</tbody>")[0])
    return [
        [html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall("<t[dh].*?</t[dh]>", r)]
        for r in rows
    ]
