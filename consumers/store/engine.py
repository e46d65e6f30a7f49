"""The chDB directory: opened once, with a cap on memory; a connection for each request, or kept for each session.

Connections are isolated from each other as those of a server are (settings, current database, temporary tables), and opening one takes
0.1 ms, so nothing is restored after a request: what it changed goes with its connection.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

os.environ["TZ"] = "Asia/Shanghai"  # the engine reads it once, while it is loaded: days are days here whatever the machine says
time.tzset()

from consumers.store.failure import (  # noqa: E402
    NOT_ENOUGH_SPACE,
    READONLY,
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    from_engine,
    refuse,
)
from consumers.store.parts import PARTS, PartCheck  # noqa: E402
from consumers.store.request import READ_ONLY_USER, Request  # noqa: E402
from streams.errors import ConfigurationError, DependencyError  # noqa: E402

try:
    from chdb import session as chdb
except ImportError as error:  # the container image is made without it: half a gigabyte that a real server makes needless
    raise DependencyError("没有安装内嵌引擎 chdb：请设置 clickhouse.url。 No embedded engine is installed: set clickhouse.url.") from error

log = logging.getLogger(__name__)

Session = Any
"""A connection of chDB, which has no types: ``query``, ``send_query``, ``close``."""

_open: Callable[[str], Session] = chdb.Session
_SERVER_LIKE = {
    "implicit_select": 0,
    "allow_introspection_functions": 0,
    "async_insert": 0,
    # FINAL over a partition expression that is a function of the key: without it 100 times slower
    "do_not_merge_across_partitions_select_final": 1,
}
_READER_MAY_SET = frozenset(
    {"max_execution_time", "max_result_rows", "max_block_size", "date_time_input_format", "date_time_output_format"}
)
"""What dashboards' drivers send with every query, and what can harm nobody."""
_ROOM_BYTES = 1 << 20
"""As much as the engine itself reserves for an INSERT."""
_BOOKKEEPING = frozenset({"migration", "topic_incarnation"})
"""Tables that say nothing but what was made, and is made again."""


class Engine:
    """The engine on one directory.

    Parameters
    ----------
    directory
        Of this process alone; made when absent.
    memory_bytes
        Cap on what the engine allocates in all; a single query gets half of it.

    Raises
    ------
    DependencyError
        Another process has the directory open, or the engine cannot open it: most likely for want of space, memory or files, which pass.
    ConfigurationError
        It cannot be written.
    """

    def __init__(self, directory: Path, memory_bytes: int) -> None:
        self._lock, self._directory = _lock(directory), directory
        options = _SERVER_LIKE | {"max_server_memory_usage": memory_bytes, "max_memory_usage": memory_bytes // 2}
        self._address = f"{directory}?" + "&".join(f"{name}={value}" for name, value in options.items())
        self._sessions: dict[tuple[str, str], _Kept] = {}
        self._parts, self._looking = PartCheck(), threading.Lock()
        self.broken: list[str] = []
        """Parts that the engine takes for whole and that are not: it must be opened anew."""
        self._guard = threading.Lock()
        try:
            self._root = self._opened()
            row = bytes(self._root.query("SELECT version(), timezone()", "TabSeparated").bytes())
        except RuntimeError as error:
            raise DependencyError(
                f"ClickHouse 数据目录打不开 data directory cannot be opened: {directory}: {error}。"
                " 若一直如此：其中的数据都来自 Kafka，把目录移开，sink 会重新填满。"
                " If that stays so: all of it came from Kafka, so move the directory away, and the sink fills a new one."
            ) from error
        self.version, self.timezone = row.decode().split()

    @contextmanager
    def connection(self, request: Request) -> Iterator[Session]:
        """Lend a connection that is as the request wants it: database, settings, rights.

        Raises
        ------
        Refused
            A setting is refused, the database is unknown, the session is in use or (``session_check``) does not exist.
        """
        if request.session_id and request.user != READ_ONLY_USER:
            with self._session(request) as kept:
                kept.adapt(request, self.run)
                yield kept.session
            return
        session = _open(self._address)
        try:
            kept = _Kept(session)
            if request.user == READ_ONLY_USER and (beyond := sorted(set(request.settings) - _READER_MAY_SET)):
                raise refuse(READONLY, "READONLY", f"Cannot modify '{beyond[0]}' setting in readonly mode")
            kept.adapt(request, self.run)
            if request.user == READ_ONLY_USER:
                self.run(lambda: session.query("SET readonly = 1"))
            yield session
        finally:
            session.close()

    def check_room(self) -> None:
        """Let nothing be made on a full disk: chDB (4.4.0) reports success, leaves an empty definition behind, and cannot be opened again.

        Raises
        ------
        Refused
            NOT_ENOUGH_SPACE, which passes.
        """
        if shutil.disk_usage(self._directory).free < _ROOM_BYTES:
            raise refuse(NOT_ENOUGH_SPACE, "NOT_ENOUGH_SPACE", f"Cannot reserve {_ROOM_BYTES >> 20}.00 MiB, not enough space")

    def check_parts(self) -> None:
        """Let nothing count as written that is not on the disk.

        Raises
        ------
        Refused
            NOT_ENOUGH_SPACE, which passes: a part is not whole. :attr:`broken` says which; only opening the directory anew puts it aside.
        """
        with self._looking:
            if not self.broken and self._parts.broken(self._listed_parts()):
                # Once more: what was being removed just then is listed no longer.
                self.broken = self._parts.broken(self._listed_parts())
        if self.broken:
            raise refuse(NOT_ENOUGH_SPACE, "NOT_ENOUGH_SPACE", f"Not whole on the disk: {self.broken[0]}")

    def run(self, call: Callable[[], Any]) -> Any:
        """Call into the engine.

        Raises
        ------
        Refused
            With the engine's own number and text.
        """
        try:
            return call()
        except RuntimeError as error:
            raise from_engine(error, self.version) from error

    def close(self) -> None:
        """Let go of the directory. No connection may be lent any more."""
        with self._guard:
            for kept in self._sessions.values():
                kept.session.close()
            self._sessions.clear()
        self._root.close()
        os.close(self._lock)

    def _listed_parts(self) -> list[tuple[str, int]]:
        session = _open(self._address)
        try:
            listed = bytes(self.run(lambda: session.query(PARTS, "JSONCompactEachRow")).bytes())
        finally:
            session.close()
        return [(path, int(size)) for path, size in map(orjson.loads, listed.splitlines())]

    def _opened(self) -> Session:
        try:
            return _open(self._address)
        except RuntimeError as error:
            if not _is_a_beginning(self._directory):
                raise
            log.warning("%s: 建库未完成，从头再建 was never made to the end, is made anew: %s", self._directory, error)
            shutil.rmtree(self._directory)
            self._directory.mkdir()
            return _open(self._address)

    @contextmanager
    def _session(self, request: Request) -> Iterator[_Kept]:
        key = (request.user, request.session_id)
        with self._guard:
            now = time.monotonic()
            for other in [name for name, kept in self._sessions.items() if kept.expires < now and not kept.busy.locked()]:
                self._sessions.pop(other).session.close()
            kept = self._sessions.get(key)
            if kept is None:
                if request.session_check:
                    raise refuse(SESSION_NOT_FOUND, "SESSION_NOT_FOUND", "Session not found")
                kept = self._sessions[key] = _Kept(_open(self._address))
            if not kept.busy.acquire(blocking=False):
                raise refuse(SESSION_IS_LOCKED, "SESSION_IS_LOCKED", "Session is locked by a concurrent client")
        try:
            yield kept
        finally:
            kept.expires = time.monotonic() + request.session_timeout_seconds
            kept.busy.release()


class _Kept:
    """A connection and what requests have set on it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.busy = threading.Lock()
        self.expires = float("inf")
        self._settings: Mapping[str, str] = {}
        self._database = ""

    def adapt(self, request: Request, run: Callable[[Callable[[], Any]], Any]) -> None:
        """Set what the request wants otherwise than the last one; a setting it no longer names goes back to its default."""
        wanted, had = request.settings, self._settings
        changes = [f"{_name(name)} = {quoted(value)}" for name, value in wanted.items() if had.get(name) != value]
        changes += [f"{name} = DEFAULT" for name in had if name not in wanted]
        if changes:
            run(lambda: self.session.query("SET " + ", ".join(changes)))
            self._settings = dict(wanted)
        if request.database and request.database != self._database:
            database = request.database.replace("\\", "\\\\").replace("`", "\\`")
            run(lambda: self.session.query(f"USE `{database}`"))
            self._database = request.database


def quoted(text: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _name(setting: str) -> str:
    if not (setting.isascii() and setting.isidentifier()):
        raise refuse(115, "UNKNOWN_SETTING", f"Unknown setting {quoted(setting)}")
    return setting


def _is_a_beginning(directory: Path) -> bool:
    """Whether some definition is empty, because the disk filled up under it, and no table has rows."""
    definitions = (*directory.glob("metadata/*.sql"), *directory.glob("metadata/*/*.sql"))
    return any(path.stat().st_size == 0 for path in definitions) and not any(
        part for table in directory.glob("data/*/*") if table.name not in _BOOKKEEPING for part in table.glob("*/count.txt")
    )


def _lock(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory.with_name(directory.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"ClickHouse 数据目录不可用 data directory cannot be used: {directory}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise DependencyError(
            f"ClickHouse 数据目录正被另一个 guidang store 进程使用：{directory}。先停掉它（guidang down）。"
            f" The data directory is open in another `guidang store`: stop that one first."
        ) from error
    return lock
