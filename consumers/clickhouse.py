"""Connections to ClickHouse, the embedded engine or a server: the same client, the same SQL.

A client belongs to one thread. Sessions are off (nothing here needs one, and a session serialises), and so are asynchronous
inserts: an insert that returned is in the table. clickhouse-connect may send an insert again by itself when the connection
breaks under it; every row carries an absolute version, so that the second copy changes nothing.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from streams.errors import DependencyError, NotAllowed
from streams.settings import Settings

logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # it logs what it raises, and we tell what it raises

Client = Any
"""A ``clickhouse_connect`` client, which has no types of use to us."""

_HTTPS_PORT, _HTTP_PORT = 8443, 8123
_NOT_ALLOWED, _NOTHING_THERE = {516, 497, 164}, {81, 60}
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 300


def endpoint(settings: Settings) -> str:
    """Address of ClickHouse: ``clickhouse.url``, else the embedded engine's.

    Raises
    ------
    ConfigurationError
        No address is set and the embedded engine has never run here.
    """
    return settings.clickhouse.url or settings.local_endpoint("store")


def connect(
    settings: Settings,
    *,
    user: str = "",
    database: str | None = None,
    connect_seconds: int = _CONNECT_SECONDS,
    answer_seconds: int | None = None,
) -> Client:
    """Connect to ClickHouse.

    Parameters
    ----------
    user
        Default: ``clickhouse.user``, with its password; another one connects without.
    database
        Default: ``clickhouse.database``, which must exist; give ``default`` before the migrations ran.
    connect_seconds
        How long a connection may take.
    answer_seconds
        How long one answer may take. The server is told, too, where the user may say so: a question that nobody waits for any longer would
        go on there, in the way of others. Default: five minutes between two pieces of an answer, which may take longer as a whole.

    Raises
    ------
    NotAllowed
        User or password are refused.
    DependencyError
        Nothing answers there, or not ClickHouse.
    """
    parts = urlsplit(endpoint(settings))
    host = parts.hostname or ""
    name = user or settings.clickhouse.user
    with reaching(settings):
        client = clickhouse_connect.get_client(
            interface=parts.scheme,
            host=host,
            port=parts.port or (_HTTPS_PORT if parts.scheme == "https" else _HTTP_PORT),
            username=name,
            password=settings.clickhouse_password() if name == settings.clickhouse.user else "",
            database=database or settings.clickhouse.database,
            compress=not _is_loopback(host),
            connect_timeout=connect_seconds,
            send_receive_timeout=answer_seconds or _ANSWER_SECONDS,
            autogenerate_session_id=False,
        )
        if answer_seconds and _may_set(client, "max_execution_time"):
            client.set_client_setting("max_execution_time", answer_seconds)
        if _may_set(client, "async_insert"):
            client.set_client_setting("async_insert", 0)
            if settings.clickhouse.cluster:
                # The sink commits what is inserted: on one replica alone it could still be lost.
                client.set_client_setting("insert_quorum", "auto")
    return client


@contextmanager
def reaching(settings: Settings) -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises
    ------
    NotAllowed
        User or password are refused, or the user may not do this (ClickHouse 516, 497, 164).
    DependencyError
        ClickHouse cannot be reached, went away, or answered with another error.
    """
    try:
        yield
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        where = endpoint(settings)
        said = str(error).split("server response:")[-1].split("(for url")[0].strip()
        if code in _NOT_ALLOWED:
            raise NotAllowed(
                f"ClickHouse（{where}）拒绝用户的请求：检查 clickhouse.user 与 clickhouse.password_file 及其权限。"
                f" It refuses this user: {said}"
            ) from error
        if isinstance(error, OperationalError) and code is None:
            raise DependencyError(
                f"连不上 ClickHouse（{where}）：先运行 guidang up（或 guidang store），或检查 clickhouse.url。"
                f" ClickHouse cannot be reached: run `guidang up`, or check clickhouse.url."
            ) from error
        if code in _NOTHING_THERE:
            raise DependencyError(
                f"ClickHouse（{where}）里还没有数据表：sink 还没有运行过。先运行 guidang up（或 guidang sink）。"
                f" There are no tables yet: the sink has never run. Run `guidang up` first."
            ) from error
        raise DependencyError(f"ClickHouse（{where}）报错 answers with an error: {said}") from error


def is_nothing_there(error: ClickHouseError) -> bool:
    """Whether an answer says that there is no such database, or no such table."""
    return getattr(error, "code", None) in _NOTHING_THERE


def _may_set(client: Client, name: str) -> bool:
    known = client.server_settings.get(name)
    return known is not None and known.readonly != 1


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
