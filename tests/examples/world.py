"""What workers write, as a subscriber meets it: transactions of the real job, aborted ones, repeated stretches, two schema versions."""

from __future__ import annotations

import io
import random
import shutil
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import fastavro
import orjson
from confluent_kafka import Producer

from ops.topics import ensure_topics
from streams.contracts import (
    ANOMALY_TOPICS,
    ANOMALY_UNARCHIVED,
    CASE_STATE,
    FOLDER,
    ITEM_STATE,
    MODULE_CONFIG,
    codec,
)
from streams.domain.time import DAY_MS
from streams.runtime.clients import producer_config
from streams.runtime.unit import Unit
from streams.settings import Settings
from tests.agents.pipeline import Pipeline
from tests.agents.test_cases import CLOSED_MS, archive, closing, register

PARTITIONS = 2
STEPS = 220
ACTIONS = ("close", "close", "close", "accept", "accept", "refuse", "correct", "delete", "pass", "configure", "day")
NEXT_VERSION_ID = 1_000
READ = (CASE_STATE, ITEM_STATE, *ANOMALY_TOPICS)
"""What the examples subscribe to; the rest is not written."""
EVOLVED = (CASE_STATE, ANOMALY_UNARCHIVED)
"""Topics of which a second version is about, its id that of the first plus :data:`NEXT_VERSION_ID`."""
Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Said:
    """One output record."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers

    def record(self) -> dict[str, Any]:
        """The record, decoded."""
        return codec(self.topic).decode(self.value)


class Recorded(Pipeline):
    """The job, each unit of work kept as the records of a transaction."""

    def __init__(self, now_ms: int) -> None:
        self.transactions: list[list[Said]] = []
        super().__init__(now_ms=now_ms)

    def _commit(self, unit: Unit) -> None:
        said = [Said(self.job.tables[table], key, value, []) for table, puts in unit.puts.items() for key, value in puts.items()]
        said += [Said(out.topic, out.key or b"", out.value or b"", list(out.headers)) for out in unit.outputs]
        self.transactions.append([each for each in said if each.topic in READ])
        super()._commit(unit)


def history(partition: int) -> tuple[list[list[Said]], set[tuple[str, str]]]:
    """The transactions of one partition over some weeks, and the (subject, kind) of what is open at the end."""
    rng = random.Random(partition)  # noqa: S311 - the same history each time
    units, items = [f"P{partition}U{number}" for number in range(3)], ["许可-00387-000", "许可-00385-001"]
    with Recorded(CLOSED_MS) as job:
        for unit in units:
            register(job, unit, *items)
        cases: list[dict[str, Any]] = []
        passing = closing(unit_code=units[0], item_code="给付-00001-000")
        for step in range(STEPS):
            match rng.choice(ACTIONS):
                case "close":
                    place = {"unit_code": rng.choice(units), "item_code": rng.choice(items), "title": f"件{step}"}
                    cases.append(closing(event_id=f"e{step}", case_no=f"{partition}-{step}", closed_at=job.now_ms, **place))
                    job.closings(cases[-1])
                case "pass":  # an item that is registered nowhere is found, is not, and another time is found again
                    job.closings(passing | {"case_no": f"{partition}-{step}"})
                    job.closings(passing | {"case_no": f"{partition}-{step}", "revision": 2, "deleted": True})
                case "accept" | "refuse" as word if cases:
                    of = rng.choice(cases)
                    place = {name: of[name] for name in ("case_no", "unit_code", "item_code", "title")}
                    if rng.random() < 0.2:
                        place["title"] = "另一件"
                    receipt = "ACCEPTED" if word == "accept" else "UNPACK_FAILED"
                    job.archives(archive(event_id=f"a{step}", archive_no=f"A{step}", received_at=job.now_ms, receipt=receipt, **place))
                case "correct" | "delete" as word if cases:
                    of = rng.choice(cases)
                    of |= {"revision": of["revision"] + 1, "unit_code": rng.choice(units), "deleted": word == "delete"}
                    job.closings(of)
                case "configure":
                    row = {"event_id": f"m{step}", "unit_code": units[0], "item_code": items[0], "item_name": "事项名称", "revision": step}
                    kept = {"schedule_version": "1", "retention": rng.choice(["YEARS_10", "PERMANENT"]), "archiving_mode": "ONLINE"}
                    job.reference_record(MODULE_CONFIG, {**row, **kept, "materials": []})
                case "day":
                    job.tick(job.now_ms + DAY_MS)
        job.closings(passing | {"case_no": f"{partition}-last"})
        units_of_work = iter([said for said in job.transactions if said])
        groups = iter(lambda: [each for said in islice(units_of_work, rng.randint(1, 3)) for each in said], [])
        return list(groups), job.open_anomalies()


def schemas(folder: Path) -> Path:
    """A copy of ``avro/`` with a second version of some schemas: a field more, in front, so that nobody reads it as the first."""
    shutil.copytree(FOLDER, folder)
    released = orjson.loads((folder / "released.json").read_bytes())
    for topic in EVOLVED:
        schema = orjson.loads((folder / topic / "v1.avsc").read_bytes())
        schema["fields"].insert(0, {"name": "seen_by", "type": "string", "default": ""})
        (folder / topic / "v2.avsc").write_bytes(orjson.dumps(schema))
        released[str(codec(topic).schema_id + NEXT_VERSION_ID)] = {"topic": topic, "file": f"{topic}/v2.avsc"}
    (folder / "released.json").write_bytes(orjson.dumps(released))
    return folder


@dataclass
class Writer:
    """Writes the histories of all partitions, and remembers what it committed.

    Parameters
    ----------
    folder
        From :func:`schemas`.
    committed
        In order; the order of any one key is that of its partition.
    """

    settings: Settings
    folder: Path
    committed: list[Said] = field(default_factory=list)
    open_at_the_end: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        ensure_topics(self.settings)
        self._rng = random.Random(7)  # noqa: S311 - the same transactions each time
        self._second = {topic: fastavro.parse_schema(orjson.loads((self.folder / topic / "v2.avsc").read_bytes())) for topic in EVOLVED}
        self._producers, histories = [], []
        for partition in range(PARTITIONS):
            name = f"{self.settings.application}-{partition}"
            self._producers.append(Producer(producer_config(self.settings.kafka_client(), name, 20_000)))
            self._producers[-1].init_transactions(30)
            transactions, at_the_end = history(partition)
            histories.append(transactions)
            self.open_at_the_end |= at_the_end
        self._left = self._all_steps(histories)

    def write(self, transactions: int | None = None) -> None:
        """Write the next transactions, the partitions by turns; all that are left when no number is given."""
        deque(islice(self._left, transactions), maxlen=0)

    def _all_steps(self, histories: Sequence[list[list[Said]]]) -> Iterator[None]:
        for turn in zip_longest(*(self._steps(partition, each) for partition, each in enumerate(histories))):
            yield from turn

    def _steps(self, partition: int, transactions: Sequence[list[Said]]) -> Iterator[None]:
        recent: list[Said] = []
        for number, said in enumerate(transactions):
            self._transaction(partition, said)
            recent = [*recent, *(each for each in said if each.topic in ANOMALY_TOPICS)][-4:]
            if self._rng.random() < 0.2:
                self._transaction(partition, recent)  # a stretch that comes again, as a mirror may write it
            if self._rng.random() < 0.2 or number == len(transactions) - 1:
                self._transaction(partition, self._never(partition, number, said), commit=False)
            yield

    def _never(self, partition: int, number: int, said: list[Said]) -> list[Said]:
        """What an aborted transaction holds: cases and findings that never were, and other states of cases that are."""
        place = {"unit_code": "never", "item_code": "x", "main_item_code": "x"}
        key = f"never-{partition}-{number}"
        found = {"anomaly_id": key, "kind": "UNARCHIVED", "state": "OPENED", "subject": key}
        states = [key.encode(), *(each.key for each in said if each.topic == CASE_STATE)]
        spoilt = [
            Said(CASE_STATE, of, codec(CASE_STATE).encode({"case_no": of.decode(), "status": "UNKNOWN", "facts": b"", **place}), [])
            for of in states
        ]
        anomaly = codec(ANOMALY_UNARCHIVED).encode({**found, **place})
        return [*spoilt, Said(ANOMALY_UNARCHIVED, key.encode(), anomaly, [("ce_id", key.encode())])]

    def _transaction(self, partition: int, said: Sequence[Said], *, commit: bool = True) -> None:
        producer = self._producers[partition]
        producer.begin_transaction()
        for each in said:
            producer.produce(self.settings.topic(each.topic), self._framed(each), each.key, partition, headers=each.headers)
        if commit:
            producer.commit_transaction(30)
            self.committed += said
        else:
            producer.flush(30)
            producer.abort_transaction(30)

    def _framed(self, said: Said) -> bytes:
        if said.topic not in EVOLVED or self._rng.random() < 0.5:
            return said.value
        body = io.BytesIO()
        body.write(struct.pack(">bI", 0, codec(said.topic).schema_id + NEXT_VERSION_ID))
        fastavro.schemaless_writer(body, self._second[said.topic], {**said.record(), "seen_by": "the second version"})
        return body.getvalue()


def last_states(said: Sequence[Said]) -> dict[str, dict[str, Any]]:
    """The last state of every case."""
    return {each.key.decode(): each.record() for each in said if each.topic == CASE_STATE}


def open_findings(said: Sequence[Said]) -> set[tuple[str, str, str, str]]:
    """(anomaly id, subject, kind, unit) of every finding in the last state of any case or item."""
    last = {(each.topic, each.key): each.record() for each in said if each.topic in (CASE_STATE, ITEM_STATE)}
    return {(f["anomaly_id"], key.decode(), f["kind"], state["unit_code"]) for (_, key), state in last.items() for f in state["findings"]}


def news(said: Sequence[Said]) -> list[dict[str, Any]]:
    """What was told of anomalies, in order, what says again what was said last of the same one left out."""
    last: dict[str, bytes] = {}
    found = []
    for each in said:
        if each.topic in ANOMALY_TOPICS:
            record, id_ = each.record(), dict(each.headers)["ce_id"]
            if last.get(record["anomaly_id"]) != id_:
                found.append(record)
            last[record["anomaly_id"]] = id_
    return found
