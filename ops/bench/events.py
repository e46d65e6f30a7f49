"""The records of the reduced job: an event, and the verdict on a case.

Peers that have a Python of their own import this too, so it needs nothing but fastavro and orjson.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import fastavro
import orjson

TEXTS = ("event_id", "case_no", "item_code", "item_name", "unit_code", "unit_name", "title", "source_system")
_DECLARED = {
    "type": "record",
    "name": "Event",
    "fields": [
        *({"name": name, "type": "string"} for name in TEXTS),
        *({"name": name, "type": "long"} for name in ("accepted_at", "at", "revision")),
        *({"name": name, "type": "boolean"} for name in ("deleted", "is_test")),
    ],
}
SCHEMA_JSON = json.dumps(_DECLARED)
SCHEMA = fastavro.parse_schema(_DECLARED)


def encode(event: Mapping[str, Any]) -> bytes:
    """An event as Avro, without a frame."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMA, event)
    return out.getvalue()


def decode(value: bytes) -> dict[str, Any]:
    """All fields of an event."""
    event: dict[str, Any] = fastavro.schemaless_reader(io.BytesIO(value), SCHEMA, None)  # type: ignore[assignment]  # a record is a dict
    return event


def verdict(case_no: str, closed_ms: int, received_ms: int) -> bytes:
    """What is said of a case once both sides are known: JSON with ``case_no`` and ``delay`` (milliseconds)."""
    return orjson.dumps({"case_no": case_no, "delay": received_ms - closed_ms})


def take(state: dict[str, Any], event: Mapping[str, Any], *, closing: bool) -> bytes | None:
    """Put an event into the state of its case: ``unit``; ``closed``, 0 while not known; ``received``, absent while not known.

    Returns
    -------
    bytes or None
        The verdict, if it was this event that made both sides known.
    """
    both = state.get("closed") and state.get("received")
    state["unit"] = event["unit_code"]
    state["closed" if closing else "received"] = event["at"]
    closed, received = state.setdefault("closed", 0), state.get("received", 0)
    return verdict(event["case_no"], closed, received) if closed and received and not both else None
