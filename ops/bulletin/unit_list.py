"""A unit's list of things to do (部门待办) as a document: one sheet a section, the sections without entries too."""

from __future__ import annotations

from collections.abc import Sequence

from ops.bulletin.document import Document
from ops.bulletin.kinds import SECTIONS
from ops.bulletin.tables import Column, Table
from ops.bulletin.todo import Todo, digest_of

_COLUMNS = (
    Column("label", "问题", width=20),
    Column("subject", "对象", width=28),
    Column("item_code", "事项编码", width=18),
    Column("item_name", "事项", width=30),
    Column("due_at", "归档时限", "time", 17),
    Column("detail", "说明", width=30),
    Column("what_to_do", "怎么办", width=40),
)
_NOTES = {
    SECTIONS[0]: "按归档时限排列，最早到期者在前。",
    SECTIONS[1]: "说明栏为最近一次退回的原因与电子文件号。",
    SECTIONS[2]: "对象为 单位代码|事项编码。",
}


def unit_document(unit_code: str, unit_name: str, todos: Sequence[Todo], *, period: str, as_of: str, edition: str) -> Document:
    """A unit's list, whole."""
    name = unit_name or unit_code
    return Document(
        title=f"{name}：归档待办清单",
        facts=[
            ("单位", f"{name}（{unit_code}）"),
            ("通报期间", period),
            ("数据截至", as_of),
            ("版次", edition),
            ("清单标识", digest_of(todos)),
        ],
        lead=f"共 {len(todos):,} 项。" + "；".join(f"{section} {sum(todo.section == section for todo in todos):,}" for section in SECTIONS),
        charts=[],
        tables=[
            Table(section, section, _NOTES.get(section, ""), _COLUMNS, [todo for todo in todos if todo.section == section], ("subject",))
            for section in SECTIONS
        ],
        as_of=as_of,
    )
