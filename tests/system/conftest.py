"""The whole system as a user starts it: ``guidang up`` in a fresh folder, everything else through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from consumers.clickhouse import Client
from ops.supervisor.control import processes
from streams.settings import Settings

GUIDANG = str(Path(sys.executable).with_name("guidang"))
LIMIT_SECONDS = 200


class System:
    """One system in one data directory.

    Parameters
    ----------
    settings
        ``GUIDANG_*`` variables.
    """

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GUIDANG_")}
        self.environment = {**kept, "GUIDANG_DATA_DIR": str(home), "LANG": "C.UTF-8", **settings}

    def run(self, *arguments: str, expect: int = 0, limit_seconds: float = LIMIT_SECONDS) -> str:
        """Run a command; return its stdout."""
        return self._run(arguments, expect, limit_seconds).stdout

    def stderr(self, *arguments: str, expect: int = 0) -> str:
        """Run a command; return what it told people."""
        return self._run(arguments, expect).stderr

    @contextmanager
    def given(self, **variables: str) -> Iterator[None]:
        """Have commands see these variables besides, for a while."""
        kept, self.environment = self.environment, self.environment | variables
        try:
            yield
        finally:
            self.environment = kept

    def _run(self, arguments: Sequence[str], expect: int, limit_seconds: float = LIMIT_SECONDS) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [GUIDANG, *arguments], env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=limit_seconds, check=False
        )
        assert done.returncode == expect, f"guidang {' '.join(arguments)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with ``--json``; return what it printed."""
        return json.loads(self.run(*arguments, "--json", expect=expect))

    def up(self, workers: int = 2) -> None:
        """Start, and return when everything is ready."""
        self.run("up", "--detach", "--workers", str(workers))

    def down(self) -> None:
        """Stop."""
        self.run("down")

    def publish(self, topic: str, events: Sequence[dict[str, Any]], *, expect: int = 0) -> None:
        """Publish events as a user would, from a file."""
        path = self.home / f"{topic}.jsonl"
        path.write_text("\n".join(json.dumps(event, ensure_ascii=False) for event in events), encoding="utf-8")
        self.run("publish", topic, str(path), expect=expect)

    def caught_up(self) -> None:
        """Wait until all of it has gone the whole way."""
        self.run("wait", "--caught-up", "--timeout", str(LIMIT_SECONDS * 0.6))

    def pids(self, role: str) -> list[int]:
        """Processes of a role, as ``status`` has them."""
        return [process["pid"] for process in processes(Settings(data_dir=self.home)) if process["role"] == role and process["pid"]]

    def kill(self, role: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the first process of a role."""
        os.kill(self.pids(role)[0], number)

    def client(self) -> Client:
        """A client of ClickHouse."""
        import clickhouse_connect  # noqa: PLC0415 - only a few tests look past the command line

        address = json.loads((self.home / "endpoints.json").read_text())["store"]
        host, port = address.removeprefix("http://").split(":")
        return clickhouse_connect.get_client(host=host, port=int(port), database="guidang", autogenerate_session_id=False)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Ask ClickHouse."""
        return list(self.client().query(query).result_rows)


@pytest.fixture
def make_system(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Makes systems that are stopped, and seen to leave nothing running, when the test ends."""
    with ExitStack() as stack:

        def make(**settings: str) -> System:
            system = System(tmp_path, **settings)
            stack.callback(system.down)
            return system

        yield make
    assert not running_under(tmp_path)


@contextmanager
def started(home: Path, workers: int, **settings: str) -> Iterator[System]:
    """A running system that several tests look at one after the other; stopped, and seen to leave nothing running, at the end."""
    system = System(home, **settings)
    try:
        system.up(workers)
        yield system
    finally:
        system.down()
    assert not running_under(home)


def running_under(home: Path) -> list[str]:
    """Command lines of processes that belong to a data directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            environment = (path / "environ").read_bytes()
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended, or is not ours
            continue
        if f"GUIDANG_DATA_DIR={home}".encode() in environment and "pytest" not in command:
            found.append(command)
    return found
