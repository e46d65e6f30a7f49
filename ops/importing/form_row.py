"""One row of 附件1 -> a draft of ``item-registry``, or everything that is wrong in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ops.importing.cells import choice_text, count, filled, is_none, plan_year, text_of
from ops.importing.characters import compact
from ops.importing.choices import Choice
from ops.importing.codes import code_shown, item_code
from ops.importing.faults import Draft, Fault, Named
from ops.importing.form_span import Main, Span
from ops.importing.sheet import NotAValue, Place, Value, cell_name
from ops.importing.words import ARCHIVING_MODE, BUILD_MODE, PLAN_YEAR
from ops.publish.fields import Unreadable
from streams.domain.items import Item

Taken = TypeVar("Taken")


@dataclass(slots=True)
class FormRow:
    """One item of the table.

    Parameters
    ----------
    span
        Where its cells stand.
    main_names
        Main items of the rows above: code -> name, and where it stands.
    faults
        What is wrong.
    remarks
        What is left out, and harms nobody.
    named
        Code of the item, where it can be read.
    """

    span: Span
    main_names: dict[str, tuple[str, str]]
    faults: list[Fault] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    named: Named | None = None

    def is_blank(self) -> bool:
        """Whether nothing is filled in: at most a serial number, and boxes that nobody ticked."""
        stated = ("main_name", "main_code", "sub_name", "sub_code", "count", "note")
        own = [self.span.sheet.own((self.span.row, self.span.columns[heading])) for heading in stated if heading in self.span.columns]
        boxes = [(BUILD_MODE, "build_mode"), (PLAN_YEAR, "plan_year"), (ARCHIVING_MODE, "archiving_mode")]
        return all(map(is_none, own)) and all(self._is_unticked(choice, heading) for choice, heading in boxes)

    def draft(self) -> Draft | None:
        """What the row says, or None: :attr:`faults` say why."""
        names = self._item()
        mode = self._read_joined("build_mode", lambda value: BUILD_MODE.one(choice_text(value)))
        plan, archiving = self._when_self_built(mode)
        cases = self._count()
        note = self._read_joined("note", self._note) if "note" in self.span.columns else ""
        if self.faults or names is None or self.named is None:
            return None
        content = {**names, "build_mode": mode, "plan_year": plan, "archiving_mode": archiving, "case_count_2017": cases, "note": note}
        return Draft(self.named.sheet, self.named.cell, content)

    def _item(self) -> dict[str, Any] | None:
        main = self.span.main()
        if main is None:
            self._fault(self.span.place("main_code"), "空 nothing", "主项编码 the code of the main item")
            return None
        name, code = self._read_at(main.name, filled), self._read_at(main.code, item_code)
        if code is not None:
            self._check_apart(main.name, main.code)
        if code is not None and code.code != code.main_code and not code.code.startswith(f"{code.main_code}-"):
            expected = f"主项编码，第三段为 a main item's code, with 000 in its third place: {code_shown(code.main_code)}"
            self._fault(main.code, code_shown(code.code), expected)
        if code is not None and name is not None:
            self._check_name(main.name, name, code)
        sub_name, sub_code = (self.span.sheet.own(self.span.place(heading)) for heading in ("sub_name", "sub_code"))
        if is_none(sub_name) and is_none(sub_code):
            return self._main_alone(main, name, code)
        sub, sub_title = self._read("sub_code", item_code), self._read("sub_name", filled)
        if sub:
            self._check_apart(self.span.place("sub_name"), self.span.place("sub_code"))
            self._name(self.span.place("sub_code"), sub)
        if sub and code and (sub.main_code != code.main_code or sub.code in {code.code, code.main_code}):
            expected = f"主项 {code_shown(code.code)} 的子项 a sub-item of that main item"
            self._fault(self.span.place("sub_code"), code_shown(sub.code), expected)
        if not sub or not code:
            return None
        return {"item_code": sub.code, "item_name": sub_title, "main_item_code": code.main_code, "main_item_name": name}

    def _check_apart(self, name: Place, code: Place) -> None:
        if name == code:
            self._fault(code, "名称和编码在同一格 name and code in one cell", "各占一格 a cell for each")

    def _check_name(self, place: Place, name: str, code: Item) -> None:
        """A main item has one name in all of the form; blanks and full width make no other."""
        above, where = self.main_names.setdefault(code.code, (name, Named(self.span.sheet.name, cell_name(place), "").where))
        if compact(name) != compact(above):
            found = f"同一主项编码，名称与 {where} 不同 another name for the main item's code than in {where}"
            self._fault(place, found, "一个主项一个名称 one name for a main item")

    def _main_alone(self, main: Main, name: str | None, code: Item | None) -> dict[str, Any] | None:
        """A main item without sub-items; one whose code has a fourth place is an item of its own under the main item."""
        if main.code[0] != self.span.row:
            expected = "子项编码：主项下每行一个子项 a sub-item's code in each row of a main item"
            self._fault(self.span.place("sub_code"), "空 nothing", expected)
            return None
        if code is None:
            return None
        self._name(main.code, code)
        above = (code.main_code, name) if code.code != code.main_code else ("", "")
        return {"item_code": code.code, "item_name": name, "main_item_code": above[0], "main_item_name": above[1]}

    def _name(self, place: Place, item: Item) -> None:
        self.named = Named(self.span.sheet.name, cell_name(place), item.code)

    def _when_self_built(self, mode: str | None) -> tuple[int, str]:
        """Plan and archiving mode, which are filled in only where the unit built its own system (填报说明 4)."""
        if mode == "SELF_BUILT":
            year = self._read_joined("plan_year", plan_year) or 0
            return year, self._read_joined("archiving_mode", lambda value: ARCHIVING_MODE.one(choice_text(value))) or "UNKNOWN"
        if mode is not None:
            self._read_joined("plan_year", lambda value: _nothing_ticked(PLAN_YEAR, value))
            self._read_joined("archiving_mode", lambda value: _nothing_ticked(ARCHIVING_MODE, value))
        return 0, "UNKNOWN"

    def _note(self, value: Value) -> str:
        """A note harms nobody: of what is no text, a day is written out, and all else is left out and told."""
        if not isinstance(value, NotAValue):
            return text_of(value) if isinstance(value, str) else str(value)
        if not value.text:
            place = Named(self.span.sheet.name, cell_name(self.span.place("note")), "").where
            self.remarks.append(f"{place}: 备注没有采用 the note is not taken: {value.what}")
        return value.text

    def _count(self) -> int | None:
        merged = self.span.sheet.range_of(self.span.place("count"))
        if merged and (merged[0] < self.span.row or merged[2] > self.span.last):
            self._fault(merged[:2], f"合并了第 {merged[0]}–{merged[2]} 行 merged over rows", "每行各填件数 a number in each row")
            return None
        return self._read("count", count)

    def _is_unticked(self, choice: Choice, heading: str) -> bool:
        try:
            return not choice.ticked(choice_text(self.span.joined(heading)))
        except Unreadable:
            return False

    def _read_joined(self, heading: str, parse: Callable[[Value], Taken]) -> Taken | None:
        return self._read_at(self.span.place(heading), lambda _: parse(self.span.joined(heading)))

    def _read(self, heading: str, parse: Callable[[Value], Taken]) -> Taken | None:
        return self._read_at(self.span.place(heading), parse)

    def _read_at(self, place: Place, parse: Callable[[Value], Taken]) -> Taken | None:
        try:
            return parse(self.span.sheet.own(place))
        except Unreadable as error:
            self._fault(place, error.found, error.expected)
            return None

    def _fault(self, place: Place, found: str, expected: str) -> None:
        self.faults.append(Fault(self.span.sheet.name, cell_name(place), found, expected))


def _nothing_ticked(choice: Choice, value: Value) -> None:
    if ticked := choice.ticked(choice_text(value)):
        raise Unreadable(f"勾选了 ticked {', '.join(ticked)}", "只有自建事项填写 filled in for 自建 only")
