"""Boxes of every make -> what is ticked, and never a guess."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.importing.choices import Choice
from ops.importing.words import ARCHIVING_MODE, BUILD_MODE, PLAN_YEAR
from ops.publish.fields import Unreadable

MODES = list(BUILD_MODE.words)
TICKS = "☑√✓✔■☒RＲP●þ\uf052\uf0fe"
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
        (PLAN_YEAR, "☑2018 □2019", "2018"),
        (PLAN_YEAR, "□２０１８年　■２０１９年", "2019"),
        (PLAN_YEAR, "2019", "2019"),
        (ARCHIVING_MODE, "□在线\n☒离线", "OFFLINE"),
        (ARCHIVING_MODE, "在线归档", "ONLINE"),
    ],
)
def test_what_is_ticked_is_read_however_it_is_written(choice: Choice, text: str, meaning: str):
    """Symbols, letters of symbol fonts, look-alikes, brackets, words alone, marks before and behind."""
    assert choice.one(text) == meaning


@pytest.mark.parametrize(
    "text", ["", "  ", "无", "—", "─", "/", "不适用", "□省统建 □市统建 □自建 □垂建", "省统建 市统建 自建 垂建", "□自建"]
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
        "市统建（使用市平台）",
        "2020",
        "省统建√ √市统建 自建",
        "省统建 √□市统建",
        "省统建√□ 市统建□",
    ],
)
def test_what_cannot_be_told_is_not_guessed(text: str):
    """Other words, a tick that may belong to either neighbour, crosses that may mean no."""
    with pytest.raises(Unreadable):
        BUILD_MODE.one(text)


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
