"""An item's schedule (归档范围和保管期限表) and what its module is set to: the rows that are sent, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ops.simulate.rows import Row


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A material of a schedule, one object each: those of right tables share neither name nor code."""

    kind: str
    name: str
    code: str
    required: bool = True
    electronic: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """An item's line in the schedule."""

    version: str
    retention: str
    materials: tuple[Material, ...]
    approved: bool = True

    @property
    def asked(self) -> frozenset[Material]:
        """What every case has to have in its archives."""
        return frozenset(each for each in self.materials if self.approved and each.required and each.electronic)


@dataclass(frozen=True, slots=True)
class Module:
    """What a module is set to: a table, as it was understood."""

    table: Table
    archiving_mode: str = "ONLINE"
    suffix: str = ""
    """Behind the item's name."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Schedule and configuration of one item.

    Parameters
    ----------
    tables, errors
        What stands, and what is wrong with the configuration, before ``change_day`` and from it on.
    """

    story: str
    schedules: tuple[Row[Table], ...]
    modules: tuple[Row[Module], ...]
    tables: tuple[Table | None, Table | None]
    errors: tuple[frozenset[str], frozenset[str]]
    change_day: int

    def table_on(self, day: int) -> Table | None:
        """The schedule of a day, approved or not."""
        return self.tables[day >= self.change_day]

    def errors_on(self, day: int) -> frozenset[str]:
        """What is wrong on a day, if anybody asks for this item's configuration."""
        return self.errors[day >= self.change_day]


IDENTITY, FORM = Material("EVIDENCE", "申请人身份证明", "01"), Material("EVIDENCE", "申请表", "02")
NOTICE, APPROVAL = Material("PROCEDURE", "受理通知书", "03"), Material("RESULT", "批准文件", "04")
PHOTO, SHEET = Material("EVIDENCE", "现场照片", "05", required=False), Material("PROCEDURE", "审批流转单", "06", electronic=False)
CERTIFICATE = Material("RESULT", "电子证照", "07")
TABLES = (
    Table("2018-1", "YEARS_10", (IDENTITY, FORM, NOTICE, APPROVAL)),
    Table("2018-1", "YEARS_30", (IDENTITY, FORM, NOTICE, APPROVAL, PHOTO, SHEET)),
    Table("2017-3", "PERMANENT", (IDENTITY, FORM, NOTICE, APPROVAL, PHOTO)),
)

Maker = Callable[[str, Table, int], Setup]


def set_up(story: str, table: Table, change_day: int) -> Setup:
    """Make schedule and configuration of a story around a right table."""
    return STORIES[story][1](story, table, change_day)


def _steady(
    schedules: Callable[[Table], tuple[Row[Table], ...]], modules: Callable[[Table], tuple[Row[Module], ...]], *errors: str
) -> Maker:
    """The same all year; the last row of the schedule stands."""

    def make(story: str, table: Table, change_day: int) -> Setup:
        rows = schedules(table)
        stands = rows[-1].content if rows and not rows[-1].deleted else None
        return Setup(story, rows, modules(table), (stands, stands), (frozenset(errors), frozenset(errors)), change_day)

    return make


def _approved(table: Table) -> tuple[Row[Table], ...]:
    return (Row(table),)


def _right(table: Table) -> tuple[Row[Module], ...]:
    return (Row(Module(table)),)


def _nothing(_table: Table) -> tuple[()]:
    return ()


def _retention(table: Table) -> Table:
    return replace(table, retention="YEARS_30" if table.retention == "YEARS_10" else "YEARS_10")


def _first(**changes: str | bool) -> Callable[[Table], Module]:
    """Another first material."""
    return lambda table: Module(replace(table, materials=(replace(table.materials[0], **changes), *table.materials[1:])))  # type: ignore[arg-type]


def _set(change: Callable[[Table], Module], *errors: str) -> Maker:
    return _steady(_approved, lambda table: (Row(change(table)),), *errors)


def _unapproved(table: Table) -> tuple[Row[Table], ...]:
    return (Row(replace(table, approved=False)),)


def _all_wrong(table: Table) -> Module:
    return Module(Table("2016-9", _retention(table).retention, ()), suffix="（旧）")


def _new_version(table: Table) -> Table:
    return replace(table, version="2018-7", materials=(*table.materials, CERTIFICATE))


def _replaced(story: str, table: Table, change_day: int, *, followed: bool) -> Setup:
    """A new version from a day on; the module is set to it from that day too, or it is not."""
    new = _new_version(table)
    modules = (Row(Module(table)), *([Row(Module(new), 2, first=change_day)] if followed else []))
    errors = frozenset() if followed else frozenset({"VERSION_MISMATCH", "MATERIAL_MISMATCH"})
    return Setup(story, (Row(table), Row(new, 2, first=change_day)), modules, (table, new), (frozenset(), errors), change_day)


def _followed(story: str, table: Table, change_day: int) -> Setup:
    return _replaced(story, table, change_day, followed=True)


def _not_followed(story: str, table: Table, change_day: int) -> Setup:
    return _replaced(story, table, change_day, followed=False)


STORIES: Mapping[str, tuple[float, Maker]] = {
    "right": (90, _steady(_approved, _right)),
    "right, spelled otherwise": (2, _set(lambda table: Module(replace(table, materials=table.materials[::-1]), suffix=" "))),
    "wrong mode": (0.5, _set(lambda table: Module(table, archiving_mode="OFFLINE"), "MODE_MISMATCH")),
    "wrong retention": (0.5, _set(lambda table: Module(_retention(table)), "RETENTION_MISMATCH")),
    "wrong version": (0.5, _set(lambda table: Module(replace(table, version="2016-9")), "VERSION_MISMATCH")),
    "wrong name": (0.5, _set(lambda table: Module(table, suffix="（旧）"), "NAME_MISMATCH")),
    "material left out": (0.2, _set(lambda table: Module(replace(table, materials=table.materials[1:])), "MATERIAL_MISMATCH")),
    "material too many": (0.2, _set(lambda table: Module(replace(table, materials=(*table.materials, CERTIFICATE))), "MATERIAL_MISMATCH")),
    "material of another kind": (0.2, _set(_first(kind="RESULT"), "MATERIAL_MISMATCH")),
    "material of another name": (0.2, _set(_first(name="户口簿"), "MATERIAL_MISMATCH")),
    "material of another code": (0.2, _set(_first(code="99"), "MATERIAL_MISMATCH")),
    "material not required": (0.2, _set(_first(required=False), "MATERIAL_MISMATCH")),
    "material on paper": (0.2, _set(_first(electronic=False), "MATERIAL_MISMATCH")),
    "all wrong": (
        0.5,
        _set(_all_wrong, "RETENTION_MISMATCH", "VERSION_MISMATCH", "NAME_MISMATCH", "MATERIAL_MISMATCH"),
    ),
    "not configured": (1, _steady(_approved, _nothing, "NOT_CONFIGURED")),
    "configuration deleted": (
        0.5,
        _steady(_approved, lambda table: (Row(Module(table)), Row(Module(table), 2, deleted=True)), "NOT_CONFIGURED"),
    ),
    "configured at last": (0.5, _steady(_approved, lambda table: (Row(Module(table), 2),))),
    "repaired": (1, _steady(_approved, lambda table: (Row(_all_wrong(table)), Row(Module(table), 2)))),
    "broken later": (
        0.5,
        _steady(_approved, lambda table: (Row(Module(table)), Row(Module(_retention(table)), 2)), "RETENTION_MISMATCH"),
    ),
    "schedule not approved": (0.5, _steady(_unapproved, lambda table: (Row(_all_wrong(table)),), "UNAPPROVED_SCHEDULE")),
    "schedule approved at last": (0.5, _steady(lambda table: (*_unapproved(table), Row(table, 2)), _right)),
    "schedule not approved, wrong mode": (
        0.3,
        _steady(_unapproved, lambda table: (Row(Module(table, "OFFLINE")),), "UNAPPROVED_SCHEDULE", "MODE_MISMATCH"),
    ),
    "schedule not approved, not configured": (0.3, _steady(_unapproved, _nothing, "UNAPPROVED_SCHEDULE", "NOT_CONFIGURED")),
    "no schedule": (0.3, _steady(_nothing, _right, "UNAPPROVED_SCHEDULE")),
    "schedule taken back": (0.3, _steady(lambda table: (Row(table), Row(table, 2, deleted=True)), _right, "UNAPPROVED_SCHEDULE")),
    "neither schedule nor configuration": (0.3, _steady(_nothing, _nothing, "NOT_CONFIGURED")),
    "new schedule, followed": (2, _followed),
    "new schedule, not followed": (0.5, _not_followed),
}
"""Story -> its weight, and what makes it."""
