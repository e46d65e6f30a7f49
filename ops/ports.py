"""TCP ports of this machine."""

from __future__ import annotations

import secrets
import socket

from streams.errors import DependencyError

LOOPBACK = "127.0.0.1"
_RANGE = range(20_000, 32_000)
"""Below Linux's ephemeral ports: among those, a client that keeps trying a dead server may connect to itself and keep the port."""
_TRIES = 200


def free_port() -> int:
    """Return a port that nobody listens on now. Another process may take it before you do: be ready to ask again."""
    for _ in range(_TRIES):
        port = secrets.choice(_RANGE)
        if is_free(port):
            return port
    raise DependencyError(f"{_RANGE.start}–{_RANGE.stop} 之间没有空闲端口 no free port")


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now.

    A port in TIME_WAIT counts as free: servers set SO_REUSEADDR, and so does this probe.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def preferred_port(port: int | None) -> int:
    """Return ``port`` when it is free, else another."""
    return port if port and is_free(port) else free_port()


def answers(port: int, timeout_seconds: float = 0.5) -> bool:
    """Whether somebody accepts connections on ``port``."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout_seconds):
            return True
    except OSError:
        return False
