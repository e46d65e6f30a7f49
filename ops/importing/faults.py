"""What is wrong in a file and where, and what is right in it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.domain.items import parse_item

logger = logging.getLogger(__name__)

_MOST_LISTED = 10
_USUAL = re.compile(r"[^-]+-\d{5}-\d{3}(?:-\d+)?")


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


def example_fault(sheet: str, cell: str) -> Fault:
    """A row that only shows how to fill in others."""
    return Fault(sheet, cell, "示例，不是事项 an example, not an item", "删除示例行 its row deleted")


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


@dataclass(frozen=True, slots=True)
class Named:
    """An item that a file names, and where its code stands."""

    sheet: str
    cell: str
    code: str

    @property
    def where(self) -> str:
        """How messages call the place."""
        return f"{self.sheet}!{self.cell}".removeprefix("!")


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
    remarks
        What is not wrong, and still worth a look.
    """

    drafts: list[Draft] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    bad: int = 0
    remarks: list[str] = field(default_factory=list)
    _named: list[Named] = field(default_factory=list)

    def take(self, draft: Draft | None, faults: list[Fault], named: Named | None) -> None:
        """Take in what became of one item: its draft, or what is wrong with it."""
        if named:
            self._named.append(named)
        if draft and not faults:
            self.drafts.append(draft)
        else:
            self.refuse(faults)

    def refuse(self, faults: list[Fault]) -> None:
        """Take note of something that cannot go in, if anything is wrong with it."""
        self.faults += faults
        self.bad += bool(faults)

    def conclude(self) -> None:
        """Look at the items side by side, once all are read; say what is worth a look."""
        self._refuse_repeated()
        if outside := [each.where for each in self._named if not parse_item(each.code).type]:
            self.remarks.append(f"不属八类行政事项，不计入考核 of none of the eight types, not assessed: {_listed(outside)}")
        if odd := [each.where for each in self._named if not _USUAL.fullmatch(each.code)]:
            self.remarks.append(f"编码不是五位、三位数字 codes not of five and three digits: {_listed(odd)}")
        for remark in self.remarks:
            logger.warning("%s", remark)

    def _refuse_repeated(self) -> None:
        """Take out items that the file has more than once, whole or not: which of them holds, only its author knows."""
        by_code: dict[str, list[Named]] = {}
        for named in self._named:
            by_code.setdefault(named.code, []).append(named)
        repeated = {code: places for code, places in by_code.items() if len(places) > 1}
        for places in repeated.values():
            found = f"编码重复 a code given {len(places)} times: {_listed([each.where for each in places])}"
            self.faults += [Fault(each.sheet, each.cell, found, "每个事项一次 each item once") for each in places]
        self.bad += sum(draft.content["item_code"] in repeated for draft in self.drafts)
        self.drafts = [draft for draft in self.drafts if draft.content["item_code"] not in repeated]
        self.faults = list(dict.fromkeys(self.faults))


def _listed(places: list[str]) -> str:
    """The first of many places: a message is for reading, and each of a thousand would name the thousand."""
    return ", ".join(places[:_MOST_LISTED]) + (f" … ({len(places)})" if len(places) > _MOST_LISTED else "")
