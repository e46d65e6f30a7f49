"""The contracts hold what they promise: examples, declarations, evolution, and no applicant in any output."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from streams.contracts import (
    ANOMALY_UNARCHIVED,
    CASE_CLOSED,
    CASE_INPUTS,
    CASE_STATE,
    FOLDER,
    INTERNAL,
    ITEM_REGISTRY,
    ITEM_STATE,
    OUTPUTS,
    REFERENCE_INPUTS,
    WAIVER,
    codec,
    record_key,
    topic_contract,
    topic_names,
)
from streams.domain.rules import kinds_told_on
from streams.encoding import NotInSchema
from streams.errors import InvalidRecord
from tests.contracts.resolution import losses, obstacles

WITH_SCHEMA = [name for name in topic_names() if topic_contract(name).versions]
DECLARED = {"description", "key", "producers", "consumers", "compatibility", "cleanup", "retention", "partitions", "versions"}
GOOD = sorted(FOLDER.glob("*/good/*.json"))
BAD = sorted(FOLDER.glob("*/bad/*.json"))
DECODING = {"NULL_VALUE", "NOT_FRAMED", "UNKNOWN_SCHEMA", "BROKEN_AVRO", "TRAILING_BYTES"}
ENCODING = {"MISSING_FIELD": "{field}: 没有值", "WRONG_TYPE": "{field}: ", "UNKNOWN_SYMBOL": "{field}: str 不合 is none of enum ("}


def example_id(path: Path) -> str:
    """``case-closed/good/minimal``."""
    return "/".join([*path.parts[-3:-1], path.stem])


def on_the_wire(topic: str, record: dict[str, Any]) -> dict[str, Any]:
    """Bytes as bytes: JSON holds them as text, one character a byte, as Avro's JSON encoding does."""
    schema = list(topic_contract(topic).versions.values())[-1]
    of_bytes = {field["name"] for field in schema["fields"] if field["type"] == "bytes"}
    return {name: value.encode("latin-1") if name in of_bytes else value for name, value in record.items()}


def holds(found: Any, given: Any) -> bool:
    """Whether everything given is found; defaults may be there besides."""
    if isinstance(given, dict):
        return all(name in found and holds(found[name], value) for name, value in given.items())
    if isinstance(given, list):
        return len(found) == len(given) and all(map(holds, found, given))
    return bool(found == given)


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every complex type and field within a schema."""
    if isinstance(schema, list):
        for branch in schema:
            yield from nodes(branch)
    elif isinstance(schema, dict):
        yield schema
        for part in ("type", "items", "values", "fields"):
            yield from nodes(schema.get(part)) if not isinstance(schema.get(part), str) else ()


@pytest.mark.parametrize("path", GOOD, ids=example_id)
def test_a_good_example_comes_back_as_it_was(path: Path):
    """Written and read again, every field that was given is the same."""
    topic = path.parts[-3]
    record = on_the_wire(topic, orjson.loads(path.read_bytes())["record"])
    assert holds(codec(topic).decode(codec(topic).encode(record)), record)


@pytest.mark.parametrize("path", BAD, ids=example_id)
def test_a_bad_example_fails_for_its_stated_reason(path: Path):
    """And for no other."""
    topic, example = path.parts[-3], orjson.loads(path.read_bytes())
    if example["why"] in DECODING:
        value = None if example["bytes_hex"] is None else bytes.fromhex(example["bytes_hex"])
        with pytest.raises(InvalidRecord) as caught:
            codec(topic).decode(value)
        assert caught.value.reason == example["why"]
    else:
        with pytest.raises(NotInSchema, match=re.escape(ENCODING[example["why"]].format(**example))):
            codec(topic).encode(on_the_wire(topic, example["record"]))


@pytest.mark.parametrize("topic", WITH_SCHEMA)
def test_every_topic_with_a_schema_has_good_examples_and_each_kind_of_bad_one(topic: str):
    """A topic added later is not forgotten."""
    assert len([path for path in GOOD if path.parts[-3] == topic]) >= 2
    reasons = {orjson.loads(path.read_bytes())["why"] for path in BAD if path.parts[-3] == topic}
    assert reasons >= DECODING | {"MISSING_FIELD", "WRONG_TYPE"}


@pytest.mark.parametrize("topic", topic_names())
def test_a_topic_says_everything_about_itself(topic: str):
    """Description in both languages, who writes and reads it, how it is kept."""
    declared = yaml.safe_load((FOLDER / topic / "topic.yaml").read_text(encoding="utf-8"))
    assert set(declared) == DECLARED
    assert all(declared[name] for name in DECLARED - {"versions"})
    assert re.search("[\u4e00-\u9fff].*[A-Za-z]", declared["description"])
    assert declared["cleanup"] in {"delete", "compact"}
    assert declared["retention"] in {"input", "output", "forever"}
    assert declared["partitions"] in {"case", "one"}
    assert {version["file"] for version in declared["versions"]} == {path.name for path in (FOLDER / topic).glob("*.avsc")}


def test_no_two_schemas_share_an_id():
    """The id in the frame names one schema."""
    ids = [id_ for topic in topic_names() for id_ in topic_contract(topic).versions]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("topic", [*CASE_INPUTS, *REFERENCE_INPUTS])
def test_an_input_is_keyed_by_fields_it_requires(topic: str):
    """``guidang publish`` takes the key from there."""
    schema = list(topic_contract(topic).versions.values())[-1]
    fields = {field["name"]: field for field in schema["fields"]}
    for name in topic_contract(topic).key_fields:
        assert fields[name]["type"] == "string"
        assert "default" not in fields[name]


@pytest.mark.parametrize(
    ("topic", "record", "key"),
    [
        (ITEM_REGISTRY, {"unit_code": "330100012", "item_code": "许可-00385-001"}, "330100012|许可-00385-001"),
        (WAIVER, {"anomaly_id": "3f6c"}, "3f6c"),
        (CASE_CLOSED, {"case_no": " 办件－1 "}, " 办件－1 "),
    ],
)
def test_a_key_is_its_fields_joined_as_they_are(topic: str, record: dict[str, Any], key: str):
    """Opaque: neither trimmed nor normalised."""
    assert record_key(topic, record) == key.encode()


@pytest.mark.parametrize("topic", WITH_SCHEMA)
def test_every_enum_has_a_symbol_for_what_it_does_not_know(topic: str):
    """Else a symbol added by a sender stops every older reader."""
    enums = [node for schema in topic_contract(topic).versions.values() for node in nodes(schema) if node.get("type") == "enum"]
    assert all(enum.get("default") in enum["symbols"] for enum in enums)


def faults(versions: Iterable[Any], compatibility: str) -> list[str]:
    """What keeps versions, oldest first, from being what they promise, over all pairs and not neighbours only.

    Inputs: every version reads all older ones. Outputs: the other way round too, and nothing that was said once is ever missing.
    """
    found: list[str] = []
    for old, new in itertools.combinations_with_replacement(versions, 2):
        found += [f"backward {each}" for each in obstacles(old, new)]
        lost = losses(old, new)
        if compatibility == "FULL_TRANSITIVE":
            found += [f"forward {each}" for each in obstacles(new, old)] + [f"lost {each}" for each in lost]
        else:
            found += [f"lost {each}" for each in lost if "#: " in each and not each.endswith("is now gone")]
    return found


@pytest.mark.parametrize("topic", WITH_SCHEMA)
def test_released_versions_are_compatible_as_declared(topic: str):
    """Inputs BACKWARD_TRANSITIVE, outputs FULL_TRANSITIVE."""
    contract = topic_contract(topic)
    assert contract.compatibility == ("FULL_TRANSITIVE" if topic in (*OUTPUTS, *INTERNAL) else "BACKWARD_TRANSITIVE")
    assert faults(contract.versions.values(), contract.compatibility) == []


def changed(topic: str, path: str, **to: Any) -> Any:
    """The first schema of a topic with one field changed, as a careless next version would have it; without anything to change, removed."""
    schema = orjson.loads((FOLDER / topic / "v1.avsc").read_bytes())
    for each in schema["fields"]:
        if each["name"] == path and to:
            each.update(to)
    schema["fields"] = [each for each in schema["fields"] if to or each["name"] != path]
    return schema


MICROS = {"type": "long", "logicalType": "timestamp-micros"}
KIND = {"type": "enum", "name": "AnomalyKind", "symbols": ["UNARCHIVED", "REFUSED", "UNKNOWN"], "default": "UNKNOWN"}


@pytest.mark.parametrize(
    ("topic", "path", "to", "fault"),
    [
        (CASE_STATE, "unit_code", {}, "forward .unit_code: not written, and without a default"),
        (CASE_STATE, "due_passed", {}, "lost .due_passed: there is now gone"),
        (CASE_STATE, "due_at", {"type": ["null", "string"]}, "backward .due_at: no branch of the reader takes long"),
        (CASE_STATE, "due_at", {"type": ["null", MICROS]}, "lost .due_at#: timestamp-millis is now timestamp-micros"),
        (CASE_STATE, "unit_code", {"name": "unit"}, "backward .unit: not written, and without a default"),
        (CASE_STATE, "unit_code", {"name": "unit", "aliases": ["unit_code"]}, "forward .unit_code: not written, and without a default"),
        (CASE_STATE, "reason", {"name": "why", "aliases": ["reason"]}, "lost .reason: there is now gone"),
        (ITEM_STATE, "plan_year", {"type": "long"}, "forward .plan_year: long is not read as int"),
        (ANOMALY_UNARCHIVED, "kind", {"type": KIND}, "lost .kind=ORPHAN_ARCHIVE: there is now gone"),
        (CASE_CLOSED, "case_no", {"name": "number"}, "backward .number: not written, and without a default"),
        (CASE_CLOSED, "closed_at", {"type": MICROS}, "lost .closed_at#: timestamp-millis is now timestamp-micros"),
    ],
)
def test_a_careless_next_version_of_a_released_schema_is_caught(topic: str, path: str, to: dict[str, Any], fault: str):
    """Also when a version that repairs it follows: subscribers stand at every version."""
    first, compatibility = changed(topic, ""), topic_contract(topic).compatibility
    careless = changed(topic, path, **to)
    assert fault in faults([first, careless], compatibility)
    assert fault in faults([first, careless, first], compatibility)


@pytest.mark.parametrize(
    ("topic", "path", "to"),
    [
        (CASE_STATE, "unit_name", {"doc": "another word on it"}),
        (ANOMALY_UNARCHIVED, "kind", {"type": {**KIND, "symbols": [*kinds_told_on(ANOMALY_UNARCHIVED), "NEW_KIND", "UNKNOWN"]}}),
        (CASE_CLOSED, "unit_name", {}),
    ],
)
def test_a_careful_next_version_passes(topic: str, path: str, to: dict[str, Any]):
    """Words, symbols where there is a default, and, of an input, a field that nobody reads any more."""
    assert faults([changed(topic, ""), changed(topic, path, **to)], topic_contract(topic).compatibility) == []


@pytest.mark.parametrize("topic", [topic for topic in (*OUTPUTS, *INTERNAL) if topic in WITH_SCHEMA])
def test_no_output_has_a_field_for_an_applicant(topic: str):
    """Titles hold names; outputs carry at most their keyed hash."""
    forbidden = re.compile(r"(^|_)(title|applicant|phone|mobile|tel|id_card|identity|address)($|_(?!hash))")
    named = [node["name"] for schema in topic_contract(topic).versions.values() for node in nodes(schema) if "name" in node]
    assert [name for name in named if forbidden.search(name)] == []
    of_materials = {"name"} if topic == ITEM_STATE else set()
    assert {name for name in named if name == "name" or name.endswith("_name")} - of_materials <= {
        "unit_name",
        "item_name",
        "main_item_name",
        "district_name",
    }
