"""What a file says, against what its topic has: the records that are to be published, and no others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.importing.codes import code_shown
from ops.importing.faults import Draft, Fault
from streams.contracts import LAST_REVISION
from streams.domain.facts import canonical
from streams.domain.items import parse_item

Record = Mapping[str, Any]
_ID_LETTERS = 32
_ABOUT_THE_RECORD = frozenset({"event_id", "revision", "deleted", "valid_from", "valid_to"})


@dataclass(slots=True)
class Known:
    """What the topic has of one unit: for each item the row that overrides all others, the one of the highest (revision, event_id)."""

    unit_code: str
    rows: dict[str, Record] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take in a record of the topic; those of other units are none of ours. Codes are compared normalised."""
        if record["unit_code"] != self.unit_code:
            return
        code = parse_item(record["item_code"]).code
        old = self.rows.get(code)
        if old is None or _order(record) > _order(old):
            self.rows[code] = record


@dataclass(frozen=True, slots=True)
class Change:
    """A record to be published, and where it comes from (empty for what the file leaves out)."""

    record: Record
    sheet: str = ""
    cell: str = ""


@dataclass(slots=True)
class Changes:
    """What an import does.

    Parameters
    ----------
    publish
        New and changed rows.
    delete
        Rows taken back, since the file is the whole of the unit and has them no more.
    unchanged
        Rows that are there already.
    faults
        Rows that would have to follow one of the last revision there is.
    """

    publish: list[Change] = field(default_factory=list)
    delete: list[Change] = field(default_factory=list)
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)


def changes(drafts: Iterable[Draft], known: Known, *, valid_from: int | None, replace: bool) -> Changes:
    """Compare.

    Parameters
    ----------
    valid_from
        First day on which the file holds, as a number since 1970; ``None``: since ever. It holds with an open end.
    replace
        Take back what the unit has in the topic and not in the file.
    """
    found, codes = Changes(), set()
    for draft in drafts:
        code = draft.content["item_code"]
        codes.add(code)
        old = known.rows.get(code)
        wanted = _wanted(known.unit_code, draft.content, valid_from, deleted=False)
        if old is not None and _holds_already(old, wanted):
            found.unchanged += 1
        elif old is not None and old["revision"] == LAST_REVISION:
            found.faults.append(_last(draft.sheet, draft.cell, code))
        else:
            found.publish.append(Change(_identified(wanted, old), draft.sheet, draft.cell))
    for code, old in sorted(known.rows.items()) if replace else ():
        if code not in codes:
            content = {name: value for name, value in old.items() if name not in _ABOUT_THE_RECORD}
            wanted = _wanted(known.unit_code, content, valid_from, deleted=True)
            if _holds_already(old, wanted):
                continue
            if old["revision"] == LAST_REVISION:
                found.faults.append(_last("", "", code))
            else:
                found.delete.append(Change(_identified(wanted, old)))
    return found


def _wanted(unit_code: str, content: Mapping[str, Any], valid_from: int | None, *, deleted: bool) -> dict[str, Any]:
    return {**content, "unit_code": unit_code, "deleted": deleted, "valid_from": valid_from, "valid_to": None}


def _holds_already(old: Record, wanted: Record) -> bool:
    """Whether the overriding row says the same on every day on which the new one would: then it would change nothing."""
    since, asked = old["valid_from"], wanted["valid_from"]
    covers = old["valid_to"] is None and (since is None or (asked is not None and since <= asked))
    return covers and all(old[name] == value for name, value in wanted.items() if name not in ("valid_from", "valid_to"))


def _identified(wanted: Record, old: Record | None) -> Record:
    """Give a record its revision, and an id that follows from all of it: the same file twice at once gives the same events."""
    record = {**wanted, "revision": old["revision"] + 1 if old else 1}
    return {**record, "event_id": hashlib.sha256(canonical(record)).hexdigest()[:_ID_LETTERS]}


def _last(sheet: str, cell: str, code: str) -> Fault:
    told = f"{code_shown(code)}: 主题中该事项的修订号已是最大 the topic has the item with the last revision there is: {LAST_REVISION}"
    return Fault(sheet, cell, told, "其后还有修订号的记录 a record that another can follow")


def _order(record: Record) -> tuple[int, str, bytes]:
    return record["revision"], record["event_id"], canonical(record)
