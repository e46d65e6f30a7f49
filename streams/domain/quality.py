"""Quality of archived data (归档数据质量), one case at a time: the rules of docs/design/assessment.md on facts and reference rows.

Texts are compared by their keyed hashes alone; :class:`Digest` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product

from streams.domain.facts import CaseFacts, Event
from streams.domain.finding import Finding
from streams.domain.items import parse_item
from streams.domain.reference import Reference, Row, item_key
from streams.domain.time import EARLIEST_MS, LATEST_MS, day_of
from streams.domain.titles import EMPTY_WORDS, core, plain

Digest = Callable[[str], str]
"""Keyed hash of a text, the same in every worker."""

_MISSING = {"EVIDENCE": "MISSING_EVIDENCE", "PROCEDURE": "MISSING_PROCEDURE", "RESULT": "MISSING_RESULT"}
_ANY_KIND = "UNKNOWN"


class Quality:
    """The rules with what they rest on."""

    def __init__(self, reference: Reference, digest: Digest) -> None:
        self._reference = reference
        self._digest = lru_cache(maxsize=65_536)(digest)
        self._cores = lru_cache(maxsize=16_384)(self._cores_of)
        self._wanted = lru_cache(maxsize=65_536)(self._hashes_of)

    def findings(self, closing: Event, facts: CaseFacts) -> Iterator[Finding]:
        """Findings on a counted case."""
        accepted = facts.accepted()
        events = [event for _, event in accepted]
        yield from self._title(closing, events)
        yield from _time(closing, events)
        if accepted:
            yield from _mismatch(closing, accepted)
            yield from self._materials(closing, events)

    def _title(self, closing: Event, accepted: Sequence[Event]) -> Iterator[Finding]:
        unit, day = closing["unit_code"], day_of(closing["closed_at"])
        row = self._reference.items.row(item_key(unit, closing["item_code"]), day)
        items = (closing["item_name"], row["item_name"] if row else "")
        names = self._cores(items, (closing["unit_name"], self._reference.units.name(unit, day)))
        told = [event for event in (closing, *accepted) if event["title_core"] and event["title_core"] in names]
        if told:
            where = "case" if told[0] is closing else "archive"
            yield Finding("TITLE_IS_ITEM_NAME", closing["closed_at"], detail=where)

    def _cores_of(self, item_names: tuple[str, ...], unit_names: tuple[str, ...]) -> frozenset[str]:
        items, units = ([name for name in dict.fromkeys(names) if core(name)] for names in (item_names, unit_names))
        # Out of the names as they are: where two of them meet, a word may come about that says nothing, 区监管办 and 理发店许可.
        pairs = (pair for item, unit in product(items, units) for pair in ((unit, item), (item, unit)))
        both = (between.join(pair) for pair in pairs for between in ("", *EMPTY_WORDS))
        return frozenset(map(self._digest, {core(text) for text in (*items, *both)}))

    def _materials(self, closing: Event, accepted: Sequence[Event]) -> Iterator[Finding]:
        schedule = self._reference.approved(item_key(closing["unit_code"], closing["item_code"]), day_of(closing["closed_at"]))
        if schedule is None:
            return
        held = [material for event in accepted for material in event["materials"]]
        since_ms = max(closing["closed_at"], min(event["received_at"] for event in accepted))
        for kind, name in _MISSING.items():
            absent = [wanted for wanted in schedule["materials"] if wanted["kind"] == kind and self._is_absent(wanted, held)]
            if absent:
                yield Finding(name, since_ms, detail=",".join(sorted(wanted["code"] or wanted["name"] for wanted in absent)))

    def _is_absent(self, wanted: Row, held: Iterable[Sequence[str]]) -> bool:
        if not (wanted["required"] and wanted["electronic"]):
            return False
        code, name = self._wanted(wanted["code"], wanted["name"])
        # A name that is empty names nothing, unless the schedule asks for what has neither name nor code: then it is the same.
        is_named = bool(name) or not code
        return not any(
            (code and code_held == code) or (is_named and name_held == name and kind in (wanted["kind"], _ANY_KIND))
            for kind, name_held, code_held in held
        )

    def _hashes_of(self, *texts: str) -> list[str]:
        return [self._digest(text) if (text := plain(each)) else "" for each in texts]


def _mismatch(closing: Event, accepted: Iterable[tuple[str, Event]]) -> Iterator[Finding]:
    """Item or title; never the unit: corrections move cases between units."""
    code, title = parse_item(closing["item_code"]).code, closing["title_hash"]
    differing = {
        (number, field): event["received_at"]
        for number, event in accepted
        for field, differs in (
            ("item", parse_item(event["item_code"]).code != code),
            ("title", bool(title and event["title_hash"]) and event["title_hash"] != title),
        )
        if differs
    }
    if differing:
        detail = ",".join(f"{number}:{field}" for number, field in sorted(differing))
        yield Finding("CASE_INFO_MISMATCH", max(closing["closed_at"], min(differing.values())), detail=detail)


def _time(closing: Event, accepted: Iterable[Event]) -> Iterator[Finding]:
    """Times that cannot be."""
    accepted_at = closing["accepted_at"]
    first_ms = min((event["received_at"] for event in accepted), default=None)
    faults = {
        "accepted_at": not EARLIEST_MS <= accepted_at < LATEST_MS,
        "accepted_at>closed_at": accepted_at > closing["closed_at"],
        "received_at<accepted_at": first_ms is not None and first_ms < accepted_at,
    }
    if any(faults.values()):
        yield Finding("TIME_INVALID", closing["closed_at"], detail=",".join(name for name, is_so in faults.items() if is_so))
