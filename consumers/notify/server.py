"""Where Alertmanager posts, and Prometheus and the supervisor look."""

from __future__ import annotations

import asyncio
import hmac
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from consumers.notify.alert import Alert
from consumers.notify.inbound import Delivery, Malformed, parse
from consumers.notify.matching import takes
from consumers.notify.queue import Queue, Taken
from streams.clock import wall_ms
from streams.notify_settings import ChannelSettings
from streams.setting_types import duration_ms

log = logging.getLogger(__name__)

MOST_BYTES: Final = 16 << 20
"""Of a request: some ten thousand alerts."""
_READ_SECONDS: Final = 30.0


class _Refused(Exception):
    """The request is at fault, as HTTP says it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True, eq=False)
class Intake:
    """Takes alerts in, and answers 200 only once they are written down.

    Alertmanager tries again after 5xx and no answer, and never after 4xx: what is our trouble is a 5xx.

    Parameters
    ----------
    token
        What ``Authorization: Bearer`` must show; empty: nothing is asked for.
    queued
        Called when something was queued.
    """

    queue: Queue
    channels: tuple[ChannelSettings, ...]
    token: str
    registry: CollectorRegistry
    queued: Callable[[], None]
    _homeless: set[str] = field(default_factory=set)

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post("/alertmanager", self.take)
        app.router.add_get("/metrics", self.metrics)
        app.router.add_get("/healthz", self.health)
        return app

    async def take(self, request: web.Request) -> web.Response:
        """A delivery of Alertmanager."""
        try:
            delivery = await self._read(request)
        except _Refused as refused:
            log.warning("拒绝了一次投递 a delivery was refused: %d %s", refused.status, refused)
            return web.json_response({"error": str(refused)}, status=refused.status)
        try:
            news = self.queue.accept(self._taken(delivery), wall_ms())
        except sqlite3.Error as error:
            log.exception("告警未能入队，Alertmanager 会重试 alerts could not be queued: Alertmanager will try again")
            return web.json_response({"error": f"the queue cannot be written: {error}"}, status=503)
        if delivery.truncated:
            told = (delivery.receiver, delivery.truncated)
            log.error("Alertmanager 接收者 receiver %s 因 max_alerts 略去了 left out %d 条告警 alerts", *told)
        self.queued()
        return web.json_response({"queued": news})

    async def metrics(self, request: web.Request) -> web.Response:
        """For Prometheus."""
        del request
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def health(self, request: web.Request) -> web.Response:
        """Whether the queue can be read."""
        del request
        try:
            waiting = self.queue.numbers()
        except sqlite3.Error as error:
            return web.json_response({"error": f"the queue cannot be read: {error}"}, status=503)
        return web.json_response({"status": "ok", "waiting": waiting})

    async def _read(self, request: web.Request) -> Delivery:
        if not self._may(request):
            raise _Refused(401, "a bearer token is required")
        if request.content_type != "application/json":  # also: no web page can make a browser send this here
            raise _Refused(415, "the content must be application/json")
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return parse(await request.read())
        except Malformed as error:
            raise _Refused(400, str(error)) from None
        except web.HTTPRequestEntityTooLarge:
            raise _Refused(413, f"more than {MOST_BYTES} bytes: let Alertmanager group its alerts, or set max_alerts") from None
        except TimeoutError:
            raise _Refused(408, "the request did not come to its end in time") from None

    def _may(self, request: web.Request) -> bool:
        shown = request.headers.get("Authorization", "")
        return not self.token or hmac.compare_digest(shown.encode(errors="replace"), f"Bearer {self.token}".encode())

    def _taken(self, delivery: Delivery) -> list[Taken]:
        taken = []
        for alert in delivery.alerts:
            ways = [c for c in self.channels if takes(c.match, alert, delivery.receiver)]
            if not ways:
                self._tell_homeless(alert)
            taken += [Taken(c.name, duration_ms(c.remind), alert) for c in ways]
        return taken

    def _tell_homeless(self, alert: Alert) -> None:
        if alert.name not in self._homeless:
            self._homeless.add(alert.name)
            log.error("没有通道接收告警 no channel takes the alert %r：请检查各通道的 match check match of the channels", alert.name)
