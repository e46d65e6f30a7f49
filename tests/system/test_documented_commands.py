"""The commands that the documents give an operator do what they say, on a system that runs: those that only look, report or waive."""

from __future__ import annotations

import datetime as dt
import subprocess

import pytest

from ops.cli.catalog import COMMANDS
from tests.docs.cli import fault, known
from tests.docs.lines import lines
from tests.system.cases import ZONE, archive, closing
from tests.system.conftest import GUIDANG, LIMIT_SECONDS, System
from tests.system.test_system import DEADLINE_72H, MakeSystem

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

LOOKING = {
    *("status", "doctor", "topics", "coverage", "items", "score", "todo", "explain", "anomalies", "suggest", "reconcile", "report"),
    "waive",
}
STAND_INS = {parameter.name.upper() for name in COMMANDS for parameter in known(name).params} | {"P", "DIR", "NAME"}
CLOSED = dt.datetime(2018, 6, 4, 10, tzinfo=ZONE)
PLACE = {"unit_code": "330100012", "item_code": "许可-00387-000", "item_name": "中医医疗广告审查"}


def documented() -> list[tuple[str, ...]]:
    """Command lines to be copied as they stand: complete, without stand-ins, and of nothing outside the system's own folder.

    Of several with the same options, the first.
    """
    written = [line.words for line in lines("guidang")]
    written += [line.words[line.words.index("cli") + 1 :] for line in lines("docker") if "cli" in line.words]
    whole = [words for words in written if words and words[0] in LOOKING and not fault(words, whole=True)]
    here = [words for words in whole if not STAND_INS & set(words) and not any(word.startswith("/") for word in words)]
    of_their_kind = {(words[0], *(word for word in words if word.startswith("--"))): words for words in reversed(here)}
    return list(of_their_kind.values())


def fill(system: System) -> None:
    """One unit with what the documents' examples name: an item without its module, a case of each kind."""
    system.publish("item-registry", [{"event_id": "i1", "build_mode": "MUNICIPAL", **PLACE}])
    system.publish("case-closed", [closing(case_no, CLOSED, **PLACE) for case_no in ("办件号", "never")])
    kept = {key: value for key, value in PLACE.items() if key != "item_name"}
    system.publish("archive-received", [archive(case_no, CLOSED + dt.timedelta(hours=1), **kept) for case_no in ("办件号", "orphan")])
    system.caught_up()


def test_what_the_documents_say_can_be_typed(make_system: MakeSystem) -> None:
    """Each command ends with 0, run by a user who may only read; all that an operator looks with are among them."""
    system = make_system(**DEADLINE_72H, GUIDANG_CLOCK="2018-12-31T18:00:00+08:00")
    system.up(1)
    fill(system)
    commands = documented()
    assert {words[0] for words in commands} == LOOKING
    reader = {**system.environment, "GUIDANG_CLICKHOUSE__USER": "dashboards"}
    failed = {}
    for words in commands:
        done = subprocess.run(
            [GUIDANG, *words], env=reader, cwd=system.home, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        if done.returncode:
            failed[" ".join(words)] = (done.returncode, done.stderr[-500:])
    assert failed == {}
    system.caught_up()
    assert [each["waived"] for each in system.json("anomalies", "--kind", "NOT_CONFIGURED")] == [True]
