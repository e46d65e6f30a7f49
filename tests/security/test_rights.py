"""The rights that ``streams.rights`` lists are what each process needs: with them it works, and with one less it says which.

The broker's own audit log says what was asked for, so that a right that nobody uses is found, too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package does not mark what it exports
    AclBindingFilter,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from consumers.clickhouse import connect
from ops.caught_up import Observer, wait_caught_up
from ops.dlq.query import Query
from ops.dlq.redrive import Redrive, list_letters, show_letter
from ops.dlq.sender import Sender
from ops.explain import explain
from ops.findings_then import as_of_moment
from ops.importing.faults import Draft, Reading
from ops.importing.run import import_reading
from ops.lag import read_lags
from ops.monitor.canary import Canary
from ops.monitor.heartbeats import Heartbeats
from ops.monitor.pipeline import Pipeline
from ops.publish import TopicProducer
from ops.reconcile import reconcile
from ops.replay import replay
from ops.topics import deviations, ensure_topics
from ops.waive import Waiver, publish_waiver
from streams.access import check_access
from streams.contracts import (
    ARCHIVE_RECEIVED,
    ARCHIVING_SCHEDULE,
    CASE_CLOSED,
    CASE_INPUTS,
    CASE_STATE,
    DEAD_LETTER,
    FEED_HEARTBEAT,
    ITEM_REGISTRY,
    MODULE_CONFIG,
    OUTPUTS,
    UNIT_REGISTRY,
    WAIVER,
    codec,
    record_key,
    topic_names,
)
from streams.errors import DependencyError, NotAllowed, OperatorError
from streams.partitioner import PARTITIONERS
from streams.rights import PROCESSES, SENT, Right, rights_of, without_implied
from streams.settings import Settings
from tests.consumers.conftest import StoreProcess, eventually
from tests.dlq.letters import worker_headers
from tests.runtime.harness import read_progress
from tests.security.broker import SecureBroker, acl
from tests.strategies import MONDAY_MS

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]

HOUR_MS = 3_600_000
ITEM = "许可-00387-000"
PLAIN = Settings(kafka={"partitions": 2}, canary={"every": "60s"})
"""Application, prefix and partitions as everywhere here; rights do not depend on anything else."""
WORKER, SINK = rights_of("worker", PLAIN), rights_of("sink", PLAIN)


def silent(*_: Any) -> None:
    """Nobody watches the progress."""


def environment_of(settings: Settings) -> dict[str, str]:
    """The same settings for a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUIDANG_")}
    kafka = settings.kafka.model_dump(mode="json", exclude_none=True)
    return kept | {
        "GUIDANG_DATA_DIR": str(settings.home),
        "GUIDANG_KAFKA": json.dumps(kafka),
        "GUIDANG_CLICKHOUSE__URL": settings.clickhouse.url,
        "GUIDANG_POLICY__DEADLINE": settings.policy.deadline,
        "GUIDANG_PRIVACY__TITLE_KEY_FILE": str(settings.privacy.title_key_file),
    }


@dataclass
class Running:
    """A process of ours, its log in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, settings: Settings, *words: str) -> Running:
        """Start ``guidang`` with these words."""
        settings.home.mkdir(parents=True, exist_ok=True)
        log = settings.home / f"{words[0]}.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "ops", *words]
            return cls(subprocess.Popen(command, env=environment_of(settings), stdout=output, stderr=output), log)

    @property
    def said(self) -> str:
        """Everything it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def ended(self, seconds: float = 30) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait(seconds)

    def stop(self) -> None:
        """End it in good order, and by force if that does not help."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


@dataclass
class Place:
    """The broker with its users and topics, the store, and what was sent."""

    secured: SecureBroker
    store: StoreProcess
    home: Path
    stack: ExitStack
    running: dict[str, Running] = field(default_factory=dict)

    def settings(self, user: str, *, tls: bool = False, kafka: Mapping[str, Any] | None = None) -> Settings:
        """Settings of a process that logs in as a user."""
        given = {
            "bootstrap_servers": self.secured.tls if tls else self.secured.sasl,
            "partitions": PLAIN.kafka.partitions,
            "security": self.secured.certificate(user) if tls else self.secured.login(user),
            **(kafka or {}),
        }
        return Settings(
            data_dir=self.home / user,
            kafka=given,
            clickhouse={"url": self.store.url},
            canary={"every": "60s"},
            policy={"deadline": "72h"},
            privacy={"title_key_file": self.home / "title.key"},
        )

    def start(self, user: str, *words: str, **more: Any) -> Running:
        """Start a process that is ended when the module ends."""
        running = Running.start(self.settings(user, **more), *words)
        self.stack.callback(running.stop)
        return running

    def committed(self) -> Mapping[Any, Any]:
        """What the workers have committed, as someone sees it who may do everything."""
        everything = {"bootstrap.servers": self.secured.broker.bootstrap}
        return {place: at.offset for place, at in read_progress(everything, PLAIN.application, CASE_INPUTS).items()}


def closed(case_no: str, closed_ms: int) -> dict[str, Any]:
    """A CaseClosed record of a case whose title says nothing but what its item is."""
    names = dict.fromkeys(("item_name", "unit_name", "title"), "中医医疗广告审查")
    ids = {"event_id": f"c-{case_no}", "case_no": case_no, "item_code": ITEM, "unit_code": "U1", "district_code": "330106"}
    return {**ids, **names, "accepted_at": closed_ms - HOUR_MS, "closed_at": closed_ms}


def received(case_no: str, received_ms: int) -> dict[str, Any]:
    """An ArchiveReceived record, with such a title too."""
    ids = {"event_id": f"a-{case_no}", "archive_no": f"A-{case_no}", "case_no": case_no, "item_code": ITEM, "unit_code": "U1"}
    return {**ids, "title": "中医医疗广告审查", "received_at": received_ms, "receipt": "ACCEPTED"}


def send(settings: Settings) -> None:
    """Inputs that make a worker write to each of its outputs: cases, items, findings of all kinds, and a dead letter from each topic."""
    producer = TopicProducer(settings, SENT)

    def give(where: str, **record: Any) -> None:
        producer.send(where, record_key(where, record), codec(where).encode(record))

    item = {"unit_code": "U1", "item_code": ITEM, "item_name": "中医医疗广告审查"}
    give(UNIT_REGISTRY, event_id="u", unit_code="U1", unit_name="单位", district_code="330106", district_name="")
    give(ITEM_REGISTRY, event_id="i", **item, main_item_code="", main_item_name="", build_mode="MUNICIPAL", note="")
    for topic in CASE_INPUTS:
        give(FEED_HEARTBEAT, event_id=f"h-{topic}", source_system="s1", topic=topic, complete_through=MONDAY_MS)
    for number in range(20):
        give(CASE_CLOSED, **closed(f"case-{number}", MONDAY_MS + number * HOUR_MS))
    for number in range(6):  # of items that nobody registered: some of them belong to the other partition, which is told
        give(CASE_CLOSED, **closed(f"strange-{number}", MONDAY_MS) | {"item_code": f"许可-0000{number}-000"})
    give(ARCHIVE_RECEIVED, **received("case-0", MONDAY_MS + HOUR_MS))
    for topic in SENT:
        producer.send(topic, b"bad", b"no avro")
    assert producer.finish() == []


@pytest.fixture(scope="module")
def place(secured: SecureBroker, own_store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Users who have just their rights, others who have one less, topics, and inputs that nobody has read yet."""
    granted = {process: rights_of(process, PLAIN) for process in PROCESSES}
    granted |= {f"worker-less-{number}": without(WORKER, right) for number, right in enumerate(WORKER)}
    granted |= {f"sink-less-{number}": without(SINK, right) for number, right in enumerate(SINK)}
    target = PLAIN.model_copy(update={"kafka": PLAIN.kafka.model_copy(update={"topic_prefix": "other-"})})
    for process in COMMANDS:
        granted[f"{process}-blind"] = ()
        granted[f"{process}-less"] = tuple(each for each in rights_of(process, PLAIN) if each.resource != "group")
    granted["target"] = (*rights_of("topics", target), *rights_of("publish", target))
    secured.grant(granted)
    with ExitStack() as stack:
        made = Place(secured, own_store, tmp_path_factory.mktemp("homes"), stack)
        (made.home / "title.key").write_text("key")
        ensure_topics(made.settings("topics"))
        send(made.settings("publish"))
        yield made


def without(rights: tuple[Right, ...], right: Right) -> tuple[Right, ...]:
    """All but one; of a topic that is read as well as written, what remains still lets it be seen."""
    return tuple(each for each in rights if each != right)


@pytest.mark.parametrize("right", [each for each in WORKER if each.name != "guidang-1"], ids=str)
def test_a_worker_without_one_of_its_rights_does_not_begin_and_says_which_is_missing(place: Place, right: Right) -> None:
    """No offset moves; a transactional id is asked for when the partition is opened."""
    settings = place.settings(f"worker-less-{WORKER.index(right)}")
    if right.resource == "transactional-id":
        running = place.start(f"worker-less-{WORKER.index(right)}", "worker")
        assert running.ended() == NotAllowed.exit_code, running.said
        assert "init_transactions" in running.said
        assert "TransactionalId" in running.said or "Transactional Id" in running.said
        assert "Traceback" not in running.said
    else:
        with pytest.raises(NotAllowed) as refused:
            check_access(settings, "worker")
        assert f"  {right}\n" in str(refused.value)
        assert str(refused.value).count("\n  ") == 1
    assert set(place.committed().values()) == {None}


@pytest.mark.parametrize("right", SINK, ids=str)
def test_a_sink_without_one_of_its_rights_does_not_begin_and_says_which_is_missing(place: Place, right: Right) -> None:
    """Before it touches the database."""
    with pytest.raises(NotAllowed) as refused:
        check_access(place.settings(f"sink-less-{SINK.index(right)}"), "sink")
    assert f"  {right}\n" in str(refused.value)
    assert str(refused.value).count("\n  ") == 1


def test_a_process_that_is_refused_ends_with_the_reason_and_is_not_restarted(place: Place) -> None:
    """With the wrong password, and without a right: exit code 4, in seconds, and no traceback."""
    wrong = place.home / "wrong"
    wrong.write_text("not-the-password")
    refused = []
    for process, rights in (("worker", WORKER), ("sink", SINK)):
        security = {**place.secured.login(process), "sasl_password_file": str(wrong)}
        refused.append((place.start(process, process, kafka={"security": security}), "Authentication failed"))
        refused.append((place.start(f"{process}-less-0", process), str(rights[0])))
    for running, said in refused:
        assert running.ended() == NotAllowed.exit_code, running.said
        assert said in running.said
        assert "Traceback" not in running.said
        assert "not-the-password" not in running.said
    assert set(place.committed().values()) == {None}


@pytest.fixture(scope="module")
def worked(place: Place) -> Place:
    """The whole system has done its work once, each process with its own rights and no more; worker and sink go on."""
    look(place)
    place.running["worker"] = place.start("worker", "worker")
    eventually(lambda: has_written(place.settings("wait"), OUTPUTS))
    look(place)
    place.running["sink"] = place.start("sink", "sink")
    wait_caught_up(place.settings("wait"), 60)
    return place


def has_written(settings: Settings, names: Iterable[str]) -> bool:
    """Whether something is in each of these topics."""
    ends = Observer(settings).standing().ends
    return all(any(end for (topic, _), end in ends.items() if topic == settings.topic(name)) for name in names)


def look(place: Place) -> None:
    """See what lies behind, as ``status`` and the monitor do."""
    for user in ("status", "monitor"):
        assert not read_lags(place.settings(user)).caught_up


def test_with_exactly_these_rights_worker_and_sink_do_everything(worked: Place) -> None:
    """Nothing that they try is denied, and all of it is done: states, findings of each kind, dead letters."""
    for user in ("worker", "sink"):
        assert worked.secured.asked(user)[1] == set(), user
    client = connect(worked.settings("wait"))
    for table in ("case_state", "anomaly", "coverage_partial", "item", "dead_letter"):
        assert client.query("SELECT count() FROM {table:Identifier}", parameters={"table": table}).result_rows[0][0], table
    assert client.query("SELECT count() FROM case_state FINAL WHERE status = 'UNARCHIVED'").result_rows == [(25,)]
    client.close()


def redrive(settings: Settings) -> None:
    """Send every dead letter back, though it would be refused again."""
    run = Redrive(settings, Sender(settings))
    run.send(run.plan(Query(), 0, max_redrives=3, force=True, tell=silent), silent)


def redrive_again(place: Place, settings: Settings) -> None:
    """One letter is of a case that had too many events, which is looked up; the second time all have been sent back."""
    everything = place.secured.broker.bootstrap
    producer = Producer({"bootstrap.servers": everything})
    headers = worker_headers([], topic=ARCHIVE_RECEIVED, reason="TOO_MANY_EVENTS")
    value = codec(ARCHIVE_RECEIVED).encode(received("case-0", MONDAY_MS))
    producer.produce(DEAD_LETTER, value, b"case-0", PARTITIONERS["murmur2"](b"case-0", PLAIN.kafka.partitions), headers=headers)
    assert producer.flush(10) == 0
    redrive(settings)
    Redrive(settings, None).plan(Query(), 0, max_redrives=3, force=True, tell=silent)
    reader = place.settings("dlq")
    listed = list_letters(reader, Query(), 0, silent)
    show_letter(reader, next(each.entry.place for each in listed if each.entry.reason == "TOO_MANY_EVENTS"), silent)


def bring_in(settings: Settings) -> None:
    """A row of a unit's file into each registry."""
    row: dict[str, Any] = {"item_code": ITEM, "item_name": f"另一名称 {uuid.uuid4().hex}"}
    schedule = {**row, "schedule_version": "1", "retention": "YEARS_10", "materials": []}
    contents = {
        ITEM_REGISTRY: {**row, "main_item_code": "", "main_item_name": "", "build_mode": "MUNICIPAL", "note": ""}
        | {"plan_year": 0, "archiving_mode": "UNKNOWN", "case_count_2017": 0},
        ARCHIVING_SCHEDULE: {**schedule, "approved": True},
        MODULE_CONFIG: {**schedule, "archiving_mode": "ONLINE"},
    }
    for topic, content in contents.items():
        reading = Reading([Draft("", "A1", content)])
        assert import_reading(settings, topic, reading, unit_code="U1", valid_from=None, replace=False, partial=False).published == 1


def correct_topics(place: Place, settings: Settings) -> None:
    """Somebody has changed the topics by hand; they are put right."""
    shortened = [ConfigEntry("max.message.bytes", "2000000", incremental_operation=AlterConfigOpType.SET)]
    resources = [ConfigResource(ConfigResource.Type.TOPIC, settings.topic(name), incremental_configs=shortened) for name in topic_names()]
    for answer in place.secured.admin.incremental_alter_configs(resources).values():
        answer.result(20)
    assert len(ensure_topics(settings).corrected) == len(topic_names())


def figures_then(settings: Settings) -> None:
    """How far the outputs went, and what was open when the first case had no archive yet: one that has come since is judged again."""
    assert Observer(settings).ends()
    client = connect(settings)
    assert as_of_moment(settings, client, MONDAY_MS + HOUR_MS // 2).findings
    client.close()


COMMANDS: dict[str, Callable[[Place, Settings], object]] = {
    "monitor": lambda _, s: (read_lags(s), Pipeline(s)._look(), Heartbeats(s, 0).look(), Canary(s)._send()),
    "import": lambda _, s: bring_in(s),
    "waive": lambda _, s: publish_waiver(s, Waiver("x", "市档案局", "系统升级", 20_000)),
    "explain": lambda _, s: explain(s, "case-0", silent),
    "as-of": lambda _, s: figures_then(s),
    "reconcile": lambda _, s: (wait_caught_up(s, 60), reconcile(s, silent)),
    "dlq": lambda _, s: list_letters(s, Query(), 0, silent),
    "redrive": redrive_again,
    "replay": lambda place, s: list(replay(s, place.settings("target", kafka={"topic_prefix": "other-"}), silent)),
    "topics": correct_topics,
    "doctor": lambda _, s: deviations(s),
}
"""The others have had their turn when this module has made its place and done its work."""


@pytest.mark.parametrize("process", COMMANDS)
def test_with_exactly_these_rights_a_command_does_what_it_has_to(worked: Place, process: str) -> None:
    """It is denied nothing."""
    COMMANDS[process](worked, worked.settings(process))
    assert worked.secured.asked(process)[1] == set()


def test_the_board_sees_what_status_and_explain_see() -> None:
    """It calls them."""
    assert set(rights_of("board", PLAIN)) == without_implied([*rights_of("status", PLAIN), *rights_of("explain", PLAIN)])


@pytest.mark.parametrize("process", ["monitor", "waive", "dlq", "redrive", "replay"])
def test_a_command_without_rights_says_what_it_may_not_do(worked: Place, process: str) -> None:
    """One that may see nothing at all, and one that may not read in the group of readers: an error of ours, in seconds."""
    group = "guidang-re" if process != "monitor" else PLAIN.application
    for user, said in ((f"{process}-blind", "guidang rights"), (f"{process}-less", group)):
        with pytest.raises((NotAllowed, DependencyError)) as refused:
            COMMANDS[process](worked, worked.settings(user))
        assert said in str(refused.value)


def change(place: Place, user: str, right: Right, *, granted: bool) -> None:
    """Grant or take away a right, and wait until the broker goes by it."""
    line, admin = acl(user, right), place.secured.admin
    pattern = AclBindingFilter(
        line.restype, line.name, line.resource_pattern_type, line.principal, line.host, line.operation, line.permission_type
    )
    if granted:
        place.secured.grant({user: [right]})
    else:
        for answer in admin.delete_acls([pattern]).values():
            assert len(answer.result(20)) == 1
    eventually(lambda: len(admin.describe_acls(pattern).result(20)) == granted)


@pytest.mark.parametrize(
    "taken",
    [
        {"worker": Right("topic", CASE_CLOSED, "READ"), "sink": Right("topic", CASE_STATE, "READ")},
        {"worker": Right("group", PLAIN.application, "READ"), "sink": Right("group", f"{PLAIN.application}-sink", "READ")},
        {"worker": Right("topic", UNIT_REGISTRY, "READ")},
        {"worker": Right("topic", CASE_STATE, "WRITE")},
    ],
    ids=lambda taken: str(taken["worker"]),
)
def test_a_right_that_is_taken_away_ends_the_process_and_nothing_is_lost(worked: Place, taken: dict[str, Right]) -> None:
    """With the reason and exit code 4; given back, the next process goes on where it ended, here with a certificate."""
    case_no = f"later-{uuid.uuid4().hex[:8]}"
    for process, right in taken.items():
        change(worked, process, right, granted=False)
    producer = TopicProducer(worked.settings("publish"), [CASE_CLOSED])
    producer.send(CASE_CLOSED, case_no.encode(), codec(CASE_CLOSED).encode(closed(case_no, MONDAY_MS)))
    assert producer.finish() == []
    for process, right in taken.items():
        running = worked.running[process]
        assert running.ended(40) == NotAllowed.exit_code, running.said[-3000:]
        # A read that is refused, or, when metadata is renewed before that, a topic that is not seen.
        assert (
            "拒绝" in running.said
            or f"无权看到 the group's leader does not see these topics, or has no right to see them: {right.name}" in running.said
        )
        change(worked, process, right, granted=True)
        shutil.rmtree(worked.home / process / "state", ignore_errors=True)  # so that a worker reads its changelogs, too
        worked.running[process] = worked.start(process, process, tls=True)
    wait_caught_up(worked.settings("wait"), 60)
    client = connect(worked.settings("wait"))
    found = client.query("SELECT count() FROM case_state FINAL WHERE case_no = {case:String}", parameters={"case": case_no})
    assert found.result_rows == [(1,)]
    client.close()


@pytest.mark.parametrize("process", [name for name in PROCESSES if name != "board"])
def test_every_right_that_is_listed_is_used(worked: Place, process: str) -> None:
    """By now each process has done everything it is for: what it was never allowed to do, it was never asked to."""
    allowed, _ = worked.secured.asked(process)
    assert allowed == set(rights_of(process, PLAIN))


def read_letters(settings: Settings) -> None:
    """See all, and one of a case that had too many events, whose state is looked up."""
    listed = list_letters(settings, Query(), 0, silent)
    show_letter(settings, next(each.entry.place for each in listed if each.entry.reason == "TOO_MANY_EVENTS"), silent)


ASKED_FOR: dict[str, Callable[[Place, Settings], object]] = {
    **{process: COMMANDS[process] for process in ("monitor", "import", "waive", "explain", "as-of", "redrive", "replay", "doctor")},
    "status": lambda _, s: read_lags(s),
    "wait": lambda _, s: wait_caught_up(s, 30),
    "publish": lambda _, s: TopicProducer(s, SENT),
    "reconcile": lambda _, s: (reconcile(s, silent), wait_caught_up(s, 30)),
    "dlq": lambda _, s: read_letters(s),
}
"""What needs every right of a process, and can be done again and again."""


def can_do_without(process: str, right: Right) -> bool:
    """Asked for only sometimes: how old the first record is where something lies behind; or optional: a limit, else it is 1 MB."""
    return right.name == f"{PLAIN.application}-lag" or (right.operation == "DESCRIBE_CONFIGS" and process != "doctor")


def said_without_one(place: Place, process: str) -> dict[Right, str]:
    """Take a right of each kind away in turn, of groups and ids each; return what the process then says, empty where it says nothing.

    What it does with one topic it does with the others, and there are two hundred such rights.
    """
    user, rights = f"{process}-one-less", rights_of(process, PLAIN)
    place.secured.grant({user: rights})
    said = {}
    for right in {("topic", each.operation) if each.resource == "topic" else each: each for each in rights}.values():
        change(place, user, right, granted=False)
        try:
            found = ASKED_FOR[process](place, place.settings(user))
            said[right] = str([str(each) for each in found]) if isinstance(found, list) and found else ""
        except OperatorError as error:
            said[right] = str(error)
        change(place, user, right, granted=True)
    return said


def test_a_command_without_one_of_its_rights_says_what_it_may_not_do(worked: Place) -> None:
    """Whichever it is: an error of ours that names the topic, the group or the id; never an answer that looks whole."""
    with ThreadPoolExecutor(6) as pool:
        said = dict(zip(ASKED_FOR, pool.map(partial(said_without_one, worked), ASKED_FOR), strict=True))
    quiet = {f"{process}: {right}" for process, told in said.items() for right, text in told.items() if right.name not in text}
    assert quiet == {f"{process}: {right}" for process, told in said.items() for right in told if can_do_without(process, right)}


def test_topics_are_not_made_without_the_right_and_not_looked_for_for_ever(worked: Place) -> None:
    """One that may not be made; one that is there and may not be seen."""
    fresh = PLAIN.model_copy(update={"kafka": PLAIN.kafka.model_copy(update={"topic_prefix": "fresh-"})})
    rights, name = rights_of("topics", fresh), fresh.topic(CASE_CLOSED)
    worked.secured.grant({"maker": [each for each in rights if each != Right("topic", name, "CREATE")]})
    settings = worked.settings("maker", kafka={"topic_prefix": "fresh-"})
    with pytest.raises(DependencyError, match=name):
        ensure_topics(settings)
    change(worked, "maker", Right("topic", name, "CREATE"), granted=True)
    assert name in ensure_topics(settings).created
    for operation in ("ALTER_CONFIGS", "DESCRIBE"):
        change(worked, "maker", Right("topic", name, cast("Any", operation)), granted=False)
    with pytest.raises(NotAllowed, match=name):
        ensure_topics(settings)


def test_a_right_to_write_that_is_taken_away_meanwhile_is_told_as_that(worked: Place) -> None:
    """And not as a broker that went away."""
    right = Right("topic", WAIVER, "WRITE")
    worked.secured.grant({"late": [right]})
    producer = TopicProducer(worked.settings("late"), [WAIVER])
    change(worked, "late", right, granted=False)
    producer.send(WAIVER, b"x", b"y")
    with pytest.raises(NotAllowed):
        producer.finish()
