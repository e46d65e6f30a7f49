"""The whole system on this machine, driven as a user drives it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.cases import expected_statuses, make_cases
from tests.system.conftest import GUIDANG, System, running_under

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

PERMITS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "permits"
DEADLINE_72H = {"GUIDANG_POLICY__DEADLINE": "72h"}
MakeSystem = Callable[..., System]
KILLING_SECONDS = 30.0


def statuses(system: System) -> Counter[str]:
    """Cases by status, as ClickHouse has them."""
    return Counter(dict(system.sql("SELECT status, count() FROM case_state FINAL GROUP BY status")))


def agree(system: System) -> None:
    """Stream, batch and ClickHouse say the same."""
    assert system.json("reconcile")["differences"] == []


@pytest.mark.skipif(not PERMITS.is_dir(), reason="the real log of ../shared/data/permits is not here")
def test_the_real_permit_log_gives_the_expected_figures_in_any_order_and_twice_over(make_system: MakeSystem) -> None:
    """Archives before closings, everything twice; one of three workers is taken away half-way, and put back."""
    system = make_system(**DEADLINE_72H)
    system.up(3)
    halves = ((("archive-received", "archives"), 2), (("case-closed", "closed"), 3))
    for (topic, name), workers in halves * 2:
        system.run("publish", topic, str(PERMITS / f"{name}.csv"))
        system.run("up", "--detach", "--workers", str(workers))
    system.caught_up()
    rows = {row["scope"]: row for row in system.json("coverage", "--by", "unit", "--window", "2010-01-01..2012-12-31")}
    expected = json.loads((PERMITS / "expected.json").read_text())
    assert rows.keys() == expected.keys()
    for unit, figures in expected.items():
        row = rows[unit]
        on_time, late = figures.get("archived_on_time", 0), figures.get("archived_late", 0)
        assert (row["closed"], row["archived"], row["archived_late"]) == (figures["closed"], on_time + late, late)
        assert (row["unarchived"], row["orphan"], row["awaiting"]) == (figures.get("unarchived", 0), 0, 0)
    agree(system)


def test_whatever_is_killed_while_cases_come_in_the_figures_are_the_same(make_system: MakeSystem) -> None:
    """SIGKILL of worker, sink, store and broker, again and again, under load; the supervisor restarts them."""
    count = 3_000
    system = make_system(**DEADLINE_72H)
    system.up(2)
    closings, archives = make_cases(count)
    parts = [archives[::2], closings[::2], closings[1::2], archives[1::2]]
    publisher = threading.Thread(target=publish_all, args=(system, parts))
    publisher.start()
    dice = random.Random(7)  # noqa: S311 - a nemesis that can be repeated
    killed: Counter[str] = Counter()
    end = time.monotonic() + KILLING_SECONDS
    while time.monotonic() < end or killed.keys() < {"worker", "sink", "store", "kafka"}:
        time.sleep(dice.uniform(0.7, 1.9))
        role = dice.choice(["worker", "worker", "sink", "store", "kafka"])
        if pids := system.pids(role):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGKILL)
                killed[role] += 1
        if role == "kafka":
            time.sleep(4.0)  # let some work be done between two deaths of the broker
    publisher.join()
    system.caught_up()
    assert statuses(system) == expected_statuses(count)
    agree(system)
    print(f"\n{count} cases, killed: {dict(sorted(killed.items()))}")


def publish_all(system: System, parts: list[list[dict[str, object]]]) -> None:
    """Publish one part after the other."""
    for number, events in enumerate(parts):
        publish_until_accepted(system, "case-closed" if "closed_at" in events[0] else "archive-received", events, f"part{number}")


def publish_until_accepted(system: System, topic: str, events: list[dict[str, object]], name: str) -> None:
    """Publish a file again and again until all of it was confirmed: what a sender does when the broker is gone."""
    path = system.home / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(event, ensure_ascii=False) for event in events), encoding="utf-8")
    for _ in range(20):
        done = subprocess.run(
            [GUIDANG, "publish", topic, str(path)], env=system.environment, capture_output=True, text=True, timeout=200, check=False
        )
        if done.returncode == 0:
            return
        time.sleep(1.0)
    raise AssertionError(done.stderr)


def test_a_second_up_goes_on_a_third_judges_again_by_a_new_assumption_and_down_leaves_nothing(make_system: MakeSystem) -> None:
    """State, figures and offsets survive; a supervisor that was killed leaves nothing that down does not find.

    policy.deadline changes before the third: verdicts of the past follow, without replaying anything.
    """
    system = make_system(**DEADLINE_72H)
    system.up(2)
    closings, archives = make_cases(400)
    system.publish("case-closed", closings)
    system.down()
    assert not running_under(system.home)
    system.up(1)
    system.publish("archive-received", archives)
    system.caught_up()
    assert statuses(system) == expected_statuses(400)
    system.kill("supervisor")
    system.down()
    assert not running_under(system.home)
    system.environment["GUIDANG_POLICY__DEADLINE"] = "1h"
    system.up(1)
    system.caught_up()
    found = statuses(system)
    assert (found["ARCHIVED"], found["ARCHIVED_LATE"]) == (50, 150)  # the moved ones came a day before their closing
    agree(system)
