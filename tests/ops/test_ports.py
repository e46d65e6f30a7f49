"""Ports of this machine, on whichever of its addresses."""

from __future__ import annotations

import socket

import pytest

from ops.ports import LOOPBACK, answers, free_port, is_free, preferred_port
from streams.errors import ConfigurationError

ANOTHER = "127.0.0.2"


def test_a_port_is_looked_for_where_somebody_will_listen() -> None:
    """The same port of another address is another port; what stands for all addresses is in the way of each."""
    with socket.create_server((ANOTHER, 0)) as server:
        port = server.getsockname()[1]
        assert (is_free(port, ANOTHER), is_free(port)) == (False, True)
        assert (answers(port, ANOTHER), answers(port)) == (True, False)
        assert preferred_port(port, ANOTHER) != port
        assert preferred_port(port) == port
        assert not is_free(port, "0.0.0.0")  # noqa: S104 - nothing listens there
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port, LOOPBACK)
        assert answers(port, "0.0.0.0")  # noqa: S104 - it is asked, and nothing listens


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-machine.invalid"])
def test_where_nobody_could_listen_it_is_the_address_that_is_wrong(host: str) -> None:
    """And not that all ports are taken."""
    with pytest.raises(ConfigurationError, match=host):
        free_port(host)
