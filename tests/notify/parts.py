"""Alerts as Alertmanager posts them, and robots that behave as documented."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

import orjson
from aiohttp import web

from consumers.notify.alert import Alert, Waiting

T0 = 1_546_250_400_000  # 2018-12-31T18:00:00+08:00
_MS_OF_AN_HOUR = 3_600_000


def alert(fingerprint: str = "a1", status: str = "firing", starts_ms: int = T0, *, summary: str = "", **labels: str) -> Alert:
    """One alert."""
    return Alert(
        fingerprint=fingerprint,
        status=status,  # type: ignore[arg-type]
        starts_ms=starts_ms,
        ends_ms=starts_ms + _MS_OF_AN_HOUR if status == "resolved" else None,
        labels={"alertname": "CoverageDrop", **labels},
        annotations={"summary": summary} if summary else {},
    )


def queued(alerts: Iterable[Alert]) -> list[Waiting]:
    """As they wait."""
    return [Waiting(position, 1, one, T0) for position, one in enumerate(alerts, 1)]


def posted(alerts: Iterable[Alert], receiver: str = "notify", **more: Any) -> bytes:
    """The webhook's body, version 4."""
    from streams.domain.time import iso  # noqa: PLC0415

    return orjson.dumps(
        {
            "version": "4",
            "groupKey": "{}:{}",
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": receiver,
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://127.0.0.1:9093",
            "alerts": [
                {
                    "status": one.status,
                    "labels": dict(one.labels),
                    "annotations": dict(one.annotations),
                    "startsAt": iso(one.starts_ms),
                    "endsAt": iso(one.ends_ms) if one.ends_ms else "0001-01-01T00:00:00Z",
                    "generatorURL": "http://127.0.0.1:9090/graph",
                    "fingerprint": one.fingerprint,
                }
                for one in alerts
            ],
            **more,
        }
    )


@dataclass
class Robot:
    """A DingTalk or WeCom robot, or a plain webhook, on the loopback.

    Parameters
    ----------
    limit, window_seconds
        Messages that it takes in a window; what comes beyond is answered with the robot's error code, and status 200.
    script
        What to do with the next requests instead: an error code, ``reset``, ``slow``, ``html``, ``redirect``, or an HTTP status as text;
        ``302 http://…`` sends them there.
    """

    kind: str
    limit: int = 1_000_000
    window_seconds: float = 60.0
    token: str = "t0ken-of-the-robot"  # noqa: S105
    secret: str = ""
    script: deque[int | str] = field(default_factory=deque)
    texts: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    throttled: int = 0
    requests: int = 0
    url: str = ""
    _taken: deque[float] = field(default_factory=deque)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/robot/send", self._answer)
        app.router.add_post("/elsewhere", self._elsewhere)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        parameter = {"dingtalk": "access_token", "wecom": "key", "webhook": "k"}[self.kind]
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/robot/send?{parameter}={self.token}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _elsewhere(self, request: web.Request) -> web.Response:
        del request
        self.texts.append("FOLLOWED A REDIRECT")
        return web.json_response({"errcode": 0})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        if self.script and (answer := await self._scripted(self.script.popleft(), request)) is not None:
            return answer
        code, why = self._judge(request, body)
        return web.json_response({"errcode": code, "errmsg": why})

    async def _scripted(self, what: int | str, request: web.Request) -> web.Response | None:
        if isinstance(what, int):
            return web.json_response({"errcode": what, "errmsg": f"scripted, for {request.path_qs}"})
        if what == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if what == "slow":
            await asyncio.sleep(1.0)
            return None
        if what == "html":
            return web.Response(text="<html>welcome to the portal</html>", content_type="text/html")
        if what == "redirect":
            return web.Response(status=307, headers={"Location": "/elsewhere"})
        status, _, location = what.partition(" ")
        return web.Response(status=int(status), headers={"Location": location} if location else None)

    def _judge(self, request: web.Request, body: bytes) -> tuple[int, str]:
        if self.kind != "webhook" and not request.headers["Content-Type"].startswith("application/json"):
            return 43004, "bad content type"
        if self.token not in request.query.values():
            return {"dingtalk": (300001, "token is not exist"), "wecom": (93000, "invalid webhook url")}[self.kind]
        now = time.monotonic()
        while self._taken and now - self._taken[0] >= self.window_seconds:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            self.throttled += 1
            return {"dingtalk": (130101, "send too fast, exceed 20 times per minute"), "wecom": (45009, "api freq out of limit")}[self.kind]
        if self.secret and not self._signature_is_good(request):
            return 310000, "sign not match"
        return self._take(orjson.loads(body), len(body), now)

    def _take(self, said: dict[str, Any], size: int, now: float) -> tuple[int, str]:
        text = ""
        if self.kind == "dingtalk":
            if size > 20_000:
                return 460101, "message too long, exceed 20000 bytes"
            text = said["markdown"]["text"]
            assert said["msgtype"] == "markdown"
            assert said["markdown"]["title"]
        elif self.kind == "wecom":
            text = said["markdown"]["content"]
            assert said["msgtype"] == "markdown"
            if len(text.encode()) > 4096:
                return 40058, "markdown.content exceed max length 4096"
        self._taken.append(now)
        self.texts.append(text)
        self.bodies.append(said)
        return 0, "ok"

    def _signature_is_good(self, request: web.Request) -> bool:
        raw = {name: values[0] for name, values in parse_qs(request.rel_url.raw_query_string).items()}
        stamp = raw.get("timestamp", "0")
        if abs(time.time() * 1000 - int(stamp)) > _MS_OF_AN_HOUR:
            return False
        expected = hmac.digest(self.secret.encode(), f"{stamp}\n{self.secret}".encode(), hashlib.sha256)
        return base64.b64decode(raw.get("sign", "")) == expected
