"""The AsyncAPI document: it is the generated one, what it says of headers is what is written, and AsyncAPI's own schema takes it."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import orjson
import pytest
import yaml

from ops import asyncapi
from ops.jars import cache_folder
from streams.agents.outcomes import LEFT_OUT_HEADERS, WHOLE_BYTES, anomaly_headers, letter_of
from streams.contracts import ANOMALY_TOPICS, ANOMALY_UNARCHIVED, DEAD_LETTER, ITEM_USE, OUTPUTS, topic_names
from streams.domain.findings import Publication
from streams.errors import InvalidRecord

SPECS = "6.11.1"
DOCUMENT = asyncapi.document()
EVENT_ID = "0123456789abcdef" * 2


def references(node: Any) -> Iterator[str]:
    """Every ``$ref`` outside of the Avro schemas."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


def test_the_committed_document_is_the_generated_one():
    """``python -m ops.asyncapi`` after a change."""
    assert asyncapi.PATH.read_text(encoding="utf-8") == asyncapi.text()
    assert yaml.safe_load(asyncapi.text()) == DOCUMENT


def test_every_topic_but_the_internal_one_is_there_sent_or_received():
    """Once as a channel, once as an operation."""
    public = set(topic_names()) - {ITEM_USE}
    assert set(DOCUMENT["channels"]) == set(DOCUMENT["components"]["messages"]) == public
    told = {operation["channel"]["$ref"].rpartition("/")[2]: operation["action"] for operation in DOCUMENT["operations"].values()}
    assert told == {topic: "send" if topic in OUTPUTS else "receive" for topic in public}


def test_every_reference_leads_somewhere():
    """Within the document."""
    found = list(references(DOCUMENT))
    assert len(found) == 4 * len(DOCUMENT["channels"]) - len(DOCUMENT["channels"])
    for reference in found:
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


@pytest.mark.parametrize("time_ms", [1_520_215_620_000, None])
@pytest.mark.parametrize("state", ["OPENED", "RESOLVED"])
def test_a_finding_is_written_with_the_headers_that_the_document_declares(state: str, time_ms: int | None):
    """By name, and each value as declared; the time may be missing, the rest may not."""
    told = Publication(EVENT_ID, time_ms, {"state": state, "subject": "330100012180305000123"})
    written = {name: value.decode() for name, value in anomaly_headers(told, ANOMALY_UNARCHIVED)}
    for topic in ANOMALY_TOPICS:
        declared = DOCUMENT["components"]["messages"][topic]["headers"]
        jsonschema.validate(written, {**declared, "additionalProperties": False})
        assert set(declared["properties"]) - set(written) == (set() if time_ms else {"ce_time"})


def test_a_dead_letter_is_written_with_the_headers_that_the_document_declares():
    """All of them, every time; two more where the value is left out."""
    declared = DOCUMENT["components"]["messages"][DEAD_LETTER]["headers"]
    for value, more in ((b"", ()), (b"\0" * (WHOLE_BYTES + 1), LEFT_OUT_HEADERS)):
        record = SimpleNamespace(topic="case-closed", partition=3, offset=7, timestamp=1, headers=[], key=None, value=value)
        written = {name: value.decode() for name, value in letter_of(record, InvalidRecord("BROKEN_AVRO", "…")).headers}
        jsonschema.validate(written, {**declared, "additionalProperties": False})
        assert {*declared["required"], *more} == set(written)


@pytest.fixture(scope="module")
def official() -> Any:
    """AsyncAPI's own JSON Schema of a 3.0.0 document, as its npm package ships it; kept in the cache of downloads."""
    path = cache_folder() / f"asyncapi-specs-{SPECS}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_packed(path.parent))
    return jsonschema.Draft7Validator(orjson.loads(path.read_bytes()))


def _packed(folder: Path) -> bytes:
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("no npm to fetch @asyncapi/specs with")
    command = [npm, "pack", "--silent", "--pack-destination", str(folder), f"@asyncapi/specs@{SPECS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        pytest.skip(f"npm cannot fetch @asyncapi/specs: {done.stderr.strip()[:200]}")
    packed = folder / done.stdout.strip()
    with tarfile.open(packed) as package:
        schema = package.extractfile("package/schemas/3.0.0.json")
        assert schema is not None
        read = schema.read()
    packed.unlink()
    return read


def test_the_official_schema_takes_the_document(official: Any):
    """Bindings included."""
    assert [(list(error.absolute_path), error.message[:200]) for error in official.iter_errors(DOCUMENT)] == []


def test_the_official_schema_would_refuse_a_wrong_one(official: Any):
    """So that the test above says something: a binding spoilt, a channel's field misspelt."""
    for spoil in ({"partitions": "eight"}, {"topicConfiguration": {"cleanup.policy": ["shred"]}}):
        wrong = yaml.safe_load(asyncapi.text())
        wrong["channels"]["case-state"]["bindings"]["kafka"] |= spoil
        assert not official.is_valid(wrong)
    wrong = yaml.safe_load(asyncapi.text())
    wrong["channels"]["case-state"]["adress"] = "case-state"
    assert not official.is_valid(wrong)
