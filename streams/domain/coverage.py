"""The fold of case states into absolute counts (归档覆盖率).

A state *contributes* to buckets, each the cases of a unit's item that closed in one hour and fall due in one. A bucket's counts are the sum
of the contributions of its partition's cases, and every window of every scope is a sum of buckets. When a case changes,
what it gave before is taken away and what it gives now is added, so nothing it takes from one bucket can be missing in another.
A unit's buckets of hours are summed up once more, by years (``YEAR``): what is asked of a year need not look at every hour of it.

Times: archived, unarchived, awaiting, refused and excluded lie at closed_at; orphans at received_at; due at due_at, those apart whose
silent source leaves them awaiting; the official figures at closed_at and at the first acceptance of each archive number. The bucket of
all time (``EVER``) of a unit's item holds one count alone: its counted cases that found no row of the registry.

A due date follows from the closing time and the policy, so that the cases of one closing hour and item share it but for a change of policy:
what a case counts at either time lies in one bucket.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from streams.domain.time import hour_start_ms, year_start_ms
from streams.domain.verdict import FLAG_UNREGISTERED_ITEM, State

HOUR, YEAR, EVER = "HOUR", "YEAR", "EVER"
DUE_COUNTS = ("due", "due_archived", "due_awaiting")
"""Those that lie at the due date; all others lie at the bucket's own hour."""
COUNTS = ("archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", *DUE_COUNTS, "official_closed", "official_archived")
UNREGISTERED = "unregistered"
EXCLUDED_PREFIX = "excluded:"


class Bucket(NamedTuple):
    """Where a contribution goes.

    Parameters
    ----------
    start_ms, due_start_ms
        Hours, or years, of the closing and of the due date; both the same for what has no due date; 0 in buckets of all time.
    item_type, main_item_code, item_code
        Empty in buckets of years, which hold all items of a unit.
    """

    granularity: str
    start_ms: int
    due_start_ms: int
    unit_code: str
    district_code: str
    item_type: str
    main_item_code: str
    item_code: str

    def key(self, partition: int) -> bytes:
        """Key of the bucket of one input partition in ``coverage-partial``."""
        return memoryview(orjson.dumps([partition, *self])).tobytes()  # a copy: orjson leaves some four kilobytes behind every text


Counts = dict[str, int]
Contribution = tuple[Bucket, str]
Given = tuple[Bucket, tuple[str, ...]]
Move = tuple[str, int]
"""Name of a count, and by how much it changes."""

_PLACE = itemgetter("closed_at", "due_at", "unit_code", "district_code", "item_type", "main_item_code", "item_code", "flags", "archives")
"""All that decides to which buckets a closed case contributes; two states may also differ in which counts they are one of."""


def contributions(state: State | None) -> list[Contribution]:
    """What a case gives: one for each (bucket, name of count) in the list."""
    return [(each, name) for bucket, names in _given(state) for each in (bucket, *_years(bucket)) for name in names]


def changes(before: State | None, after: State) -> Iterator[tuple[Bucket, tuple[Move, ...]]]:
    """What a case moves when it goes from one state to another: what it gave goes down by 1, what it gives goes up by 1.

    A bucket may be named more than once, and what goes down in one place may go up again in another: :func:`moved` sums up.
    Buckets of years are not named, which follow from those of hours.
    """
    if before is not None and _PLACE(before) == _PLACE(after) and after["closed_at"] is not None:
        # Nearly always: a case that is judged otherwise stays where it is.
        if (old := _of_closed(before)) != (new := _of_closed(after)):
            yield _hour(after["closed_at"], after["due_at"], after), _moves(old, new)
        return
    for bucket, names in _given(before):
        yield bucket, _moves(names, ())
    for bucket, names in _given(after):
        yield bucket, _moves((), names)


def moved(moves: Mapping[Bucket, Mapping[str, int]]) -> dict[Bucket, Counts]:
    """What many changes come to in the end, years included; without what comes to nothing."""
    years: defaultdict[Bucket, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    found = _not_zero(moves)
    for bucket, counts in found.items():
        for year in _years(bucket):
            into = years[year]
            for name, count in counts.items():
                into[name] += count
    return found | _not_zero(years)


def _not_zero(moves: Mapping[Bucket, Mapping[str, int]]) -> dict[Bucket, Counts]:
    return {bucket: left for bucket, counts in moves.items() if (left := {name: count for name, count in counts.items() if count})}


def _given(state: State | None) -> list[Given]:
    return [] if state is None else [*_of_case(state), *_of_archives(state)]


def _of_case(state: State) -> list[Given]:
    closed_at = state["closed_at"]
    if closed_at is not None:
        hour = _hour(closed_at, state["due_at"], state), _of_closed(state)
        return [hour, (_ever(state), (UNREGISTERED,))] if FLAG_UNREGISTERED_ITEM in state["flags"] else [hour]
    if state["status"] == "ORPHAN":
        return [(_hour(state["received_at"], state["received_at"], state), ("orphan",))]
    return []


def _of_closed(state: State) -> tuple[str, ...]:
    """Which counts a closed case is one of, in the bucket of its hours."""
    refused = True in [archive["refused_at"] is not None for archive in state["archives"]]
    return _closed_counts(state["status"], state["reason"], refused, state["due_passed"], state["received_at"] is not None)


def _of_archives(state: State) -> list[Given]:
    return [(_hour(at, at, archive), ("official_archived",)) for archive in state["archives"] if (at := archive["accepted_at"]) is not None]


def apply(record: Mapping[str, Any] | None, partition: int, bucket: Bucket, counts: Mapping[str, int]) -> dict[str, Any]:
    """The bucket's record after a change; zeros stay.

    Raises
    ------
    ValueError
        A count would fall below zero: fold and states have parted.
    """
    changed = dict(record) if record is not None else empty_record(partition, bucket)
    excluded = dict(changed["excluded"])
    for name, count in counts.items():
        into, field = (excluded, name.removeprefix(EXCLUDED_PREFIX)) if name.startswith(EXCLUDED_PREFIX) else (changed, name)
        into[field] = into.get(field, 0) + count
        if into[field] < 0:
            raise ValueError(f"{name} of {bucket} in partition {partition} would be {into[field]}")
    changed["excluded"] = excluded
    return changed


def empty_record(partition: int, bucket: Bucket) -> dict[str, Any]:
    """Record of a bucket to which no case contributes."""
    place = bucket._asdict()
    place |= {"bucket_start": place.pop("start_ms"), "due_start": place.pop("due_start_ms")}
    return {"input_partition": partition, **place, **dict.fromkeys((*COUNTS, UNREGISTERED), 0), "excluded": {}}


@lru_cache(maxsize=4096)
def _moves(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[Move, ...]:
    """What changes between two lists of counts; what is in both stays."""
    return (*((name, -1) for name in old if name not in new), *((name, 1) for name in new if name not in old))


@lru_cache(maxsize=1024)
def _closed_counts(status: str, reason: str, refused: bool, due_passed: bool, archived: bool) -> tuple[str, ...]:
    """Which counts a closed case is one of."""
    if status == "EXCLUDED":
        names = [EXCLUDED_PREFIX + reason] if reason == "DELETED" else [EXCLUDED_PREFIX + reason, "official_closed"]
    elif status in {"ARCHIVED", "ARCHIVED_LATE"}:
        names = ["official_closed", "archived", *(["archived_late"] if status == "ARCHIVED_LATE" else [])]
    else:
        names = ["official_closed", "unarchived" if status == "UNARCHIVED" else "awaiting", *(["refused"] if refused else [])]
    if due_passed:
        names.append("due")
        if archived:
            names.append("due_archived")
        elif status == "AWAITING":
            names.append("due_awaiting")
    return tuple(names)


def _ever(state: State) -> Bucket:
    return Bucket(EVER, 0, 0, state["unit_code"], "", state["item_type"], state["main_item_code"], state["item_code"])


def _years(bucket: Bucket) -> tuple[Bucket, ...]:
    """The years of which a bucket is a part: one, or none for a bucket of all time."""
    if bucket.granularity != HOUR:
        return ()
    start_ms, due_start_ms = year_start_ms(bucket.start_ms), year_start_ms(bucket.due_start_ms)
    return (Bucket(YEAR, start_ms, due_start_ms, bucket.unit_code, bucket.district_code, "", "", ""),)


def _hour(time_ms: int, due_ms: int, place: Mapping[str, Any]) -> Bucket:
    codes = (place["unit_code"], place["district_code"], place["item_type"], place["main_item_code"], place["item_code"])
    return Bucket(HOUR, hour_start_ms(time_ms), hour_start_ms(due_ms), *codes)
