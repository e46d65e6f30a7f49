"""A unit's list of things to do (部门待办) as a document: one sheet a section, the sections without entries too, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence

from ops.bulletin.contents import assumed
from ops.bulletin.document import Document
from ops.bulletin.kinds import SECTIONS
from ops.bulletin.model import Assumption
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
_OF_POLICY, _ELSEWHERE = "policy.", ("policy.score.", "policy.backfill_age")


def unit_document(
    unit_code: str, unit_name: str, todos: Sequence[Todo], assumptions: Sequence[Assumption], *, period: str, as_of: str, edition: str
) -> Document:
    """A unit's list, whole.

    Parameters
    ----------
    assumptions
        All that are in force; those that only the score and alerts rest on are left out.
    """
    name = unit_name or unit_code
    rests_on = [each for each in assumptions if each.name.startswith(_OF_POLICY) and not each.name.startswith(_ELSEWHERE)]
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
            *(_section(section, [todo for todo in todos if todo.section == section]) for section in SECTIONS),
            assumed(rests_on),
        ],
        as_of=as_of,
    )


def _section(name: str, todos: Sequence[Todo]) -> Table:
    return Table(name, name, _NOTES.get(name, ""), _COLUMNS, todos, ("subject",))
