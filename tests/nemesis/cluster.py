"""A broker, a store, three workers and a sink as on machines of their own: each with its own disk and its own way to the others."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from ops.kafka import LocalBroker
from ops.ports import LOOPBACK, free_port
from ops.topics import ensure_topics
from streams.settings import ClickHouseSettings, KafkaSettings, Settings
from tests.disks import mount_small, unmount
from tests.nemesis.link import Link

WORKERS = ("worker-1", "worker-2", "worker-3")
CLOCK = "2019-02-01T12:00:00+08:00"
"""When 2018 is over and all of it was due: whatever the run takes, the truth stays the same."""
GUIDANG = str(Path(sys.executable).with_name("guidang"))
_DISK_MIB = {"kafka": 1024, "store": 1024, "sink": 64} | dict.fromkeys(WORKERS, 256)
_ROOT = Path(__file__).resolve().parents[2]
_LOOK_SECONDS = 0.2
_START_SECONDS = 90.0
_ENDS: Mapping[int, str] = {0: "ended", -signal.SIGTERM: "terminated", -signal.SIGKILL: "killed"}


@dataclass(slots=True)
class Process:
    """A process that is started again whenever it ends, unless it is held."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    held: bool = False
    ends: Counter[str] = field(default_factory=Counter)
    _running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        running = self._running
        return running.pid if running is not None and running.poll() is None else None

    def look(self) -> None:
        """Start it if it does not run and should."""
        running = self._running
        if running is not None and (code := running.poll()) is not None:
            self.ends[_ENDS.get(code, f"exit {code}")] += 1
            self._running = None
        if self._running is None and not self.held:
            with self.log.open("ab") as output:
                self._running = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", *self.command],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        with suppress(ProcessLookupError):
            if (pid := self.pid) is not None:
                os.kill(pid, number)

    def end(self) -> None:
        """End it for good."""
        self.held = True
        self.send(signal.SIGKILL)  # also to one that is stopped
        if self._running is not None:
            self._running.wait(30)

    def tail(self) -> str:
        """Last lines of what it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""


class Look(NamedTuple):
    """Partitions that are behind, and records that are done: by the workers, and by the sink; ``at_s`` in seconds since 1970."""

    inputs_behind: int
    outputs_behind: int
    inputs_done: int
    outputs_done: int
    at_s: float


class Cluster:
    """All of it, running between ``with`` and its end.

    Parameters
    ----------
    folder
        Each process has a folder in it, which is a small disk of its own where file systems may be mounted here.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disks: set[str] = set()
        self.processes: dict[str, Process] = {}
        self.links: dict[str, Link] = {}
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")
        self._key = folder / "title.key"
        self._look = folder / "look"

    def __enter__(self) -> Self:
        """Start everything; ready when the store and the broker answer."""
        self._key.write_text("of everybody")
        for name in _DISK_MIB:
            self.home(name).mkdir()
            if mount_small(self.home(name), _DISK_MIB[name]):
                self.disks.add(name)
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything and leave nothing."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for process in reversed(self.processes.values()):
            process.end()
        for link in self.links.values():
            link.close()
        for name in self.disks:
            unmount(self.home(name))

    def home(self, name: str) -> Path:
        """Folder of a process."""
        return self.folder / name

    def settings(self) -> Settings:
        """Of somebody who looks on, by a way that is never cut."""
        return Settings(
            data_dir=self.folder,
            clock=CLOCK,
            kafka=KafkaSettings(bootstrap_servers=f"{LOOPBACK}:{self._kafka_port}"),
            clickhouse=ClickHouseSettings(url=f"http://{LOOPBACK}:{self._store_port}"),
        )

    def environment(self, name: str = "") -> dict[str, str]:
        """``GUIDANG_*`` of a process; of one that looks on without a name."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GUIDANG_")}
        kafka = self.links[name].port if name in self.links else self._kafka_port
        store = self.links["sink-store"].port if name == "sink" else self._store_port
        return {
            **kept,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_ROOT),
            "GUIDANG_DATA_DIR": str(self.home(name)),
            "GUIDANG_CLOCK": CLOCK,
            "GUIDANG_PRIVACY__TITLE_KEY_FILE": str(self._key),
            "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": f"{LOOPBACK}:{kafka}",
            "GUIDANG_CLICKHOUSE__URL": f"http://{LOOPBACK}:{store}",
        }

    @contextmanager
    def held(self, name: str) -> Iterator[Process]:
        """A process that is not started again within this block."""
        process = self.processes[name]
        process.held = True
        try:
            yield process
        finally:
            process.held = False

    def ends(self) -> dict[str, dict[str, int]]:
        """How often each process ended, and how."""
        return {name: dict(process.ends) for name, process in self.processes.items()}

    def look(self) -> Look:
        """What the last look saw."""
        if not self._look.exists():
            return Look(0, 0, 0, 0, 0.0)
        *counts, at_s = self._look.read_text().split()
        return Look(*map(int, counts), float(at_s))

    def _start(self) -> None:
        clients = (*WORKERS, "sink")
        ports = dict(zip(("kafka", "controller", "store", *clients), distinct_ports(3 + len(clients)), strict=True))
        ways = dict(zip((*clients, "sink-store"), distinct_ports(1 + len(clients), set(ports.values())), strict=True))
        self._kafka_port, self._store_port = ports["kafka"], ports["store"]
        listeners = {name.upper().replace("-", ""): name for name in clients}
        inner = {"PLAINTEXT": ports["kafka"], **{listener: ports[name] for listener, name in listeners.items()}}
        outer = {"PLAINTEXT": ports["kafka"], **{listener: ways[name] for listener, name in listeners.items()}}
        broker = LocalBroker(
            self.home("kafka"),
            self._kafka_port,
            overrides={
                "listeners": _addresses({**inner, "CONTROLLER": ports["controller"]}),
                # Each client is sent back to its own way: there is no other that leads around the cut.
                "advertised.listeners": _addresses(outer),
                "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in (*inner, "CONTROLLER")),
                "inter.broker.listener.name": "PLAINTEXT",
                "controller.quorum.voters": f"1@{LOOPBACK}:{ports['controller']}",
            },
        )
        for name, way in ways.items():
            self.links[name] = Link(way, ports["store"] if name == "sink-store" else ports[name])
        self._add("kafka", broker.prepare())
        self._add("store", [GUIDANG, "store", "--port", str(self._store_port)])
        self._keeper.start()
        self._until(broker.serves, "kafka")
        self._until(self._store_serves, "store")
        settings = self.settings()
        ensure_topics(settings)
        settings.make_clock()
        (anchor,) = self.folder.glob("clock-*.anchor")
        for name in clients:
            shutil.copy(anchor, self.home(name))
        for name in WORKERS:
            self._add(name, [GUIDANG, "worker", "--name", name])
        self._add("sink", [GUIDANG, "sink"])
        self._add("watch", [sys.executable, "-m", "tests.nemesis.watch", str(self._look)])

    def _add(self, name: str, command: list[str]) -> None:
        environment = dict(os.environ) if name == "kafka" else self.environment(name)
        self.processes = {**self.processes, name: Process(name, command, environment, self.folder / f"{name}.log")}

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            for process in self.processes.values():
                process.look()

    def _until(self, holds: Callable[[], bool], name: str) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while not holds():
            assert time.monotonic() < give_up, f"{name} does not answer:\n{self.processes[name].tail()}"
            time.sleep(_LOOK_SECONDS)

    def _store_serves(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self._store_port}/ping", timeout=2) as answer:
                return bool(answer.read().strip() == b"Ok.")
        except OSError:
            return False


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())


def distinct_ports(count: int, taken: set[int] | None = None) -> list[int]:
    """Free ports, all different, none of them in ``taken``."""
    found: list[int] = []
    while len(found) < count:
        port = free_port()
        if port not in found and port not in (taken or ()):
            found.append(port)
    return found
