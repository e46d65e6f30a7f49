"""The example subscribers end with the view that was committed, careless ones do not, and what docs/subscribing.md shows runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from streams.contracts import DEAD_LETTER, OUTPUTS
from streams.domain.finding import anomaly_id
from streams.partitioner import murmur2
from streams.setting_types import duration_ms
from streams.settings import KafkaSettings
from tests.conftest import Kafka
from tests.examples.subscribers import EXAMPLES, KILLED, KILLS, LATE_PYTHON, Mortal, Run, places_in
from tests.examples.subscribers import run as run_all
from tests.examples.world import news, open_findings

pytestmark = pytest.mark.kafka
PAGE = (EXAMPLES.parent / "docs" / "subscribing.md").read_text(encoding="utf-8")
SECONDS = 90


def blocks(language: str) -> list[str]:
    """The page's code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def run(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run for all tests here."""
    return run_all(kafka.bootstrap, tmp_path_factory.mktemp("examples"))


def test_the_findings_of_the_last_states_are_what_was_told_and_not_resolved(run: Run):
    """So that either can stand for the other: the bootstrap rests on it."""
    assert {(subject, id_) for id_, subject, _, _ in open_findings(run.committed)} == {
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


def test_a_subscriber_that_comes_late_to_what_it_has_to_look_up_ends_with_the_same_view(run: Run):
    """Findings that were open when it noted its places are resolved by the time it reads on."""
    assert run.faults(LATE_PYTHON) == []


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [
        ("reads what is not committed", "states"),
        ("reads what is not committed", "open"),
        (KILLED, "told"),
        ("follows before it has looked up what is open", "open"),
        ("counts what is told twice", "told"),
    ],
)
def test_a_careless_subscriber_is_caught(run: Run, mistake: str, fault: str):
    """The same program with one mistake: the check above is able to fail."""
    assert fault in run.faults(mistake)


@pytest.mark.parametrize("language", ["Python", "Java"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("UPDATE place SET topic_id = 'another'", "the topics were made again"),
        ("UPDATE place SET next = 1000000 WHERE topic LIKE '%anomaly-quality'", "away for longer than anomalies are kept"),
    ],
)
def test_a_subscriber_says_so_when_its_places_are_no_more(run: Run, tmp_path: Path, language: str, spoil: str, said: str):
    """Instead of going on from somewhere else."""
    if language not in run.subscribers:
        pytest.skip("no Java, or no Maven to fetch the jars of examples/java with")
    again = Mortal([*run.commands[language], *run.options], tmp_path / "view")
    shutil.copytree(run.subscribers[language].view.parent, again.view.parent, dirs_exist_ok=True)
    with sqlite3.connect(again.view) as view:
        view.execute(spoil)
    again.start()
    assert said in again.last_words()


def test_a_subscriber_that_meets_a_schema_it_does_not_have_asks_for_it(run: Run, tmp_path: Path):
    """By its id, applying nothing of it."""
    options = [*run.options[:-1], str(EXAMPLES.parent / "avro")]
    behind = Mortal([*run.commands["Python"], *options], tmp_path / "view")
    behind.start()
    assert re.search(r"schema id 100[56] is not in .*bring that folder up to date", behind.last_words())


@pytest.fixture(scope="module")
def workplace(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place as the page supposes it: ``examples/`` and ``avro/`` side by side."""
    folder = tmp_path_factory.mktemp("workplace")
    shutil.copytree(EXAMPLES, folder / "examples")
    (folder / "avro").symlink_to(run.schemas)
    return folder


def follow(run: Run, workplace: Path, block: str, view: Path) -> None:
    """Run commands that follow for ever, until they have caught up; only the prefix of the topics here is added."""
    settings = run.settings.kafka
    commands = block.replace("--view view.db", f"--view {view} --prefix {settings.topic_prefix}")
    environment = {**os.environ, "BOOTSTRAP": settings.bootstrap_servers, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shell = subprocess.Popen(["bash", "-euc", commands], cwd=workplace, env=environment, start_new_session=True)
    try:
        give_up = time.monotonic() + SECONDS
        while places_in(view) != run.end:
            assert shell.poll() is None, "the commands ended by themselves"
            assert time.monotonic() < give_up, f"stuck at {places_in(view)}"
            time.sleep(0.1)
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(30)
    with sqlite3.connect(view) as asked:
        found = set(asked.execute("SELECT anomaly_id, subject, kind, unit_code FROM open_anomaly"))
    assert found == open_findings(run.committed)


def test_the_page_s_commands_for_python_and_its_code_run(run: Run, workplace: Path):
    """The view is filled, the query answers, records are decoded, and news are told once each."""
    python, _ = blocks("sh")
    follow(run, workplace, python, workplace / "view.db")
    place = f"BOOTSTRAP, PREFIX = {run.settings.kafka.bootstrap_servers!r}, {run.settings.kafka.topic_prefix!r}\n"
    script = place + "\n".join(blocks("python"))
    done = subprocess.run([sys.executable, "-c", script], cwd=workplace, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    asked = Counter((unit, kind) for _, _, kind, unit in open_findings(run.committed))
    told = [each for each in news(run.committed) if not each["backfill"]]
    expected = [" ".join((unit, kind, str(count))) for (unit, kind), count in asked.items()]
    expected += [" ".join(each[name] for name in ("state", "kind", "unit_code", "subject", "resolution")) for each in told]
    assert len(told) > 20
    assert sorted(done.stdout.splitlines()) == sorted(expected)


@pytest.mark.skipif(not (shutil.which("javac") and shutil.which("mvn")), reason="the page's commands for Java need a JDK and Maven")
def test_the_page_s_commands_for_java_run(run: Run, workplace: Path):
    """Fetched, compiled, started: the same view."""
    _, java = blocks("sh")
    follow(run, workplace, java, workplace / "java.db")


def test_what_the_page_says_of_partitions_and_topics_is_so():
    """Its examples of keys, its topics, and how long they are kept."""
    rows = re.findall(r"^\| `(\S+)` \| `(0x[0-9a-f]{8})` \| (\d) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for key, digest, partition in rows:
        found = murmur2(key.replace("\\|", "|").encode())
        assert (f"{found:#010x}", (found & 0x7FFFFFFF) % KafkaSettings().partitions) == (digest, int(partition))
    assert all(f"`{topic}`" in PAGE for topic in OUTPUTS if topic != DEAD_LETTER)
    assert f"{duration_ms(KafkaSettings().output_retention) // 86_400_000} 天" in PAGE
