"""One Apache Kafka broker on this machine: KRaft, 127.0.0.1 only, a single process with its data in one folder.

It is a real broker with small numbers, for development, tests and trials. ``log.retention`` keeps the default of 7 days on purpose: our
topics state their own, and a topic that does not must fail here as it would in production.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.jars import fetch_jars, java
from ops.kafka_config import DEFAULTS, JVM, LOG4J, in_properties
from ops.ports import LOOPBACK, answers, free_port, is_free
from streams.errors import DependencyError

START_SECONDS = 90.0
STOP_SECONDS = 30.0
_UTF8_PATHS = ("/usr/bin/env", "LC_ALL=C.UTF-8")
"""Java takes the encoding of file names from the locale: in that of C it can open none that is not ASCII."""


class LocalBroker:
    """A broker that keeps its data in ``data_dir`` between starts.

    Parameters
    ----------
    data_dir
        Its folder: data, generated configuration, ``logs/``, ``tmp/``. Two brokers on one folder: the second one ends with an error.
    port
        Port to listen on; taken by another is an error. Without it, each start takes a free one: clients must then ask again
        for :attr:`bootstrap` after a restart.
    jars
        Folder of Kafka's jars; by default they are fetched.
    overrides
        Broker settings that replace ours, such as ``{"log.retention.check.interval.ms": 500}``.
    cluster_id
        Of the cluster that the broker belongs to; by default it is one of its own.
    java_options
        They come after ours, and so win.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        jars: Path | None = None,
        overrides: Mapping[str, str | int] | None = None,
        *,
        cluster_id: str = "",
        java_options: Sequence[str] = (),
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or 0
        self._fixed_port = port is not None
        self._jars = jars
        self._overrides = dict(overrides or {})
        self._cluster_id = cluster_id
        self._java_options = java_options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; valid from :meth:`prepare` on."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the broker started by :meth:`start`."""
        if self._process is None:
            raise DependencyError("Kafka 没有启动。 The broker has not been started.")
        return self._process.pid

    @property
    def output_file(self) -> Path:
        """What the Java process itself says; ``kafka.log`` beside it is the broker's log."""
        return self.data_dir / "logs" / "kafka.out"

    def prepare(self) -> list[str]:
        """Choose ports, write the configuration, format the storage the first time; return the command that runs the broker.

        Raises
        ------
        DependencyError
            Java or Maven is missing, the download failed, the port given is taken, or the folder cannot be formatted.
        """
        if not self._fixed_port:
            self.port = free_port()
        elif not is_free(self.port):
            raise DependencyError(f"端口 {self.port} 已被占用，Kafka 无法启动。 Port {self.port} is taken.")
        self._jars = self._jars or fetch_jars()
        logs, data, scratch = (self.data_dir / name for name in ("logs", "data", "tmp"))
        logs.mkdir(parents=True, exist_ok=True)
        # Java unpacks native libraries into it; those of a broker that was killed stay.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        controller = free_port()
        config = {
            **DEFAULTS,
            "log.dirs": data,
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            **self._overrides,
        }
        properties, log4j = self.data_dir / "server.properties", self.data_dir / "log4j2.properties"
        properties.write_text("".join(f"{name}={in_properties(value)}\n" for name, value in config.items()), encoding="ascii")
        log4j.write_text(LOG4J.format(folder=in_properties(logs)), encoding="ascii")
        base = [
            *_UTF8_PATHS,
            java(),
            *JVM,
            *self._java_options,
            f"-Djava.io.tmpdir={scratch}",
            f"-Dlog4j2.configurationFile={log4j}",
            "-cp",
            f"{self._jars}/*",
        ]
        if not (data / "meta.properties").exists():
            self._format([*base, "kafka.tools.StorageTool", "format", "-t", self._cluster_id or make_cluster_id(), "-c", str(properties)])
        return [*base, "kafka.Kafka", str(properties)]

    def start(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """:meth:`launch`, then :meth:`await_serving`."""
        self.launch()
        self.await_serving(timeout_seconds=timeout_seconds)

    def launch(self) -> None:
        """Start the broker as a child that ends when this process ends: to be exact, when the thread does that calls this.

        Raises
        ------
        DependencyError
            As :meth:`prepare`.
        """
        command = self.prepare()
        holder = shutil.which("setpriv")  # the kernel ends the broker with its parent, however that dies
        if holder:
            command = [holder, "--pdeathsig", "KILL", *command]
        with self.output_file.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def await_serving(self, *, timeout_seconds: float = START_SECONDS) -> None:
        """Wait until a broker that was launched serves; one of several does as soon as most of them run.

        Raises
        ------
        DependencyError
            It ended or did not serve in time: with the last lines of its log.
        """
        give_up = time.monotonic() + timeout_seconds
        while not self.serves():
            code = self._process.poll() if self._process else None
            if code is not None or time.monotonic() > give_up:
                self.kill()
                state = "没有按时就绪 not ready in time" if code is None else f"已退出 ended with {code}"
                raise DependencyError(f"Kafka {state}:\n{self.log_tail()}")
            time.sleep(0.1)

    def serves(self) -> bool:
        """Whether the broker of this folder answers now: another one on the same port does not count."""
        if not answers(self.port):
            return False
        try:
            found = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=5)
            return bool(found.cluster_id == self.cluster_id() and found.brokers)
        except (KafkaException, OSError):  # no answer, or a folder that is not ours to read: another's broker, for all we know
            return False

    def cluster_id(self) -> str:
        """Id given to the storage when it was formatted; it never changes."""
        lines = (self.data_dir / "data" / "meta.properties").read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("cluster.id="))

    def stop(self, *, timeout_seconds: float = STOP_SECONDS) -> None:
        """End the broker in good order; a second call does nothing."""
        self._end(signal.SIGTERM, timeout_seconds)

    def kill(self) -> None:
        """End the broker as a power cut would; its data stays."""
        self._end(signal.SIGKILL, STOP_SECONDS)

    def log_tail(self, lines: int = 15) -> str:
        """Last lines of the broker's log, errors first if there are any."""
        return "\n".join(tail(self.data_dir / "logs" / "kafka.log", lines) or tail(self.output_file, lines))

    def _format(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)
        if done.returncode != 0:
            raise DependencyError(f"Kafka 存储初始化失败 storage cannot be formatted in {self.data_dir}:\n{done.stdout}{done.stderr}")

    def _end(self, how: signal.Signals, timeout_seconds: float) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def tail(path: Path, lines: int) -> list[str]:
    """Last lines of a text file, however large; none when it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(-min(file.seek(0, os.SEEK_END), 64 * 1024), os.SEEK_END)
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def make_cluster_id() -> str:
    """A new id, as Kafka makes them: none that begins with a dash, which its tool would take for an option."""
    while (made := urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass
    return made
