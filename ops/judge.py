"""Would the workers take a record: their own checks, on the bytes of a dead letter or of what is about to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.agents.intake import Intake, keyed_digest
from streams.agents.reference import reference_row
from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS, codec
from streams.errors import InvalidRecord

_HASH = keyed_digest(b"")("")
"""Of any text: none is kept or compared here, and the workers' key is not where commands run; as long as theirs, since what is kept is
measured."""


@dataclass(frozen=True, slots=True)
class _Raw:
    key: bytes | None
    value: bytes | None


class Judge:
    """Judges records of all input topics, each as if nothing had come before it.

    What rests on other records is not judged here: the partition, which a redrive puts right, and how many events a case has.

    Parameters
    ----------
    topic_prefix
        Stands before every topic name on the broker; a heartbeat may name its topic with it.
    """

    def __init__(self, topic_prefix: str) -> None:
        self._prefix = topic_prefix
        self._intakes = {topic: Intake(topic, lambda _text: _HASH) for topic in CASE_INPUTS}

    @staticmethod
    def decoded(topic: str, value: bytes | None) -> dict[str, Any]:
        """The record in a value, whole, titles and all, whether or not the workers would take it.

        Raises
        ------
        InvalidRecord
            It cannot be decoded.
        """
        return codec(topic).decode(value)

    def event(self, topic: str, key: bytes | None, value: bytes | None) -> dict[str, Any] | None:
        """The event in a record of a case topic; ``None`` for a reference record that would be taken.

        Raises
        ------
        InvalidRecord
            It would be refused.
        KeyError
            The topic, a contract name, is no input.
        """
        if topic in REFERENCE_INPUTS:
            reference_row(topic, value, topic_prefix=self._prefix)
            return None
        return self._intakes[topic].event(_Raw(key, value))

    def refusal(self, topic: str, key: bytes, value: bytes) -> InvalidRecord | None:
        """Why a record would be refused; ``None``: it would be taken."""
        try:
            self.event(topic, key, value)
        except InvalidRecord as error:
            return error
        return None
