"""Findings that are taken from the states: what keeps their reader from waiting for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from consumers import untold
from consumers.origins import Origin
from consumers.rows import TABLES
from consumers.untold import Untold
from streams.contracts import ANOMALY_UNARCHIVED, CASE_STATE, codec
from streams.errors import DependencyError
from streams.settings import Settings
from tests.consumers.outputs import case_state


class Silent:
    """A consumer of a partition that has five records, none of which ever comes."""

    def __init__(self, _config: Any) -> None:
        self.assigned: list[Any] = []

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        """See confluent_kafka."""
        return 0, 5

    def assign(self, places: list[Any]) -> None:
        """See confluent_kafka."""
        self.assigned = places

    def consume(self, *_: Any) -> list[Any]:
        """See confluent_kafka."""
        return []

    def close(self) -> None:
        """See confluent_kafka."""


class Behind(Silent):
    """A consumer of the same partition, whose new leader at first does not know of more than its first records."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._to_come = [end_at(0), *(state_at(offset) for offset in range(4)), end_at(4), end_at(5)]

    def consume(self, *_: Any) -> list[Any]:
        """See confluent_kafka."""
        return [self._to_come.pop(0)]


def state_at(offset: int) -> Message:
    """A case with an open finding."""
    finding = {"anomaly_id": f"A{offset}", "kind": "UNARCHIVED", "since": 0, "waived": False}
    value = codec(CASE_STATE).encode(case_state(offset, status="UNARCHIVED", findings=[finding]))
    return Message(topic=CASE_STATE, partition=0, offset=offset, value=value)


def end_at(offset: int) -> Message:
    """An end of the partition is told."""
    return Message(topic=CASE_STATE, partition=0, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF))


def test_an_end_that_comes_before_what_there_was_is_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings behind it would be missing for ever. The true one lies behind a transaction's marker."""
    monkeypatch.setattr(untold, "Consumer", Behind)
    settings = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": "127.0.0.1:1"})  # type: ignore[arg-type]
    table = next(table for table in TABLES if table.topic == ANOMALY_UNARCHIVED)
    origins = {ANOMALY_UNARCHIVED: Origin(ANOMALY_UNARCHIVED, table, "topic", "table", 1)}
    (batch,) = Untold(settings, origins, lambda _error: None, lambda: True).batches([(CASE_STATE, 0)])
    assert batch.rows == 4


def test_a_reader_to_whom_nothing_comes_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sink is in no group yet, and its loop turns: nobody else would notice."""
    monkeypatch.setattr(untold, "Consumer", Silent)
    monkeypatch.setattr(untold, "_STALLED_SECONDS", 0.0)
    turns: Iterator[bool] = iter([*repeat(True, 100), False])
    settings = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": "127.0.0.1:1"})  # type: ignore[arg-type]
    reading = Untold(settings, {}, lambda _error: None, lambda: next(turns)).batches([(CASE_STATE, 0)])
    with pytest.raises(DependencyError, match="no data came"):
        list(reading)
