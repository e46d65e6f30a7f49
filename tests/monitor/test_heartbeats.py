"""What sources claim, read from a real broker, look by look."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Producer

from ops.monitor.heartbeats import Claims, Heartbeats
from ops.monitor.rhythm import LOOKBACK_MS
from ops.monitor.sources import pulses_of_claims
from ops.topics import ensure_topics
from streams.clock import wall_ms
from streams.contracts import FEED_HEARTBEAT, codec
from streams.domain.time import DAY_MS, HOUR_MS
from streams.errors import DependencyError
from streams.holidays import china_calendar
from streams.settings import Settings
from tests.conftest import Kafka, free_port

MINUTE_MS = 60_000
T0 = 1_545_000_000_000


@pytest.fixture
def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Topics of their own on the shared broker."""
    made = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": 1})  # type: ignore[arg-type]
    ensure_topics(made)
    return made


def beat(settings: Settings, *claims: tuple[str, str, int]) -> None:
    """Publish claims: source, topic, through."""
    producer = Producer(settings.kafka_client())
    for number, (source, topic, through_ms) in enumerate(claims):
        record = {"event_id": f"h{number}", "source_system": source, "topic": topic, "complete_through": through_ms}
        producer.produce(settings.topic(FEED_HEARTBEAT), codec(FEED_HEARTBEAT).encode(record), source.encode())
    producer.produce(settings.topic(FEED_HEARTBEAT), b"no heartbeat", b"x")
    assert producer.flush(20) == 0


@pytest.mark.kafka
def test_each_look_reads_on_where_the_last_one_ended(settings: Settings) -> None:
    """Claims that go back, of an unknown topic, or that are none, are passed over: workers tell of those."""
    heartbeats = Heartbeats(settings, shift_ms=-DAY_MS)
    assert heartbeats.look() == {}
    beat(settings, ("s", "case-closed", T0), ("s", settings.topic("archive-received"), T0 + HOUR_MS), ("s", "nonsense", T0))
    found = heartbeats.look()
    assert {place: claims.through_ms for place, claims in found.items()} == {
        ("s", "case-closed"): [T0],
        ("s", "archive-received"): [T0 + HOUR_MS],
    }
    (told_ms,) = found["s", "case-closed"].told_ms
    assert abs(told_ms + DAY_MS - wall_ms()) < 60_000
    beat(settings, ("s", "case-closed", T0 - 1), ("s", "case-closed", T0 + DAY_MS))
    assert heartbeats.look()["s", "case-closed"].through_ms == [T0, T0 + DAY_MS]
    assert heartbeats._positions == {0: 7}  # what it has read it does not read again
    heartbeats._positions[0] = 100  # the topic was made again, and is shorter now
    assert heartbeats.look()["s", "case-closed"].through_ms == [T0, T0 + DAY_MS]
    assert heartbeats._positions == {0: 7}
    assert heartbeats.look()["s", "case-closed"].through_ms == [T0, T0 + DAY_MS]


@pytest.mark.kafka
def test_a_claim_of_a_time_that_cannot_be_hides_none_that_follow(settings: Settings) -> None:
    """Microseconds are refused, as workers do; one ahead of the clock says no more than that all was sent until then."""
    beat(settings, ("s", "case-closed", T0), ("s", "case-closed", 1_700_000_000_000_000), ("s", "case-closed", T0 + HOUR_MS))
    heartbeats = Heartbeats(settings, shift_ms=0)
    assert heartbeats.look()["s", "case-closed"].through_ms == [T0, T0 + HOUR_MS]
    beat(settings, ("s", "case-closed", wall_ms() + 300 * DAY_MS))
    claims = heartbeats.look()["s", "case-closed"]
    assert claims.through_ms == claims.told_ms[-1:]  # what was claimed in another year has no part in a rhythm of now
    assert claims.through_ms[-1] <= wall_ms()


@pytest.mark.kafka
def test_a_broker_that_is_away_is_a_failed_look(settings: Settings) -> None:
    """It says so, and does not take for ever."""
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    with pytest.raises(DependencyError, match="Kafka"):
        Heartbeats(settings.model_copy(update={"kafka": kafka}), 0).look()


def test_claims_keep_four_weeks_one_for_each_ten_minutes_and_the_last() -> None:
    """A heartbeat every second for a year is not kept whole."""
    claims = Claims()
    for minute in range(0, 60 * 24 * 60, 3):
        claims.add(T0 + minute * MINUTE_MS, T0 + minute * MINUTE_MS + 5)
    last_ms = T0 + (60 * 24 * 60 - 3) * MINUTE_MS
    assert claims.through_ms[-1] == last_ms
    assert claims.through_ms[0] > last_ms - LOOKBACK_MS
    assert 28 * 144 - 2 <= len(claims.through_ms) == len(claims.told_ms) <= 28 * 144 + 2


def test_the_usual_delay_is_that_of_living_claims() -> None:
    """Two loaded years later say nothing about how late they usually are; nor does one about the future."""
    claims = Claims([1, 2, 3, 4, 5], [1 + HOUR_MS, 2 + 3 * HOUR_MS, 3 + 2 * HOUR_MS, 4 + 700 * DAY_MS, 0])
    assert claims.delay_ms == 2 * HOUR_MS
    assert Claims([1], [1 + 700 * DAY_MS]).delay_ms == 0


def test_a_source_that_claims_every_ten_minutes_is_missed_within_the_hour() -> None:
    """Its claims come five minutes late: a quarter of an hour behind that."""
    morning = 1_541_037_600_000  # 2018-11-01 10:00 in Asia/Shanghai, a Thursday
    times = [morning + number * 10 * MINUTE_MS for number in range(20)]
    pulse = pulses_of_claims({("s", "case-closed"): Claims(times, [at + 5 * MINUTE_MS for at in times])}, china_calendar())[
        "s", "case-closed"
    ]
    assert pulse.last_ms == times[-1]
    assert pulse.gap_ms == 20 * MINUTE_MS
