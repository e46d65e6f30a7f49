"""The example subscribers as processes, beside careless ones: started on a real broker, killed, and compared with what was committed."""

from __future__ import annotations

import ctypes
import hashlib
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.jars import cache_folder, class_path, compile_java, download_jars, java
from streams.errors import DependencyError
from streams.settings import KafkaSettings, Settings
from tests.examples.world import PARTITIONS, READ, Said, Writer, last_states, news, open_findings, schemas

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
PYTHON = EXAMPLES / "python" / "open_anomalies.py"
KILLS = 3
FIRST_TRANSACTIONS, TRANSACTIONS_A_KILL = 80, 30
SECONDS = 60
APPLY = "            with self._view:  # one transaction: what was read, and how far\n"
PLACED = """            with self._view:
                for m in messages:
                    place = m.offset() + (not m.error()), m.topic(), m.partition()
                    self._view.execute("UPDATE place SET next = ? WHERE topic = ? AND partition = ?", place)
            time.sleep(0.2)
"""
WAIT = """    while not Path(given.view + ".go").exists():
        time.sleep(0.05)
"""
TIMED = ("import struct\n", "import struct\nimport time\n")
LATE = (TIMED, ("    subscriber.follow(", WAIT + "    subscriber.follow("))
"""It finds out where to begin, and begins when much more has been written."""
KILLED = "commits before it applies"
"""The mistake that only a kill brings to light."""
LATE_PYTHON = "Python, beginning late"
VARIANTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    LATE_PYTHON: LATE,
    "reads what is not committed": (('"isolation.level": "read_committed"', '"isolation.level": "read_uncommitted"'),),
    KILLED: (
        TIMED,
        (APPLY, PLACED + APPLY),
    ),
    "follows before it has looked up what is open": (
        *LATE,
        ("if place[2] < place[3]] or places", "]"),
        ("consume(500, timeout=0.5)", "consume(5_000, timeout=5.0)"),
        ("for message in messages:", "for message in sorted(messages, key=lambda each: 'anomaly' not in each.topic()):"),
    ),
    "counts what is told twice": (("ce_id = ?", "ce_id = ? AND 0"),),
}


def ask(view: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a view; nothing is there before its subscriber first ran."""
    try:
        with closing(sqlite3.connect(f"file:{view}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []


def places_in(view: Path) -> dict[tuple[str, int], int]:
    """How far a view is in each partition."""
    return {(topic, partition): following for topic, partition, following in ask(view, "SELECT topic, partition, next FROM place")}


def die_with_parent() -> None:
    """In a child: end when the thread that started it ends, so that nothing outlives a run that is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Mortal:
    """A subscriber in a process of its own, to be killed.

    Parameters
    ----------
    command
        All of it but the view.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        folder.mkdir()
        self.view, self._errors = folder / "view.db", folder / "errors"
        self._command = [*command, "--view", str(self.view)]
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def start(self) -> None:
        """Start it, again; from the main thread, with which it dies."""
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command,
                stderr=errors,
                stdout=subprocess.DEVNULL,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - no threads are running the child's code
            )

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self.deaths += self._process.wait(30) == -signal.SIGKILL

    def last_words(self) -> str:
        """What it said when it ended by itself, as a failure.

        Raises
        ------
        AssertionError
            It ended without one.
        """
        assert self._process is not None
        try:
            assert self._process.wait(SECONDS) == 1
        finally:
            self.kill()
        return self._errors.read_text(encoding="utf-8")

    def wait(self, holds: Callable[[dict[tuple[str, int], int]], bool]) -> None:
        """Wait until its places are such.

        Raises
        ------
        AssertionError
            It ended by itself, or did not get there in time.
        """
        assert self._process is not None
        give_up = time.monotonic() + SECONDS
        while not holds(places := places_in(self.view)):
            said = self._errors.read_text(encoding="utf-8", errors="replace")[-2_000:]
            assert self._process.poll() is None, f"it ended by itself: {said}"
            assert time.monotonic() < give_up, f"stuck at {places}: {said}"
            time.sleep(0.02)

    def die(self, before: dict[tuple[str, int], int], pause_seconds: float) -> None:
        """Be killed once it is further than before, at once or a little later."""
        self.wait(lambda places: places != before)
        time.sleep(pause_seconds)
        self.kill()


@dataclass(frozen=True)
class Run:
    """One run of all subscribers beside each other: what was committed, and their views at the end.

    Parameters
    ----------
    heard
        Of what was committed, that which came after they first started.
    commands
        How each is started, its options left out.
    """

    settings: Settings
    schemas: Path
    committed: Sequence[Said]
    heard: Sequence[Said]
    open_at_the_end: set[tuple[str, str]]
    end: Mapping[tuple[str, int], int]
    commands: Mapping[str, Sequence[str]]
    subscribers: Mapping[str, Mortal]

    @property
    def options(self) -> list[str]:
        """Where the topics are."""
        place = self.settings.kafka
        return ["--bootstrap", place.bootstrap_servers, "--prefix", place.topic_prefix, "--schemas", str(self.schemas)]

    def faults(self, name: str) -> list[str]:
        """In what a view is not what was committed."""
        view = self.subscribers[name].view
        states = {
            key: [state[field] for field in ("status", "unit_code", "item_code", "due_at")]
            for key, state in last_states(self.committed).items()
        }
        times = Counter((each["kind"], each["unit_code"], each["state"]) for each in news(self.heard))
        truths = {
            "states": (states, {key: rest for key, *rest in ask(view, "SELECT * FROM case_state")}),
            "open": (open_findings(self.committed), set(ask(view, "SELECT anomaly_id, subject, kind, unit_code FROM open_anomaly"))),
            "told": (times, {tuple(key): count for *key, count in ask(view, "SELECT * FROM told")}),
        }
        return [what for what, (truth, found) in truths.items() if truth != found]


def variants(folder: Path) -> Iterator[tuple[str, Path]]:
    """The Python example with one mistake each, or none but to begin late."""
    for number, (name, mistakes) in enumerate(VARIANTS.items()):
        text = PYTHON.read_text(encoding="utf-8")
        for right, wrong in mistakes:
            assert text.count(right) == 1, f"{right!r} is not in the example once"
            text = text.replace(right, wrong)
        path = folder / f"variant_{number}.py"
        path.write_text(text, encoding="utf-8")
        yield name, path


def java_command(folder: Path) -> list[str]:
    """The Java example, compiled by Eclipse's compiler, which needs no JDK.

    Raises
    ------
    DependencyError
        No Java, or no Maven to fetch the jars with.
    """
    pom = (EXAMPLES / "java" / "pom.xml").read_text(encoding="utf-8")
    jars = download_jars(cache_folder() / f"example-{hashlib.sha256(pom.encode()).hexdigest()[:12]}", pom, "examples/java")
    compile_java(EXAMPLES / "java" / "OpenAnomalies.java", jars, folder)
    return [java(), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", class_path(jars, folder), "OpenAnomalies"]


def ends(settings: Settings) -> dict[tuple[str, int], int]:
    """Where the partitions that a subscriber reads end."""
    admin = AdminClient({**settings.kafka_client(), "log_level": 0})
    names = [settings.topic(name) for name in READ]
    asked = {TopicPartition(name, partition): OffsetSpec.latest() for name in names for partition in range(PARTITIONS)}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}


def run(bootstrap: str, home: Path) -> Run:
    """History first; then all subscribers start, and some are killed again and again while the rest is written."""
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    place = KafkaSettings(bootstrap_servers=bootstrap, topic_prefix=prefix, partitions=PARTITIONS)
    settings = Settings(data_dir=home, application=f"{prefix}app", kafka=place)
    writer = Writer(settings, schemas(home / "avro"))
    writer.write(FIRST_TRANSACTIONS)
    heard_from = len(writer.committed)
    options = ["--bootstrap", bootstrap, "--prefix", prefix, "--schemas", str(home / "avro")]
    commands = {"Python": [sys.executable, str(PYTHON)], **{name: [sys.executable, str(path)] for name, path in variants(home)}}
    with suppress(DependencyError):
        commands["Java"] = java_command(home / "classes")
    subscribers = {name: Mortal([*command, *options], home / f"view{number}") for number, (name, command) in enumerate(commands.items())}
    try:
        for subscriber in subscribers.values():
            subscriber.start()
        for subscriber in subscribers.values():
            subscriber.wait(bool)
        mortal = [subscribers[name] for name in ("Python", "Java", KILLED) if name in subscribers]
        with ThreadPoolExecutor() as pool:
            for number in range(KILLS):
                tasks = [pool.submit(subscriber.die, places_in(subscriber.view), 0.1 * (number % 3)) for subscriber in mortal]
                writer.write(TRANSACTIONS_A_KILL)
                for subscriber, task in zip(mortal, tasks, strict=True):
                    task.result()
                    subscriber.start()
        writer.write()
        end = ends(settings)
        for subscriber in subscribers.values():
            subscriber.view.with_name(f"{subscriber.view.name}.go").touch()
        for subscriber in subscribers.values():
            subscriber.wait(lambda places: places == end)
    finally:
        for subscriber in subscribers.values():
            subscriber.kill()
    heard = writer.committed[heard_from:]
    return Run(settings, home / "avro", writer.committed, heard, writer.open_at_the_end, end, commands, subscribers)
