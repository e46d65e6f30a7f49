"""A real Prometheus, a real Alertmanager and a webhook on the loopback, for a while."""

from __future__ import annotations

import ctypes
import json
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ops.ports import free_port

PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
Seen = TypeVar("Seen")

needs_alertmanager = pytest.mark.skipif(
    not shutil.which("prometheus-alertmanager"), reason="没有 Alertmanager：apt-get install prometheus-alertmanager"
)
needs_prometheus = pytest.mark.skipif(not shutil.which("prometheus"), reason="没有 Prometheus：apt-get install prometheus")


def until(look: Callable[[], Seen], what: str, patience_seconds: float = PATIENCE_SECONDS) -> Seen:
    """What ``look`` returns, once it is something."""
    give_up = time.monotonic() + patience_seconds
    while not (seen := look()):
        assert time.monotonic() < give_up, f"{what}: not within {patience_seconds:g} s"
        time.sleep(_LOOK_SECONDS)
    return seen


def call(url: str, body: Any = None) -> Any:
    """GET, or POST as JSON; the answer as JSON, ``None`` without one."""
    request = urllib.request.Request(  # noqa: S310 - servers of ours on the loopback
        url, data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[")) else None


@dataclass(slots=True)
class Web:
    """Answers GET with what ``pages`` makes of the path (``None``: 503), and keeps what is posted."""

    pages: Callable[[str], str | None] = lambda _: None
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        """Address of a path."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def told(self, path: str, status: str = "firing") -> list[dict[str, str]]:
        """Labels of the alerts that were posted to a path, each once, in order."""
        found = [alert["labels"] for to, body in list(self.posted) if to == path for alert in body["alerts"] if alert["status"] == status]
        return [labels for number, labels in enumerate(found) if labels not in found[:number]]


@contextmanager
def web(pages: Callable[[str], str | None] = lambda _: None) -> Iterator[Web]:
    """Serve until the end of the block."""
    state = Web(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = state.pages(self.path.strip("/"))
            self.send_response(503 if text is None else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.posted.append((self.path.strip("/"), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _running(command: list[str], folder: Path, ready: str) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads are running the child's code
        )
    try:
        until(lambda: process.poll() is not None or _answers(ready), command[0])
        assert process.poll() is None, log.read_text()[-2000:]
        yield
    finally:
        process.terminate()
        process.wait(20)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing outlives a killed run


def _answers(url: str) -> bool:
    try:
        call(url)
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running one; ``config`` may be rewritten and read again."""

    url: str
    config: Path

    def post(self, *alerts: dict[str, str], ended: bool = False) -> None:
        """Tell it of alerts, as Prometheus does."""
        now = time.time()
        at = {"startsAt": _time(now - 60), "endsAt": _time(now - 1 if ended else now + 3600)}
        call(f"{self.url}/api/v2/alerts", [{"labels": labels, "annotations": {}, **at} for labels in alerts])

    def heard(self) -> list[tuple[dict[str, str], bool]]:
        """Labels of every alert that it has, and whether it is suppressed."""
        return [(alert["labels"], alert["status"]["state"] == "suppressed") for alert in call(f"{self.url}/api/v2/alerts")]

    def reload(self, text: str) -> None:
        """Take another configuration."""
        self.config.write_text(text, encoding="utf-8")
        call(f"{self.url}/-/reload", {})


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@contextmanager
def alertmanager(folder: Path, text: str) -> Iterator[Alertmanager]:
    """Run one with a configuration."""
    folder.mkdir()
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(text, encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [
        "prometheus-alertmanager",
        f"--config.file={config}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, folder, f"{url}/-/ready"):
        yield Alertmanager(url, config)


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Run one in a folder with ``prometheus.yml``; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=1s",  # what fired before Alertmanager was found is sent again soon
    ]
    with _running(command, folder, f"{url}/-/ready"):
        yield url
