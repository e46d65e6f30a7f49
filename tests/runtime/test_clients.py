"""What all clients have in common."""

from __future__ import annotations

import time
from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.runtime.clients import answered


def test_an_answer_that_never_comes_is_a_time_out_like_any_other() -> None:
    """The client has lost the request: who waits is told by the error that he expects, after twice the time of the request."""
    lost: Future[int] = Future()
    began = time.monotonic()
    with pytest.raises(KafkaException, match=r"no answer in 0\.2 s") as raised:
        answered(lost, 0.1)
    assert time.monotonic() - began >= 0.2
    assert raised.value.args[0].code() == KafkaError._TIMED_OUT
    lost.set_result(7)
    assert answered(lost, 0.1) == 7
