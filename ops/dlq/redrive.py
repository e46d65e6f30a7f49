"""One redrive: which dead letters are sent back, and the sending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ops.dlq.letter import DeadLetter, Entry, Place
from ops.dlq.plan import Decision, Outcome, Routes, Target, decide
from ops.dlq.query import Query, newest
from ops.dlq.reading import read_facts, read_letter, read_letters, read_redriven, whole
from ops.dlq.sender import Outgoing, Sender
from ops.judge import Judge
from ops.recompute import Tell
from streams.contracts import ARCHIVE_RECEIVED
from streams.domain.facts import CaseFacts, TooManyEvents
from streams.errors import InvalidRecord
from streams.partitioner import PARTITIONERS
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Listed:
    """A dead letter, and where it was sent back to: ``topic/partition@offset``; ``None``: it was not."""

    entry: Entry
    sent_to: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything about one dead letter.

    Parameters
    ----------
    record
        What it decodes to now, whole; ``None``: it does not, or nobody knows as what.
    refusal
        Why the workers would refuse it now.
    is_gone
        The letter was written without its value, which is not any more where it came from.
    """

    letter: DeadLetter
    target: Target | None
    sent_to: str | None
    record: Mapping[str, Any] | None
    refusal: InvalidRecord | None
    is_gone: bool = False


def routes(settings: Settings) -> Routes:
    """Where records belong, by the settings."""
    return Routes(settings.kafka.topic_prefix, settings.kafka.partitions, PARTITIONERS[settings.kafka.partitioner])


def list_letters(settings: Settings, query: Query, limit: int, tell: Tell) -> list[Listed]:
    """The dead letters that are meant, in the order of writing; with a limit the newest."""
    entries = newest([letter.entry for letter in read_letters(settings, query, tell)], limit)
    sent = _sent(settings, entries, tell)
    return [Listed(entry, sent.get(entry.place)) for entry in entries]


def show_letter(settings: Settings, place: Place, tell: Tell) -> Shown | None:
    """Everything about one dead letter; ``None``: there is none."""
    found = read_letter(settings, place)
    if found is None:
        return None
    completed = whole(settings, found)
    letter = completed or found
    target = routes(settings).target(letter.entry)
    if target is None or completed is None:
        return Shown(letter, target, _sent(settings, [letter.entry], tell).get(place), None, None, is_gone=completed is None)
    judge, record, refusal = Judge(settings.kafka.topic_prefix), None, None
    try:
        record = judge.decoded(target.topic, letter.value)
        event = judge.event(target.topic, letter.entry.key, letter.value)
    except InvalidRecord as error:
        refusal = error
    else:
        if event is not None and _was_one_too_many(letter.entry, target):
            refusal = _full_cases(settings, {letter.entry.place: (letter.entry, event)}, tell).get(place)
    return Shown(letter, target, _sent(settings, [letter.entry], tell).get(place), record, refusal)


class Redrive:
    """One redrive, from the look to the sending.

    Parameters
    ----------
    sender
        Made before the look, so that nothing is sent twice; ``None``: nothing is to be sent, only looked at.
    """

    def __init__(self, settings: Settings, sender: Sender | None) -> None:
        self._settings, self._sender = settings, sender

    def plan(self, query: Query, limit: int, *, max_redrives: int, force: bool, tell: Tell) -> list[Decision]:
        """Decide about each dead letter that is meant, and about each place that was named."""
        judge, places = Judge(self._settings.kafka.topic_prefix), routes(self._settings)
        entries: list[Entry] = []
        gone: set[Place] = set()
        refusals: dict[Place, InvalidRecord] = {}
        once_full: dict[Place, tuple[Entry, Mapping[str, Any]]] = {}
        for found in read_letters(self._settings, query, tell):
            letter = whole(self._settings, found)
            if letter is None:
                entries.append(found.entry)
                gone.add(found.entry.place)
                continue
            entry, target = letter.entry, places.target(letter.entry)
            entries.append(entry)
            try:
                event = judge.event(target.topic, entry.key, letter.value) if target else None
            except InvalidRecord as error:
                refusals[entry.place] = error
            else:
                if event is not None and target is not None and _was_one_too_many(entry, target):
                    once_full[entry.place] = entry, event
        entries = newest(entries, limit)
        if once_full:
            refusals |= _full_cases(self._settings, once_full, tell)
        sent = _sent(self._settings, entries, tell)
        decided = [
            decide(
                entry,
                places.target(entry),
                sent_to=sent.get(entry.place),
                refusal=refusals.get(entry.place),
                max_redrives=max_redrives,
                force=force,
                is_gone=entry.place in gone,
            )
            for entry in entries
        ]
        there = {entry.place for entry in entries}
        return [*decided, *(Decision(place, Outcome.ABSENT) for place in sorted(query.places - there))]

    def send(self, decisions: Sequence[Decision], tell: Tell) -> list[Decision]:
        """Send what was decided to be sent; return the decisions with what became of them.

        Raises
        ------
        Superseded, DependencyError
            What was committed before stays sent, and another redrive finds it so.
        """
        if self._sender is None:
            raise ValueError("a redrive that only looks sends nothing")
        waiting = {each.place: each.target for each in decisions if each.outcome is Outcome.SEND and each.target}
        total = len(waiting)
        fates: dict[Place, str] = {}
        for each, reason in self._sender.send(self._outgoing(waiting)):
            fates[each.letter.entry.place] = reason
            tell("", len(fates), total)
        return [_done(each, fates) for each in decisions]

    def _outgoing(self, targets: Mapping[Place, Target]) -> Iterator[Outgoing]:
        """Read the letters again: their bytes were not kept."""
        if targets:
            for found in read_letters(self._settings, Query(places=frozenset(targets)), lambda *_: None):
                if letter := whole(self._settings, found):
                    yield Outgoing(letter, targets[letter.entry.place])


def _done(decision: Decision, fates: Mapping[Place, str]) -> Decision:
    if decision.outcome is not Outcome.SEND:
        return decision
    reason = fates.get(decision.place)
    if reason is None:  # its retention, or its record's, ran out between the look and the sending
        return replace(decision, outcome=Outcome.ABSENT)
    return replace(decision, outcome=Outcome.NOT_TAKEN, detail=reason) if reason else decision


def _sent(settings: Settings, entries: Iterable[Entry], tell: Tell) -> dict[Place, str]:
    places = routes(settings)
    targets = {entry.place: (entry, target) for entry in entries if (target := places.target(entry)) is not None}
    return read_redriven(settings, targets, tell) if targets else {}


def _was_one_too_many(entry: Entry, target: Target) -> bool:
    return entry.reason == "TOO_MANY_EVENTS" and target.topic == ARCHIVE_RECEIVED


def _full_cases(settings: Settings, events: Mapping[Place, tuple[Entry, Mapping[str, Any]]], tell: Tell) -> dict[Place, InvalidRecord]:
    """Which of these archive events their cases would not take, one after the other, as they are known now."""
    places, keys = routes(settings), {}
    for entry, _ in events.values():
        target = places.target(entry)
        if entry.key is not None and target is not None:
            keys[entry.key] = target.partition
    known, refused = read_facts(settings, keys, tell), {}
    for place, (entry, event) in events.items():
        try:
            known.get(entry.key or b"", CaseFacts()).add_archive(event)
        except TooManyEvents as error:
            refused[place] = InvalidRecord("TOO_MANY_EVENTS", f"该办件已有归档事件 archive events of the case: {error}")
    return refused
