"""What cannot be taken in, among good records, on the real system: a clear reason each, nothing lost, nobody dies."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Message, Producer

from ops.reading import read_topic
from ops.supervisor.control import processes
from streams.agents.outcomes import LEFT_OUT_HEADERS, ORIGIN_HEADERS, left_out
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, DEAD_LETTER, ITEM_REGISTRY, WAIVER, codec
from streams.partitioner import PARTITIONERS
from streams.settings import Settings
from tests.alerts.servers import until
from tests.system.cases import ZONE, closing
from tests.system.conftest import System
from tests.system.test_system import MakeSystem, agree

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(900)]

CLOSED_MS = 1_528_000_000_000
MIB = 1024 * 1024


def avro(**given: object) -> bytes:
    """A framed CaseClosed."""
    return codec(CASE_CLOSED).encode(
        {
            "event_id": "e",
            "case_no": "good",
            "item_code": "许可-00387-000",
            "item_name": "",
            "unit_code": "U1",
            "unit_name": "",
            "district_code": "",
            "title": "",
            "accepted_at": 0,
            "closed_at": CLOSED_MS,
            "closing_state": "CLOSED",
            **given,
        }
    )


ACCEPTED = {"archive_no": "A", "item_code": "许可-00387-000", "unit_code": "U1", "title": "", "received_at": CLOSED_MS + 1}


def archived(case_no: str, **given: object) -> bytes:
    """A framed ArchiveReceived."""
    return codec(ARCHIVE_RECEIVED).encode({"event_id": "a", "case_no": case_no, "receipt": "ACCEPTED", **ACCEPTED, **given})


POISON: dict[str, tuple[str, bytes | None, bytes | None]] = {
    "no value": ("NULL_VALUE", b"n", None),
    "an empty value": ("NOT_FRAMED", b"v", b""),
    "JSON": ("NOT_FRAMED", b"j", json.dumps({"case_no": "j"}).encode()),
    "an unknown schema": ("UNKNOWN_SCHEMA", b"s", b"\0\0\0\x30\x39" + avro(case_no="s")[5:]),
    "an archive among closings": ("UNKNOWN_SCHEMA", b"c", archived("c")),
    "a record cut off": ("BROKEN_AVRO", b"b", avro(case_no="b")[:30]),
    "noise": ("BROKEN_AVRO", b"x", avro()[:5] + b"\xff" * 2 * MIB),
    "trailing bytes": ("TRAILING_BYTES", b"t", avro(case_no="t") + b"\0" * (2 * MIB)),
    "an empty key": ("EMPTY_KEY", b"", avro()),
    "no key": ("EMPTY_KEY", None, avro()),
    "another's key": ("KEY_MISMATCH", b"other", avro()),
    "a key that is no text": ("KEY_MISMATCH", b"\xff\xfe", avro()),
    "no event_id": ("EMPTY_EVENT_ID", b"good-0", avro(case_no="good-0", event_id="")),
    "a time long past": ("TIME_OUT_OF_RANGE", b"good-0", avro(case_no="good-0", closed_at=-5_000_000_000_000)),
    "a time in seconds": ("TIME_OUT_OF_RANGE", b"good-0", avro(case_no="good-0", closed_at=CLOSED_MS // 1000)),
    "a field too long": ("FIELD_TOO_LONG", b"good-0", avro(case_no="good-0", unit_name="长" * 5_000)),
}
"""One of each among a hundred good ones: what it is, the reason, key and value, all sent into ``case-closed``."""
BASE64 = base64.b64encode(random.Random(1).randbytes(int(5.15 * MIB * 3 / 4)))  # noqa: S311 - bytes like any other
LARGE: dict[str, tuple[str, str, bytes]] = {
    "text of which lz4 makes more than a dead letter may have": (CASE_CLOSED, "NOT_FRAMED", json.dumps({"file": BASE64.decode()}).encode()),
    "more than a producer takes": (CASE_CLOSED, "UNKNOWN_SCHEMA", b"\0" * 17 * MIB),
    "reference data": (WAIVER, "NOT_FRAMED", BASE64),
}
"""What gzip makes small enough for an input, though a dead letter has no room for it: its topic, the reason, and the value."""
ASTRAY = [f"astray-{number}" for number in range(8)]
MOST_ARCHIVE_EVENTS = 1_000


@dataclass
class Sent:
    """What was sent, by its place: the reason for which it is to be refused, key, value (:func:`kept`) and own headers."""

    bad: dict[tuple[str, int, int], tuple[str, bytes | None, bytes | None, list[tuple[str, bytes]]]] = field(default_factory=dict)
    good: int = 0


def kept(value: bytes | None) -> bytes | None:
    """What is to be in ``dead-letter`` of a value: itself, or size and digest of one that is too large."""
    return value if value is None or len(value) < 4 * MIB else f"{len(value)} {hashlib.sha256(value).hexdigest()}".encode()


def send_all(system: System) -> Sent:
    """Poison at one in a hundred; closings in foreign partitions, their archives at home; one archive too many; what is too large."""
    config = {"bootstrap.servers": bootstrap(system), "partitioner": "murmur2_random", "message.max.bytes": 4 * MIB, "linger.ms": 5}
    producer, packing = Producer(config), Producer({**config, "message.max.bytes": 20 * MIB, "compression.type": "gzip"})
    sent = Sent()

    def send(topic: str, key: bytes | None, value: bytes | None, reason: str = "", by: Producer = producer, **more: int) -> None:
        own = [("trace", reason.encode() + b"\xff"), ("trace", b"")]

        def delivered(error: object, message: Message) -> None:
            assert error is None, error
            if reason:
                sent.bad[topic, message.partition(), message.offset()] = reason, key, kept(value), own

        by.produce(topic, key=key, value=value, headers=own, on_delivery=delivered, **more)
        by.poll(0)

    home = PARTITIONERS["murmur2"]
    for number, (reason, key, value) in enumerate(POISON.values()):
        for each in range(99):
            case_no = f"good-{number * 99 + each}"
            send(CASE_CLOSED, case_no.encode(), avro(case_no=case_no))
            sent.good += 1
        send(CASE_CLOSED, key, value, reason)
    for case_no in ASTRAY:
        foreign = (home(case_no.encode(), 8) + 1) % 8
        send(CASE_CLOSED, case_no.encode(), avro(case_no=case_no), "MISROUTED", partition=foreign)
        send(ARCHIVE_RECEIVED, case_no.encode(), archived(case_no))
    send(CASE_CLOSED, b"large", avro(case_no="large", title="长" * 700_000))
    send(CASE_CLOSED, b"many", avro(case_no="many"))
    for number in range(MOST_ARCHIVE_EVENTS + 1):
        reason = "TOO_MANY_EVENTS" if number == MOST_ARCHIVE_EVENTS else ""
        send(ARCHIVE_RECEIVED, b"many", archived("many", event_id=f"a{number}", archive_no=f"A{number}", receipt="UNPACK_FAILED"), reason)
    send(ITEM_REGISTRY, b"U1|x", b"{}", "NOT_FRAMED")
    for topic, reason, value in LARGE.values():
        send(topic, b"l", value, reason, packing)
    assert producer.flush(60) + packing.flush(60) == 0
    assert len(sent.bad) == len(POISON) + len(ASTRAY) + len(LARGE) + 2
    return sent


def bootstrap(system: System) -> str:
    """Address of the system's broker."""
    return str(json.loads((system.home / "endpoints.json").read_text())["kafka"])


def topics_of(system: System) -> Settings:
    """Settings with which a test reads the system's topics itself."""
    return Settings(data_dir=system.home, kafka={"bootstrap_servers": bootstrap(system)})


def refused(system: System) -> dict[tuple[str, int, int], tuple[str, bytes | None, bytes | None, list[tuple[str, bytes]]]]:
    """What lies in ``dead-letter``, by where it came from, in the form of :attr:`Sent.bad`; each record lies there once."""
    found = {}
    for message in read_topic(topics_of(system), DEAD_LETTER):
        headers = message.headers()
        said = {name: value.decode() for name, value in headers if name.startswith("guidang-")}
        missing = left_out(headers)
        assert [name for name, _ in headers[2:]] == [*ORIGIN_HEADERS, *(LEFT_OUT_HEADERS if missing else ())]
        assert said["guidang-detail"]
        place = said["guidang-topic"], int(said["guidang-partition"]), int(said["guidang-offset"])
        assert place not in found
        value = f"{missing.size} {missing.sha256}".encode() if missing else message.value()
        found[place] = said["guidang-reason"], message.key(), value, headers[:2]
    return found


def inputs(system: System) -> list[tuple[str, int, int]]:
    """Places of all records of the case topics, in order."""
    return sorted(
        (topic, message.partition(), message.offset())
        for topic in (CASE_CLOSED, ARCHIVE_RECEIVED)
        for message in read_topic(topics_of(system), topic)
    )


def verdicts(system: System) -> dict[str, tuple[str, str]]:
    """Status and reason of every case, as ClickHouse has them."""
    return {case_no: (status, reason) for case_no, status, reason in system.sql("SELECT case_no, status, reason FROM case_state FINAL")}


def test_poison_at_one_in_a_hundred_is_kept_whole_and_what_went_astray_is_redriven_once(make_system: MakeSystem) -> None:
    """Sixteen kinds of poison and six more: untouched in ``dead-letter``, every good record judged; a redrive makes verdicts right.

    Three are too large for it: the letter says where they are and which they are, and no worker ends.
    """
    system = make_system()
    system.up(2)
    sent = send_all(system)
    system.caught_up()
    assert refused(system) == sent.bad
    before = verdicts(system)
    assert {case_no for case_no, (status, _) in before.items() if status == "UNARCHIVED"} >= {f"good-{n}" for n in range(sent.good)}
    assert {before[case_no][0] for case_no in ASTRAY} == {"ORPHAN"}
    assert len(before) == sent.good + len(ASTRAY) + len(("large", "many"))
    assert [each for each in system.json("status")["processes"] if each["restarts"]] == []
    counted = system.sql("SELECT reason, count() FROM dead_letter FINAL GROUP BY reason")
    assert Counter(dict(counted)) == Counter(reason for reason, *_ in sent.bad.values())
    assert system.sql("SELECT max(value_bytes) FROM dead_letter FINAL") == [(17 * MIB,)]
    agree(system)

    held = system.json("dlq", "redrive", "--dry-run", expect=6)
    assert held["outcomes"] == {"would_send": len(ASTRAY), "refused_again": len(POISON) + len(LARGE) + 2}
    (full,) = system.json("dlq", "list", "--reason", "TOO_MANY_EVENTS")
    assert system.json("dlq", "show", full["place"])["refused_now"].startswith("TOO_MANY_EVENTS")
    done = system.json("dlq", "redrive", "--reason", "MISROUTED", "--yes")
    assert done["outcomes"] == {"sent": len(ASTRAY)}
    system.caught_up()
    after = verdicts(system)
    assert after == before | dict.fromkeys(ASTRAY, ("ARCHIVED", ""))
    assert refused(system) == sent.bad
    agree(system)

    records, states = inputs(system), system.sql("SELECT * FROM case_state FINAL ORDER BY ALL")
    again = system.json("dlq", "redrive", "--reason", "MISROUTED", "--yes")
    assert again["outcomes"] == {"sent_before": len(ASTRAY)}
    system.caught_up()
    assert inputs(system) == records
    assert system.sql("SELECT * FROM case_state FINAL ORDER BY ALL") == states

    for filters in (("--reason", "EMPTY_EVENT_ID"), ("--topic", ITEM_REGISTRY)):
        assert system.json("dlq", "redrive", *filters, "--force", "--yes")["outcomes"] == {"sent": 1}
        system.caught_up()
        listed = system.json("dlq", "list", *filters)
        assert [(row["redrives"], row["redriven_to"] is not None) for row in listed] == [(0, True), (1, False)]
    assert verdicts(system) == after
    agree(system)


def test_senders_and_workers_that_partition_differently_end_the_workers_and_do_not_fill_dead_letter(make_system: MakeSystem) -> None:
    """Nearly every record seems to be in the wrong partition: that is a setting, and not a city full of wrong senders."""
    system = make_system(GUIDANG_WORKER__DEAD_LETTER_RECORDS="500")
    system.up(1)
    topics, elsewhere = Settings(data_dir=system.home), System(system.home, GUIDANG_KAFKA__PARTITIONER="crc32")
    elsewhere.publish(CASE_CLOSED, [closing(f"c-{number}", dt.datetime(2018, 6, 4, 10, tzinfo=ZONE)) for number in range(5_000)])

    def worker() -> dict[str, Any]:
        (found,) = [each for each in processes(topics) if each["role"] == "worker"]
        return found

    until(lambda: worker()["state"] == "failed", "the end of the worker")
    assert (worker()["last_exit"]["code"], "MISROUTED" in worker()["last_exit"]["reason"]) == (3, True)
    written = sum(1 for _ in read_topic(topics, DEAD_LETTER))
    assert written < 500  # what came in by the time that the share could mean something
