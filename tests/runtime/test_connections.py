"""A partition's producer by itself: its connections, and what it says when it is fenced."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from streams.errors import Fenced
from streams.runtime import transaction
from streams.runtime.clients import producer_config
from streams.runtime.settings import EngineSettings
from streams.runtime.transaction import Committer, Transaction
from tests.runtime.harness import Pairs

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def committer_of(pairs: Pairs, folder: Path) -> Committer:
    """One of the transactional id of these tests."""
    return Committer(EngineSettings(kafka={"bootstrap.servers": pairs.bootstrap}, worker="w", data_dir=folder), "seldom", 0)


def test_transactions_further_apart_than_a_connection_lives_do_not_wait_for_one(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Left to itself, librdkafka pauses longer each time before it connects again: six seconds and more from the seventh transaction on."""
    monkeypatch.setattr(transaction, "producer_config", lambda *given: producer_config(*given) | {"connections.max.idle.ms": 1_000})
    committer = committer_of(pairs, tmp_path)
    committer.init(pairs.topic("pair-state"))
    took_s = []
    for number in range(8):
        time.sleep(1.3)
        began = time.monotonic()
        committer.commit(Transaction({pairs.topic("pair-state"): {b"key": b"value"}}, (), {pairs.topic("left"): (number, "")}))
        took_s.append(time.monotonic() - began)
    committer.close()
    assert max(took_s) < 3


def test_a_former_owner_is_fenced_in_the_middle_of_a_transaction_too(pairs: Pairs, tmp_path: Path) -> None:
    """The broker's answer to the first records breaks the producer while it is given the others: it says only that something is fatal."""
    former, owner = committer_of(pairs, tmp_path), committer_of(pairs, tmp_path)
    former.init(pairs.topic("pair-state"))
    owner.init(pairs.topic("pair-state"))
    records = {str(number).encode(): b"value" for number in range(300_000)}
    with pytest.raises(Fenced):
        former.commit(Transaction({pairs.topic("pair-state"): records}, (), {pairs.topic("left"): (1, "")}))
    owner.close()
