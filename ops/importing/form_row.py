"""One row of 附件1 -> a draft of ``item-registry``, or everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ops.importing.cells import (
    ARCHIVING_MODE,
    BUILD_MODE,
    PLAN_YEAR,
    choice_text,
    code_shown,
    count,
    filled,
    is_none,
    item_code,
    text_of,
)
from ops.importing.choices import Choice
from ops.importing.faults import Draft, Fault
from ops.importing.sheet import Place, Sheet, Value, cell_name
from ops.publish.fields import Unreadable

Taken = TypeVar("Taken")
Columns = Mapping[str, int]
"""Heading -> its column."""


@dataclass(slots=True)
class Main:
    """Where the name and the code of a row's main item (主项) stand: there, or in a row above."""

    name: Place
    code: Place


@dataclass(slots=True)
class FormRow:
    """One row of the table.

    Parameters
    ----------
    above
        Main item of the row above, for rows that leave theirs empty.
    """

    sheet: Sheet
    row: int
    columns: Columns
    above: Main | None
    faults: list[Fault] = field(default_factory=list)

    @property
    def main(self) -> Main | None:
        """The main item: what stands here, merged down to here, or continues from above."""
        here = Main(self._place("main_name"), self._place("main_code"))
        has_name, has_code = (not is_none(self.sheet.own(place)) for place in (here.name, here.code))
        if not has_name and not has_code:
            return self.above
        if self.above and not has_name and self._says_the_same(here.code, self.above.code):
            return Main(self.above.name, here.code)
        if self.above and not has_code and self._says_the_same(here.name, self.above.name):
            return Main(here.name, self.above.code)
        return here

    def is_blank(self) -> bool:
        """Whether nothing is filled in: at most a serial number, and boxes that nobody ticked."""
        stated = ("main_name", "main_code", "sub_name", "sub_code", "count", "note")
        own = [self.sheet.own((self.row, self.columns[heading])) for heading in stated if heading in self.columns]
        boxes = [(BUILD_MODE, "build_mode"), (PLAN_YEAR, "plan_year"), (ARCHIVING_MODE, "archiving_mode")]
        return all(map(is_none, own)) and all(self._is_unticked(choice, heading) for choice, heading in boxes)

    def draft(self) -> Draft | None:
        """What the row says, or None: :attr:`faults` say why."""
        names = self._item()
        mode = self._read("build_mode", lambda value: BUILD_MODE.one(choice_text(value)))
        plan, archiving = self._when_self_built(mode)
        cases = self._count()
        note = self._read("note", text_of) if "note" in self.columns else ""
        if self.faults or names is None:
            return None
        content = {**names, "build_mode": mode, "plan_year": plan, "archiving_mode": archiving, "case_count_2017": cases, "note": note}
        sub_place, main = self._place("sub_code"), self.main
        place = sub_place if names["main_item_code"] or main is None else main.code
        return Draft(self.sheet.name, cell_name(place), content)

    def _item(self) -> dict[str, Any] | None:
        main = self.main
        if main is None:
            self._fault(self._place("main_code"), "空 nothing", "主项编码 the code of the main item")
            return None
        name, code = self._read_at(main.name, filled), self._read_at(main.code, item_code)
        if code is not None and code.code != code.main_code:
            self._fault(
                main.code, code_shown(code.code), f"主项编码，末段为 a main item's code, ending in 000: {code_shown(code.main_code)}"
            )
        sub_name, sub_code = (self.sheet.own(self.sheet.origin(self._place(heading))) for heading in ("sub_name", "sub_code"))
        if is_none(sub_name) and is_none(sub_code):
            if main.code[0] != self.row:
                self._fault(
                    self._place("sub_code"), "空 nothing", "子项编码：主项下每行一个子项 a sub-item's code in each row of a main item"
                )
            return {"item_code": code.code, "item_name": name, "main_item_code": "", "main_item_name": ""} if code else None
        sub, sub_title = self._read("sub_code", item_code), self._read("sub_name", filled)
        if sub and code and (sub.main_code != code.code or sub.code == code.code):
            expected = f"主项 {code_shown(code.code)} 的子项 a sub-item of that main item"
            self._fault(self._place("sub_code"), code_shown(sub.code), expected)
        return (
            {"item_code": sub.code, "item_name": sub_title, "main_item_code": code.code, "main_item_name": name} if sub and code else None
        )

    def _when_self_built(self, mode: str | None) -> tuple[int, str]:
        """Plan and archiving mode, which are filled in only where the unit built its own system (填报说明 4)."""
        if mode == "SELF_BUILT":
            plan = self._read("plan_year", lambda value: PLAN_YEAR.one(choice_text(value)))
            return int(plan or 0), self._read("archiving_mode", lambda value: ARCHIVING_MODE.one(choice_text(value))) or "UNKNOWN"
        if mode is not None:
            self._read("plan_year", lambda value: _nothing_ticked(PLAN_YEAR, value))
            self._read("archiving_mode", lambda value: _nothing_ticked(ARCHIVING_MODE, value))
        return 0, "UNKNOWN"

    def _count(self) -> int | None:
        merged = self.sheet.range_of(self._place("count"))
        if merged and merged[0] != merged[2]:
            self._fault(merged[:2], f"合并了第 {merged[0]}–{merged[2]} 行 merged over rows", "每行各填件数 a number in each row")
            return None
        return self._read("count", count)

    def _place(self, heading: str) -> Place:
        return self.sheet.origin((self.row, self.columns[heading]))

    def _says_the_same(self, one: Place, other: Place) -> bool:
        return self.sheet.own(one) == self.sheet.own(other)

    def _is_unticked(self, choice: Choice, heading: str) -> bool:
        try:
            return not choice.ticked(choice_text(self.sheet.own((self.row, self.columns[heading]))))
        except Unreadable:
            return False

    def _read(self, heading: str, parse: Callable[[Value], Taken]) -> Taken | None:
        return self._read_at(self._place(heading), parse)

    def _read_at(self, place: Place, parse: Callable[[Value], Taken]) -> Taken | None:
        try:
            return parse(self.sheet.own(place))
        except Unreadable as error:
            self._fault(place, error.found, error.expected)
            return None

    def _fault(self, place: Place, found: str, expected: str) -> None:
        self.faults.append(Fault(self.sheet.name, cell_name(place), found, expected))


def _nothing_ticked(choice: Choice, value: Value) -> None:
    if ticked := choice.ticked(choice_text(value)):
        raise Unreadable(f"勾选了 ticked {', '.join(ticked)}", "只有自建事项填写 filled in for 自建 only")
