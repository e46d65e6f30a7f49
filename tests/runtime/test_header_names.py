"""A header's name is bytes to the broker, and need not be UTF-8."""

from __future__ import annotations

import pytest

from streams.partitioner import PARTITIONERS
from tests.conftest import Kafka
from tests.raw_headers import send_with_raw_header
from tests.runtime.harness import PARTITIONS, Pairs, key_of

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_a_record_with_a_header_name_that_is_not_utf8_is_taken_in_among_others(kafka: Kafka, pairs: Pairs) -> None:
    """It counts, its neighbours count once, and what is written with its headers is written."""
    pairs.feed(range(100), range(50))
    home = PARTITIONERS["murmur2"](key_of(50), PARTITIONS)
    send_with_raw_header(kafka.bootstrap, pairs.topic("right"), key_of(50), b"x", home)
    pairs.rights[key_of(50)] += 1
    pairs.feed((), range(51, 100))
    worker = pairs.worker()
    pairs.wait_caught_up()
    assert worker.stop() == 0
    assert pairs.wrongs() == []
    [verdict] = [message for message in pairs.read("verdicts") if message.key() == key_of(50)]
    assert verdict.headers() == [("good", b"1"), ("\ufffd\ufffdname", b"2")]
