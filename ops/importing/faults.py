"""What is wrong in a file and where, and what is right in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    sheet
        Name of the sheet; empty in a text file.
    cell
        Such as ``C7``; ``7:item_code`` in a .jsonl file.
    found, expected
        Safe to print: see :func:`ops.publish.fields.shown`.
    """

    sheet: str
    cell: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file says of one item.

    Parameters
    ----------
    sheet, cell
        Where its code stands.
    content
        Fields of the record, with a normalised ``item_code``; without unit, identity, revision and validity.
    """

    sheet: str
    cell: str
    content: Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """What became of a file.

    Parameters
    ----------
    drafts
        Items that can go in.
    faults
        Everything that is wrong, each once.
    bad
        Items that cannot go in.
    """

    drafts: list[Draft] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    bad: int = 0

    def refuse(self, faults: list[Fault]) -> None:
        """Take note of one item that cannot go in, if anything is wrong with it."""
        self.faults += faults
        self.bad += bool(faults)

    def refuse_repeated(self) -> None:
        """Take out items that the file has more than once: which of them holds, only its author knows."""
        by_code: dict[str, list[Draft]] = {}
        for draft in self.drafts:
            by_code.setdefault(draft.content["item_code"], []).append(draft)
        self.drafts = [drafts[0] for drafts in by_code.values() if len(drafts) == 1]
        for drafts in by_code.values():
            if len(drafts) > 1:
                self.bad += len(drafts)
                places = [f"{draft.sheet}!{draft.cell}".removeprefix("!") for draft in drafts]
                found = f"编码重复 a code given {len(drafts)} times: {', '.join(places)}"
                self.faults += [Fault(draft.sheet, draft.cell, found, "每个事项一次 each item once") for draft in drafts]
        self.faults = list(dict.fromkeys(self.faults))
