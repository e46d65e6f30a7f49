"""What cannot be taken in, among good records, on the real system: a clear reason each, nothing lost, nobody dies."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from confluent_kafka import Producer

from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, codec
from tests.system.cases import ZONE, closing
from tests.system.test_system import MakeSystem, agree, statuses

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow, pytest.mark.timeout(280)]

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


POISON: dict[str, tuple[bytes | None, bytes | None]] = {
    "NULL_VALUE": (b"n", None),
    "NOT_FRAMED": (b"j", json.dumps({"case_no": "j"}).encode()),
    "UNKNOWN_SCHEMA": (b"s", b"\0\0\0\x30\x39" + avro(case_no="s")[5:]),
    "BROKEN_AVRO": (b"b", avro(case_no="b")[:30]),
    "TRAILING_BYTES": (b"t", avro(case_no="t") + b"\0" * (2 * MIB)),
    "EMPTY_KEY": (b"", avro()),
    "KEY_MISMATCH": (b"other", avro()),
    "EMPTY_EVENT_ID": (b"good", avro(event_id="")),
    "TIME_OUT_OF_RANGE": (b"good", avro(closed_at=-5_000_000_000_000)),
    "FIELD_TOO_LONG": (b"good", avro(unit_name="长" * 5_000)),
}


def test_poison_goes_to_dead_letter_and_its_neighbours_go_through(make_system: MakeSystem) -> None:
    """Every kind between good records, one of them with a title of two megabytes."""
    system = make_system()
    system.up(2)
    address = json.loads((system.home / "endpoints.json").read_text())["kafka"]
    failed: list[str] = []
    producer = Producer({"bootstrap.servers": address, "partitioner": "murmur2_random", "message.max.bytes": 4 * MIB})

    def send(key: bytes | None, value: bytes | None, **more: int) -> None:
        producer.produce(
            CASE_CLOSED, key=key, value=value, on_delivery=lambda error, _: failed.append(str(error)) if error else None, **more
        )

    for number, (key, value) in enumerate(POISON.values()):
        send(f"good-{number}".encode(), avro(case_no=f"good-{number}"))
        send(key, value)
    send(b"large", avro(case_no="large", title="长" * 700_000))
    send(b"astray", avro(case_no="astray"), partition=0)
    send(b"astray", avro(case_no="astray"), partition=1)
    producer.flush(30)
    assert not failed
    system.caught_up()
    assert (
        sum(statuses(system).values())
        == len(POISON) + 1 + system.sql("SELECT count() FROM case_state FINAL WHERE case_no = 'astray'")[0][0]
    )
    reasons = {reason for (reason,) in system.sql("SELECT DISTINCT reason FROM dead_letter FINAL")}
    assert reasons == {*POISON, "MISROUTED"}
    assert {process["restarts"] for process in system.json("status")["processes"]} == {0}
    agree(system)


def test_files_that_are_no_events_are_refused_with_their_place_and_the_rest_goes_in(make_system: MakeSystem) -> None:
    """Missing columns, bad times, BOM, GBK; a late archive in the wrong topic."""
    system = make_system()
    system.up(1)
    good = closing("good", dt.datetime(2018, 6, 4, 10, tzinfo=ZONE))
    header = ",".join(good)
    line = ",".join(str(value) for value in good.values())
    files = {
        "missing.csv": (b"event_id,case_no\ne,c\n", "item_code"),
        "gbk.csv": (f"{header}\n{line}\n".encode("gbk"), "GBK"),
        "times.csv": (f"\ufeff{header}\n{line}\n{line.replace('2018-06-04T10:00:00+08:00', 'gestern')}\n".encode(), "closed_at"),
    }
    for name, (content, named) in files.items():
        (system.home / name).write_bytes(content)
        told = system.stderr("publish", CASE_CLOSED, str(system.home / name), expect=5)
        assert named.lower() in told.lower(), told
    system.stderr("publish", ARCHIVE_RECEIVED, str(system.home / "times.csv"), expect=5)
    system.caught_up()
    assert sum(statuses(system).values()) == 1
