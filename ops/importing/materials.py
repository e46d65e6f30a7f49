"""Rows, one a material, those of an item together -> drafts of ``archiving-schedule`` (归档范围和保管期限表) or ``module-config``.

An item's own cells stand in its first row; below it they are empty, merged, or say the same again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ops.importing.cells import choice_text, filled, is_none, is_tick, symbol, truth
from ops.importing.codes import item_code
from ops.importing.faults import Draft, Fault, Named, Reading
from ops.importing.sheet import Value
from ops.importing.table_sheet import TableRow
from ops.importing.words import ARCHIVING_MODE, KIND, RETENTION, RETENTION_BOXES
from ops.publish.fields import Unreadable, shown
from streams.contracts import ARCHIVING_SCHEDULE, MODULE_CONFIG

Taken = TypeVar("Taken")
Parse = Callable[[Value], Any]


def _archiving_mode(value: Value) -> str:
    text = choice_text(value)
    return text.upper() if text.upper() in {"ONLINE", "OFFLINE", "UNKNOWN"} else ARCHIVING_MODE.one(text)


def _retention(value: Value) -> str:
    with suppress(Unreadable):
        return RETENTION_BOXES.one(choice_text(value))
    return symbol(value, RETENTION)


_ITEM: dict[str, Parse] = {
    "item_code": lambda value: item_code(value).code,
    "item_name": filled,
    "schedule_version": lambda value: "" if is_none(value) else filled(value),
    "approved": partial(truth, default=True, words={"已审定": True, "审定": True, "未审定": False}),
    "archiving_mode": _archiving_mode,
    "retention": _retention,
}
_MATERIAL: dict[str, Parse] = {
    "kind": lambda value: symbol(value, KIND),
    "name": filled,
    "code": lambda value: "" if is_none(value) else filled(value),
    "required": partial(truth, default=True, words={"必需": True, "必须": True, "非必需": False, "非必须": False}),
    "electronic": partial(truth, default=True, words={"电子": True, "纸质": False}),
}
_TRUTHS = {name: parse for name, parse in (_ITEM | _MATERIAL).items() if name in {"approved", "required", "electronic"}}
ITEM_FIELDS: Mapping[str, tuple[str, ...]] = {
    ARCHIVING_SCHEDULE: ("item_code", "item_name", "schedule_version", "approved", "retention"),
    MODULE_CONFIG: ("item_code", "item_name", "schedule_version", "archiving_mode", "retention"),
}
"""What each of the two says of an item, besides its materials; a column that only the other has is not read."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    ARCHIVING_SCHEDULE: ("item_code", "item_name", "retention", "kind", "name"),
    MODULE_CONFIG: ("item_code", "item_name", "archiving_mode", "retention", "kind", "name"),
}
"""Columns without which a file is refused."""


def read_items(topic: str, rows: Iterable[TableRow]) -> Reading:
    """Read the items of a schedule or a configuration.

    Parameters
    ----------
    topic
        ``archiving-schedule`` or ``module-config``.
    """
    reading, every = Reading(), list(rows)
    ticked = _ticked(every)
    for outside in (row for row in every if not row.cells):
        reading.refuse(list(outside.faults))
    for group in _groups(row for row in every if row.cells):
        item = _Item(topic, group, ticked)
        reading.take(item.draft(), item.faults, item.named)
    reading.conclude()
    return reading


def _ticked(rows: Iterable[TableRow]) -> set[tuple[str, str]]:
    """Sheets and fields whose column has ticks in it and no 否: an empty cell of it may be a 否 as well as none."""
    said = [(row.sheet, name, row.values[name]) for row in rows for name in _TRUTHS.keys() & row.values.keys()]
    denied = {(sheet, name) for sheet, name, value in said if _denies(value, _TRUTHS[name])}
    return {(sheet, name) for sheet, name, value in said if is_tick(value)} - denied


def _denies(value: Value, parse: Parse) -> bool:
    try:
        return parse(value) is False
    except Unreadable:
        return False


def _groups(rows: Iterable[TableRow]) -> Iterator[list[TableRow]]:
    """Rows of one item: from one that names a code to the next that names another, or stands behind a title that may."""
    group: list[TableRow] = []
    for row in rows:
        goes_on = "item_code" not in row.values and not row.is_titled
        if group and row.sheet == group[0].sheet and (goes_on or _code(row) == _code(group[0])):
            group.append(row)
            continue
        if group:
            yield group
        group = [row]
    if group:
        yield group


def _code(row: TableRow) -> Value:
    value = row.values.get("item_code", "")
    try:
        return item_code(value).code
    except Unreadable:
        return value


@dataclass(slots=True)
class _Item:
    """The rows of one item.

    Parameters
    ----------
    ticked
        Sheets and fields in whose column an empty cell says nothing.
    """

    topic: str
    rows: list[TableRow]
    ticked: AbstractSet[tuple[str, str]]
    faults: list[Fault] = field(default_factory=list)
    named: Named | None = None

    def draft(self) -> Draft | None:
        """What they say, or None: :attr:`faults` say why."""
        first = self.rows[0]
        self.faults += [fault for row in self.rows for fault in row.faults]
        content = {name: self._read(first, name, _ITEM[name]) for name in ITEM_FIELDS[self.topic]}
        if content["item_code"]:
            self.named = Named(first.sheet, first.cells["item_code"], content["item_code"])
        for row in self.rows[1:]:
            for name, value in content.items():
                if name in row.values and value is not None and self._read(row, name, _ITEM[name]) not in (value, None):
                    self._fault(
                        row,
                        name,
                        f"与上一行不同 differs from above: {shown(row.values[name])}",
                        "同一事项各行相同 the same in all rows of an item",
                    )
        content["materials"] = self._materials()
        return None if self.faults else Draft(first.sheet, first.cells["item_code"], content)

    def _materials(self) -> list[dict[str, Any]]:
        materials, seen = [], set()
        for row in self.rows:
            if not any(name in row.values for name in _MATERIAL):
                continue
            material = {name: self._read(row, name, parse) for name, parse in _MATERIAL.items()}
            identity = (material["kind"], material["name"], material["code"])
            if identity in seen and None not in identity:
                self._fault(row, "name", "材料重复 a material given twice", "每种材料一行 each material in one row")
            seen.add(identity)
            materials.append(material)
        return materials

    def _read(self, row: TableRow, name: str, parse: Callable[[Value], Taken]) -> Taken | None:
        if name not in row.values and (row.sheet, name) in self.ticked:
            self._fault(row, name, "空，同列的却打了勾 nothing, in a column of ticks", "是 / 否 (true / false)")
            return None
        try:
            return parse(row.values.get(name, ""))
        except Unreadable as error:
            self._fault(row, name, error.found, error.expected)
            return None

    def _fault(self, row: TableRow, name: str, found: str, expected: str) -> None:
        self.faults.append(Fault(row.sheet, row.cells[name], found, expected))
