"""Findings that are taken from the states: what keeps their reader from waiting for ever."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from consumers import untold
from consumers.untold import Untold
from streams.contracts import CASE_STATE
from streams.errors import DependencyError
from streams.settings import Settings


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


def test_a_reader_to_whom_nothing_comes_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sink is in no group yet, and its loop turns: nobody else would notice."""
    monkeypatch.setattr(untold, "Consumer", Silent)
    monkeypatch.setattr(untold, "_STALLED_SECONDS", 0.0)
    turns: Iterator[bool] = iter([*repeat(True, 100), False])
    settings = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": "127.0.0.1:1"})  # type: ignore[arg-type]
    reading = Untold(settings, {}, lambda _error: None, lambda: next(turns)).batches([(CASE_STATE, 0)])
    with pytest.raises(DependencyError, match="no data came"):
        list(reading)
