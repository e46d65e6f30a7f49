"""Editions: written once, whole, and never changed."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pytest

from ops.bulletin.difference import Change, difference_text
from ops.bulletin.editions import RECORD, editions, one_at_a_time
from ops.bulletin.issue import Issued, Publisher, file_name, issue
from ops.bulletin.period import parse_period
from streams.errors import ConfigurationError, TamperedEdition
from tests.bulletin.figures import MadeUp, finding, unit_code, unit_name

PERIOD = parse_period("2018-Q1")
PUBLISHER = Publisher("张三", "2018-04-10T10:00:00+08:00", {"unit-registry": [107], "feed-heartbeat": [2000]})
CORRECTED = {("unit", unit_code(1)): {"unarchived": 77}}
# publishes, and is killed at the first event of this kind on a path that ends so, just before it happens
PUBLISH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from tests.bulletin.test_editions import published

out, event, ending = sys.argv[1:]

def die(name, arguments):
    if name == event and ".unfinished-" in str(arguments[0]) and str(arguments[0]).endswith(ending):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
published(Path(out))
"""


def published(out: Path, **fields: Any) -> Issued:
    """Publish a made-up city's first quarter."""
    return issue(MadeUp(**fields), PERIOD, out, PUBLISHER)


def record_of(issued: Issued) -> dict[str, Any]:
    """Its edition.json."""
    record: dict[str, Any] = orjson.loads((issued.folder / RECORD).read_bytes())
    return record


def test_a_draft_is_replaced_and_is_no_edition(tmp_path: Path) -> None:
    """It says that it is one, on every page of it."""
    for _ in range(2):
        done = issue(MadeUp(), PERIOD, tmp_path, None)
    assert (done.edition, done.folder) == (None, tmp_path / "2018-Q1" / "draft")
    assert "草稿" in (done.folder / "bulletin.html").read_text()
    assert editions(tmp_path / "2018-Q1") == []


def test_an_edition_says_what_it_rests_on_and_who_published_it(tmp_path: Path) -> None:
    """Policy, reference revisions, moment, publisher, and the hash of each file."""
    done = published(tmp_path)
    record = record_of(done)
    assert (record["edition"], record["published_by"], record["published_at"]) == (1, PUBLISHER.name, PUBLISHER.at)
    assert record["policy"] == MadeUp().policy()
    assert record["reference_revisions"] == PUBLISHER.revisions
    assert record["as_of"] == "2018-04-10T09:30:00+08:00"
    assert {"bulletin.xlsx", "bulletin.html", "bulletin.pdf", "data.json", f"units/{unit_code(0)}.xlsx"} <= set(record["files"])
    for name, said in record["files"].items():
        assert hashlib.sha256((done.folder / name).read_bytes()).hexdigest() == said


def test_the_files_of_an_edition_are_read_only(tmp_path: Path) -> None:
    """For its owner too."""
    done = published(tmp_path)
    for path in done.folder.rglob("*"):
        if path.is_file():
            assert not stat.S_IMODE(path.stat().st_mode) & 0o222


def test_the_same_content_makes_no_new_edition(tmp_path: Path) -> None:
    """A later moment alone is nothing new."""
    first = published(tmp_path)
    again = published(tmp_path, now_ms=MadeUp().now_ms + 3_600_000)
    assert (again.edition, again.new, again.folder) == (1, False, first.folder)
    assert sorted(path.name for path in (tmp_path / "2018-Q1").glob("edition-*")) == ["edition-1"]


def test_what_was_published_is_compared_by_what_it_prints(tmp_path: Path) -> None:
    """More due cases at the same ratio, which no table shows, make no edition that differs in nothing."""
    unit = ("unit", unit_code(1))
    published(tmp_path, overrides={unit: {"due": 100, "coverage_due": 1.0}})
    again = published(tmp_path, overrides={unit: {"due": 110, "coverage_due": 1.0}})
    assert (again.edition, again.new) == (1, False)


def test_a_reissue_is_the_next_edition_with_a_readable_difference(tmp_path: Path) -> None:
    """Which figure of whom, from what to what: as a file, and in the bulletin itself; the first edition stays as it was."""
    first = published(tmp_path)
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    second = published(tmp_path, overrides=CORRECTED)
    assert (second.edition, second.new) == (2, True)
    difference = (second.folder / "difference.md").read_text()
    was = next(row["unarchived"] for row in MadeUp().coverage(PERIOD.window(MadeUp().now_ms))["unit"] if row["scope"] == unit_code(1))
    assert f"| {unit_code(1)} {unit_name(1)} | 未归档 | {was} | 77 |" in difference
    sheet = openpyxl.load_workbook(second.folder / "bulletin.xlsx")["与上一版差异"]
    assert sheet.max_row - 1 == second.changed
    assert "与第 1 版的差异" in (second.folder / "bulletin.html").read_text()
    assert {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()} == before
    assert record_of(second)["previous"] == hashlib.sha256((first.folder / RECORD).read_bytes()).hexdigest()


def test_a_list_that_changed_at_equal_counts_is_a_new_edition(tmp_path: Path) -> None:
    """A unit's file would otherwise be an old one: the mark of its list is part of the content."""
    lists = [[finding("REFUSED", "c1", detail=detail)] for detail in ("A1", "A2")]
    done = [published(tmp_path, findings_count=0, extra_findings=extra) for extra in lists]
    assert [one.edition for one in done] == [1, 2]
    assert "清单标识" in (done[1].folder / "difference.md").read_text()


@pytest.mark.parametrize("name", ["data.json", "bulletin.pdf", f"units/{unit_code(0)}.xlsx"])
def test_a_tampered_file_is_named(tmp_path: Path, name: str) -> None:
    """Nothing is published on top of an edition that is not what it was."""
    path = published(tmp_path).folder / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(TamperedEdition, match=name) as error:
        published(tmp_path, overrides=CORRECTED)
    assert error.value.exit_code == 5


def test_a_file_that_is_missing_or_was_added_is_named(tmp_path: Path) -> None:
    """An edition is its files, no fewer and no more."""
    folder = published(tmp_path).folder
    (folder / "bulletin.pdf").unlink()
    (folder / "added.txt").write_text("x")
    with pytest.raises(TamperedEdition, match=r"added\.txt, bulletin\.pdf"):
        editions(tmp_path / "2018-Q1")


def test_a_forged_record_is_found_by_the_edition_after(tmp_path: Path) -> None:
    """Each record vouches for the one before; and a missing or unreadable one is found at once."""
    first = published(tmp_path)
    published(tmp_path, overrides=CORRECTED)
    record = first.folder / RECORD
    record.chmod(0o644)
    record.write_bytes(record.read_bytes().replace("张三".encode(), "李四".encode()))
    with pytest.raises(TamperedEdition, match=r"edition-1/edition\.json"):
        editions(tmp_path / "2018-Q1")
    record.write_bytes(b"{}")
    with pytest.raises(TamperedEdition, match=r"edition-1/edition\.json"):
        editions(tmp_path / "2018-Q1")
    first.folder.rename(tmp_path / "gone")
    with pytest.raises(TamperedEdition, match="版次不连续"):
        editions(tmp_path / "2018-Q1")


@pytest.mark.parametrize(
    ("event", "ending"),
    [("open", "data.json"), ("open", f"{unit_code(0)}.xlsx"), ("open", RECORD), ("os.rename", "")],
    ids=["first file", "among the files of units", "its record", "its name"],
)
def test_a_kill_leaves_no_half_edition(tmp_path: Path, event: str, ending: str) -> None:
    """Killed while it writes, there is no edition; the next run clears up and publishes the whole of it."""
    folder = tmp_path / "2018-Q1"
    child = subprocess.run([sys.executable, "-c", PUBLISH_AND_DIE, str(tmp_path), event, ending], check=False, timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert list(folder.glob(".unfinished-*"))
    assert not list(folder.glob("edition-*"))
    done = published(tmp_path)
    assert (done.edition, done.new) == (1, True)
    assert not list(folder.glob(".unfinished-*"))
    assert len(editions(folder)) == 1


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    """Both would write the same number."""
    with one_at_a_time(tmp_path / "2018-Q1"), pytest.raises(ConfigurationError, match="另一个"):
        published(tmp_path)


@pytest.mark.parametrize("unit", ["../../etc/passwd", "a/b", ".", "..", "", "x" * 300, "单位\x00", "U1"])
def test_the_file_of_a_unit_stays_in_its_folder(unit: str) -> None:
    """Unit codes come from outside."""
    name = file_name(unit) + ".xlsx"
    assert Path(name).name == name
    assert len(os.fsencode(name)) < 255
    assert "\x00" not in name


def test_different_units_have_different_files() -> None:
    """Escaping loses nothing."""
    codes = ["a/b", "a%2Fb", "a b", "x" * 300, "x" * 301]
    assert len({file_name(code) for code in codes}) == len(codes)


def test_names_cannot_break_the_table_of_differences() -> None:
    """They come from outside, and Markdown takes HTML."""
    text = difference_text([Change("表", "a|b\n<script>", "栏", "*1*", "2")], "通报", 1, 2).decode()
    assert r"| a\|b \<script\> | 栏 | \*1\* | 2 |" in text
