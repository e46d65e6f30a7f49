"""What is exported, filled in, is what is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from ops.importing.form import read_form
from ops.importing.materials import REQUIRED, read_items
from ops.importing.table import read_rows, read_sheets
from ops.importing.template import KINDS, write_template
from streams.contracts import ARCHIVING_SCHEDULE, MODULE_CONFIG
from streams.errors import BadInputFile
from tests.importing.forms import NOTICE
from tests.importing.test_form import MAIN_CONTENT, SUB_CONTENT
from tests.importing.test_materials import CONTENT, FIRST, MORE


def filled(path: Path, rows: Any, first: int) -> Path:
    """The form at a path with rows written into it, from a row on."""
    workbook = load_workbook(path)
    for row, values in enumerate(rows, first):
        for column, value in enumerate(values, 1):
            if value is not None:
                workbook.active.cell(row, column, value)
    workbook.save(path)
    return path


def chosen(path: Path) -> dict[str, str]:
    """The words that the form offers, by the first cell that offers them."""
    return {str(each.sqref).split(":")[0]: each.formula1 for each in load_workbook(path).active.data_validations.dataValidation}


def test_the_form_filled_in_by_hand_is_imported(tmp_path: Path):
    """Boxes ticked as in the notice, into merged headings; the blank rows below are no items."""
    path = tmp_path / "f.xlsx"
    write_template("items", path)
    reading = read_form(read_sheets(filled(path, NOTICE, 6), "utf-8"), path.name)
    assert ([draft.content for draft in reading.drafts[:2]], reading.faults) == ([MAIN_CONTENT, SUB_CONTENT], [])
    assert len(reading.drafts) == 3


def test_the_form_filled_in_by_choosing_is_imported(tmp_path: Path):
    """Every word that a drop-down offers is read."""
    path = tmp_path / "f.xlsx"
    write_template("items", path)
    offered = {cell: words.strip('"').split(",") for cell, words in chosen(path).items()}
    assert offered == {"F6": ["省统建", "市统建", "自建", "垂建"], "H6": ["2018", "2019"], "I6": ["在线", "离线"]}
    rows = [(n, "事项", f"许可-0000{n}-000", "无", "无", mode, n) for n, mode in enumerate(offered["F6"], 1)]
    rows[2] = (*rows[2], 2018, "离线")
    reading = read_form(read_sheets(filled(path, rows, 6), "utf-8"), path.name)
    assert [draft.content["build_mode"] for draft in reading.drafts] == ["PROVINCIAL", "MUNICIPAL", "SELF_BUILT", "VERTICAL"]
    assert (reading.drafts[2].content["plan_year"], reading.drafts[2].content["archiving_mode"]) == (2018, "OFFLINE")


@pytest.mark.parametrize(("kind", "topic"), [("schedule", ARCHIVING_SCHEDULE), ("config", MODULE_CONFIG)])
def test_the_tables_filled_in_are_imported(kind: str, topic: str, tmp_path: Path):
    """The headings are those that are read, and the fourth column is what tells the two apart."""
    path = tmp_path / "t.xlsx"
    write_template(kind, path)
    fourth = FIRST[3] if kind == "schedule" else "在线"
    rows = [(*FIRST[:3], fourth, *FIRST[4:]), MORE]
    reading = read_items(topic, read_rows(filled(path, rows, 2), "utf-8", REQUIRED[topic]))
    assert reading.faults == []
    expected = {name: CONTENT[name] for name in CONTENT if name != "approved"}
    assert expected.items() <= dict(reading.drafts[0].content).items() if kind == "config" else reading.drafts[0].content == CONTENT


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_form_is_no_import(kind: str, tmp_path: Path):
    """And one that is there is not written over."""
    path = tmp_path / "e.xlsx"
    write_template(kind, path)
    with pytest.raises(BadInputFile):
        read_form(read_sheets(path, "utf-8"), path.name)
    with pytest.raises(BadInputFile):
        read_rows(path, "utf-8", ())
    with pytest.raises(BadInputFile, match="不覆盖"):
        write_template(kind, path)
    with pytest.raises(BadInputFile, match="写不了"):
        write_template(kind, tmp_path / "absent" / "e.xlsx")
