"""Pieces of SQL that the panels are made of: who is meant, which time, words for codes. Figures themselves come from ``consumers``.

The queries need nothing but SELECT, and no SETTINGS: a user with ``readonly = 1`` can run them.
"""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from consumers.coverage_sql import RATIOS, buckets_sql, names_sql
from ops.bulletin.kinds import REASONS, TASKS
from streams.domain.rules import KINDS

COLUMN_OF: Mapping[str, str] = {"district": "district_code", "unit": "unit_code", "type": "item_type", "item": "item_code"}
"""Variable to the column that it filters, the same in every table."""

KIND_LABELS = {name: kind.label for name, kind in KINDS.items()}
WHAT_TO_DO = {name: task.what_to_do for name, task in TASKS.items()}
STATUSES = {
    "ARCHIVED": "已归档",
    "ARCHIVED_LATE": "逾期归档",
    "AWAITING": "待归档",
    "UNARCHIVED": "到期未归档",
    "EXCLUDED": "不计入",
    "ORPHAN": "孤立归档",
    "NOT_CLOSED": "未办结",
}
REASON_LABELS = {**REASONS, "ACCEPTED": "已接收", "UNKNOWN": "回执不明"}
BUILD_MODES = {"PROVINCIAL": "省统建", "MUNICIPAL": "市统建", "SELF_BUILT": "自建", "VERTICAL": "垂建", "UNKNOWN": "不明"}
MODES = {"ONLINE": "在线", "OFFLINE": "离线", "UNKNOWN": "不明"}
RETENTIONS = {"PERMANENT": "永久", "YEARS_30": "30 年", "YEARS_10": "10 年", "UNKNOWN": "不明"}

DAY_MS = 86_400_000
FROM, TO = "fromUnixTimestamp64Milli({from_ms:Int64}, 'Asia/Shanghai')", "fromUnixTimestamp64Milli({to_ms:Int64}, 'Asia/Shanghai')"
FROM_DAY = f"toStartOfDay({FROM}, 'Asia/Shanghai')"
CLOSED_THEN = f"closed_at >= {FROM_DAY} AND closed_at <= {TO}"
OPEN = "state = 'OPENED'"
KNOWN_ITEM = "(registered OR notEmpty(open_anomalies))"
"""What ``guidang items`` lists."""
REMARK = "if(waived, '已豁免', if(item_type = '', '八类之外，不扣分', ''))"
"""Why a finding costs nothing though its kind does: outside the eight types it is listed all the same."""


def only(*variables: str) -> str:
    """Rows of what the reader has chosen; by default by all four variables."""
    chosen = variables or tuple(COLUMN_OF)
    return " AND ".join(f"({{{name}:String}} = '' OR {COLUMN_OF[name]} = {{{name}:String}})" for name in chosen)


def words(column: str, labels: Mapping[str, str]) -> str:
    """A code in words; one that is not known here is shown as it is."""
    return f"transform(toString({column}), [{_quoted(labels)}], [{_quoted(labels.values())}], toString({column}))"


def coverage(by: str, *, which: str = "", more: str = "") -> str:
    """Coverage of the range with all ratios: whole days, the first one from its beginning, as the command line's windows of days are.

    Parameters
    ----------
    by
        An expression over a bucket's place, or ``at``, the hour of each count; it becomes ``scope``.
    which
        A further condition on buckets.
    more
        Further columns, each with a comma before it.
    """
    conditions = " AND ".join(each for each in (only(), which) if each)
    return f"SELECT scope{more}, {_COUNTS}, {RATIOS}\nFROM ({buckets_sql(by, FROM_DAY, TO, conditions)}\n)"


_COUNTS = "archived, archived_late, unarchived, awaiting, refused, orphan, due, due_archived, official_closed, official_archived"


def named(query: str, kind: str, code: str = "scope") -> str:
    """A query's rows with the ``name`` of the district, unit or item that its column ``code`` holds; without one, the code."""
    return f"""SELECT rows.*, if(names.name = '', toString(rows.{code}), names.name) AS name
FROM ({query}
) AS rows
LEFT JOIN ({names_sql(kind, TO)}) AS names ON names.code = toString(rows.{code})"""


def age_days(column: str) -> str:
    """Days from a nullable time to the end of the range, fractions included."""
    return f"({{to_ms:Int64}} - toUnixTimestamp64Milli(assumeNotNull({column}))) / {DAY_MS}"


def in_steps(days: str, edges: tuple[int, ...]) -> tuple[str, str]:
    """Number and label of the step in which an expression of days lies: below the first edge, between two, from the last one on."""
    labels = [f"{edges[0]} 天以内", *(f"{low}–{high} 天" for low, high in pairwise(edges)), f"{edges[-1]} 天以上"]
    cases = ", ".join(f"{days} < {edge}, {number}" for number, edge in enumerate(edges))
    step = f"multiIf({cases}, {len(edges)})"
    return step, f"[{_quoted(labels)}][step + 1]"


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
