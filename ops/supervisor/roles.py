"""The processes of a local system: how each is started, when it is ready, and what it needs first."""

from __future__ import annotations

import sys
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import orjson

from ops.files import read_if_there, write_whole
from ops.kafka import LocalBroker, tail
from ops.ports import LOOPBACK, answers, preferred_port
from ops.ready import ready_path
from ops.supervisor.record import Paths
from streams.settings import Settings

_PROBE_SECONDS = 2.0


class Role(ABC):
    """One process to be kept running.

    Parameters
    ----------
    needs
        Names of roles that must be ready before this one is started.
    one_shot
        It ends by itself, and is done when it ends with 0.
    start_seconds
        It is restarted when it is not ready so long after it began, or after its :meth:`progress` last changed; ``None``: it may take its
        time (a worker recovers its state).
    """

    role: str
    one_shot = False
    start_seconds: float | None = None
    stop_seconds = 20.0

    def __init__(self, settings: Settings, name: str, needs: tuple[str, ...] = ()) -> None:
        self.settings = settings
        self.paths = Paths(settings.home)
        self.name = name
        self.needs = needs

    @abstractmethod
    def command(self) -> list[str]:
        """Prepare a start and return the command line; ports are chosen and recorded here."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the process does its work now; asked until it is."""

    def progress(self) -> object:
        """What changes while a start gets on that may take long; asked until it is ready."""
        return None

    def reason(self, log: list[str]) -> str:
        """Why it ended, given the lines it wrote: the last one with words in it."""
        return next((line.strip(" │") for line in reversed(log) if any(letter.isalnum() for letter in line)), "")


class KafkaRole(Role):
    """The local broker."""

    role = "kafka"
    start_seconds = 90.0
    stop_seconds = 30.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "kafka")
        self._broker = LocalBroker(settings.home / "kafka")
        self._log = settings.home / "kafka" / "logs" / "kafka.log"

    def command(self) -> list[str]:
        """Take the port of the last time when it is free: clients then need not be told."""
        port = preferred_port(endpoint_port(self.settings, self.role))
        self._broker = LocalBroker(self.settings.home / "kafka", port)
        command = self._broker.prepare()
        record_endpoint(self.settings, self.role, self._broker.bootstrap)
        return command

    def ready(self) -> bool:
        """Whether it answers with its own cluster id."""
        return self._broker.serves()

    def progress(self) -> object:
        """How far its log is. After a power cut it reads its data before it serves, and writes a line for each segment (1 GiB at most).

        Ended on the way it would begin with that anew, for ever.
        """
        with suppress(OSError):
            log = self._log.stat()
            return log.st_mtime_ns, log.st_size
        return None

    def reason(self, log: list[str]) -> str:
        """The broker writes what went wrong to its own log."""
        broker_log = tail(self._log, 200)
        return super().reason([line for line in broker_log if " ERROR " in line or " FATAL " in line]) or super().reason(log)


class StoreRole(Role):
    """The embedded ClickHouse."""

    role = "store"
    start_seconds = 90.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "store")
        self._port = 0

    def command(self) -> list[str]:
        """Take the port of the last time when it is free."""
        self._port = preferred_port(endpoint_port(self.settings, self.role))
        record_endpoint(self.settings, self.role, f"http://{LOOPBACK}:{self._port}")
        return guidang("store", "--port", str(self._port))

    def ready(self) -> bool:
        """Whether it answers ``/ping`` as a ClickHouse server does."""
        if not answers(self._port):
            return False
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self._port}/ping", timeout=_PROBE_SECONDS) as answer:
                return bool(answer.read().strip() == b"Ok.")
        except (OSError, HTTPException):  # killed within its answer, or somebody else's
            return False


class TopicsRole(Role):
    """Creates and checks the topics, once."""

    role = "topics"
    one_shot = True
    start_seconds = 90.0

    def command(self) -> list[str]:
        """``guidang topics``."""
        return guidang("topics", "--json")

    def ready(self) -> bool:
        """Only its end says so."""
        return False


class MeteredRole(Role):
    """A process that serves its metrics."""

    def metrics_port(self) -> int:
        """Choose a port, that of the last time when it is free, and record it."""
        address, host = f"metrics.{self.name}", self.settings.metrics.host
        port = preferred_port(endpoint_port(self.settings, address), host)
        record_endpoint(self.settings, address, f"http://{host}:{port}")
        return port


class WorkerRole(MeteredRole):
    """One worker of the job."""

    role = "worker"

    def command(self) -> list[str]:
        """Remove the sign of an earlier run first: it may have been killed."""
        ready_path(self.settings, self.name).unlink(missing_ok=True)
        return guidang("worker", "--name", self.name, "--metrics-port", str(self.metrics_port()))

    def ready(self) -> bool:
        """Whether its first partitions are open."""
        return ready_path(self.settings, self.name).exists()


class SinkRole(MeteredRole):
    """The sink into ClickHouse."""

    role = "sink"

    def command(self) -> list[str]:
        """As for a worker."""
        ready_path(self.settings, self.name).unlink(missing_ok=True)
        return guidang("sink", "--metrics-port", str(self.metrics_port()))

    def ready(self) -> bool:
        """Whether it has been given partitions."""
        return ready_path(self.settings, self.name).exists()


class BoardRole(Role):
    """The board; it needs nobody, and says on its page what does not answer."""

    role = "board"
    start_seconds = 60.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "board")
        self._port = 0

    def command(self) -> list[str]:
        """Take the port of the last time when it is free: a page that is open goes on."""
        board = self.settings.board
        self._port = board.port or preferred_port(endpoint_port(self.settings, self.role), board.host)
        record_endpoint(self.settings, self.role, f"http://{board.host}:{self._port}")
        return guidang("board", "--port", str(self._port))

    def ready(self) -> bool:
        """Whether it listens."""
        return answers(self._port, self.settings.board.host)


class MonitorRole(MeteredRole):
    """Figures and the state of the pipeline, for Prometheus."""

    role = "monitor"
    start_seconds = 90.0

    def __init__(self, settings: Settings, name: str, needs: tuple[str, ...]) -> None:
        super().__init__(settings, name, needs)
        self._port = 0

    def command(self) -> list[str]:
        """It serves metrics and does nothing else."""
        self._port = self.metrics_port()
        return guidang("monitor", "--metrics-port", str(self._port))

    def ready(self) -> bool:
        """Whether it listens."""
        return answers(self._port, self.settings.metrics.host)


class NotifyRole(Role):
    """The notifier, where channels are set. It needs nobody: it must be able to tell of all the others."""

    role = "notify"
    start_seconds = 30.0

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "notify")

    def command(self) -> list[str]:
        """Its port is a setting: Alertmanager knows it."""
        ready_path(self.settings, self.name).unlink(missing_ok=True)
        return guidang("notify")

    def ready(self) -> bool:
        """Whether it takes alerts: it says where."""
        address = (read_if_there(ready_path(self.settings, self.name)) or b"").decode()
        if address:
            record_endpoint(self.settings, self.role, address)
            record_endpoint(self.settings, f"metrics.{self.name}", address)
        return bool(address)


def worker_role(settings: Settings, number: int) -> WorkerRole:
    """The ``number``-th worker, from 1."""
    return WorkerRole(settings, f"worker-{number}", _present(settings, "kafka", "topics"))


def fixed_roles(settings: Settings) -> list[Role]:
    """All roles but the workers, in the order in which they start."""
    roles: list[Role] = [
        *([] if settings.kafka.bootstrap_servers else [KafkaRole(settings)]),
        *([] if settings.clickhouse.url else [StoreRole(settings)]),
        TopicsRole(settings, "topics", _present(settings, "kafka")),
        SinkRole(settings, "sink", _present(settings, "kafka", "store", "topics")),
        MonitorRole(settings, "monitor", _present(settings, "kafka", "store", "topics")),
        BoardRole(settings),
        *([NotifyRole(settings)] if settings.notify.channels else []),
    ]
    return roles


def metrics_targets(roles: Iterable[Role], endpoints: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where these processes serve their metrics, once they have been started, as Prometheus reads it from a file (``file_sd_configs``)."""
    return [
        {"targets": [address.removeprefix("http://")], "labels": {"role": role.role, "name": role.name}}
        for role in roles
        if (address := endpoints.get(f"metrics.{role.name}"))
    ]


def guidang(*arguments: str) -> list[str]:
    """Command line that runs a command of ours with this Python; ``-P``: whatever lies in the working folder is not imported."""
    return [sys.executable, "-P", "-m", "ops", *arguments]


def endpoint_port(settings: Settings, role: str) -> int | None:
    """Port that a role had the last time."""
    address = _endpoints(settings.endpoints_file).get(role)
    return int(address.rpartition(":")[2]) if address else None


def record_endpoint(settings: Settings, role: str, address: str) -> None:
    """Write down where a role listens, for every client."""
    endpoints = _endpoints(settings.endpoints_file)
    if endpoints.get(role) != address:
        write_whole(settings.endpoints_file, orjson.dumps({**endpoints, role: address}))


def endpoints(settings: Settings) -> dict[str, str]:
    """Where the local processes listen."""
    return _endpoints(settings.endpoints_file)


def _present(settings: Settings, *names: str) -> tuple[str, ...]:
    absent = {"kafka"} if settings.kafka.bootstrap_servers else set()
    absent |= {"store"} if settings.clickhouse.url else set()
    return tuple(name for name in names if name not in absent)


def _endpoints(path: Path) -> dict[str, str]:
    try:
        return {str(role): str(address) for role, address in orjson.loads(read_if_there(path) or b"{}").items()}
    except orjson.JSONDecodeError:
        return {}
