"""Connections that end for want of work are made again at once, however often."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from streams.runtime import transaction
from streams.runtime.clients import producer_config
from streams.runtime.settings import EngineSettings
from streams.runtime.transaction import Committer, Transaction
from tests.runtime.harness import Pairs

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_transactions_further_apart_than_a_connection_lives_do_not_wait_for_one(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Left to itself, librdkafka pauses longer each time before it connects again: six seconds and more from the seventh transaction on."""
    monkeypatch.setattr(transaction, "producer_config", lambda *given: producer_config(*given) | {"connections.max.idle.ms": 1_000})
    committer = Committer(EngineSettings(kafka={"bootstrap.servers": pairs.bootstrap}, worker="w", data_dir=tmp_path), "seldom", 0)
    committer.init()
    took_s = []
    for number in range(8):
        time.sleep(1.3)
        began = time.monotonic()
        committer.commit(Transaction({pairs.topic("pair-state"): {b"key": b"value"}}, (), {pairs.topic("left"): (number, "")}))
        took_s.append(time.monotonic() - began)
    committer.close()
    assert max(took_s) < 3
