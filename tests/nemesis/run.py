"""A run: a simulated year goes in, everything that can happen happens, and in the end all of it is as the truth says.

``make soak`` prints a table; ``make soak SOAK="--minutes 120 --cases 500000 --seed 7"`` says for how long and with what.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from confluent_kafka import Producer

from ops.caught_up import wait_caught_up
from ops.demo import compare
from ops.reading import read_topic
from ops.simulate.generate import Plan, Simulation
from ops.simulate.run import Simulated
from streams.contracts import ANOMALY_TOPICS, codec, record_key
from streams.domain.time import iso
from streams.settings import Settings
from tests.nemesis.cluster import GUIDANG, Cluster
from tests.nemesis.faults import Fault, faults

YEAR, WINDOW = 2018, "2018-01-01..2018-12-31"
LOGS = Path("build/nemesis")
"""Where logs are kept when a run fails."""
HEAL_SECONDS = 120.0
_TOLD_SECONDS = 10.0
_SHOWN = 20

Tell = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What happened, and what was found afterwards."""

    seed: int
    cases: int
    minutes: float
    events: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    """Faults that hit, by whom and what."""
    busy: Counter[str] = field(default_factory=Counter)
    """Those of them that hit while work was in progress."""
    impossible: set[str] = field(default_factory=set)
    ends: dict[str, dict[str, int]] = field(default_factory=dict)
    standing_seconds: float = 0.0
    """The longest time from the end of a fault until work that waited went on, other faults going on meanwhile."""
    heal_seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        """For people."""
        width = max(len(name) for name in self.hits | self.busy) + 2
        lines = [f"{'fault':<{width}} hit  at work"]
        lines += [f"{name:<{width}} {count:>3} {self.busy[name]:>8}" for name, count in sorted(self.hits.items())]
        lines += [f"{name}: not possible on this machine" for name in sorted(self.impossible)]
        lines += [f"{name} ended: {said}" for name, said in self.ends.items() if said]
        lines.append(
            f"seed {self.seed}, {self.cases} cases, {self.events} events, {self.minutes:g} minutes, {self.hits.total()} faults, "
            f"{self.busy.total()} of them at work; work went on after {self.standing_seconds:.1f} s at most; "
            f"healed after {self.heal_seconds:.1f} s; wrong: {len(self.wrong)}"
        )
        return "\n".join(lines + self.wrong[:_SHOWN])


class Run:
    """One run on a cluster that has just started."""

    def __init__(self, cluster: Cluster, report: Report, longest_seconds: float, tell: Tell) -> None:
        self.cluster, self.report, self._tell = cluster, report, tell
        self.settings = cluster.settings()
        self._longest_seconds = longest_seconds
        self._end = time.monotonic() + report.minutes * 60
        self._failures: list[BaseException] = []
        self._sent = 0
        self._over = threading.Event()
        now_ms = self.settings.make_clock().now_ms()
        self.plan = Plan(report.cases, report.seed, YEAR, now_ms=now_ms, policy=self.settings.domain_policy())

    def play(self) -> Simulated:
        """Let everything happen; return what was published."""
        published: list[Simulated] = []
        lanes = [threading.Thread(target=self._guard, args=(lambda: published.append(self._publish()),))]
        for whom, choice in faults(self._longest_seconds).items():
            dice = random.Random(f"{self.report.seed} {whom}")  # noqa: S311 - to be repeated
            lanes.append(threading.Thread(target=self._guard, args=(partial(self._happen, choice, dice),)))
        watch = threading.Thread(target=self._watch)
        for thread in (watch, *lanes):
            thread.start()
        try:
            for thread in lanes:
                thread.join()
        finally:  # whoever interrupts it does not wait for half an hour, and what is broken is mended all the same
            self._over.set()
            for thread in (watch, *lanes):
                thread.join()
        if self._failures:
            raise self._failures[0]
        self.report.events = published[0].total
        return published[0]

    def heal(self) -> None:
        """Everything is mended by now: all that was sent goes the whole way, within :data:`HEAL_SECONDS`.

        Raises
        ------
        WaitTimeout
            It does not.
        """
        begun = told = time.monotonic()

        def tell(step: int, missing: list[str]) -> None:
            nonlocal told
            if time.monotonic() - told > _TOLD_SECONDS:
                told = time.monotonic()
                self._tell(f"step {step}, {len(missing)} missing: {missing[0]}")

        wait_caught_up(self.settings, HEAL_SECONDS, tell)
        self.report.heal_seconds = time.monotonic() - begun
        self.report.ends = self.cluster.ends()

    def judge(self, simulated: Simulated) -> list[str]:
        """What is wrong: against the truth, against a batch over the same topics, and of findings told twice."""
        found = [str(each) for each in compare(self.settings, self.plan, simulated, WINDOW)]
        batch = subprocess.run(
            [GUIDANG, "reconcile", "--json"], env=self.cluster.environment(), capture_output=True, text=True, timeout=500, check=False
        )
        if batch.returncode != 0:
            differences = json.loads(batch.stdout)["differences"] if batch.stdout else [batch.stderr]
            found += [f"reconcile: {each}" for each in differences]
        return found + told_twice(self.settings)

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for the thread
            self._failures.append(error)
            self._over.set()

    def _happen(self, choice: Sequence[Fault], dice: random.Random) -> None:
        """Each fault once, in an order of this seed; then any, until the end."""
        waiting = dice.sample(choice, len(choice))
        while not self._over.is_set() and ((left := self._end - time.monotonic()) > 0 or waiting):
            fault = waiting.pop() if waiting else dice.choice(choice)
            victim = fault.victim(dice)
            name, seconds = f"{fault.on}: {fault.kind}", min(dice.uniform(*fault.seconds), max(left, 1.0))
            at_work = any(self.cluster.look()[:2])
            with fault.begin(self.cluster, victim) as possible:
                self._tell(f"{victim}: {fault.kind} for {seconds:.1f} s")
                if possible:
                    self.report.hits[name] += 1
                    self.report.busy[name] += at_work
                    self._over.wait(seconds)
                else:
                    self.report.impossible.add(name)
            self._await_progress(writes=fault.on in {"sink", "store"})
            self._over.wait(dice.uniform(0.5, 3.0))

    def _await_progress(self, *, writes: bool) -> None:
        """Wait until work goes on that waits: the next fault must find it going on, and not what the last one left standing."""
        begun_s, done = time.time(), -1
        while not self._over.is_set() and time.monotonic() < self._end and time.time() < begun_s + HEAL_SECONDS:
            look = self.cluster.look()
            behind, now = (look.outputs_behind, look.outputs_done) if writes else (look.inputs_behind, look.inputs_done)
            if look.at_s > begun_s:  # an older look may have missed what was done before the fault
                if behind == 0 or 0 <= done < now:
                    self.report.standing_seconds = max(self.report.standing_seconds, look.at_s - begun_s)
                    return
                done = now if done < 0 else done
            self._over.wait(0.2)

    def _publish(self) -> Simulated:
        """All events, evenly until the end, by a producer that never gives up: what was confirmed is all there is."""
        begun, simulation, sent = time.monotonic(), Simulation(self.plan), Counter[str]()
        events = list(simulation.events())
        interval = max(self._end - begun - 10.0, 1.0) / len(events)
        producer = Producer(
            self.settings.kafka_client()
            | {"log_level": 0, "enable.idempotence": True, "partitioner": "murmur2_random", "message.timeout.ms": 0, "linger.ms": 5}
        )
        encode = {topic: codec(topic).encode for topic in {topic for topic, _ in events}}
        for number, (topic, record) in enumerate(events):
            while time.monotonic() < begun + number * interval:
                if self._over.wait(0.02):
                    raise InterruptedError(f"over after {number} of {len(events)} events")
            producer.produce(self.settings.topic(topic), encode[topic](record), record_key(topic, record))
            producer.poll(0)
            sent[topic] += 1
            self._sent = number + 1
        while producer.flush(5) and not self._over.is_set():
            pass
        return Simulated(self.plan, simulation.truth, simulation.items, dict(sent), time.monotonic() - begun)

    def _watch(self) -> None:
        while not self._over.wait(_TOLD_SECONDS):
            left = self._end - time.monotonic()
            self._tell(f"{left:5.0f} s to go, {self._sent} events, {self.report.hits.total()} faults, {self.cluster.look()}")


def told_twice(settings: Settings) -> list[str]:
    """Ids of findings' steps that were told more than once, among the committed records."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    for topic in ANOMALY_TOPICS:
        for message in read_topic(settings, topic):
            record = codec(topic).decode(message.value())
            where = f"{message.partition()}@{message.offset()} {record['kind']} {record['state']} at {iso(message.timestamp()[1])}"
            told[f"{topic} {message.key().decode()}: {dict(message.headers())['ce_id'].decode()}"].append(where)
    return [f"{name} told {len(places)} times: {'; '.join(places)}" for name, places in told.items() if len(places) > 1]


def run(folder: Path, *, seed: int, cases: int, minutes: float, longest_seconds: float, tell: Tell) -> Report:
    """Run once; the report says what was wrong."""
    report = Report(seed, cases, minutes)
    with Cluster(folder) as cluster:
        try:
            this = Run(cluster, report, longest_seconds, tell)
            simulated = this.play()
            tell(f"everything is mended; {report.hits.total()} faults")
            this.heal()
            report.wrong = this.judge(simulated)
        except BaseException:
            keep_logs(folder)
            raise
        if report.wrong:
            keep_logs(folder)
            (LOGS / "wrong.txt").write_text("\n".join(report.wrong), encoding="utf-8")
    return report


def keep_logs(folder: Path) -> None:
    """What every process said, for whoever asks why; all else goes with the run."""
    LOGS.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("*.log"), *folder.glob("kafka/logs/*.log")):
        shutil.copy(path, LOGS / "-".join(path.relative_to(folder).parts))


def main() -> int:
    """Run, print the table; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311
    parser.add_argument("--longest", type=float, default=180.0, help="seconds that the store may be down")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="guidang-nemesis-", ignore_cleanup_errors=True) as folder:
        report = run(
            Path(folder),
            seed=given.seed,
            cases=given.cases,
            minutes=given.minutes,
            longest_seconds=given.longest,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )
    print(report.table())
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
