"""One cell -> one value."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.importing.cells import count, filled, is_none, plan_year, symbol, text_of, truth
from ops.importing.codes import code_shown, item_code
from ops.importing.sheet import NotAValue, Value
from ops.publish.fields import Unreadable
from streams.domain.items import ITEM_TYPES, parse_item

FORMULA = NotAValue("公式 a formula")
values = st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.just(FORMULA))


@pytest.mark.parametrize(
    ("value", "number"),
    [("19", 19), ("１９", 19), ("1,234", 1234), ("1，234，567", 1_234_567), ("19件", 19), (" 19 件次 ", 19), (19, 19), (19.0, 19), (0, 0)]
    + [("19.0", 19), ("1,234.00", 1234), ("19（件）", 19), ("19 件次", 19), ("19\n（件）", 19), ("\u300019\xa0件", 19)]
    + [(nothing, 0) for nothing in ("", "无", "—", "/", "－", "─", "暂无", "没有", "不适用", "無", "无。")],
)
def test_a_number_of_cases_is_read_as_people_write_it(value: Value, number: int):
    """Full width, grouped, with its counter; nothing is none."""
    assert count(value) == number


@pytest.mark.parametrize(
    "value", ["约19", "1,23", "1.5万", "19.5", "19.", "十九", "-3", -3, 19.5, "1e3", True, FORMULA, 10**9, float("nan"), float("inf")]
)
def test_what_is_no_number_of_cases_is_refused(value: Value):
    """Rather than rounded or cut."""
    with pytest.raises(Unreadable):
        count(value)


@pytest.mark.parametrize("value", ["19\n20", "19 20", "1 920", "1, 920", "19 .0", "19\u300020", "19①", "19²"])
def test_two_numbers_in_one_cell_are_not_made_one(value: str):
    """The old count and the new one, or a group of thousands, or the mark of a footnote: nobody can tell."""
    with pytest.raises(Unreadable, match="一个件数"):
        count(value)


@pytest.mark.parametrize(
    "text",
    [
        "许可-00385-001",
        "许可─00385─001",
        "许可－００３８５－００１",
        " 许可 - 00385 - 001\n",
        "许可—00385—001",
        "许可-00385-001-02",
        "服务-1-0",
    ],
)
def test_a_code_is_normalised_as_the_domain_does(text: str):
    """One normalisation for cases and for the registry, or they would not meet."""
    assert item_code(text) == parse_item(text)


def test_characters_without_width_are_not_part_of_a_code():
    """They come along from a web page, and nobody sees why the code is refused."""
    assert item_code("\ufeff许可-00385\u200b-001").code == item_code("许可\xad-00385-\u2066001").code == "许可-00385-001"


@pytest.mark.parametrize("value", ["", "无", "许可00385", "许可-00385", "-1-2", 387, FORMULA, "许可-00385-001（新）", "见附件"])
def test_what_is_no_code_is_refused(value: Value):
    """Each with what a code looks like."""
    with pytest.raises(Unreadable):
        item_code(value)


@pytest.mark.parametrize(
    "value",
    [
        *("编码：许可-00387-000", "*许可-00387-000", "'许可-00387-000", "“许可-00387-000”", "(1)许可-00387-000", "1许可-00387-000"),
        *("中医医疗广告审查 许可-00387-000", "审查许可-00387-000", "编码行政许可-00387-000", "許可-00387-000", "獎勵-00387-000"),
    ],
)
def test_what_stands_before_a_code_in_its_cell_is_no_part_of_it(value: str):
    """It would become a code of none of the eight types, whose cases nobody assesses: a name, a mark, another script."""
    with pytest.raises(Unreadable, match="事项编码"):
        item_code(value)


@pytest.mark.parametrize(
    "kind", [*ITEM_TYPES, *(f"行政{kind}" for kind in ITEM_TYPES), "非行政许可", "公共服务", "其他行政权力", "xk", "处罚"]
)
def test_a_code_of_any_kind_is_one(kind: str):
    """What stands before the first dash is a word; which of them are assessed, the domain says."""
    assert item_code(f"{kind}-00387-000").code == f"{kind}-00387-000"


@pytest.mark.parametrize(
    "value",
    [
        *("许可-00385-001\n002", "许可-00385-001 002", "许可-00385-001\n-02", "许可-00385-001\r\n许可-00385-002", "许可-003 85-001"),
        *("许可-00385-001²", "许可-00385-001①", "许可-00385-００１\u3000002"),
    ],
)
def test_two_codes_in_one_cell_are_not_made_one(value: str):
    """Nor are a code and the mark of a footnote: nobody can tell."""
    with pytest.raises(Unreadable, match="事项编码"):
        item_code(value)


@pytest.mark.parametrize("value", ["许可-00385-\n001", "许可\n-00385-001", "许可-00385\n-001\n", "许可 -\n00385 - 001 - 02"])
def test_a_code_that_is_broken_at_its_dashes_is_one(value: str):
    """Its column is narrow."""
    assert item_code(value) == parse_item(value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("许可-00385", "'许可-00385'"), ("许可", "2 个字符 characters"), ("王某某-00385", "9 个字符 characters"), ("", "空 nothing")],
)
def test_a_message_shows_a_code_and_no_name(text: str, shown: str):
    """Where columns slipped, a person's name may stand where a code belongs."""
    assert code_shown(text) == shown


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        *(("是", True), ("√", True), ("TRUE", True), ("", True), (1, True), ("☑是 □否", True)),
        *(("否", False), (False, False), ("纸质", False), ("是□ 否☑", False)),
    ],
)
def test_yes_and_no_are_read_as_people_write_them(value: Value, meaning: bool):
    """An empty cell is the default."""
    assert truth(value, default=True, words={"纸质": False}) is meaning


@pytest.mark.parametrize("value", ["大概", "2", "纸质", "□是 □否", "☑是 ☑否", FORMULA])
def test_neither_yes_nor_no_is_refused(value: Value):
    """Not taken for the default; nor are words of another column, such as 纸质 for whether a material is required."""
    with pytest.raises(Unreadable):
        truth(value, default=True, words={"必需": True})


def test_a_symbol_is_a_word_or_itself():
    """Files made by programs have Avro's names."""
    words = {"永久": "PERMANENT", "30年": "YEARS_30"}
    found = [symbol(text, words) for text in ("永久", " ３０ 年", "YEARS_30")]
    assert found == ["PERMANENT", "YEARS_30", "YEARS_30"]
    for other in ("5年", "unknown"):
        with pytest.raises(Unreadable, match="永久 / 30年"):
            symbol(other, words)


def test_line_breaks_that_fit_a_name_into_its_column_are_taken_out():
    """A name with one in it is another name to whoever compares."""
    assert filled(" 公共场所\n卫生行政许可（新发证） ") == "公共场所卫生行政许可（新发证）"
    with pytest.raises(Unreadable):
        filled(" ")


@pytest.mark.parametrize("value", ["同上", "（同上）", "同 上。", "同前", "同上行", "仝上", "同主项", "〃", "″", '"', "？？？"])
def test_what_refers_to_another_cell_is_no_name(value: str):
    """Of which row it speaks, or what it was before an encoding lost it, nobody may guess."""
    with pytest.raises(Unreadable, match="同上"):
        filled(value)
    assert filled("同上级部门联合审批") == "同上级部门联合审批"


@pytest.mark.parametrize(
    "value",
    ["#N/A", "#REF!", "#NAME?", "＃VALUE!", "#DIV/0!", "#SPILL!", "=VLOOKUP(A1,B:C,2)", "＝A1", "中医\ufffd广告审查", "\ufffd\ufffd"],
)
def test_what_a_formula_or_an_encoding_left_behind_is_no_name(value: str):
    """Saved as text, an error value is text, too; and of the name nobody knows what was lost."""
    with pytest.raises(Unreadable, match="写出内容"):
        filled(value)
    assert filled("#1 中医医疗广告=审查") == "#1 中医医疗广告=审查"


@pytest.mark.parametrize("value", ["a\0b", "\x1b[31m中医", "中医\x07", "a\ud83d", True, 1.1, 10**12, FORMULA])
def test_what_is_no_text_is_refused(value: Value):
    """Terminals obey control characters, no consumer holds half of one, and a number may be shown as another."""
    with pytest.raises(Unreadable):
        text_of(value)


@pytest.mark.parametrize(
    ("value", "year"),
    [(text, 2018) for text in ("2018年底前", "2018年12月", "2018年度", "2018.0", "☑2018年12月底前 □2019年", 2018, 2018.0)]
    + [(NotAValue("日期格式的值 a date", "2018-12-31"), 2018), ("2018年□ 2019年☑", 2019)],
)
def test_a_plan_is_its_year_however_exactly_it_is_given(value: Value, year: int):
    """The form asks for a year; a day within it says it too."""
    assert plan_year(value) == year


@pytest.mark.parametrize("value", ["", "2018-2019", "2020年", "2018年2019年", NotAValue("日期格式的值 a date", "1905-07-10"), FORMULA])
def test_what_is_no_plan_is_refused(value: Value):
    """1905-07-10 is what a spreadsheet makes of 2018 in a cell for days."""
    with pytest.raises(Unreadable):
        plan_year(value)


@given(values)
def test_every_parser_reads_or_refuses_any_value(value: Any):
    """Nothing but Unreadable comes out, and what is read is in range."""
    is_none(value)
    for parse in (count, item_code, filled, text_of, plan_year, lambda each: truth(each, default=False, words={})):
        with suppress(Unreadable):
            read = parse(value)
            assert parse is not count or 0 <= read < 10**9
