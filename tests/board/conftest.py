"""A board process over a simulated year in a store of its own, which tests may stop; and a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumers.clickhouse import connect
from consumers.migrate import migrate
from ops.simulate.generate import Plan
from streams.domain.time import iso
from tests.consumers.conftest import StoreProcess, store_settings
from tests.dashboards.conftest import fill

DATABASE = "board"
PLAN = Plan(400, seed=11)
CHROMIUM = shutil.which("chromium")


@dataclass
class Year:
    """The store with the year in it, and the settings under which a process finds it."""

    store: StoreProcess
    environment: dict[str, str]


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """A year of figures; the clock stands at its end."""
    home = tmp_path_factory.mktemp("board")
    store = StoreProcess(home / "store")
    try:
        settings = store_settings(store, home, DATABASE)
        migrate(settings)
        fill(connect(settings), PLAN)
        named = {"DATA_DIR": str(home), "CLICKHOUSE__URL": store.url, "CLICKHOUSE__DATABASE": DATABASE, "CLOCK": iso(PLAN.moment_ms)}
        yield Year(store, {f"GUIDANG_{name}": value for name, value in named.items()})
    finally:
        store.kill()


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


@dataclass
class BoardProcess:
    """A running ``guidang board``."""

    address: str
    pid: int

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask it; headers' names with ``_`` for ``-``."""
        connection = HTTPConnection(self.address.removeprefix("http://"), timeout=60)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            found = connection.getresponse()
            return Answer(found.status, found.headers, found.read())
        finally:
            connection.close()

    def tables(self, path: str) -> list[list[dict[str, Any]]]:
        """Rows of every table of an answer."""
        found = self.ask(path)
        assert found.status == 200, found.body.decode()
        return [[dict(zip(table["columns"], row, strict=True)) for row in table["rows"]] for table in found.json["tables"]]

    @property
    def resident_mb(self) -> float:
        """Memory it holds."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1]) / 1024


@contextmanager
def running_board(environment: Mapping[str, str]) -> Iterator[BoardProcess]:
    """Start one, and see it end well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUIDANG_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "ops", "board", "--port", "0"], env={**kept, **environment}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the board did not start"
        yield BoardProcess(address.rstrip("/"), process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.stdout.close()


@pytest.fixture(scope="session")
def board(year: Year) -> Iterator[BoardProcess]:
    """The board over the year, without Kafka and without Prometheus."""
    with running_board(year.environment) as process:
        yield process
