"""A subscriber: every case's state and every open anomaly, as a view in SQLite (needs confluent-kafka and fastavro).

What was read, and how far, is committed in one database transaction: stopped at any moment, in any way, it applies nothing twice and
misses nothing. It begins with the open findings in the compacted state topics, then follows the anomaly topics.
"""

import argparse
import io
import json
import sqlite3
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

import fastavro
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

STATES = ("case-state", "item-state")
ANOMALIES = ("anomaly-unarchived", "anomaly-misconfigured", "anomaly-quality")
VIEW = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS case_state (case_no TEXT PRIMARY KEY, status TEXT, unit_code TEXT, item_code TEXT, due_at INTEGER);
CREATE TABLE IF NOT EXISTS anomaly (anomaly_id TEXT PRIMARY KEY, subject TEXT, kind TEXT, unit_code TEXT, state TEXT, ce_id TEXT);
CREATE INDEX IF NOT EXISTS anomaly_of ON anomaly (subject);
CREATE VIEW IF NOT EXISTS open_anomaly AS SELECT * FROM anomaly WHERE state = 'OPENED';
CREATE TABLE IF NOT EXISTS told (kind TEXT, unit_code TEXT, state TEXT, times INTEGER, PRIMARY KEY (kind, unit_code, state));
CREATE TABLE IF NOT EXISTS place (topic TEXT, partition INT, topic_id TEXT, next INT, until INT, PRIMARY KEY (topic, partition));
"""


@cache
def schema(path: Path) -> dict:
    """A schema file, parsed."""
    return fastavro.parse_schema(json.loads(path.read_text(encoding="utf-8")), named_schemas={})


def decoder(folder: Path) -> Callable[[str, bytes], dict]:
    """What reads framed records of any released version into the one that this program was written for, v1."""
    released = json.loads((folder / "released.json").read_text(encoding="utf-8"))

    def decode(topic: str, value: bytes) -> dict:
        magic, schema_id = struct.unpack_from(">bI", value)
        if magic != 0 or str(schema_id) not in released:
            raise SystemExit(f"{topic}: schema id {schema_id} is not in {folder}/released.json; bring that folder up to date")
        writer, reader = folder / released[str(schema_id)]["file"], folder / topic / "v1.avsc"
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema(writer), schema(reader))

    return decode


class Subscriber:
    """The view, and how far each partition is in it."""

    def __init__(self, view: sqlite3.Connection, decode: Callable[[str, bytes], dict], prefix: str) -> None:
        self._view, self._decode, self._prefix = view, decode, prefix
        view.executescript(VIEW)

    def begin(self, admin: AdminClient) -> None:
        """Find out where to begin, once; later, make sure that the topics are still the same ones."""
        names = TopicCollection([self._prefix + topic for topic in (*STATES, *ANOMALIES)])
        topics = {name: answer.result() for name, answer in admin.describe_topics(names).items()}
        known = dict(self._view.execute("SELECT topic, topic_id FROM place"))
        if known and known != {name: str(topic.topic_id) for name, topic in topics.items()}:
            raise SystemExit("the topics were made again: begin with an empty view")

        def ends(names: tuple[str, ...], level: IsolationLevel) -> dict[TopicPartition, int]:
            of = [topics[self._prefix + name] for name in names]
            asked = {TopicPartition(topic.name, each.id): OffsetSpec.latest() for topic in of for each in topic.partitions}
            return {at: answer.result().offset for at, answer in admin.list_offsets(asked, isolation_level=level).items()}

        # In this order: whatever is decided on the anomaly topics has been written, if not yet decided, before these ends of the states.
        places = [(at, end, 0) for at, end in ends(ANOMALIES, IsolationLevel.READ_COMMITTED).items()]
        places += [(at, 0, end) for at, end in ends(STATES, IsolationLevel.READ_UNCOMMITTED).items()]
        rows = [(at.topic, at.partition, str(topics[at.topic].topic_id), start, end) for at, start, end in places]
        with self._view:
            self._view.executemany("INSERT OR IGNORE INTO place VALUES (?, ?, ?, ?, ?)", rows)

    def follow(self, consumer: Consumer) -> None:
        """Read for ever: first the states to the ends found at the beginning, then everything."""
        assigned: set[tuple[str, int]] = set()
        while True:
            places = self._view.execute("SELECT topic, partition, next, until FROM place").fetchall()
            wanted = [place for place in places if place[2] < place[3]] or places
            if {place[:2] for place in wanted} != assigned:
                assigned = {place[:2] for place in wanted}
                consumer.assign([TopicPartition(topic, partition, following) for topic, partition, following, _ in wanted])
            until = {place[:2]: place[3] for place in places}
            messages = consumer.consume(500, timeout=0.5)
            with self._view:  # one transaction: what was read, and how far
                for message in messages:
                    self._take(message, until[message.topic(), message.partition()])

    def _take(self, message: Message, until: int) -> None:
        topic, following, error = message.topic(), message.offset() + 1, message.error()
        if error and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its offset lies behind markers and aborted records
            following = message.offset()
        elif error and error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            raise SystemExit("away for longer than anomalies are kept: begin with an empty view")
        elif error:
            raise KafkaException(error)
        else:
            name, key = topic.removeprefix(self._prefix), message.key().decode()
            record = self._decode(name, message.value())
            if name in ANOMALIES:
                self._hear(record, dict(message.headers())["ce_id"].decode())
            else:
                if name == "case-state":
                    due_at = record["due_at"] and round(record["due_at"].timestamp() * 1000)
                    row = key, record["status"], record["unit_code"], record["item_code"], due_at
                    self._view.execute("INSERT OR REPLACE INTO case_state VALUES (?, ?, ?, ?, ?)", row)
                if message.offset() < until:
                    self._look_up(record, key)
        self._view.execute("UPDATE place SET next = ? WHERE topic = ? AND partition = ?", (following, topic, message.partition()))

    def _look_up(self, record: dict, subject: str) -> None:
        """A state read at the beginning: its findings are all that is open of its subject."""
        self._view.execute("DELETE FROM anomaly WHERE subject = ?", (subject,))
        rows = [(each["anomaly_id"], subject, each["kind"], record["unit_code"], "OPENED", "") for each in record["findings"]]
        self._view.executemany("INSERT INTO anomaly VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _hear(self, record: dict, ce_id: str) -> None:
        """An anomaly opened, changed or resolved; one that says again what was said last is passed over."""
        last = record["anomaly_id"], ce_id
        if self._view.execute("SELECT 1 FROM anomaly WHERE anomaly_id = ? AND ce_id = ?", last).fetchone():
            return
        row = [record[name] for name in ("anomaly_id", "subject", "kind", "unit_code", "state")]
        self._view.execute("INSERT OR REPLACE INTO anomaly VALUES (?, ?, ?, ?, ?, ?)", (*row, ce_id))
        self._view.execute("INSERT INTO told VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1", row[2:])


def main() -> None:
    """Follow, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True, help="host:port of a broker")
    parser.add_argument("--view", required=True, help="the SQLite file")
    parser.add_argument("--prefix", default="", help="what stands before topic names")
    parser.add_argument("--schemas", default="avro", type=Path, help="the folder avro/ of the product")
    given = parser.parse_args()
    broker = {"bootstrap.servers": given.bootstrap}
    reading = {"isolation.level": "read_committed", "enable.auto.commit": False, "auto.offset.reset": "error", "enable.partition.eof": True}
    subscriber = Subscriber(sqlite3.connect(given.view), decoder(given.schemas), given.prefix)
    subscriber.begin(AdminClient(broker))
    subscriber.follow(Consumer({**broker, **reading, "group.id": "none: the view knows how far it is", "allow.auto.create.topics": False}))


if __name__ == "__main__":
    main()
