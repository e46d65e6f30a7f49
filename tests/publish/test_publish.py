"""Publishing against a real broker: every row is confirmed or named."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from ops.ports import free_port
from ops.publish import BadRow, Published, publish_file
from ops.topics import ensure_topics
from streams.contracts import codec
from streams.errors import BadInputFile, DependencyError, TopologyError
from streams.settings import Settings
from tests.dlq.test_judge import PAPERS
from tests.ops.test_cli import guidang

HEADER = "event_id,case_no,item_code,item_name,unit_code,unit_name,district_code,title,accepted_at,closed_at"


@pytest.fixture
def settings(kafka, topic_prefix, tmp_path) -> Settings:
    """Settings with topics of their own on the shared broker."""
    made = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": 4})
    ensure_topics(made)
    return made


def publish(settings: Settings, topic: str, path: Path) -> tuple[Published, list[BadRow]]:
    """Publish a file; return what became of it, and its bad rows."""
    bad: list[BadRow] = []
    return publish_file(settings, topic, path, on_bad=bad.append), bad


def records(settings: Settings, topic: str) -> list[tuple[bytes, dict]]:
    """Everything in a topic, by partition and offset."""
    name = settings.topic(topic)
    consumer = Consumer({**settings.kafka_client(), "group.id": "none", "enable.auto.commit": False})
    partitions = [TopicPartition(name, number, 0) for number in consumer.list_topics(name).topics[name].partitions]
    wanted = sum(end_offset(consumer, partition) for partition in partitions)
    consumer.assign(partitions)
    found = []
    while len(found) < wanted:
        found += consumer.consume(wanted - len(found), timeout=10)
    consumer.close()
    found.sort(key=lambda message: (message.partition(), message.offset()))
    return [(message.key(), codec(topic).decode(message.value())) for message in found]


def end_offset(consumer: Consumer, partition: TopicPartition) -> int:
    """End of a partition; the leader of a new one may not know yet that it is."""
    for _ in range(50):
        try:
            return consumer.get_watermark_offsets(partition, timeout=10)[1]
        except KafkaException:
            time.sleep(0.1)
    raise AssertionError(f"{partition} has no end")


def row(number: int, title: str = "王某某申请") -> str:
    """A good row."""
    return (
        f"e{number},办件-{number},许可-00387-000,中医医疗广告审查,330100012,市卫计委,330100,{title},"
        "2018-03-01T09:00:00+08:00,2018-03-05T10:07:00+08:00"
    )


@pytest.mark.kafka
def test_rows_arrive_under_the_key_of_the_contract_and_bad_ones_are_named(settings: Settings, tmp_path: Path):
    """Rows arrive under the key of the contract and bad ones are named."""
    path = tmp_path / "closed.csv"
    path.write_text("\n".join([HEADER, row(1), row(2).replace("2018-03-05T", "2018-13-05T"), row(3), "x"]) + "\n")
    published, bad = publish(settings, "case-closed", path)
    assert (published.sent, published.bad) == (2, 2)
    assert [(each.line, each.column) for each in bad] == [(3, "closed_at"), (5, "")]
    assert sorted(key.decode() for key, _ in records(settings, "case-closed")) == ["办件-1", "办件-3"]


@pytest.mark.kafka
def test_a_record_larger_than_the_topic_takes_is_named_and_nothing_else_is_lost(settings: Settings, tmp_path: Path):
    """A record larger than the topic takes is named and nothing else is lost."""
    path = tmp_path / "closed.csv"
    path.write_text("\n".join([HEADER, row(1), row(2, "王" * 700_000), row(3, "王" * 3_000_000), row(4)]) + "\n")
    published, bad = publish(settings, "case-closed", path)
    assert [each.line for each in bad] == [4]
    assert "max.message.bytes" in bad[0].found
    assert (published.sent, published.bad) == (3, 1)
    assert len(records(settings, "case-closed")) == 3


BEAT = {"event_id": "h1", "source_system": "zwfw", "topic": "archive-received", "complete_through": "2018-03-05T00:00:00+08:00"}
CONFIG = {"event_id": "m1", "unit_code": "U", "item_code": "许可-00387-000", "item_name": "n"}
CONFIG |= {"archiving_mode": "ONLINE", "retention": "YEARS_30"}
ARCHIVE = {"event_id": "a1", "archive_no": "A-1", "case_no": "N-1", "item_code": "许可-00387-000", "unit_code": "U", "title": "t"}
ARCHIVE |= {"received_at": "2018-03-06T02:00:00+08:00", "receipt": "ACCEPTED"}
CLOSING = dict(zip(HEADER.split(","), row(1).split(","), strict=True))


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("topic", "good", "wrong", "reason"),
    [
        ("feed-heartbeat", BEAT, {"topic": "archive_received"}, "UNKNOWN_TOPIC"),
        ("feed-heartbeat", BEAT, {"complete_through": "2100-06-01T00:00:00+08:00"}, "TIME_OUT_OF_RANGE: complete_through"),
        ("case-closed", CLOSING, {"unit_name": "长" * 1366}, "FIELD_TOO_LONG: unit_name"),
        ("archive-received", ARCHIVE, {"materials": PAPERS}, "RECORD_TOO_LARGE"),
        ("module-config", CONFIG, {"materials": [{"name": f"材料{number}"} for number in range(4000)]}, "RECORD_TOO_LARGE"),
    ],
)
def test_a_row_that_every_worker_would_refuse_is_a_bad_row(
    settings: Settings, tmp_path: Path, topic: str, good: dict, wrong: dict, reason: str
):
    """It is told by its line, and the rest goes in; else it would be a dead letter of which the publisher never hears."""
    path = tmp_path / "f.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in (good, good | wrong, good | {"event_id": "last"})))
    published, bad = publish(settings, topic, path)
    assert [(each.line, each.found.startswith(reason)) for each in bad] == [(2, True)]
    assert (published.sent, published.bad) == (2, 1)
    assert {record["event_id"] for _, record in records(settings, topic)} == {good["event_id"], "last"}


@pytest.mark.kafka
def test_what_workers_take_goes_in(settings: Settings, tmp_path: Path):
    """A heartbeat that calls its topic as the broker does, one of a source that has nothing yet, a field and a title as long as may be."""
    beats, closed = tmp_path / "beats.jsonl", tmp_path / "closed.jsonl"
    taken = [BEAT | {"topic": settings.topic("case-closed")}, BEAT | {"complete_through": "1970-01-01T00:00:00Z"}]
    beats.write_text("\n".join(map(json.dumps, taken)))
    closed.write_text(json.dumps(CLOSING | {"unit_name": "长" * 1365, "title": "王" * 100_000}))
    assert [publish(settings, "feed-heartbeat", beats)[0].sent, publish(settings, "case-closed", closed)[0].sent] == [2, 1]


@pytest.mark.kafka
def test_a_refused_row_ends_the_command_with_5(settings: Settings, tmp_path: Path):
    """And is named in its answer."""
    path = tmp_path / "beats.jsonl"
    path.write_text(json.dumps(BEAT | {"topic": "archive_received"}))
    environment = {"GUIDANG_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers, "GUIDANG_DATA_DIR": str(tmp_path)}
    environment["GUIDANG_KAFKA__TOPIC_PREFIX"] = settings.kafka.topic_prefix
    done = guidang("publish", "feed-heartbeat", str(path), "--json", **environment)
    said = json.loads(done.stdout)
    assert (done.returncode, said["sent"], said["bad"], said["bad_rows"][0]["line"]) == (5, 0, 1, 1)
    assert "UNKNOWN_TOPIC" in done.stderr
    assert records(settings, "feed-heartbeat") == []


@pytest.mark.kafka
def test_the_order_of_one_key_is_the_order_of_the_file(settings: Settings, tmp_path: Path):
    """The order of one key is the order of the file."""
    path = tmp_path / "closed.csv"
    path.write_text("\n".join([HEADER, *(row(number % 7).replace(f"e{number % 7},", f"e{number:05},") for number in range(20_000))]))
    published, bad = publish(settings, "case-closed", path)
    assert (published.sent, bad) == (20_000, [])
    by_case: dict[bytes, list[str]] = {}
    for key, record in records(settings, "case-closed"):
        by_case.setdefault(key, []).append(record["event_id"])
    assert len(by_case) == 7
    assert all(ids == sorted(ids) for ids in by_case.values())


@pytest.mark.kafka
def test_every_input_topic_can_be_published_into(settings: Settings, tmp_path: Path):
    """Every input topic can be published into."""
    units, beats = tmp_path / "units.csv", tmp_path / "beats.jsonl"
    units.write_text("event_id,unit_code,unit_name,district_code,district_name,valid_from\nu1,U,单位,330103,下城区,2018-01-01\n")
    beats.write_text('{"event_id":"h1","source_system":"zwfw","topic":"archive-received","complete_through":"2018-03-05T00:00:00+08:00"}\n')
    assert publish(settings, "unit-registry", units)[0].sent == 1
    assert publish(settings, "feed-heartbeat", beats)[0].sent == 1
    assert records(settings, "unit-registry")[0][1]["valid_to"] is None
    assert records(settings, "feed-heartbeat")[0][0] == b"zwfw"
    items, schedule = tmp_path / "items.csv", tmp_path / "schedule.jsonl"
    config, waivers = tmp_path / "config.csv", tmp_path / "waivers.csv"
    items.write_text("event_id,unit_code,item_code,item_name,build_mode,plan_year\ni1,U,许可-00387-000,中医医疗广告审查,SELF_BUILT,2018\n")
    schedule.write_text(
        '{"event_id":"s1","unit_code":"U","item_code":"许可-00387-000","item_name":"n","retention":"YEARS_30",'
        '"materials":[{"kind":"RESULT","name":"批文","electronic":false}]}\n'
    )
    config.write_text(
        "event_id,unit_code,item_code,item_name,archiving_mode,retention,materials\n"
        'm1,U,许可-00387-000,n,ONLINE,YEARS_30,"[{""name"":""批文"",""required"":false}]"\n'
    )
    waivers.write_text("event_id,anomaly_id,author,reason,until\nw1,3f6c,市档案局,接收平台故障,2018-12-31\n")
    for topic, path in (("item-registry", items), ("archiving-schedule", schedule), ("module-config", config), ("waiver", waivers)):
        published, bad = publish(settings, topic, path)
        assert (published.sent, bad) == (1, [])
    ((key, item),) = records(settings, "item-registry")
    assert (key.decode(), item["plan_year"], item["main_item_code"], item["note"]) == ("U|许可-00387-000", 2018, "", "")
    material = {"kind": "RESULT", "name": "批文", "code": "", "required": True, "electronic": False}
    assert records(settings, "archiving-schedule")[0][1]["materials"] == [material]
    assert records(settings, "module-config")[0][1]["materials"] == [material | {"kind": "UNKNOWN", "required": False, "electronic": True}]
    ((key, waiver),) = records(settings, "waiver")
    assert (key, waiver["until"]) == (b"3f6c", 17_896)


@pytest.mark.kafka
def test_a_missing_topic_is_told_and_not_made(settings: Settings, tmp_path: Path):
    """A missing topic is told and not made."""
    path = tmp_path / "closed.csv"
    path.write_text(f"{HEADER}\n{row(1)}\n")
    elsewhere = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topic_prefix": "nowhere-"})})
    with pytest.raises(TopologyError, match="nowhere-case-closed"):
        publish(elsewhere, "case-closed", path)


@pytest.mark.kafka
def test_a_file_refused_whole_sends_nothing(settings: Settings, tmp_path: Path):
    """A file refused whole sends nothing."""
    path = tmp_path / "closed.csv"
    path.write_text(f"{HEADER},x\n{row(1)},1\n")
    with pytest.raises(BadInputFile):
        publish(settings, "case-closed", path)
    assert records(settings, "case-closed") == []


@pytest.mark.kafka
def test_the_real_log_goes_in_whole(settings: Settings):
    """The real log goes in whole."""
    folder = Path(__file__).parents[3] / "shared/data/permits"
    if not folder.exists():
        pytest.skip("没有 ../shared/data/permits：真实日志不随仓库分发 the real log does not come with the repository")
    published, bad = publish(settings, "archive-received", folder / "archives.csv")
    assert (published.sent, bad) == (626, [])
    assert len(records(settings, "archive-received")) == 626


def test_an_absent_broker_is_told_in_bounded_time(tmp_path: Path):
    """An absent broker is told in bounded time."""
    path = tmp_path / "closed.csv"
    path.write_text(f"{HEADER}\n{row(1)}\n")
    begun = time.monotonic()
    with pytest.raises(DependencyError, match="127"):
        publish(Settings(data_dir=tmp_path, kafka={"bootstrap_servers": f"127.0.0.1:{free_port()}"}), "case-closed", path)
    assert time.monotonic() - begun < 20
