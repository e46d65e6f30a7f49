"""Reference records as the client gives them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streams.agents.reference import REJECTED, ReferenceKeeper
from streams.clock import Clock
from streams.contracts import WAIVER
from streams.domain.reference import Reference
from streams.headers import UNREADABLE
from streams.runtime.revisit import Point


def test_a_reference_record_that_is_refused_is_kept_although_its_headers_cannot_be_read() -> None:
    """The client raises where a header's name is not UTF-8 (``tests/test_headers.py`` has it do so)."""

    def headers() -> Any:
        raise SystemError("returned a result with an exception set")

    given: dict[str, Any] = {"topic": WAIVER, "partition": 0, "offset": 7, "timestamp": (1, 5), "key": b"k", "value": b"no Avro"}
    record = SimpleNamespace(**{name: lambda each=each: each for name, each in given.items()}, headers=headers, set_headers=lambda _: None)
    keeper = ReferenceKeeper(reference=Reference(), topic_prefix="", clock=Clock())
    place = f"{WAIVER}/0@7".encode()
    assert keeper.on_record(record) == [Point(REJECTED, place)]
    letter = keeper.rejected[place]
    assert (letter.value, letter.headers[: len(UNREADABLE)]) == (b"no Avro", list(UNREADABLE))
