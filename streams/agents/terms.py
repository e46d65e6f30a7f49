"""Index terms of case states: how to find the cases that time, a source or a reference row may change.

====  ==================================  ===========================================================
``t`` input, wake time                    deadlines, in the order in which they fall due
``s`` input, source, wake time            deadlines that have passed while the source was silent
``u`` unit                                cases and archives of a unit, for changes of ``unit-registry``
``o`` source                              cases of a source, for when it begins to send heartbeats
====  ==================================  ===========================================================
"""

from __future__ import annotations

import struct

from streams.domain.verdict import CLOSINGS, SOURCE_SILENT, State, waits_for

Range = tuple[bytes, bytes]
_TIME = struct.Struct(">Q")
_END = b"\0"
_INPUT = {True: b"c", False: b"a"}


def state_terms(state: State) -> tuple[bytes, ...]:
    """Terms of one state."""
    terms = {_text(b"u", state["unit_code"]), *(_text(b"u", archive["unit_code"]) for archive in state["archives"])}
    source, wake_at = state["source_system"], state["wake_at"]
    if source:
        terms.add(_text(b"o", source))
    if wake_at is not None:
        topic = waits_for(state)
        silent = state["reason"] == SOURCE_SILENT
        terms.add((_silent(source, topic) if silent else _due(topic)) + _TIME.pack(wake_at))
    return tuple(sorted(terms))


def wake_ms(term: bytes) -> int:
    """Wake time in a term of kind ``t`` or ``s``."""
    return int(_TIME.unpack(term[-_TIME.size :])[0])


def due_range(topic: str, through_ms: int) -> Range:
    """Cases whose wake time on an input is at or before a time."""
    return _due(topic), _due(topic) + _TIME.pack(through_ms + 1)


def silent_range(source: str, topic: str, through_ms: int) -> Range:
    """Cases that wait for a source to declare itself complete, through a time at most."""
    return _silent(source, topic), _silent(source, topic) + _TIME.pack(through_ms + 1)


def unit_range(unit_code: str) -> Range:
    """Cases and archives of a unit."""
    term = _text(b"u", unit_code)
    return term, term + _END


def source_range(source: str) -> Range:
    """Cases of a source."""
    term = _text(b"o", source)
    return term, term + _END


def _due(topic: str) -> bytes:
    return b"t" + _INPUT[topic == CLOSINGS]


def _silent(source: str, topic: str) -> bytes:
    return b"s" + _INPUT[topic == CLOSINGS] + source.encode() + _END


def _text(prefix: bytes, text: str) -> bytes:
    return prefix + text.encode() + _END
