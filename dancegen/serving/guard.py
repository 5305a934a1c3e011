"""What stands before everything that the server answers: who may ask, from which page, and for what.

A token in the address, once; then a cookie that only this server's own pages send. Everybody else gets a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from dancegen.serving.access import COOKIE, Access

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""Gradio needs inline scripts and eval; nothing is fetched from, or sent to, another server."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
OPEN_TO_US = (
    "", "config", "theme.css", "favicon.ico", "manifest.json", "robots.txt", "assets/", "static/", "files/", "parts/",
    "jobs", "jobs/", "views/", "gradio_api/startup-events", "gradio_api/heartbeat/", "gradio_api/queue/join",
    "gradio_api/queue/data", "gradio_api/upload", "gradio_api/upload_progress", "gradio_api/cancel",
    "gradio_api/reset", "gradio_api/component_server", "gradio_api/theme.css", "gradio_api/file=", "gradio_api/info",
)  # fmt: skip
"""What the page uses, below the base: of a name that ends in / or = all that begins so. All else is refused."""
FILE = "gradio_api/file="
WRONG_PASSWORD_S = 1.0
"""How long everybody who tries a password waits after a wrong one."""


class Guard:
    """ASGI middleware: lets through what belongs to the studio's own pages, and refuses the rest with few words."""

    def __init__(self, app: Any, access: Access) -> None:
        self._app, self._access, self._turnstile = app, access, asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse, one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        inside = self._inside(scope["path"])
        if scope["type"] != "http" or inside is None or self._is_foreign(scope["method"], headers):
            await self._refuse(scope, send)
        elif self._access.is_cookie(_cookie_in(headers.get("cookie", ""))):
            if not self._is_ours(inside) or (inside.startswith(FILE) and not self._is_upload(inside)):
                await self._refuse(scope, send)
            else:
                await self._app(scope, receive, _with_headers(send))
        else:
            await self._enter(inside, scope, headers, receive, send)

    def _inside(self, path: str) -> str | None:
        """The path below the base; None for what is not below it."""
        base = self._access.base
        if not compare_digest(path[: len(base)].encode(), base.encode()):
            return None
        return path[len(base) :].lstrip("/")

    def _is_foreign(self, method: str, headers: MutableMapping[str, str]) -> bool:
        """Whether another site's page asks, or somebody under a name that is not ours."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._access.is_host(host):
            return True
        if origin is not None and origin.partition("://")[2] != host:
            return True
        changes = method not in ("GET", "HEAD")
        site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
        if site in ("cross-site", "same-site") and (changes or mode != "navigate"):
            return True
        return changes and origin is None and site != "same-origin"

    def _is_ours(self, inside: str) -> bool:
        return any(inside == each or (each[-1:] in ("/", "=") and inside.startswith(each)) for each in OPEN_TO_US)

    def _is_upload(self, inside: str) -> bool:
        """Whether Gradio's route for files is asked for one that was uploaded here, links followed."""
        place = Path(unquote(inside.removeprefix(FILE)))
        try:
            return place.is_absolute() and place.resolve(strict=True).is_relative_to(self._access.uploads.resolve())
        except (OSError, ValueError, RuntimeError):
            return False

    # Coming in

    async def _enter(
        self, inside: str, scope: Scope, headers: MutableMapping[str, str], receive: Receive, send: Send
    ) -> None:
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if inside == "" and scope["method"] == "GET" and token and self._access.is_token(token):
            await self._welcome(headers, send)
        elif inside == "" and scope["method"] == "GET" and self._access.password is not None:
            await _answer(send, 401, _LOGIN)
        elif inside == "login" and scope["method"] == "POST" and self._access.password is not None:
            async with self._turnstile:
                if self._access.is_password(await _password_in(receive)):
                    await self._welcome(headers, send)
                else:
                    await asyncio.sleep(WRONG_PASSWORD_S)
                    await _answer(send, 401, _LOGIN.replace("<!-- wrong -->", "<p role=alert>Wrong password.</p>"))
        else:
            await self._refuse(scope, send)

    async def _welcome(self, headers: MutableMapping[str, str], send: Send) -> None:
        """The cookie, and a page that goes on to the studio: after a redirect from elsewhere a browser would not send a
        strict cookie, from a page of ours it does."""
        secure = headers.get("x-forwarded-proto") == "https" and headers.get("host", "") not in ("127.0.0.1",)
        address = f"{self._access.base}/"
        page = f'<!doctype html><title>dancegen studio</title><meta http-equiv="refresh" content="0;url={address}">'
        await _answer(send, 200, page, {"set-cookie": self._access.set_cookie(secure)})

    async def _refuse(self, scope: Scope, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await _answer(send, 403, "Not for you: open the address that dancegen studio has printed.\n", plain=True)


_LOGIN = (Path(__file__).parent / "login.html").read_text(encoding="utf-8")


async def _answer(
    send: Send, status: int, text: str, more: dict[str, str] | None = None, *, plain: bool = False
) -> None:
    kind = "text/plain" if plain else "text/html"
    headers = {"content-type": f"{kind}; charset=utf-8", "cache-control": "no-store", **HEADERS, **(more or {})}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": text.encode()})


def _with_headers(send: Send) -> Send:
    """Answers with the headers above, where they have none of their own."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there = {name.decode("latin-1").lower() for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _password_in(receive: Receive, most: int = 4096) -> str:
    body = b""
    while len(body) < most:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return parse_qs(body[:most].decode("utf-8", "replace")).get("password", [""])[0]


def _cookie_in(header: str) -> str:
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), "")
