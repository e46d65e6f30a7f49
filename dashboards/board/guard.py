"""Who may ask what: readers on this machine, and nothing but reading.

A page of another site can make a browser send requests here, and a name of its own can be made to point here (DNS rebinding). So the
Host must be a name we know, requests that a foreign page caused are refused, and no page but ours may frame or read what we send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web
from yarl import URL

LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "::1")
HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)
_READING: Final = ("GET", "HEAD")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(names: Collection[str]) -> Any:
    """Middleware that lets in what asks for one of ``names`` (and for the local ones), and puts :data:`HEADERS` on every answer."""
    known = {*LOCAL_NAMES, *(name.lower() for name in names)}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refused := _refusal(request, known):
            return refused
        return await handler(request)

    return check


async def put_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """For the signal ``on_response_prepare``: on streams, files and errors too."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


def _refusal(request: web.Request, known: Collection[str]) -> web.Response | None:
    if request.method not in _READING:
        return web.Response(status=405, text="只读 read only\n", headers={"Allow": ", ".join(_READING)})
    if _host(request.host) not in known:
        return web.Response(status=403, text="不认识的主机名 unknown host name: board.names\n")
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.headers.get("Sec-Fetch-Mode") != "navigate":
        return web.Response(status=403, text="由别的网站发起 caused by another site\n")
    return None


def _host(header: str) -> str:
    try:
        return (URL(f"http://{header}").host or "").lower()
    except ValueError:
        return ""
