"""Dead letters sent back on a real broker: once, whole, and to where they belong."""

from __future__ import annotations

import base64
import os
import pty
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from ops.dlq.letter import REDRIVE_COUNT, REDRIVEN_FROM, Place
from ops.dlq.plan import Decision, Outcome
from ops.dlq.query import Query
from ops.dlq.redrive import Redrive, list_letters
from ops.dlq.sender import Sender
from streams.clock import wall_ms
from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, DEAD_LETTER, ITEM_REGISTRY
from streams.errors import Superseded
from streams.partitioner import PARTITIONERS
from tests.conftest import free_port
from tests.dlq.conftest import PARTITIONS, Desk
from tests.dlq.letters import closed, received, too_large
from tests.raw_headers import send_with_raw_header

pytestmark = pytest.mark.kafka

MIB = 1024 * 1024
OWN = [("trace", b"\xff\x00"), ("null", None), ("trace", b"again")]


def silent(*_: Any) -> None:
    """Nobody watches the progress."""


def home(key: bytes) -> int:
    """Where a key belongs."""
    return PARTITIONERS["murmur2"](key, PARTITIONS)


def redrive(desk: Desk, query: Query = Query(), *, max_redrives: int = 3, force: bool = False) -> list[Decision]:  # noqa: B008 - frozen
    """Redrive; return what became of each letter."""
    run = Redrive(desk.settings, Sender(desk.settings))
    return run.send(run.plan(query, 0, max_redrives=max_redrives, force=force, tell=silent), silent)


def outcomes(decisions: list[Decision]) -> Counter[Outcome]:
    """How many of each."""
    return Counter(each.outcome for each in decisions)


def test_a_misrouted_record_goes_whole_to_the_partition_of_its_key_and_only_once(desk: Desk) -> None:
    """Bytes, key, own headers; list says where it went; a second redrive finds it there and sends nothing."""
    key, value = "办件-1".encode(), closed("办件-1")
    place = desk.dead(key, value, OWN, partition=(home(key) + 1) % PARTITIONS)
    desk.dead(b"U1|x", b"{}", topic=ITEM_REGISTRY, reason="NOT_FRAMED")
    assert [each.sent_to for each in list_letters(desk.settings, Query(), 0, silent)] == [None, None]
    assert outcomes(redrive(desk)) == {Outcome.SEND: 1, Outcome.REFUSED_AGAIN: 1}
    once = [(home(key), key, value, [*OWN, (REDRIVEN_FROM, str(place).encode()), (REDRIVE_COUNT, b"1")])]
    assert desk.records(CASE_CLOSED) == once
    listed = {each.entry.reason: each.sent_to for each in list_letters(desk.settings, Query(), 0, silent)}
    assert listed == {"MISROUTED": f"case-closed/{home(key)}@0", "NOT_FRAMED": None}
    for force in (False, True):
        assert outcomes(redrive(desk, Query(reasons=frozenset({"MISROUTED"})), force=force)) == {Outcome.SENT_BEFORE: 1}
    assert desk.records(CASE_CLOSED) == once


def test_a_record_whose_headers_cannot_be_read_lies_in_nobodys_way(desk: Desk) -> None:
    """Among those that are looked through for earlier redrives: a redrive's own headers are readable."""
    desk.dead(b"c", closed("c"), partition=(home(b"c") + 1) % PARTITIONS)
    send_with_raw_header(desk.settings.kafka.bootstrap_servers, desk.settings.topic(CASE_CLOSED), b"c", closed("c"), home(b"c"))
    assert [each.sent_to for each in list_letters(desk.settings, Query(), 0, silent)] == [None]
    assert [outcomes(redrive(desk)) for _ in range(2)] == [{Outcome.SEND: 1}, {Outcome.SENT_BEFORE: 1}]


def test_an_earlier_redrive_is_found_among_thousands_of_other_records_and_whatever_the_clock_says(desk: Desk) -> None:
    """Reading begins at the letters' times; the record bears one of them even if this machine's clock is far behind."""
    for number in range(3_000):
        desk._producer.produce(desk.settings.topic(CASE_CLOSED), b"x", b"c", home(b"c"), timestamp=1 + number)
    desk._producer.flush(30)
    desk.dead(b"c", closed("c"), partition=(home(b"c") + 1) % PARTITIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.dlq.sender.wall_ms", lambda: 1)
        assert outcomes(redrive(desk)) == {Outcome.SEND: 1}
    assert outcomes(redrive(desk)) == {Outcome.SENT_BEFORE: 1}


def test_a_redrive_of_a_former_letter_in_the_same_place_is_not_taken_for_one_of_this_letter(desk: Desk) -> None:
    """``dead-letter`` was deleted and made again: what bears the place, or the key, is older than the letter, or another's."""
    place = Place(0, 0)
    headers = [(REDRIVEN_FROM, str(place).encode()), (REDRIVE_COUNT, b"1")]
    # The younger one first, so that the reading begins at it and meets both.
    desk.write(CASE_CLOSED, home(b"c"), b"other", closed("other"), headers, timestamp=wall_ms() + 60_000)
    desk.write(CASE_CLOSED, home(b"c"), b"c", closed("c"), headers, timestamp=wall_ms() - 60_000)
    assert desk.dead(b"c", closed("c")) == place
    assert outcomes(redrive(desk)) == {Outcome.SEND: 1}


def test_a_record_that_comes_back_again_and_again_is_sent_three_times_and_no_more(desk: Desk) -> None:
    """The worker keeps the count; each new dead letter is another, and is refused for the count alone."""
    place, key = desk.dead(b"c", closed("c")), b"c"
    for round_ in range(3):
        assert outcomes(redrive(desk, Query(places=frozenset({place})))) == {Outcome.SEND: 1}
        partition, key, value, headers = desk.records(CASE_CLOSED)[-1]
        assert dict(headers)[REDRIVE_COUNT] == str(round_ + 1).encode()
        place = desk.dead(key, value, headers, partition=partition, offset=round_)
    assert outcomes(redrive(desk, Query(places=frozenset({place})))) == {Outcome.TOO_OFTEN: 1}
    assert outcomes(redrive(desk, Query(places=frozenset({place})), force=True)) == {Outcome.TOO_OFTEN: 1}
    assert len(desk.records(CASE_CLOSED)) == 3
    assert [each.entry.redrives for each in list_letters(desk.settings, Query(), 0, silent)] == [0, 1, 2, 3]
    assert outcomes(redrive(desk, Query(places=frozenset({place})), max_redrives=4)) == {Outcome.SEND: 1}


def test_what_would_be_refused_goes_only_by_force_and_then_as_it_is(desk: Desk) -> None:
    """No value, no key, an empty key, two megabytes of noise: each comes back byte by byte."""
    given = {
        (b"n", None): "NULL_VALUE",
        (None, closed("c")): "EMPTY_KEY",
        (b"", closed("c")): "EMPTY_KEY",
        (b"big", bytes(range(256)) * (8 * 1024)): "UNKNOWN_SCHEMA",
    }
    for (key, value), reason in given.items():
        desk.dead(key, value, OWN, partition=2, reason=reason)
    assert outcomes(redrive(desk)) == {Outcome.REFUSED_AGAIN: 4}
    assert desk.records(CASE_CLOSED) == []
    assert outcomes(redrive(desk, force=True)) == {Outcome.SEND: 4}
    records = desk.records(CASE_CLOSED)
    assert {(key, value) for _, key, value, _ in records} == set(given)
    assert all(headers[:3] == OWN for _, _, _, headers in records)
    assert {partition for partition, key, _, _ in records if key is None} == {2}
    assert outcomes(redrive(desk, force=True)) == {Outcome.SENT_BEFORE: 4}


def left_out(desk: Desk, key: bytes, value: bytes, source: Place) -> Place:
    """The dead letter of a record that was too large to be copied, and lay there."""
    letter = too_large(key, value, OWN, topic=desk.settings.topic(CASE_CLOSED), partition=source.partition, offset=source.offset)
    return desk.write(DEAD_LETTER, source.partition, letter.key(), letter.value(), letter.headers())


def test_a_record_that_was_too_large_for_its_letter_is_fetched_from_where_it_came_from(
    desk: Desk, run_command: Callable[..., Any], tmp_path: Any
) -> None:
    """Sent back whole and once; shown, and written into a file; six megabytes, of which the sender's codec makes less than four."""
    title = base64.b64encode(random.Random(1).randbytes(3 * MIB)).decode()  # noqa: S311 - bytes like any other
    key, value = b"c", closed("c", title=title + "长" * MIB)
    source = desk.write(CASE_CLOSED, (home(key) + 1) % PARTITIONS, key, value, OWN)
    place = left_out(desk, key, value, source)
    shown = run_command("dlq", "show", str(place), "--json", "--raw", str(tmp_path / "raw"))
    told = orjson.loads(shown.stdout)
    assert (told["bytes"], told["value_in"], told["refused_now"]) == (len(value), f"case-closed/{source.partition}@{source.offset}", None)
    assert (tmp_path / "raw").read_bytes() == value
    assert outcomes(redrive(desk)) == {Outcome.SEND: 1}
    sent = (home(key), key, value, [*OWN, (REDRIVEN_FROM, str(place).encode()), (REDRIVE_COUNT, b"1")])
    assert [record for record in desk.records(CASE_CLOSED) if record[0] == home(key)] == [sent]
    assert outcomes(redrive(desk)) == {Outcome.SENT_BEFORE: 1}


def test_a_letter_without_its_value_whose_record_is_gone_is_held_back_whatever_is_asked(
    desk: Desk, run_command: Callable[..., Any], tmp_path: Any
) -> None:
    """Its topic was made anew: in that place lies another record, or none. Nothing is sent in its stead."""
    value = closed("c", title="长" * 2 * MIB)
    source = desk.write(CASE_CLOSED, 1, b"other", closed("other"), OWN)
    places = [left_out(desk, b"c", value, source), left_out(desk, b"c", value, Place(1, 99))]
    done = run_command("dlq", "redrive", "--force", "--yes", "--json")
    assert (done.returncode, orjson.loads(done.stdout)["outcomes"]) == (6, {"value_gone": 2})
    assert len(desk.records(CASE_CLOSED)) == 1
    for place in places:
        shown = run_command("dlq", "show", str(place), "--raw", str(tmp_path / "raw"))
        assert (shown.returncode, "too large to be copied" in shown.stderr) == (6, True)
    assert not (tmp_path / "raw").exists()


def test_a_record_that_the_broker_does_not_take_costs_no_other(desk: Desk) -> None:
    """It is named with the broker's reason; it was taken once, and its topic has been set smaller since."""
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource  # type: ignore[attr-defined]  # noqa: PLC0415

    from ops.connect import Admin  # noqa: PLC0415

    resource = ConfigResource(ConfigResource.Type.TOPIC, desk.settings.topic(CASE_CLOSED))
    resource.add_incremental_config(ConfigEntry("max.message.bytes", "100000", incremental_operation=AlterConfigOpType.SET))
    Admin(desk.settings).client.incremental_alter_configs([resource])[resource].result()
    noise = orjson.dumps([hash((1, number)) for number in range(60_000)]).decode()
    for case_no, title in (("a", ""), ("big", noise), ("y", ""), ("z", "")):
        desk.dead(case_no.encode(), closed(case_no, title=title))
    decisions = redrive(desk)
    assert {each.entry.key: each.outcome for each in decisions if each.entry} == {
        b"a": Outcome.SEND,
        b"big": Outcome.NOT_TAKEN,
        b"y": Outcome.SEND,
        b"z": Outcome.SEND,
    }
    assert {key for _, key, _, _ in desk.records(CASE_CLOSED)} == {b"a", b"y", b"z"}


def test_of_two_redrives_at_once_the_later_sends_and_the_earlier_sends_nothing_more(desk: Desk) -> None:
    """Both have looked and decided to send; the one that began last may."""
    for number in range(20):
        desk.dead(f"c{number}".encode(), closed(f"c{number}"))
    earlier = Redrive(desk.settings, Sender(desk.settings))
    plan = earlier.plan(Query(), 0, max_redrives=3, force=False, tell=silent)
    later = Redrive(desk.settings, Sender(desk.settings))
    again = later.plan(Query(), 0, max_redrives=3, force=False, tell=silent)
    with pytest.raises(Superseded):
        earlier.send(plan, silent)
    assert outcomes(later.send(again, silent)) == {Outcome.SEND: 20}
    assert len(desk.records(CASE_CLOSED)) == 20


def test_the_commands_list_count_and_send_what_is_asked_for(desk: Desk, run_command: Callable[..., Any]) -> None:
    """Filters, ``--summary``, ``--dry-run`` that sends nothing, 6 for what is held back, 0 for a second time."""
    desk.dead(b"a", closed("a"), partition=(home(b"a") + 1) % PARTITIONS)
    desk.dead(b"b", received("b"), topic=ARCHIVE_RECEIVED, partition=(home(b"b") + 1) % PARTITIONS)
    broken = desk.dead(b"c", closed("c")[:20], reason="BROKEN_AVRO")
    rows = orjson.loads(run_command("dlq", "list", "--json").stdout)
    assert Counter(row["reason"] for row in rows) == {"MISROUTED": 2, "BROKEN_AVRO": 1}
    assert [row["place"] for row in orjson.loads(run_command("dlq", "list", "--source-key", "c", "--json").stdout)] == [str(broken)]
    assert len(orjson.loads(run_command("dlq", "list", "--since", "2000-01-01T00:00:00+08:00", "--limit", "2", "--json").stdout)) == 2
    assert orjson.loads(run_command("dlq", "list", "--since", "2100-01-01T00:00:00+08:00", "--json").stdout) == []
    assert orjson.loads(run_command("dlq", "list", "--until", "2000-01-01T00:00:00+08:00", "--json").stdout) == []

    would = run_command("dlq", "redrive", "--dry-run", "--json")
    assert (would.returncode, orjson.loads(would.stdout)["outcomes"]) == (6, {"would_send": 2, "refused_again": 1})
    assert desk.records(CASE_CLOSED) == desk.records(ARCHIVE_RECEIVED) == []
    done = run_command("dlq", "redrive", "--reason", "MISROUTED", "--topic", CASE_CLOSED, "--json")  # no terminal, no question
    assert (done.returncode, orjson.loads(done.stdout)["outcomes"]) == (0, {"sent": 1})
    done = run_command("dlq", "redrive", "--reason", "MISROUTED", "--yes", "--json")
    assert (done.returncode, orjson.loads(done.stdout)["outcomes"]) == (0, {"sent_before": 1, "sent": 1})
    held = run_command("dlq", "redrive", str(broken), "3:999", "--yes")
    assert held.returncode == 6
    assert "would be refused again: BROKEN_AVRO" in held.stdout
    assert "no such dead letter" in held.stdout
    counts = {
        (row["topic"], row["reason"]): (row["count"], row["redriven"])
        for row in orjson.loads(run_command("dlq", "list", "--summary", "--json").stdout)
    }
    assert counts == {(CASE_CLOSED, "MISROUTED"): (1, 1), (ARCHIVE_RECEIVED, "MISROUTED"): (1, 1), (CASE_CLOSED, "BROKEN_AVRO"): (1, 0)}


@pytest.mark.parametrize(("answer", "code", "sent"), [(b"n\n", 1, 0), (b"y\n", 0, 1)])
def test_a_person_is_asked_and_a_no_sends_nothing(desk: Desk, environment: dict[str, str], answer: bytes, code: int, sent: int) -> None:
    """On a terminal, without ``--yes``; the question stands on stderr, stdout is data."""
    desk.dead(b"a", closed("a"))
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ops", "dlq", "redrive", "--json"],
        stdin=theirs,
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code
    assert b"Send 1 dead letters back?" in done.stderr
    assert bool(done.stdout) is bool(sent)
    assert len(desk.records(CASE_CLOSED)) == sent


def test_without_a_broker_each_command_says_so_in_time(run_command: Callable[..., Any]) -> None:
    """Exit 4, the address, and why; all at once, as each waits for ten seconds."""
    away = f"kafka.bootstrap_servers=127.0.0.1:{free_port()}"
    commands = (("list",), ("show", "0:0"), ("redrive", "--yes"))
    with ThreadPoolExecutor(len(commands)) as pool:
        for done in pool.map(lambda arguments: run_command("dlq", *arguments, "--set", away), commands):
            assert (done.returncode, "refused" in done.stderr) == (4, True), done.stderr


def test_show_keeps_names_to_itself_until_it_is_asked(desk: Desk, run_command: Callable[..., Any], tmp_path: Any) -> None:
    """Rule, advice and lengths; contents with ``--value``; the bytes into a file that only its owner reads."""
    value = closed("c", unit_name="王某某")
    place = str(desk.dead(b"other", value, [("by", "王某某".encode())], reason="KEY_MISMATCH", detail="differ"))
    for arguments in (("dlq", "show", place), ("dlq", "show", place, "--json"), ("dlq", "list"), ("dlq", "redrive", "--dry-run")):
        done = run_command(*arguments)
        assert "王" not in done.stdout + done.stderr
        assert value[:40].hex() not in done.stdout.replace(" ", "")
    told = orjson.loads(run_command("dlq", "show", place, "--json").stdout)
    assert told["refused_now"].startswith("KEY_MISMATCH")
    assert told["rule"] == "the key is the case_no, byte by byte"
    assert {"field": "title", "bytes": 18} in told["fields"]
    raw = tmp_path / "raw"
    shown = run_command("dlq", "show", place, "--value", "--raw", str(raw))
    assert (shown.returncode, "王某某的申请" in shown.stdout) == (0, True)
    assert (raw.read_bytes(), raw.stat().st_mode & 0o777) == (value, 0o600)
    assert run_command("dlq", "show", place, "--raw", str(raw)).returncode == 1
    assert raw.read_bytes() == value


ESCAPE = "\x1b[2J"


@pytest.mark.parametrize(
    "given",
    [(None, None), (b"", closed("c")), (b"\xff", b"\xff" * 2 * MIB), (ESCAPE.encode(), closed("c", title=ESCAPE)), (b"x", ESCAPE.encode())],
)
def test_show_takes_whatever_bytes_there_are(desk: Desk, run_command: Callable[..., Any], given: tuple[bytes | None, bytes | None]) -> None:
    """In both forms, with and without the contents; nothing floods the screen or commands the terminal."""
    place = str(desk.dead(*given, [("n", None), (ESCAPE, ESCAPE.encode())], reason="NULL_VALUE"))
    assert ESCAPE not in run_command("dlq", "list").stdout
    for more in ((), ("--json",), ("--value",), ("--value", "--json")):
        done = run_command("dlq", "show", place, *more)
        assert (done.returncode, done.stderr, ESCAPE in done.stdout) == (0, "", False)
        assert len(done.stdout) < 20_000


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "0:0"), 6),
        (("show", "7"), 2),
        (("show", "99:0"), 6),
        (("list", "--reason", "NONSENSE"), 2),
        (("list", "--topic", "case-state"), 2),
        (("list", "--since", "yesterday"), 2),
        (("redrive", "0:0", "--reason", "MISROUTED", "--yes"), 2),
        (("redrive",), 0),
        (("redrive", "--yes"), 0),
        (("list",), 0),
    ],
)
def test_exit_codes_without_a_dead_letter(run_command: Callable[..., Any], arguments: tuple[str, ...], code: int) -> None:
    """Usage 2, not found 6; nothing to do is done."""
    done = run_command("dlq", *arguments)
    assert done.returncode == code, done.stderr


def test_a_letter_that_is_not_there_is_said_in_json_too(run_command: Callable[..., Any]) -> None:
    """One object, found or not."""
    assert orjson.loads(run_command("dlq", "show", "0:0", "--json").stdout) == {"place": "0:0", "found": False}
