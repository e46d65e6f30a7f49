"""What a process answers over HTTP: its metrics, whether it lives, and whether it does its work (健康)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from streams.errors import DependencyError

Why = Callable[[], str]
"""Why not; empty: nothing is in the way. It only looks, so any thread may ask, and it answers at once."""


@dataclass(frozen=True, slots=True)
class Health:
    """The two questions.

    Parameters
    ----------
    live
        Why the process should be ended and started anew.
    ready
        Why it does not do its work now: it starts, recovers, waits for a server.
    """

    live: Why
    ready: Why


WELL: Final = Health(lambda: "", lambda: "")
"""Of a process that answers as long as it lives, and has nothing to wait for."""


def serve(host: str, port: int, *collectors: Collector, health: Health = WELL, registry: CollectorRegistry | None = None) -> None:
    """Serve ``/metrics``, ``/live`` and ``/ready`` in a thread of this process, for as long as it lives.

    The last two answer 200, or 503 with the reason.

    Raises
    ------
    DependencyError
        Nobody can listen there: another process does, or it is no address of this machine.
    """
    registry = registry or CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    metrics, asked = make_wsgi_app(registry), {"/live": health.live, "/ready": health.ready}

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        why = asked.get(environ["PATH_INFO"])
        if why is None:
            answered: Iterable[bytes] = metrics(environ, start_response)
            return answered
        reason = why()
        start_response("503 Service Unavailable" if reason else "200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [(reason or "ok").encode() + b"\n"]

    try:
        server = make_server(host, port, answer, _Threads, _Silent)
    except OSError as error:
        raise DependencyError(f"指标端口不可用 metrics cannot be served at {host}:{port}: {error.strerror}") from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


class _Threads(ThreadingMixIn, WSGIServer):
    """A thread for each request: one that hangs keeps nobody from asking."""

    daemon_threads = True


class _Silent(WSGIRequestHandler):
    """Logs no requests: they come every few seconds."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """Nothing."""
