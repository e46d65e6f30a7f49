"""Where a statement ends and its data begins."""

from __future__ import annotations

import pytest

from consumers.store.statement import insert_head, is_definition, is_many, is_read, is_select, output_format


@pytest.mark.parametrize(
    ("text", "sql", "name", "data"),
    [
        (b"INSERT INTO t (a, b) FORMAT Native\n\x0a\x01", "INSERT INTO t (a, b)", "Native", b"\x0a\x01"),
        (b"insert into t format JSONEachRow {}", "insert into t", "JSONEachRow", b"{}"),
        (
            b"/* FORMAT x */ INSERT INTO `a FORMAT b` (`VALUES`) FORMAT CSV \r\n1",
            "/* FORMAT x */ INSERT INTO `a FORMAT b` (`VALUES`)",
            "CSV",
            b"1",
        ),
        (b"INSERT INTO t SETTINGS async_insert = 0 FORMAT Arrow\n", "INSERT INTO t", "Arrow", b""),
        (b"INSERT INTO TABLE settings (settings) FORMAT CSV\n", "INSERT INTO TABLE settings (settings)", "CSV", b""),
    ],
)
def test_data_begins_behind_the_formats_line(text: bytes, sql: str, name: str, data: bytes) -> None:
    """One line feed belongs to the statement; a block may begin with another."""
    head = insert_head(text)
    assert head is not None
    assert (head.sql.strip(), head.format, text[head.data_start :]) == (sql, name, data)
    assert head.settings.strip() == ("SETTINGS async_insert = 0" if b" SETTINGS " in text else "")


@pytest.mark.parametrize(
    "text", [b"SELECT 1 FORMAT Native", b"INSERT INTO t VALUES ('FORMAT CSV')", b"INSERT INTO t SELECT 1 FORMAT CSV", b"", b"\xff\xfe"]
)
def test_other_statements_have_no_data_behind(text: bytes) -> None:
    """The engine parses those whole."""
    assert insert_head(text) is None


def test_formats_reads_and_several_statements() -> None:
    """Quotes, comments and brackets hide what is in them."""
    assert output_format(b"SELECT 'FORMAT CSV' -- FORMAT TSV\n FORMAT JSON") == "JSON"
    assert output_format(b"SELECT 1") is None
    assert is_read(b"-- x\n WITH 1 AS a SELECT a")
    assert not is_read(b"DROP TABLE t")
    assert is_definition(b"/* x */ create table t (k UInt64) ENGINE = Memory")
    assert not is_definition(b"DROP TABLE t")
    assert is_read(b"SHOW TABLES")
    assert not is_select(b"SHOW TABLES")
    assert is_many(b"SELECT 1; SELECT 2")
    assert not is_many(b"SELECT ';' ; -- end\n")
