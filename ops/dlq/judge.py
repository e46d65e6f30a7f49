"""Would the workers take a record now: the workers' own checks, on the bytes of a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.agents.intake import Intake
from streams.agents.reference import ReferenceKeeper
from streams.clock import Clock
from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS, codec
from streams.domain.reference import Reference


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
        # No title is kept or compared here, so their hashes need no key: the command runs where the workers' key is not.
        self._intakes = {topic: Intake(topic, lambda _text: "") for topic in CASE_INPUTS}

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
            ReferenceKeeper(reference=Reference(), topic_prefix=self._prefix, clock=Clock()).take(self._prefix + topic, value)
            return None
        return self._intakes[topic].event(_Raw(key, value))
