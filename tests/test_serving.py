"""What processes serve: metrics, and how they are."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from streams.errors import DependencyError
from streams.metrics import BuildInfo
from streams.serving import Health, serve
from tests.conftest import free_port


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_are_read_over_http_and_a_port_that_is_taken_is_named() -> None:
    """A supervisor starts the process again, with another."""
    port = free_port()
    serve("127.0.0.1", port, BuildInfo("worker"))
    status, text = ask(port, "/metrics")
    assert (status, 'role="worker"' in text) == (200, True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(DependencyError, match=str(other.getsockname()[1])) as raised:
            serve("127.0.0.1", other.getsockname()[1], BuildInfo("worker"))
    assert raised.value.exit_code == 4


def test_a_process_says_whether_it_lives_and_why_it_does_not_work() -> None:
    """Asked anew each time."""
    port, reasons = free_port(), ["3 个分区正在恢复"]
    serve("127.0.0.1", port, health=Health(lambda: "", lambda: reasons[-1]))
    assert ask(port, "/live") == (200, "ok\n")
    assert ask(port, "/ready") == (503, "3 个分区正在恢复\n")
    reasons.append("")
    assert ask(port, "/ready") == (200, "ok\n")
