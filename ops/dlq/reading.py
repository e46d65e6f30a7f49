"""Dead letters out of Kafka, and what became of them: which were sent back already, and which cases are full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from typing import Any

from ops.dlq.letter import DeadLetter, Entry, Place, completed, dead_letter, redriven_from
from ops.dlq.plan import Target
from ops.dlq.query import Query
from ops.reading import positions_since, read_topic
from ops.recompute import Tell
from streams.contracts import CASE_INPUTS, CASE_STATE, DEAD_LETTER, REFERENCE_INPUTS, codec
from streams.domain.facts import CaseFacts
from streams.headers import headers_of
from streams.settings import Settings


def read_letters(settings: Settings, query: Query, tell: Tell) -> Generator[DeadLetter, None, None]:
    """Yield the dead letters that are meant, in order within each partition; where places are named, no further than the last of them."""
    left = len(query.places)
    reading = read_topic(settings, DEAD_LETTER, positions=_begin(settings, query), tell=lambda *at: tell(DEAD_LETTER, *at))
    with closing(reading) as messages:
        for message in messages:
            letter = dead_letter(message)
            if query.matches(letter.entry):
                yield letter
                left -= 1
                if left == 0:  # never where no place is named
                    return


def read_letter(settings: Settings, place: Place) -> DeadLetter | None:
    """One dead letter; ``None``: nothing lies there, or no longer."""
    message = _message_at(settings, DEAD_LETTER, place)
    return None if message is None else dead_letter(message)


def whole(settings: Settings, letter: DeadLetter) -> DeadLetter | None:
    """A letter with all of its record; one that was too large to be copied is fetched from its source; ``None``: it is not there."""
    if not letter.entry.sha256:
        return letter
    topic = letter.entry.topic.removeprefix(settings.kafka.topic_prefix)
    if topic not in {*CASE_INPUTS, *REFERENCE_INPUTS}:
        return None
    message = _message_at(settings, topic, Place(letter.entry.partition, letter.entry.offset))
    return None if message is None else completed(letter, message)


def _message_at(settings: Settings, topic: str, place: Place) -> Any:
    ends = positions_since(settings, topic, {})
    if not 0 <= place.offset < ends.get(place.partition, 0):
        return None
    with closing(read_topic(settings, topic, partition=place.partition, positions={place.partition: place.offset})) as reading:
        message = next(reading, None)
    return message if message is not None and message.offset() == place.offset else None


def read_redriven(settings: Settings, targets: Mapping[Place, tuple[Entry, Target]], tell: Tell) -> dict[Place, str]:
    """Which of these dead letters were sent back, and where those records lie.

    The source topics themselves say it: a record that was sent back bears the place of its dead letter. It was sent after the dead
    letter had been written and is stamped accordingly, so reading begins where such times begin. In a ``dead-letter`` topic that was
    deleted and made again a place means another letter; so the times have to be in order, and the keys the same.
    """
    since: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for entry, target in targets.values():
        times = since[target.topic]
        times[target.partition] = min(entry.written_at_ms, times.get(target.partition, entry.written_at_ms))
    found: dict[Place, str] = {}
    for topic, times in since.items():
        positions = positions_since(settings, topic, times)
        for message in read_topic(settings, topic, positions=positions, tell=lambda *at, topic=topic: tell(topic, *at)):
            place = redriven_from(headers_of(message))
            if place is not None and place in targets and _is_of(message, topic, *targets[place]):
                found[place] = f"{topic}/{message.partition()}@{message.offset()}"
    return found


def read_facts(settings: Settings, keys: Mapping[bytes, int], tell: Tell) -> dict[bytes, CaseFacts]:
    """What is known of some cases now, by key; ``keys`` gives their partitions."""
    states: dict[bytes, bytes] = {}
    positions = positions_since(settings, CASE_STATE, {}) | dict.fromkeys(keys.values(), 0)
    for message in read_topic(settings, CASE_STATE, positions=positions, tell=lambda *at: tell(CASE_STATE, *at)):
        if message.key() in keys:
            states[message.key()] = message.value()
    return {key: CaseFacts.load(codec(CASE_STATE).decode(states[key])["facts"]) if key in states else CaseFacts() for key in keys}


def first_offsets(places: Iterable[Place]) -> dict[int, int]:
    """The lowest offset of each partition."""
    first: dict[int, int] = {}
    for partition, offset in places:
        first[partition] = min(offset, first.get(partition, offset))
    return first


def _begin(settings: Settings, query: Query) -> dict[int, int]:
    """Where to begin reading: dead letters bear the broker's time."""
    if query.places:
        return positions_since(settings, DEAD_LETTER, {}) | first_offsets(query.places)
    if query.since_ms is None:
        return {}
    return positions_since(settings, DEAD_LETTER, dict.fromkeys(range(settings.kafka.partitions), query.since_ms))


def _is_of(message: Any, topic: str, entry: Entry, target: Target) -> bool:
    return bool(topic == target.topic and message.key() == entry.key and message.timestamp()[1] >= entry.written_at_ms)
