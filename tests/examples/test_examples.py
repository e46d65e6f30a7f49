"""The example subscribers are killed again and again, and their views still equal what was committed; careless ones are caught."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.jars import cache_folder, download_jars, java
from streams.domain.finding import anomaly_id
from streams.errors import DependencyError
from streams.settings import KafkaSettings, Settings
from tests.conftest import Kafka
from tests.examples.world import PARTITIONS, READ, Said, Writer, last_states, open_findings, schemas, told

pytestmark = pytest.mark.kafka
EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
PYTHON = EXAMPLES / "python" / "open_anomalies.py"
ECJ = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>guidang</groupId><artifactId>ecj</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency><groupId>org.eclipse.jdt</groupId><artifactId>ecj</artifactId><version>3.42.0</version></dependency></dependencies>
</project>
"""
KILLS = 4
FIRST_TRANSACTIONS, TRANSACTIONS_A_KILL = 80, 30
SECONDS = 60
APPLY = "            with self._view:  # one transaction: what was read, and how far\n"
PLACED = """            with self._view:
                for m in messages:
                    place = m.offset() + (not m.error()), m.topic(), m.partition()
                    self._view.execute("UPDATE place SET next = ? WHERE topic = ? AND partition = ?", place)
            time.sleep(0.2)
"""
SEEN = 'self._view.execute("INSERT OR IGNORE INTO seen VALUES (?)", (ce_id,)).rowcount == 0'
KILLED = "commits before it applies"
"""The mistake that only a kill brings to light."""
CARELESS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "reads what is not committed": (('"isolation.level": "read_committed"', '"isolation.level": "read_uncommitted"'),),
    KILLED: (
        ("import struct\n", "import struct\nimport time\n"),
        (APPLY, PLACED + APPLY),
    ),
    "counts what is told twice": (("ce_id = ?", "ce_id = ? AND 0"),),
    "takes an id for one event for ever": (
        ('VIEW = """\n', 'VIEW = """\nCREATE TABLE IF NOT EXISTS seen (ce_id TEXT PRIMARY KEY);\n'),
        ('self._view.execute("SELECT 1 FROM anomaly WHERE anomaly_id = ? AND ce_id = ?", last).fetchone()', SEEN),
    ),
}


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
        """Start it, again."""
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(self._command, stderr=errors, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self.deaths += self._process.wait(30) == -signal.SIGKILL

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask its view; nothing is there before it first ran."""
        try:
            with closing(sqlite3.connect(f"file:{self.view}?mode=ro", uri=True)) as view:
                return view.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    def places(self) -> dict[tuple[str, int], int]:
        """How far it is in each partition."""
        return {(topic, partition): following for topic, partition, following in self.ask("SELECT topic, partition, next FROM place")}

    def wait(self, holds: Callable[[dict[tuple[str, int], int]], bool]) -> None:
        """Wait until its places are such.

        Raises
        ------
        AssertionError
            It ended by itself, or did not get there in time.
        """
        assert self._process is not None
        give_up = time.monotonic() + SECONDS
        while not holds(places := self.places()):
            said = self._errors.read_text(encoding="utf-8", errors="replace")[-2_000:]
            assert self._process.poll() is None, f"it ended by itself: {said}"
            assert time.monotonic() < give_up, f"stuck at {places}: {said}"
            time.sleep(0.02)

    def die(self, before: dict[tuple[str, int], int], pause_seconds: float) -> None:
        """Be killed once it is further than before, at once or a little later, and live again."""
        self.wait(lambda places: places != before)
        time.sleep(pause_seconds)
        self.kill()
        self.start()


@dataclass(frozen=True)
class Run:
    """One run of all subscribers beside each other: what was committed, and their views at the end."""

    committed: Sequence[Said]
    heard: Sequence[Said]
    open_at_the_end: set[tuple[str, str]]
    subscribers: Mapping[str, Mortal]

    def faults(self, name: str) -> list[str]:
        """In what a view is not what was committed."""
        asked = self.subscribers[name].ask
        states = {
            key: [state[field] for field in ("status", "unit_code", "item_code", "due_at")]
            for key, state in last_states(self.committed).items()
        }
        truths = {
            "states": (states, {key: rest for key, *rest in map(list, asked("SELECT * FROM case_state"))}),
            "open": (open_findings(self.committed), set(asked("SELECT anomaly_id, subject, unit_code FROM open_anomaly"))),
            "told": (told(self.heard), {tuple(key): times for *key, times in asked("SELECT * FROM told")}),
        }
        return [what for what, (truth, view) in truths.items() if truth != view]


def careless(folder: Path) -> Iterator[tuple[str, Path]]:
    """The Python example with one mistake each."""
    for number, (name, mistakes) in enumerate(CARELESS.items()):
        text = PYTHON.read_text(encoding="utf-8")
        for right, wrong in mistakes:
            assert text.count(right) == 1, f"{right!r} is not in the example once"
            text = text.replace(right, wrong)
        path = folder / f"careless_{number}.py"
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
    (compiler,) = download_jars(cache_folder() / "ecj-3.42.0", ECJ, "ECJ").glob("*.jar")
    path = ":".join(map(str, sorted(jars.glob("*.jar"))))
    source = EXAMPLES / "java" / "OpenAnomalies.java"
    command = [java(), "-jar", str(compiler), "-17", "-cp", path, "-d", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [java(), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{path}:{folder}", "OpenAnomalies"]


def ends(settings: Settings) -> dict[tuple[str, int], int]:
    """Where the partitions that a subscriber reads end."""
    admin = AdminClient({**settings.kafka_client(), "log_level": 0})
    names = [settings.topic(name) for name in READ]
    asked = {TopicPartition(name, partition): OffsetSpec.latest() for name in names for partition in range(PARTITIONS)}
    answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return {(at.topic, at.partition): answer.result().offset for at, answer in answers.items()}


@pytest.fixture(scope="module")
def run(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """History first; then all subscribers start, and are killed while the rest is written."""
    home = tmp_path_factory.mktemp("examples")
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    place = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=prefix, partitions=PARTITIONS)
    settings = Settings(data_dir=home, application=f"{prefix}app", kafka=place)
    writer = Writer(settings, schemas(home / "avro"))
    writer.write(FIRST_TRANSACTIONS)
    heard_from = len(writer.committed)
    options = ["--bootstrap", kafka.bootstrap, "--prefix", prefix, "--schemas", str(home / "avro")]
    commands = {"Python": [sys.executable, str(PYTHON)], **{name: [sys.executable, str(path)] for name, path in careless(home)}}
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
                tasks = [pool.submit(subscriber.die, subscriber.places(), 0.1 * (number % 3)) for subscriber in mortal]
                writer.write(TRANSACTIONS_A_KILL)
                for task in tasks:
                    task.result()
        writer.write()
        end = ends(settings)
        for subscriber in subscribers.values():
            subscriber.wait(lambda places: places == end)
    finally:
        for subscriber in subscribers.values():
            subscriber.kill()
    return Run(writer.committed, writer.committed[heard_from:], writer.open_at_the_end, subscribers)


def test_the_findings_of_the_last_states_are_what_was_told_and_not_resolved(run: Run):
    """So that either can stand for the other: the bootstrap rests on it."""
    assert {(subject, id_) for id_, subject, _ in open_findings(run.committed)} == {
        (subject, anomaly_id(kind, subject)) for subject, kind in run.open_at_the_end
    }
    assert len(run.open_at_the_end) > 50


@pytest.mark.parametrize("language", ["Python", "Java"])
def test_a_subscriber_that_is_killed_again_and_again_ends_with_the_view_that_was_committed(run: Run, language: str):
    """The last state of every case, the open anomalies, and how often each unit was told of each kind: nothing missed, nothing twice."""
    if language not in run.subscribers:
        pytest.skip("no Java, or no Maven to fetch the jars of examples/java with")
    assert run.subscribers[language].deaths == KILLS + 1
    assert run.faults(language) == []


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [
        ("reads what is not committed", "states"),
        ("reads what is not committed", "open"),
        (KILLED, "told"),
        ("counts what is told twice", "told"),
        ("takes an id for one event for ever", "open"),
    ],
)
def test_a_careless_subscriber_is_caught(run: Run, mistake: str, fault: str):
    """The same program with one mistake: the check above is able to fail."""
    assert fault in run.faults(mistake)
