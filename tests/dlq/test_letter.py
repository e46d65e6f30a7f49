"""What a dead letter says of itself, and what it is sent back with."""

from __future__ import annotations

import pytest

from consumers.dead_letters import dead_letter_row
from ops.dlq.letter import REDRIVE_COUNT, REDRIVEN_FROM, Place, completed, dead_letter, redriven_from, shown_key
from ops.dlq.query import Query, newest
from streams.agents.outcomes import LEFT_OUT_HEADERS, WHOLE_BYTES
from tests.dlq.letters import entry, message, too_large, worker_headers

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


def test_a_letter_without_its_value_tells_the_value_s_size_and_is_completed_by_its_record_alone() -> None:
    """Its own headers are those of the record; what a redrive counted goes on."""
    value = b"v" * WHOLE_BYTES
    headers = [*OWN, (REDRIVEN_FROM, b"3:17"), (REDRIVE_COUNT, b"2")]
    written = too_large(b"c", value, headers, topic="case-closed")
    letter = dead_letter(written)
    assert (letter.value, letter.entry.size, letter.entry.redrives) == (None, len(value), 2)
    assert dead_letter_row(written, 1)["value_bytes"] == len(value)
    assert (letter.own_headers, letter.entry.headers) == (tuple(OWN), ("trace", "null", "trace"))
    assert completed(letter, message(b"c", value[1:], headers)) is None
    found = completed(letter, message(b"c", value, headers))
    assert found is not None
    assert (found.entry.key, found.value, found.own_headers, found.entry.redrives) == (b"c", value, tuple(OWN), 2)


def test_a_key_and_headers_that_a_letter_has_no_room_for_come_with_the_record() -> None:
    """All of them, and the count among them."""
    key, headers = b"k" * WHOLE_BYTES, [*OWN, (REDRIVE_COUNT, b"1")]
    letter = dead_letter(too_large(key, b"v", headers, topic="case-closed"))
    assert (letter.entry.key, letter.entry.headers, letter.entry.redrives) == (None, (), 0)
    found = completed(letter, message(key, b"v", headers))
    assert found is not None
    assert (found.entry.key, found.value, found.own_headers, found.entry.redrives) == (key, b"v", tuple(OWN), 1)


def test_a_sender_cannot_say_that_a_value_was_left_out() -> None:
    """Only the last headers do, and behind a sender's stand the worker's."""
    forged = [(LEFT_OUT_HEADERS[0], b"1"), (LEFT_OUT_HEADERS[1], b"0" * 64)]
    letter = dead_letter(message(b"c", b"v", worker_headers(forged, topic="case-closed")))
    assert (letter.entry.size, letter.entry.sha256, letter.own_headers) == (1, "", tuple(forged))


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
