"""One process from start to SIGTERM."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from consumers.store.engine import Engine
from consumers.store.failure import Refused
from consumers.store.server import StoreServer
from streams.errors import DependencyError, GuidangError
from streams.runtime.watchdog import end_process

_LEAST_MEMORY_BYTES = 1 << 30
_MEMORY_SHARE = 4
_LOOK_SECONDS = 5.0
"""Well below the eight minutes for which what was merged is kept."""
_END_SECONDS = 10.0
"""For what is under way when the store ends because something is wrong. A client may have stopped reading, a query may take its time;
and what was not acknowledged is sent again to the next one."""


def run(home: Path, port: int) -> None:
    """Serve ``home/clickhouse`` until SIGTERM or SIGINT; what is under way is finished first.

    The address goes to stdout when requests are taken, and to ``home/run/store.ready``.

    Parameters
    ----------
    port
        0: a free one.

    Raises
    ------
    DependencyError
        Another process has the directory, or the port; the engine cannot open it; what it takes for written is not whole on the disk; or
        the address cannot be told.
    ConfigurationError
        The directory cannot be used.
    """
    engine = Engine(home / "clickhouse", _memory_bytes())
    try:
        server = _listen(engine, port)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with _serving(server), _told(server.url, home / "run" / "store.ready"):
            while not engine.broken and not stop.wait(_LOOK_SECONDS):
                with suppress(Refused):  # what it is short of passes, and the next look is soon enough
                    engine.check_parts()
            if engine.broken:
                raise DependencyError(
                    f"磁盘上的数据不完整（多半是磁盘满过）：{engine.broken[0]}。重新启动即可：引擎弃用它，改用合并前的数据，"
                    "sink 补上未确认的。 Data on the disk are not whole, most likely since it was full. Starting again mends it: the engine"
                    " puts that part aside and takes what it was merged from, and the sink sends again what was not acknowledged."
                )
    finally:
        engine.close()


@contextmanager
def _serving(server: StoreServer) -> Iterator[None]:
    """Take requests meanwhile. At the end those under way are finished; after an error, within :data:`_END_SECONDS` or not at all."""
    listener = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="listener")
    listener.start()
    deadline: threading.Timer | None = None
    try:
        yield
    except Exception as error:
        code = error.exit_code if isinstance(error, GuidangError) else 1
        deadline = threading.Timer(_END_SECONDS, end_process, (f"{type(error).__name__}: {error}", code))
        deadline.daemon = True
        deadline.start()
        raise
    finally:
        server.draining.set()
        server.shutdown()
        listener.join()
        server.server_close()
        if deadline:
            deadline.cancel()


@contextmanager
def _told(url: str, ready: Path) -> Iterator[None]:
    """Have the address stand where it is looked for."""
    try:
        ready.parent.mkdir(parents=True, exist_ok=True)
        ready.write_text(url)
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
    except Exception as error:
        raise DependencyError(f"地址写不出去 the address cannot be told ({ready}, stdout): {error!r}") from error
    try:
        yield
    finally:
        ready.unlink(missing_ok=True)


def _listen(engine: Engine, port: int) -> StoreServer:
    try:
        return StoreServer(engine, port)
    except OSError as error:
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise DependencyError(
                f"端口 {port} 不可用（{error.strerror}）：换一个 --port，或不指定端口。"
                f" Port {port} cannot be used: choose another --port, or give none."
            ) from error
        raise


def _memory_bytes() -> int:
    """A quarter of the machine's memory, at least 1 GiB: workers and the broker live here too."""
    return max(_LEAST_MEMORY_BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MEMORY_SHARE)
