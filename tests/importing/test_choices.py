"""Boxes of every make -> what is ticked, and never a guess."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.importing.choices import Choice
from ops.importing.words import ARCHIVING_MODE, BUILD_MODE, PLAN_YEAR, RETENTION_BOXES
from ops.publish.fields import Unreadable

MODES = list(BUILD_MODE.words)
TICKS = "☑√✓✔■☒RＲP●þ\uf052\uf0fe"
PLANS = [
    *("2018年12月31日", "2018年12月31日前", "2018.12", "2018-12", "2018/12/31", "2018.3.1", "2018-03-01", "2018／12／31前"),
    *("2018年上半年", "2018年下半年", "2018年内", "2018年度内", "2018年第四季度", "2018年4季度", "2018年6月底前", "2018年6月前"),
]
"""When in a year something is planned."""
BOXES = "□☐口○£¨o\uf0a3\uf0a8"


@pytest.mark.parametrize(
    ("choice", "text", "meaning"),
    [
        (BUILD_MODE, "□省统建  ☑市统建\n□自建    □垂建", "MUNICIPAL"),
        (BUILD_MODE, "□ 省统建　□ 市统建\r\n☑ 自建　□ 垂建", "SELF_BUILT"),
        (BUILD_MODE, "市统建", "MUNICIPAL"),
        (BUILD_MODE, " 垂 建\n", "VERTICAL"),
        (BUILD_MODE, "√省统建", "PROVINCIAL"),
        (BUILD_MODE, "省统建√", "PROVINCIAL"),
        (BUILD_MODE, "省统建 市统建√ 自建 垂建", "MUNICIPAL"),
        (BUILD_MODE, "省统建 √市统建 自建 垂建", "MUNICIPAL"),
        (BUILD_MODE, "省统建□ 市统建□ 自建☑ 垂建□", "SELF_BUILT"),
        (BUILD_MODE, "□省统建 □√市统建 □自建 □垂建", "MUNICIPAL"),
        (BUILD_MODE, "□省统建 √□市统建 □自建 □垂建", "MUNICIPAL"),
        (BUILD_MODE, "√□省统建□市统建□自建□垂建", "PROVINCIAL"),
        (BUILD_MODE, "[ ]省统建 [√]市统建 （ ）自建 （）垂建", "MUNICIPAL"),
        (BUILD_MODE, "£省统建 R市统建 £自建 £垂建", "MUNICIPAL"),
        (BUILD_MODE, "□省统建 ☑\ufe0f市统建\u200b □自建 □垂建", "MUNICIPAL"),
        (BUILD_MODE, "□省统建、☑市统建、□自建、□垂建", "MUNICIPAL"),
        (BUILD_MODE, "口省统建口市统建√自建口垂建", "SELF_BUILT"),
        (BUILD_MODE, "☑市统建 □自建（系统名称：） □垂建", "MUNICIPAL"),
        (BUILD_MODE, "□省统建 □市统建 ☑自建（系统名称:　____）□垂建", "SELF_BUILT"),
        (BUILD_MODE, "□省统建 □市统建 ☑自建（系统名称：卫生许可系统） □垂建", "SELF_BUILT"),
        (BUILD_MODE, "□省统建 □市统建 ☑自建（系统名称：许可通）□垂建", "SELF_BUILT"),
        (BUILD_MODE, "☑自建（XX审批系统）", "SELF_BUILT"),
        (BUILD_MODE, "市统建（使用市政务服务网平台）", "MUNICIPAL"),
        (BUILD_MODE, "省统建：□ 市统建：☑ 自建：□ 垂建：□", "MUNICIPAL"),
        (BUILD_MODE, "省统建:（ ） 市统建: （√） 自建:（ ） 垂建:（ ）", "MUNICIPAL"),
        (BUILD_MODE, "省统建：√ 市统建", "PROVINCIAL"),
        (BUILD_MODE, "省统建：□市统建：☑自建：□垂建：□", "MUNICIPAL"),
        (RETENTION_BOXES, "☑永久 □30年 □10年", "PERMANENT"),
        (RETENTION_BOXES, "□永久 □定期（30年） ☑定期（10年）", "YEARS_10"),
        (RETENTION_BOXES, "□永久\n☑定期30年\n□定期10年", "YEARS_30"),
        (PLAN_YEAR, "☑2018 □2019", "2018"),
        (PLAN_YEAR, "□２０１８年　■２０１９年", "2019"),
        (PLAN_YEAR, "2019", "2019"),
        *((PLAN_YEAR, text, "2018") for text in PLANS),
        (PLAN_YEAR, "□2018年12月31日前 ☑2019/6/30", "2019"),
        (PLAN_YEAR, "√2018/2019", "2018"),
        (ARCHIVING_MODE, "□在线\n☒离线", "OFFLINE"),
        (ARCHIVING_MODE, "在线归档", "ONLINE"),
    ],
)
def test_what_is_ticked_is_read_however_it_is_written(choice: Choice, text: str, meaning: str):
    """Symbols, letters of symbol fonts, look-alikes, brackets, words alone, marks before and behind."""
    assert choice.one(text) == meaning


@pytest.mark.parametrize(
    "text", ["", "  ", "无", "—", "─", "/", "不适用", "不涉及", "□省统建 □市统建 □自建 □垂建", "省统建 市统建 自建 垂建", "□自建"]
)
def test_nothing_ticked_is_nothing(text: str):
    """Words without a box are the form's own text, unless there is only one."""
    assert BUILD_MODE.ticked(text) == []
    with pytest.raises(Unreadable):
        BUILD_MODE.one(text)


def test_two_ticked_are_named():
    """So that the unit finds them in the cell."""
    with pytest.raises(Unreadable) as caught:
        BUILD_MODE.one("☑省统建 □市统建 ☑自建 □垂建")
    assert caught.value.found == "勾选了 2 项 ticked 省统建, 自建"


@pytest.mark.parametrize(
    "text",
    [
        "☑区统建",
        "?市统建",
        "省统建√市统建",
        "□省统建√□市统建□自建□垂建",
        "×省统建 市统建",
        "√",
        "□□□□",
        "市统建（2017年底停用）",
        "2020",
        "省统建√ √市统建 自建",
        "省统建 √□市统建",
        "省统建√□ 市统建□",
        "省统建：☑市统建",
        "市统建：",
        "□市统建 ☑自建（系统名称：省统建系统） □垂建",
        "☑自建（否）",
        "☑自建（系统名称：☑甲）",
    ],
)
def test_what_cannot_be_told_is_not_guessed(text: str):
    """Other words, a tick that may belong to either neighbour, crosses that may mean no."""
    with pytest.raises(Unreadable):
        BUILD_MODE.one(text)


@pytest.mark.parametrize(
    "text",
    [
        *("2018-2019", "2018/2019", "2018年-2019年", "2018.12-2019.6", "2018年12月至2019年6月", "2018年12月 2019年6月", "2018.12、2019.6"),
        *("2018.13", "2018.12-31", "2018/32", "2018年13月", "2018年12月32日", "201812", "18年", "二〇一八年", "20181", "2020.12"),
    ],
)
def test_two_years_and_what_is_no_day_are_no_plan(text: str):
    """Which of them is meant, or whether one is, cannot be told."""
    with pytest.raises(Unreadable):
        PLAN_YEAR.one(text)


@pytest.mark.parametrize("text", ["省统建☑" * 40, "市统建" * 60 + "x", "2018.1" * 33 + "x", "2018年1月" * 28 + "x", "(____" * 40])
@pytest.mark.parametrize("choice", [BUILD_MODE, PLAN_YEAR, ARCHIVING_MODE, RETENTION_BOXES])
@pytest.mark.timeout(10)
def test_many_words_are_refused_in_time(choice: Choice, text: str):
    """None of the patterns tries its words in more than one way."""
    with pytest.raises(Unreadable):
        choice.one(text)


@given(
    chosen=st.sampled_from(MODES),
    tick=st.sampled_from(TICKS),
    box=st.sampled_from(BOXES),
    gap=st.sampled_from(["", " ", "　", "\n", "  \n"]),
    behind=st.booleans(),
)
def test_every_mark_before_or_behind_its_word_is_read(chosen: str, tick: str, box: str, gap: str, *, behind: bool):
    """Whatever the font, the blanks and the side, as long as every word has its mark."""
    marks = {word: tick if word == chosen else box for word in MODES}
    text = gap.join(word + mark if behind else mark + word for word, mark in marks.items())
    assert BUILD_MODE.one(text) == BUILD_MODE.words[chosen]


@given(st.text(st.sampled_from(sorted({*"".join(MODES), *TICKS, *BOXES, *"[]（） 、x年"})), max_size=40) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str):
    """And what is read is among the words."""
    with suppress(Unreadable):
        assert set(BUILD_MODE.ticked(text)) <= set(MODES)
