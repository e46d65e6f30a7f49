"""What a dead letter says of itself, and what it is sent back with."""

from __future__ import annotations

import pytest

from ops.dlq.letter import REDRIVE_COUNT, REDRIVEN_FROM, Place, dead_letter, redriven_from, shown_key
from ops.dlq.query import Query, newest
from tests.dlq.letters import entry, message, worker_headers

OWN = [("trace", b"\xff\x00"), ("null", None), ("trace", b"again")]


def test_a_redriven_record_bears_its_own_headers_in_their_order_and_two_of_ours() -> None:
    """Null values and repeated names included; none that a worker wrote."""
    letter = dead_letter(message(b"c", b"v", worker_headers(OWN, topic="case-closed"), partition=3, offset=17))
    assert letter.own_headers == tuple(OWN)
    assert letter.headers_when_redriven == (*OWN, (REDRIVEN_FROM, b"3:17"), (REDRIVE_COUNT, b"1"))
    assert letter.entry.headers == ("trace", "null", "trace")


def test_a_count_goes_on_where_it_was_when_the_record_is_refused_again() -> None:
    """The worker keeps a record's headers; each redrive replaces the two."""
    headers = [*OWN, (REDRIVEN_FROM, b"3:17"), (REDRIVE_COUNT, b"2")]
    letter = dead_letter(message(b"c", b"v", worker_headers(headers, topic="case-closed"), partition=1, offset=4))
    assert letter.entry.redrives == 2
    assert letter.headers_when_redriven == (*OWN, (REDRIVEN_FROM, b"1:4"), (REDRIVE_COUNT, b"3"))


def test_a_senders_header_of_a_workers_name_is_kept_and_not_believed() -> None:
    """The worker's stands behind it."""
    headers = worker_headers([("guidang-topic", b"forged"), ("guidang-reason", b"forged")], topic="case-closed")
    letter = dead_letter(message(b"c", b"v", headers))
    assert (letter.entry.topic, letter.entry.reason) == ("case-closed", "MISROUTED")
    assert letter.own_headers == (("guidang-topic", b"forged"), ("guidang-reason", b"forged"))


@pytest.mark.parametrize("count", [b"", b"many", b"-1", b"1" * 40, "３".encode(), None])
def test_a_count_that_is_no_number_is_nobodys(count: bytes | None) -> None:
    """A dead letter is never itself refused."""
    assert dead_letter(message(None, None, [(REDRIVE_COUNT, count)])).entry.redrives == 0


@pytest.mark.parametrize("text", ["", "3", "3:", ":3", "3:4:5", "-1:2", " 1:2", "1:2 ", "a:b", "３:４"])
def test_what_names_no_place_is_no_place(text: str) -> None:
    """Nothing is guessed."""
    assert Place.parse(text) is None
    assert redriven_from([(REDRIVEN_FROM, text.encode())]) is None


def test_a_place_reads_back() -> None:
    """``partition:offset``."""
    assert Place.parse(str(Place(3, 17))) == Place(3, 17)


def test_a_key_is_shown_without_what_commands_a_terminal() -> None:
    """Chinese stays; control sequences and broken UTF-8 do not."""
    assert shown_key("办件 1".encode() + b"\x1b[2J\xff\n") == "办件 1\ufffd[2J\ufffd\ufffd"
    assert shown_key(None) is None


def test_every_condition_of_a_query_has_to_hold() -> None:
    """And places are asked alone."""
    query = Query(reasons=frozenset({"MISROUTED"}), topic="case-closed", key=b"c", since_ms=10, until_ms=20)
    assert query.matches(entry(written_at_ms=10))
    assert not any(
        query.matches(entry(**{"written_at_ms": 10, **other}))
        for other in ({"reason": "NULL_VALUE"}, {"topic": "x"}, {"key": b"d"}, {"key": None}, {"written_at_ms": 9}, {"written_at_ms": 20})
    )
    assert Query(places=frozenset({Place(1, 2)})).matches(entry(place=Place(1, 2)))
    assert not Query(places=frozenset({Place(1, 2)})).matches(entry(place=Place(2, 1)))


def test_an_empty_key_may_be_asked_for() -> None:
    """It finds null keys too: both are without a case number."""
    assert all(Query(key=b"").matches(entry(key=key)) for key in (b"", None))


def test_a_limit_leaves_the_newest() -> None:
    """In the order of writing."""
    entries = [entry(place=Place(0, number), written_at_ms=at) for number, at in enumerate((30, 10, 20))]
    assert [each.written_at_ms for each in newest(entries, 2)] == [20, 30]
    assert [each.written_at_ms for each in newest(entries, 0)] == [10, 20, 30]
