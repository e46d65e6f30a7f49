"""TCP ports of this machine."""

from __future__ import annotations

import errno
import secrets
import socket

from streams.errors import ConfigurationError, DependencyError

LOOPBACK = "127.0.0.1"
_RANGE = range(20_000, 32_000)
"""Below Linux's ephemeral ports: among those, a client that keeps trying a dead server may connect to itself and keep the port."""
_TRIES = 200


def free_port(host: str = LOOPBACK) -> int:
    """Return a port that nobody listens on now. Another process may take it before you do: be ready to ask again.

    Raises
    ------
    ConfigurationError
        As :func:`is_free`.
    """
    for _ in range(_TRIES):
        port = secrets.choice(_RANGE)
        if is_free(port, host):
            return port
    raise DependencyError(f"{_RANGE.start}–{_RANGE.stop} 之间没有空闲端口 no free port")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on ``port`` of ``host`` now.

    A port in TIME_WAIT counts as free: servers set SO_REUSEADDR, and so does this probe.

    Raises
    ------
    ConfigurationError
        ``host`` is no address of this machine: nobody could listen there, whatever the port.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
                raise ConfigurationError(f"{host} 不是本机的地址 is no address of this machine: {error.strerror}") from error
            return False
        return True


def preferred_port(port: int | None, host: str = LOOPBACK) -> int:
    """Return ``port`` when it is free on ``host``, else another; raises as :func:`free_port` does."""
    return port if port and is_free(port, host) else free_port(host)


def answers(port: int, host: str = LOOPBACK, timeout_seconds: float = 0.5) -> bool:
    """Whether somebody accepts connections on ``port`` of ``host``; what stands for all addresses, such as 0.0.0.0, is this machine."""
    try:
        with socket.create_connection((host or LOOPBACK, port), timeout_seconds):
            return True
    except OSError:
        return False
