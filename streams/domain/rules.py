"""Every kind of finding, once: what it is about, where it is told, what it costs, and the clause of the notice it stands for.

The score, the lists, the bulletin and ``guidang explain`` read this table; none of them knows a kind by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

UNARCHIVED_TOPIC, MISCONFIGURED_TOPIC, QUALITY_TOPIC = "anomaly-unarchived", "anomaly-misconfigured", "anomaly-quality"


class Cost(StrEnum):
    """Which count of the score a finding goes into."""

    CONFIG_ERROR = "config_errors"
    UNCONFIGURED = "unconfigured"
    INACCURATE = "inaccurate"
    MISSING = "missing_material"
    NOTHING = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding.

    Parameters
    ----------
    topic
        Where it is told; the subject is a case number, or ``unit|item`` on ``anomaly-misconfigured``.
    label
        Its name for people.
    clause
        Where the notice asks for it; (A): nowhere, it is an assumption.
    """

    name: str
    topic: str
    cost: Cost
    label: str
    clause: str


_COVERAGE = "考核细则 1 归档覆盖率：办件未归档，按 50*（未归档数/办结数）计算扣分"
_CONFIGURED = "考核细则 1：按保管期限表审定内容完成归档模块的配置；每发现一次归档模块配置信息错误扣 2 分"
_UNCONFIGURED = "考核细则 1：归档模块未配置扣 10 分"
_INACCURATE = "考核细则 1 归档数据质量：办件信息不准确（如以权力事项名称拟写办件名称、包含测试件等）每发现一处扣 2 分"
_MISSING = "考核细则 1 归档数据质量：归档材料应归未归（如未上传批文等结果性材料等），发现一处扣 2 分"

_ALL = (
    Kind("UNARCHIVED", UNARCHIVED_TOPIC, Cost.NOTHING, "到期未归档", _COVERAGE),
    Kind("REFUSED", UNARCHIVED_TOPIC, Cost.NOTHING, "归档被退回", _COVERAGE),
    Kind("ORPHAN_ARCHIVE", UNARCHIVED_TOPIC, Cost.NOTHING, "孤立归档（没有办结）", "通知 四(二)：谁产生，谁归档 (A)"),
    Kind("DUPLICATE_ARCHIVE", UNARCHIVED_TOPIC, Cost.NOTHING, "重复归档", "通知 二(四)：确保归档内容完整准确 (A)"),
    Kind("CASE_NO_COLLISION", UNARCHIVED_TOPIC, Cost.NOTHING, "办件号冲突", "通知 二(四)：确保归档内容完整准确 (A)"),
    Kind("NOT_CONFIGURED", MISCONFIGURED_TOPIC, Cost.UNCONFIGURED, "归档模块未配置", _UNCONFIGURED),
    Kind("RETENTION_MISMATCH", MISCONFIGURED_TOPIC, Cost.CONFIG_ERROR, "保管期限与审定不符", _CONFIGURED),
    Kind("MATERIAL_MISMATCH", MISCONFIGURED_TOPIC, Cost.CONFIG_ERROR, "归档材料与审定不符", _CONFIGURED),
    Kind("NAME_MISMATCH", MISCONFIGURED_TOPIC, Cost.CONFIG_ERROR, "事项名称与审定不符", _CONFIGURED),
    Kind("VERSION_MISMATCH", MISCONFIGURED_TOPIC, Cost.CONFIG_ERROR, "保管期限表版本不符", _CONFIGURED),
    Kind("MODE_MISMATCH", MISCONFIGURED_TOPIC, Cost.CONFIG_ERROR, "归档方式不符", _CONFIGURED),
    Kind("UNAPPROVED_SCHEDULE", MISCONFIGURED_TOPIC, Cost.NOTHING, "保管期限表未经审定", "通知 三(二)：报市档案局审核确定 (A：不扣分)"),
    Kind("UNREGISTERED_ITEM", MISCONFIGURED_TOPIC, Cost.NOTHING, "事项未登记", "通知 三(一)：基础信息的确认和完善 (A：不扣分)"),
    Kind("TITLE_IS_ITEM_NAME", QUALITY_TOPIC, Cost.INACCURATE, "以事项名称作办件名称", _INACCURATE),
    Kind("TEST_CASE", QUALITY_TOPIC, Cost.INACCURATE, "测试件已归档", _INACCURATE),
    Kind("CASE_INFO_MISMATCH", QUALITY_TOPIC, Cost.INACCURATE, "归档信息与办件不符", _INACCURATE),
    Kind("TIME_INVALID", QUALITY_TOPIC, Cost.INACCURATE, "时间有误", _INACCURATE),
    Kind("MISSING_EVIDENCE", QUALITY_TOPIC, Cost.MISSING, "缺证据性材料", _MISSING),
    Kind("MISSING_PROCEDURE", QUALITY_TOPIC, Cost.MISSING, "缺程序性材料", _MISSING),
    Kind("MISSING_RESULT", QUALITY_TOPIC, Cost.MISSING, "缺结果性材料", _MISSING),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})


def kinds_of(cost: Cost) -> tuple[str, ...]:
    """Names of the kinds that go into one count of the score."""
    return tuple(kind.name for kind in _ALL if kind.cost == cost)


def kinds_told_on(topic: str) -> tuple[str, ...]:
    """Names of the kinds told on a topic."""
    return tuple(kind.name for kind in _ALL if kind.topic == topic)


ASSUMED = (
    ("归档模块未配置按事项计", "a module not configured is one for each item"),
    ("以当前未解除且未豁免的问题计", "findings are those open now and not waived"),
    ("逾期归档不扣分", "lateness costs nothing"),
    ("保管期限表未审定、事项未登记不扣分", "unapproved schedules and unregistered items cost nothing"),
    ("没有办结不扣分", "nothing closed costs nothing"),
    (
        "加分的系统：来源系统当年有自建在线事项的归档，其办件没有未解除的质量问题",
        "a system earns with an archive of the year of an item of its unit's own, online, and no open quality finding on its cases",
    ),
    ("各部分最低 0 分", "each part has floor 0"),
    ("区县按所属单位之和代入公式", "a district is the formula over the sums of its units"),
)
"""What the score assumes (A) beside the settings ``policy.*``: in Chinese and in English."""
