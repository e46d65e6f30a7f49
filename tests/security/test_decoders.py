"""Whatever bytes come, a decoder gives a value or its own error: never another exception, never a hang, never memory without bound.

Bytes are arbitrary, or valid ones with a few of them changed, cut out or put in. A failure that was found once stands among the examples.
"""

from __future__ import annotations

import io
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from consumers.dead_letters import dead_letter_row
from consumers.notify.inbound import Malformed, parse
from consumers.rows import TABLES
from consumers.store.failure import Refused
from consumers.store.request import ClientGone, body_chunks, read_form, read_request
from consumers.store.statement import insert_head, is_many, is_read, is_select, output_format
from dashboards.board.choice import choice_of
from ops.dlq.letter import dead_letter
from ops.importing.form import read_form as read_item_form
from ops.importing.materials import REQUIRED, read_items
from ops.importing.table import read_rows, read_sheets
from ops.publish.publish import RowReader
from ops.publish.rows import Row
from streams.agents.intake import Intake, keyed_digest
from streams.agents.outcomes import ORIGIN_HEADERS
from streams.agents.reference import ReferenceKeeper
from streams.agents.terms import item_terms, state_terms
from streams.clock import Clock
from streams.contracts import CASE_INPUTS, CASE_STATE, FOLDER, ITEM_STATE, REFERENCE_INPUTS, codec, topic_contract, topic_names
from streams.domain.facts import CaseFacts
from streams.domain.reference import Reference
from streams.errors import BadInputFile, ConfigurationError, InvalidRecord
from streams.runtime import index
from streams.runtime.progress import Progress, decode
from tests.importing.forms import NOTICE, form, saved
from tests.strategies import MONDAY_MS

pytestmark = pytest.mark.timeout(120)

CODED = tuple(name for name in topic_names() if topic_contract(name).versions)
MIB = 1024 * 1024
HEAVY = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=250)


def good_values(topic: str) -> Iterator[bytes]:
    """Encoded examples of a topic's contract."""
    for path in sorted((FOLDER / topic / "good").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))["record"]
        yield codec(topic).encode({name: value.encode() if name == "facts" else value for name, value in record.items()})


def changed(originals: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of these with up to four changes: bytes put in the place of others, longer or shorter."""
    change = st.tuples(st.integers(0, 1 << 16), st.integers(0, 4), st.binary(max_size=8))

    def apply(raw: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, length, put in changes:
            place = at % (len(raw) + 1)
            raw = raw[:place] + put + raw[place + length :]
        return raw

    return st.builds(apply, st.sampled_from(originals), st.lists(change, max_size=4))


def values_of(topic: str) -> st.SearchStrategy[bytes]:
    """Values that may lie in a topic: changed good ones, the right frame around anything, and anything."""
    frame = b"\0" + codec(topic).schema_id.to_bytes(4, "big")
    return st.one_of(changed(list(good_values(topic))), st.binary(max_size=200).map(frame.__add__), st.binary(max_size=64))


def message(topic: str, value: bytes | None, key: bytes | None = b"k", headers: Any = ()) -> Any:
    """Something like a ``confluent_kafka.Message``."""
    given = {"topic": topic, "partition": 0, "offset": 0, "timestamp": (1, MONDAY_MS), "key": key, "value": value, "headers": list(headers)}
    return SimpleNamespace(**{name: (lambda each=each: each) for name, each in given.items()})


@pytest.mark.parametrize("topic", CODED)
def test_a_value_is_decoded_or_refused(topic: str) -> None:
    """The frame, the schema and every field; what is decoded can be encoded again."""

    @MANY
    @given(values_of(topic))
    def holds(value: bytes) -> None:
        with suppress(InvalidRecord):
            codec(topic).decode(value)

    holds()


@pytest.mark.parametrize("topic", CODED)
def test_a_value_that_claims_to_be_huge_takes_no_memory(topic: str) -> None:
    """Lengths and counts near 2⁶², positive and negative, wherever a length or a count may stand."""
    huge = [bytes.fromhex("feffffffffffffff7f"), bytes.fromhex("ffffffffffffffffff01"), bytes.fromhex("8080808080808001")]
    raw = next(good_values(topic))
    tracemalloc.start()
    try:
        for at in range(5, len(raw)):
            for claim in huge:
                with suppress(InvalidRecord):
                    codec(topic).decode(raw[:at] + claim + raw[at + 1 :])
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("topic", CASE_INPUTS)
def test_an_event_is_taken_in_or_refused(topic: str) -> None:
    """With a key that fits or not."""
    intake = Intake(topic, keyed_digest(b"key"))

    @MANY
    @given(values_of(topic), st.sampled_from([None, b"", b"\xff", b"2018-1"]))
    def holds(value: bytes, key: bytes | None) -> None:
        with suppress(InvalidRecord):
            event = codec(topic).decode(value)
            intake.event(SimpleNamespace(key=event["case_no"].encode() if key is None else key, value=value))

    holds()


@pytest.mark.parametrize("topic", REFERENCE_INPUTS)
def test_a_reference_record_is_taken_in_or_kept_for_its_dead_letter(topic: str) -> None:
    """Heartbeats among them; nothing is raised."""

    @MANY
    @given(values_of(topic))
    def holds(value: bytes) -> None:
        keeper = ReferenceKeeper(reference=Reference(), topic_prefix="", clock=Clock())
        keeper.on_record(message(topic, value))

    holds()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.name}-{table.topic}")
def test_a_message_becomes_a_row_or_is_refused(table: Any) -> None:
    """The sink's own reading; of dead letters every header may be anything."""
    names = st.sampled_from([*ORIGIN_HEADERS, "trace"])
    numbers = st.integers(-(1 << 70), 1 << 70).map(lambda number: str(number).encode())
    headers = st.lists(st.tuples(names, st.one_of(st.none(), st.binary(max_size=20), numbers)), max_size=8)
    values = values_of(table.topic) if table.topic in CODED else st.one_of(st.none(), st.binary(max_size=40))

    @MANY
    @given(values, headers, st.one_of(st.none(), st.binary(max_size=20)))
    def holds(value: bytes | None, own: Any, key: bytes | None) -> None:
        found = message(table.topic, value, key, own)
        with suppress(InvalidRecord):
            format_, row = table.read(found, 1)
            format_.file([format_.row(1, row)])
        dead_letter_row(found, 1)
        dead_letter(found)

    holds()


@MANY
@given(st.integers(-2, 1 << 62), st.one_of(st.none(), st.text(max_size=60), st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))))
@example(5, '{"r":{"t":[1e308]}}')
@example(5, '{"r":[]}')
@example(5, '{"t":1,"w":2,"r":{"t":["1","x"]},"f":3}')
@example(5, '{"s":{"t":[null]}}')
def test_the_metadata_of_an_offset_is_read_or_counts_as_none(offset: int, metadata: str | None) -> None:
    """Another program may have committed it."""
    assert isinstance(decode(offset, metadata), Progress)


@MANY
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(), lambda x: st.lists(x, max_size=5)))
def test_metadata_of_any_shape_is_no_error(value: Any) -> None:
    """JSON of somebody else."""
    for name in "trwfs":
        assert decode(1, json.dumps({name: value})).offset == 1
        assert decode(1, json.dumps({name: {"topic": value}})).offset == 1


@pytest.mark.parametrize(("topic", "terms"), [(CASE_STATE, state_terms), (ITEM_STATE, item_terms)])
def test_a_state_is_read_back_or_refused(topic: str, terms: Callable[[Any], Any]) -> None:
    """State, index terms and the facts within: what a worker takes from its changelog."""

    @MANY
    @given(values_of(topic))
    def holds(value: bytes) -> None:
        with suppress(InvalidRecord, ValueError):
            state = codec(topic).decode(value)
            terms(state)
            CaseFacts.load(state.get("facts", b""))

    holds()


@MANY
@given(st.one_of(st.binary(max_size=60), changed([b'[null,false,[[1,"x"]],false,{"a":[1,false,{}]}]'])))
@example(b"5")
@example(b'[null,false,[1],false,{"a":1}]')
def test_facts_are_read_back_or_refused(dumped: bytes) -> None:
    """A value error, and no other."""
    with suppress(ValueError):
        CaseFacts.load(dumped)


@MANY
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_place_in_the_index_is_what_it_was(term: bytes, key: bytes) -> None:
    """Whatever bytes the term and the key hold."""
    assert index.split(index.join(term, key)) == (term, key)


_CSV = changed([b"event_id,source_system,topic,complete_through\n1,s,case-closed,2018-03-05T10:07:00+08:00\n"] * 2)
_JSON = changed([b'{"event_id":"1","source_system":"s","topic":"case-closed","complete_through":"2018-03-05T10:07:00+08:00"}\n{}\n'])
_FILES = st.one_of(st.tuples(st.just(".csv"), _CSV), st.tuples(st.just(".jsonl"), _JSON))


@MANY
@given(st.sampled_from(["utf-8", "gbk"]), _FILES)
@example("utf-8", (".csv", b"event_id,source_system,topic,complete_through\n1,s,t,0001-01-01T00:00:00+23:59\n"))
@example("utf-8", (".csv", b'event_id,source_system,topic,complete_through\n"1,s,t,x\n'))
@example("utf-8", (".jsonl", b'{"event_id":' + b"[" * 5000))
@example("utf-8", (".jsonl", b'{"event_id":"\\ud800","source_system":"s","topic":"t","complete_through":"2018-03-05T10:07:00+08:00"}'))
def test_a_row_to_publish_is_read_or_told(encoding: str, file: tuple[str, bytes]) -> None:
    """A row that is read can be encoded."""
    suffix, raw = file
    with suppress(BadInputFile):
        for row in RowReader("feed-heartbeat", io.BytesIO(raw), "f" + suffix, encoding):
            if isinstance(row, Row):
                codec("feed-heartbeat").encode(row.record)


@pytest.mark.parametrize("topic", sorted(REQUIRED))
def test_a_table_is_read_or_refused(topic: str, tmp_path: Path) -> None:
    """.csv and .jsonl of schedules and configurations."""
    header = "事项编码,事项名称,版本,保管期限,材料类型,材料名称,材料编码,是否必需,是否电子,归档方式\n"
    row = "许可-00387-000,审查,1,10年,证明材料,身份证,01,是,是,在线\n"
    texts = changed([(header + row).encode(), b'{"item_code":"x-1","item_name":"n","kind":1}\n'])

    @settings(parent=MANY, suppress_health_check=list(HealthCheck))
    @given(texts, st.sampled_from([".csv", ".jsonl"]))
    def holds(raw: bytes, suffix: str) -> None:
        path = tmp_path / f"t{suffix}"
        path.write_bytes(raw)
        with suppress(BadInputFile):
            read_items(topic, read_rows(path, "utf-8", REQUIRED[topic]))

    holds()


def test_a_workbook_is_read_or_refused(tmp_path: Path) -> None:
    """The form of 附件1, through to its items."""
    raw = saved(form(NOTICE))

    @HEAVY
    @given(changed([raw]))
    def holds(found: bytes) -> None:
        path = tmp_path / "f.xlsx"
        path.write_bytes(found)
        with suppress(BadInputFile):
            read_item_form(read_sheets(path, "utf-8"), "f")

    holds()


_PARAMETER = st.tuples(st.sampled_from(["query", "session_timeout", "user", "param_x", "compress"]), st.text(max_size=10))
_QUERY = st.one_of(st.text(max_size=60), st.lists(_PARAMETER.map("=".join)).map("&".join))
_HEADER = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20)


@MANY
@given(_QUERY, _HEADER, _HEADER)
@example("session_timeout=nan", "Basic \xff", "")
@example("//[", "Basic Zm9v", "")
def test_a_request_to_the_store_is_read_or_refused(query: str, authorization: str, user: str) -> None:
    """Address, headers, and login."""
    headers = Message()
    headers["Authorization"], headers["X-ClickHouse-User"] = authorization, user
    with suppress(Refused):
        read_request(f"/?{query}", headers, {})
    with suppress(Refused):
        read_request(query, headers, {})


_FORM = "multipart/form-data; boundary="


@MANY
@given(st.binary(max_size=200), st.sampled_from(["multipart/form-data", _FORM + "b", _FORM + '"']))
@example(b'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\n\xff\r\n--b--', _FORM + "b")
@example(b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--", _FORM + "b")
def test_a_form_is_read_or_refused(body: bytes, content_type: str) -> None:
    """Whatever its parts are."""
    with suppress(Refused):
        read_form(body, content_type)


@MANY
@given(st.binary(max_size=80), st.booleans(), st.one_of(st.none(), st.integers(-9, 99).map(str), _HEADER))
@example(b"abc", False, "-5")
@example(b"-5\r\nabc", True, None)
@example(b"abc", False, "x")
@example(b"ffffffffffffffff\r\nabc", True, None)
def test_a_body_comes_whole_or_not_at_all(raw: bytes, chunked: bool, length: str | None) -> None:
    """A length that is none, or not true, ends the request."""
    headers = Message()
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    if length is not None:
        headers["Content-Length"] = length
    with suppress(ClientGone):
        assert len(b"".join(body_chunks(io.BytesIO(raw), headers))) <= len(raw)


_STATEMENTS = [b"INSERT INTO t (a, b) FORMAT JSONEachRow\n{}", b"SELECT 1 FORMAT TSV; SELECT 'a;b' /* c */"]


@MANY
@given(st.one_of(st.binary(max_size=120), changed(_STATEMENTS)))
@example(b"INSERT INTO \xff FORMAT TSV\n")
@example(b"INSERT INTO t FORMAT \xff")
def test_a_statement_is_understood_or_refused(text: bytes) -> None:
    """As far as the server looks at it before the engine does."""
    with suppress(Refused):
        insert_head(text)
    is_read(text), is_select(text), is_many(text), output_format(text)


def test_a_statement_of_brackets_and_quotes_is_looked_at_in_time() -> None:
    """No pattern goes back and forth over it."""
    began = time.monotonic()
    for text in (b"(" * 260_000, b"'" * 260_001, b"/*" * 130_000, b"`\\" * 130_000, b'"a' * 130_000, b"-" * 260_000, b"'\\'" * 80_000):
        insert_head(text)
        is_many(text)
    assert time.monotonic() - began < 20


_DAYS = st.from_regex(r"\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d", fullmatch=True)
_CHOSEN = st.dictionaries(st.sampled_from(["range", "district", "unit", "case"]), st.one_of(st.text(max_size=30), _DAYS))


@MANY
@given(_CHOSEN, st.sampled_from(["year", "hours"]))
@example({"range": "9999-12-31..9999-12-31"}, "year")
@example({"range": "0001-01-01..9999-12-31"}, "year")
@example({"range": "٩h"}, "hours")
def test_what_a_reader_of_the_board_chooses_is_a_choice_or_refused(query: dict[str, str], span: Any) -> None:
    """By the address of the page."""
    with suppress(ConfigurationError):
        choice_of(query, span, MONDAY_MS)


_DELIVERY = (
    b'{"version":"4","receiver":"r","alerts":[{"status":"firing","labels":{"alertname":"a"},'
    b'"startsAt":"2018-06-04T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"ab"}]}'
)


@MANY
@given(st.one_of(st.binary(max_size=60), changed([_DELIVERY])))
@example(_DELIVERY.replace(b"2018-06-04T00:00:00Z", b"0001-01-01T00:00:00+23:59"))
@example(_DELIVERY.replace(b"2018-06-04T00:00:00Z", b"9999-12-31T23:59:59-23:59"))
@example(b'{"version":"4","receiver":"\xff"}')
def test_a_delivery_of_alertmanager_is_read_or_refused(body: bytes) -> None:
    """With all that an alert may hold."""
    with suppress(Malformed):
        parse(body)
