"""What a unit does about each kind of finding, and the words for reasons; the kinds' own names are in ``streams.domain.rules``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streams.domain import rules

TO_ARCHIVE, REFUSED, CONFIGURATION = "未归档办件", "退回重报", "配置更正"
MATERIAL, INFORMATION, MATCHING = "材料补齐", "信息更正", "归档核对"
SECTIONS = (TO_ARCHIVE, REFUSED, CONFIGURATION, MATERIAL, INFORMATION, MATCHING)
"""Parts of a unit's list of things to do, in the order in which they are shown."""
QUALITY_SECTIONS = frozenset({MATERIAL, INFORMATION})


@dataclass(frozen=True, slots=True)
class Task:
    """What a kind of finding asks of a unit.

    Parameters
    ----------
    section
        Part of a unit's list in which it stands, one of :data:`SECTIONS`.
    what_to_do
        What the unit does about it.
    """

    section: str
    what_to_do: str


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "UNARCHIVED": Task(TO_ARCHIVE, "核查办件的归档信息包，尽快在线移交"),
        "REFUSED": Task(REFUSED, "按退回原因修正归档信息包后重新移交"),
        "NOT_CONFIGURED": Task(CONFIGURATION, "按审定的归档范围和保管期限表配置归档模块"),
        "RETENTION_MISMATCH": Task(CONFIGURATION, "把归档模块的保管期限改为审定的期限"),
        "MATERIAL_MISMATCH": Task(CONFIGURATION, "把归档模块的材料清单改为审定的清单"),
        "NAME_MISMATCH": Task(CONFIGURATION, "把归档模块的事项名称改为审定的归档范围和保管期限表中的名称"),
        "VERSION_MISMATCH": Task(CONFIGURATION, "改用最新审定的归档范围和保管期限表"),
        "MODE_MISMATCH": Task(CONFIGURATION, "把归档模块的归档方式改为在线归档"),
        "UNAPPROVED_SCHEDULE": Task(CONFIGURATION, "把归档范围和保管期限表报市档案局审定"),
        "UNREGISTERED_ITEM": Task(CONFIGURATION, "在基础信息确认表中补报该事项"),
        "MISSING_EVIDENCE": Task(MATERIAL, "补齐证据性材料后重新归档"),
        "MISSING_PROCEDURE": Task(MATERIAL, "补齐程序性材料后重新归档"),
        "MISSING_RESULT": Task(MATERIAL, "补齐批文等结果性材料后重新归档"),
        "TITLE_IS_ITEM_NAME": Task(INFORMATION, "按办件内容重拟办件名称"),
        "TEST_CASE": Task(INFORMATION, "撤销测试件的归档"),
        "CASE_INFO_MISMATCH": Task(INFORMATION, "核对办件与归档的事项、名称，改正不一致处"),
        "TIME_INVALID": Task(INFORMATION, "核对并更正受理、办结时间"),
        "ORPHAN_ARCHIVE": Task(MATCHING, "核对办件号，或补报办件的办结信息"),
        "DUPLICATE_ARCHIVE": Task(MATCHING, "核对同一办件的多个电子文件号，撤销多余的归档"),
        "CASE_NO_COLLISION": Task(MATCHING, "核对同一办件号下的不同办件，更正办件号"),
    }
)

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "NONE_RECEIVED": "未收到归档信息包",
        "REFUSED": "归档信息包被退回",
        "ARCHIVING_FAILED": "归档失败",
        "DOWNLOAD_FAILED": "下载失败",
        "UNPACK_FAILED": "解包失败",
        "INSPECTION_FAILED": "检测不合格",
        "DIGEST_MISMATCH": "摘要不符",
        "VOIDED": "作废",
        "FORWARDED": "转办",
        "DELETED": "已删除",
        "NOT_CLOSED": "未办结",
        "TEST_CASE": "测试件",
        "OUTSIDE_TYPES": "八类之外",
        "UNREADABLE_ITEM": "事项编码不可读",
        "UNKNOWN_STATE": "办结状态不明",
        "VERTICAL": "垂建事项",
        "OFFLINE": "离线归档事项",
        "PLANNED_LATER": "未到计划归档年度",
        "MODE_UNKNOWN": "归档方式不明",
        "UNREGISTERED_ITEM": "事项未登记",
        "SOURCE_SILENT": "来源未声明已发全",
    }
)


def label_of(kind: str) -> str:
    """Words for a kind; a kind that is not known here is shown as its code rather than hidden."""
    return rules.KINDS[kind].label if kind in rules.KINDS else kind


def section_of(kind: str) -> str:
    """Part of a unit's list in which a kind stands; unknown kinds are to be looked into."""
    return TASKS[kind].section if kind in TASKS else MATCHING


def reason_of(code: str) -> str:
    """Words for a reason; unknown ones are shown as their code."""
    return REASONS.get(code, code)
