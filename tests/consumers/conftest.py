"""A real embedded ClickHouse for the run, and settings that point at it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from consumers.clickhouse import Client, connect
from consumers.migrate import migrate
from streams.settings import ClickHouseSettings, KafkaSettings, Settings
from tests.conftest import Kafka

_START = "import sys; from pathlib import Path; from consumers.store.process import run; run(Path(sys.argv[1]), int(sys.argv[2]))"


class StoreProcess:
    """A ``guidang store`` process: the same directory and port through all its lives.

    Parameters
    ----------
    script, words
        What runs it, and what it is told beside directory and port.
    """

    def __init__(self, home: Path, script: str = _START, *words: str) -> None:
        self.home = home
        self._command = [sys.executable, "-c", script, str(home)]
        self._words = words
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def port(self) -> int:
        """Its port; 0 before it first ran."""
        return int(self.url.rsplit(":", 1)[-1]) if self.url else 0

    def start(self) -> None:
        """Start it and wait until it takes requests."""
        self._process = subprocess.Popen(
            [*self._command, str(self.port), *self._words],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads are running the child's code
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the store did not start"

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM; return the exit code."""
        return self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Wait until it ends by itself; return the exit code."""
        assert self._process is not None
        code = self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()
        return code

    def restart(self) -> None:
        """SIGKILL and start again."""
        self.kill()
        self.start()

    def send(self, number: signal.Signals) -> None:
        """A signal, and nothing else."""
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> int:
        self.send(number)
        return self.wait()


def _die_with_parent() -> None:
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no store outlives a killed run


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """The embedded ClickHouse of this run; tests keep apart by database."""
    process = StoreProcess(tmp_path_factory.mktemp("store"))
    yield process
    process.kill()


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[StoreProcess]:
    """A store of one test's own, to be killed."""
    process = StoreProcess(tmp_path / "own-store")
    yield process
    process.kill()


def store_settings(store: StoreProcess, home: Path, database: str, **more: object) -> Settings:
    """Settings for a database of a store, from nothing but what is given here."""
    return Settings(data_dir=home, clickhouse=ClickHouseSettings(url=store.url, database=database), **more)  # type: ignore[arg-type]


@pytest.fixture
def database_settings(store: StoreProcess, tmp_path: Path) -> Iterator[Settings]:
    """Settings whose database no other test has, migrated."""
    settings = store_settings(store, tmp_path, f"t{uuid.uuid4().hex[:12]}")
    migrate(settings)
    yield settings
    connect(settings).command(f"DROP DATABASE {settings.clickhouse.database} SYNC")


@pytest.fixture
def client(database_settings: Settings) -> Client:
    """A client of that database."""
    return connect(database_settings)


@pytest.fixture
def sink_settings(store: StoreProcess, kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings for a sink: topics, group and database of its own."""
    settings = store_settings(
        store,
        tmp_path,
        f"t{uuid.uuid4().hex[:12]}",
        application=topic_prefix + "app",
        kafka=KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=topic_prefix, partitions=2),
    )
    yield settings
    with contextlib.suppress(ClickHouseError):
        connect(settings, database="default").command(f"DROP DATABASE IF EXISTS {settings.clickhouse.database} SYNC")


def eventually(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds.

    Raises
    ------
    AssertionError
        It did not in time.
    """
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come about in time"
        time.sleep(0.05)
