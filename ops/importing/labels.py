"""What stands in and around a table beside its items: headings, titles, totals, notes, signatures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ops.importing.characters import compact
from ops.importing.sheet import NotAValue, Value

_WHO = "人|员|者|领导|单位|部门|科室|机关|局|签字|签名|签章|盖章|公章|审核|审批|制表|填表|填报|经办|复核|校对|确认|负责"
_WHAT = "单位名称|意见|日期|时间|电话|手机|方式|邮箱|传真|地址"
_SIGNED = r"签[字名章]|(?:加?盖)?公?章"
_SIGNATURE = re.compile(
    rf"[^:]{{0,8}}(?:{_WHO}|{_WHAT})(?:\([^)]*\))?:.*|(?:填[报表]|制表|经办|审核|确认|联系|负责)人(?:\([^)]*\))?|联系电话"
    rf"|[^:]{{0,8}}(?:人|员|者|领导|单位|部门|科室|机关|局)(?:{_SIGNED}|\((?:{_SIGNED})\))"
)
_NOTE = re.compile(
    r"(?:填[报表写])?(?:说明|须知|要求|注意事项)(?:\([^)]*\))?(?::.*|\d.*)?|备?注(?::.*|\d.*)?|※.*"
    r"|(?:填[报表写])?(?:(?:说明|须知|要求)[及和与])?[示样范]例(?:\([^)]*\))?(?::.*)?|例\d*:.*|例如(?::.*)?|如:.*"
)
_EXAMPLE = re.compile(r"\(?[示样范]?例\d*\)?(?:\([^)]*\))?[:.、]?")
_NAMED_EXAMPLE = re.compile(r"\([示样范]?例\d*\).*|.*\([示样范]例\d*\)|(?:[示样范]?例\d*|例?如):.*")
_EXAMPLES = re.compile(
    r"(?:附件\d*|填[写报表]|参考|(?:填[报表写])?(?:说明|须知|要求)[及和与]|.{0,20}表)?(?:[示样范]例|样表|范本)\d*(?:\([^)]*\))?:?"
)
"""Alone: ``示例：许可-00387-000`` above a table shows how a code is written, and is no title."""
_NUMBERED = re.compile(r"\d+[.、][^\d].*")
_TOTAL = re.compile(r"(?:本页)?(?:[合总小共]计|总数)(?:[:(].*|\d+[项件个].*)?")
_TITLE = re.compile(r".*(?:确认|期限|配置|事项|情况|汇总|统计|一览)表(?:\([^)]*\))?|附件\d*")
_FIGURES = "[0-9〇○零一二三四五六七八九十]*"
_DATE = rf"(?:{_FIGURES}年{_FIGURES}月{_FIGURES}日|\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}})"
_SEAL = r"(?:\(?(?:单位|部门)?(?:(?:加?盖)?公?章|签[章字名])\)?)"
_CONTINUED = r"\(?(?:续表\d*|[续接]上[表页]|[转接续]下[表页])\)?"
_STAMP = re.compile(rf"(?:{_SEAL}?{_DATE}{_SEAL}?|{_SEAL}|第\d+页[,、/]?(?:共\d+页)?|共\d+页|{_CONTINUED})")
_NUMBER = re.compile(r"\(?(\d+)\)?")
_FEWEST_NUMBERS = 3


def label(value: Value) -> str:
    """Text of a cell as headings are compared: without marks of what must be filled in, and without a colon at its end."""
    return compact(value).strip("*").removesuffix(":").strip("*") if isinstance(value, str) else ""


def is_total(text: str) -> bool:
    """Whether a cell says that its row sums up others."""
    return _TOTAL.fullmatch(text) is not None


def is_note(value: Value) -> bool:
    """Whether notes or signatures begin with a cell."""
    return is_signature(value) or is_explanation(value)


def is_signature(value: Value) -> bool:
    """Whether a cell asks for a name, a telephone number, a day or a stamp."""
    return isinstance(value, str) and _SIGNATURE.fullmatch(compact(value)) is not None


def is_explanation(value: Value) -> bool:
    """Whether notes on how to fill in the form (填报说明, 须知, 注) begin with a cell: below them nobody expects an item."""
    return isinstance(value, str) and _NOTE.fullmatch(compact(value)) is not None


def is_example(value: Value) -> bool:
    """Whether a cell says that what stands beside it is an example (例1, 示例)."""
    return isinstance(value, str) and _EXAMPLE.fullmatch(compact(value)) is not None


def names_example(value: Value) -> bool:
    """Whether a name says that it is one of an example (（示例）…, 如：…)."""
    return isinstance(value, str) and _NAMED_EXAMPLE.fullmatch(compact(value)) is not None


def announces_examples(value: Value) -> bool:
    """Whether a table that follows a cell is an example (填写示例, 附件1样表)."""
    return isinstance(value, str) and _EXAMPLES.fullmatch(compact(value)) is not None


def is_numbered(value: Value) -> bool:
    """Whether a cell could be one of several notes, or a name that somebody numbered."""
    return isinstance(value, str) and _NUMBERED.fullmatch(compact(value)) is not None


def is_title(value: Value) -> bool:
    """Whether a cell, alone in its row, is the title of a form: it comes again with the headings on each page."""
    return _TITLE.fullmatch(label(value)) is not None


def is_stamp(value: Value) -> bool:
    """Whether a cell, alone in its row, is a day, a place for a stamp, the number of a page, or says that a table goes on."""
    text = value.text if isinstance(value, NotAValue) else compact(str(value))
    return _STAMP.fullmatch(text) is not None


def numbers_columns(values: Sequence[Value]) -> bool:
    """Whether a row below the headings numbers the columns, as in 栏次 1 2 3."""
    found = [_NUMBER.fullmatch(compact(str(value))) for value in values]
    numbers = [int(each[1]) for each in found if each]
    if len(numbers) < _FEWEST_NUMBERS or len(values) - len(numbers) > 1 or not all(found[1:]):
        return False
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))
